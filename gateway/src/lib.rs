//! The reference gateway: channels and providers around the pure core.
//!
//! A map, from the outside in:
//!
//! - [`cli`]: the `creel-gateway` command line.
//! - [`settings`]: OpenClaw's `openclaw.json`, read and checked.
//! - [`app`]: the whole gateway as one future; start here.
//! - [`driver`]: the one loop that owns the core; [`restart`]: the same with another configuration.
//! - [`channels`] and [`providers`]: the two edges.
//! - [`tools`]: what a model may ask for.
//! - [`outside`]: which of them an effect goes to.
//! - [`server`]: the gateway's own port.
//! - [`control`]: the control plane that clients of OpenClaw speak.
//! - [`http`], [`websocket`], [`net`], [`allowance`], [`clock`], [`secret`], [`signature`]: what they stand on.
//!
//! The gateway never names a simulator: it is generic over [`net::Net`] and reads time in [`clock`] alone.

pub mod allowance;
pub mod app;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod control;
pub mod credentials;
pub mod driver;
pub mod entropy;
pub mod grants;
pub mod http;
pub mod log;
pub mod media;
pub mod net;
pub mod outside;
pub mod providers;
pub mod restart;
pub mod secret;
pub mod server;
pub mod settings;
pub mod signature;
pub mod state;
pub mod tools;
pub mod websocket;
