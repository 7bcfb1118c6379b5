//! What differs from protocol to protocol.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    Refusal,
    answer::{self, Heading},
    anthropic,
    body::{Ending, Planned},
    request::{self, Asked, Invalid},
    responses,
};
use crate::scenario::Act;

/// A protocol of model providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `OpenAI`'s chat completions.
    ChatCompletions,
    /// `OpenAI`'s responses.
    Responses,
    /// Anthropic's messages.
    Messages,
}

impl Dialect {
    /// The key that a request carries.
    pub(super) fn key(self, headers: &HeaderMap) -> Option<&str> {
        match self {
            Self::ChatCompletions | Self::Responses => bearer(headers),
            Self::Messages => anthropic::key(headers),
        }
    }

    /// What a request says, and whether it is valid.
    pub(super) fn read(self, headers: &HeaderMap, body: &[u8]) -> (Asked, Result<(), Invalid>) {
        match self {
            Self::ChatCompletions => request::read(body),
            Self::Responses => responses::read(body),
            Self::Messages => anthropic::read(headers, body),
        }
    }

    /// An error answer.
    pub(super) fn refuse(self, refusal: Refusal) -> Response {
        match self {
            Self::ChatCompletions | Self::Responses => refusal.into_response(),
            Self::Messages => {
                let mut response = anthropic::refuse(&refusal);
                let status = StatusCode::from_u16(refusal.status);
                *response.status_mut() = status.expect("scenarios say 400 to 599");
                if let Some(seconds) = refusal.retry_after_s {
                    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                response
            }
        }
    }

    /// The body of an act that writes one; the ending of one that does not.
    pub(super) fn answer(
        self,
        heading: &Heading<'_>,
        ending: Ending,
        act: &Act,
    ) -> Result<Planned, Ending> {
        let body = match (self, act) {
            (_, Act::Hang | Act::Status { .. }) => return Err(ending),
            (Self::ChatCompletions, Act::Say { text, chunks, every }) => {
                answer::say(heading, ending, text, (*chunks, *every))
            }
            (Self::Responses, Act::Say { text, chunks, every }) => {
                responses::say(heading, ending, text, (*chunks, *every))
            }
            (Self::Messages, Act::Say { text, chunks, every }) => {
                anthropic::say(heading, ending, text, (*chunks, *every))
            }
            (Self::ChatCompletions, Act::Call { text, calls }) => {
                answer::call(heading, ending, text, calls)
            }
            (Self::Responses, Act::Call { text, calls }) => {
                responses::call(heading, ending, text, calls)
            }
            (Self::Messages, Act::Call { text, calls }) => {
                anthropic::call(heading, ending, text, calls)
            }
            (Self::ChatCompletions, Act::Cut { text }) => answer::cut(heading, ending, text),
            (Self::Responses, Act::Cut { text }) => responses::cut(heading, ending, text),
            (Self::Messages, Act::Cut { text }) => anthropic::cut(heading, ending, text),
            (Self::ChatCompletions, Act::Malformed { text }) => {
                answer::malformed(heading, ending, text)
            }
            (Self::Responses, Act::Malformed { text }) => {
                responses::malformed(heading, ending, text)
            }
            (Self::Messages, Act::Malformed { text }) => {
                anthropic::malformed(heading, ending, text)
            }
            (Self::ChatCompletions, Act::Eof { text }) => answer::eof(heading, ending, text),
            (Self::Responses, Act::Eof { text }) => responses::eof(heading, ending, text),
            (Self::Messages, Act::Eof { text }) => anthropic::eof(heading, ending, text),
        };
        Ok(body)
    }
}

/// The key in `Bearer <key>`. The scheme is case-insensitive.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok())?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim()).filter(|it| !it.is_empty())
}
