//! The control plane: the protocol that OpenClaw's own clients speak, without sockets, clocks or randomness.
//!
//! - [`frame`]: requests, responses, events and errors; [`frame::read`] reads one text message.
//! - [`schema`]: typed parameters, their schemas, and what is wrong with a value.
//! - [`scope`]: roles and scopes.
//! - [`connect`]: the handshake, decided by the first frame.
//! - [`device`]: how a device proves who it is.
//! - [`devices`]: which devices may connect, and their tokens.

pub mod connect;
pub mod device;
pub mod devices;
pub mod frame;
pub mod schema;
pub mod scope;
