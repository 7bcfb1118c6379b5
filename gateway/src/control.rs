//! The control plane: the protocol that OpenClaw's own clients speak, on the gateway's own port.
//!
//! What decides without sockets, clocks or randomness:
//!
//! - [`frame`]: requests, responses, events and errors; [`frame::read`] reads one text message.
//! - [`schema`]: typed parameters, their schemas, and what is wrong with a value.
//! - [`scope`]: roles and scopes.
//! - [`connect`]: the handshake, decided by the first frame.
//! - [`device`]: how a device proves who it is.
//! - [`devices`]: which devices may connect, and their tokens.
//!
//! And what stands around it:
//!
//! - [`door`]: who may open a socket.
//! - [`gate`]: what every call over HTTP has to pass; [`guesses`]: who has guessed too often.
//! - [`web`]: what is served over HTTP: [`completions`], [`hooks`], [`metrics`] and the [`console`].
//! - [`socket`]: one connection, from the challenge to the end.
//! - [`methods`]: what a client may call.
//! - [`hub`]: who is told what happens; [`members`]: who has to go with a device.
//! - [`jobs`]: the file of cron jobs.
//! - [`plane`]: what all of them share.
//! - [`client`]: the other end, for the command line.

pub mod approvals;
pub mod client;
pub mod completions;
pub mod connect;
pub mod console;
pub mod device;
pub mod devices;
pub mod door;
pub mod frame;
pub mod gate;
pub mod guesses;
pub mod hooks;
pub mod hub;
pub mod jobs;
pub mod members;
pub mod methods;
pub mod metrics;
pub(crate) mod networks;
pub mod plane;
pub mod schema;
pub mod scope;
pub mod socket;
pub mod web;

#[cfg(test)]
mod tests;
