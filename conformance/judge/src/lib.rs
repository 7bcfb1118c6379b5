//! The judge: what crossed the wire, as a [`trace`], and the checks that turn it into verdicts.
//!
//! Nothing here names a type of the gateway, so a mistake in the gateway's types cannot hide itself, and a gateway in
//! another language is judged by the same code. A map, in reading order:
//!
//! - [`trace`]: facts, tracks, and the hash that shows two runs were the same run.
//! - [`context`]: what the scenario declared (profile, chats, slack), which the facts alone cannot say.
//! - [`turns`]: the one derived view that all checks share: which message is new in which model request.
//! - [`verdict`]: the six words, with witnesses.
//! - [`words`]: the closed set of words that a scenario's `expect` may use.
//! - [`invariants`]: what must hold in every scenario.

pub mod context;
pub mod invariants;
pub mod phrase;
mod plain;
pub mod profile;
pub mod spec;
mod timing;
pub mod trace;
pub mod turns;
pub mod verdict;
pub mod words;

#[cfg(test)]
mod tests;
