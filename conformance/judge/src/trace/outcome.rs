//! How requests and calls can end.

use serde::{Deserialize, Serialize};

/// How a tool call ended, as the tool's server saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolOutcome {
    /// It was answered.
    Completed,
    /// It was answered with an error.
    Failed,
    /// The gateway took it back, or closed the connection first.
    Abandoned,
}

/// How a model request ended, as the provider saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ModelOutcome {
    /// The whole answer was written.
    Completed {
        /// The answer's text.
        text: String,
    },
    /// An error status was answered.
    Failed {
        /// The HTTP status.
        status: u16,
        /// The wait that the provider asked for, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        /// What the provider said beside the status, where it said something of its own: `<key>` stands for the request's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
    /// The connection was cut, or the stream spoiled, because the scenario said so.
    Spoiled {
        /// `cut`, `malformed`, `eof`, `error`, `overloaded` or `refused`.
        how: String,
        /// The part of the answer that was written.
        text: String,
    },
    /// The gateway closed the connection first.
    Abandoned {
        /// The part of the answer that was written.
        text: String,
    },
}
