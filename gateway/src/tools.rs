//! Tools, as far as the core leaves them to the shell: reading a model's arguments, and servers that have tools.
//!
//! - [`arguments`]: what a model's JSON says.
//! - [`servers`]: the servers of `mcp.servers`, kept connected, asked and listened to.
//! - [`http`] and [`process`]: the two ways to a server. Programs are started in `process` alone.

pub mod arguments;
pub mod http;
pub mod process;
pub mod servers;
