//! Twins: fakes that speak a platform's true public protocol, and record what crosses the wire.
//!
//! - [`telegram`]: the Bot API.
//! - [`openai`]: chat completions, in the dialect that most providers speak.
//! - [`script`]: which of the scenario's answers a model request gets, for provider twins of any dialect.

pub mod openai;
pub mod script;
pub mod telegram;
