//! Scenarios, protocol twins, and the two worlds that they run in.
//!
//! - [`scenario`]: the file format, checked.
//! - [`twins`]: fakes that speak a platform's true public protocol; [`standalone`] serves one alone.
//! - [`base`]: what every gateway under test is configured with; [`declared`]: what the judge is told of it.
//! - [`stage`]: the twins of one run and the conductor, the same in both worlds; [`recorder`] makes the trace.
//! - [`world`]: turmoil's simulated network and clock, or a process over loopback sockets.
//! - [`fakes`]: small gateways that the suite is tried on, one honest and the others liars.
//! - [`record`]: a proxy that writes what happens between a gateway and its model provider as a scenario.
//! - [`target`]: how a process is started.

pub mod base;
pub mod declared;
pub mod fakes;
pub mod http;
pub mod lives;
pub mod multipart;
pub mod net;
mod operators;
pub mod picture;
pub mod record;
pub mod recorder;
pub mod scenario;
pub mod stage;
pub mod standalone;
pub mod target;
pub mod twins;
pub mod world;
