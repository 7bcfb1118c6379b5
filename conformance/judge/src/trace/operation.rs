//! What the clients of operators saw on the control plane, and programs outside that call it over HTTP.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one client did or saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// The scenario's name of the client.
    pub client: String,
    /// What.
    pub saw: Saw,
}

/// What a client did or saw. Texts that are JSON are written anew, so that their spaces are not the gateway's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "saw", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Saw {
    /// It was let in.
    Connected {
        /// The protocol that is spoken.
        protocol: u64,
        /// The whole greeting, without the device's token.
        text: String,
    },
    /// Its handshake was answered with an error.
    Refused {
        /// The error's `code`.
        code: String,
        /// The error's `details.code`.
        details: Option<String>,
        /// The whole error.
        text: String,
    },
    /// It asked for something, or sent a text that is no request. Over HTTP, the method is the verb and the path.
    Asked {
        /// The step's name for it, which is also the request's id.
        call: String,
        /// The method, if it is a request.
        method: Option<String>,
        /// The key under which it happens once.
        key: Option<String>,
        /// The token that finds its words again, if they have one.
        canary: Option<String>,
        /// The headers that the scenario gives a request over HTTP.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// The frame, or the request's body; of a very long one its beginning and how long it is.
        text: String,
    },
    /// It was answered.
    Answered {
        /// The request's id.
        call: String,
        /// Whether with what it asked for.
        ok: bool,
        /// The error's `code`; over HTTP the answer's status, whatever it says.
        code: Option<String>,
        /// The error's `details.code` or `details.reason`; over HTTP the error's `code` or `type`.
        details: Option<String>,
        /// The answer's `runId`.
        run: Option<String>,
        /// The answer's `status`; over HTTP its `eventOutcome`, or the `finish_reason` of a chat completion that is whole.
        status: Option<String>,
        /// The whole payload, error or body. A completion that was streamed is written as if it had come at once.
        text: String,
    },
    /// Words of an answer over HTTP came that is streamed.
    Part {
        /// The request's name.
        call: String,
        /// The words.
        text: String,
    },
    /// It was told of something.
    Event {
        /// The event's name.
        event: String,
        /// Its number on this connection.
        seq: Option<u64>,
        /// The run that it is about.
        run: Option<String>,
        /// Its number among the run's events.
        place: Option<u64>,
        /// The session that it is about.
        session: Option<String>,
        /// The `state` of a chat event; `<stream>-<phase>` of an agent event.
        state: Option<String>,
        /// The words in it.
        text: String,
    },
    /// It was sent something that is no frame of the protocol.
    Garbled {
        /// What.
        text: String,
    },
    /// The other side ended the connection, or gave a call over HTTP no answer.
    Closed {
        /// The close code, if one was given.
        code: Option<u16>,
        /// The reason, or what broke.
        reason: String,
    },
    /// It ended the connection itself, or its requests over HTTP, without a word.
    Left,
}

impl Saw {
    /// Whether it posted something over HTTP.
    pub fn is_posted(&self) -> bool {
        matches!(self, Self::Asked { method: Some(method), .. } if method.starts_with("POST "))
    }
}
