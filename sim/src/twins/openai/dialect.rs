//! What differs from protocol to protocol.

use std::time::Duration;

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    Refusal,
    answer::{self, Heading},
    anthropic,
    body::{Ending, Finale, Planned},
    request::{self, Asked, Invalid},
    responses,
};
use crate::scenario::{Act, Part, StreamEnd};

/// A protocol of model providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `OpenAI`'s chat completions.
    ChatCompletions,
    /// `OpenAI`'s responses.
    Responses,
    /// Anthropic's messages.
    Messages,
}

impl Dialect {
    /// The protocol that a path is of, whatever it begins with.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let all = [
            ("/chat/completions", Self::ChatCompletions),
            ("/responses", Self::Responses),
            ("/messages", Self::Messages),
        ];
        all.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, it)| it)
    }

    /// What a gateway's configuration calls it.
    pub(crate) fn api(self) -> &'static str {
        match self {
            Self::ChatCompletions => "openai-completions",
            Self::Responses => "openai-responses",
            Self::Messages => "anthropic-messages",
        }
    }

    /// The key that a request carries.
    pub(crate) fn key(self, headers: &HeaderMap) -> Option<&str> {
        match self {
            Self::ChatCompletions | Self::Responses => bearer(headers),
            Self::Messages => anthropic::key(headers),
        }
    }

    /// What a request says, and whether it is valid.
    pub(crate) fn read(self, headers: &HeaderMap, body: &[u8]) -> (Asked, Result<(), Invalid>) {
        match self {
            Self::ChatCompletions => request::read(body),
            Self::Responses => responses::read(body),
            Self::Messages => anthropic::read(headers, body),
        }
    }

    /// The error's type that a status usually has.
    pub(super) fn usual_kind(self, status: u16) -> &'static str {
        match self {
            Self::ChatCompletions | Self::Responses => super::usual(status).0,
            Self::Messages => anthropic::usual_kind(status),
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
            (_, Act::Hang | Act::Status(_)) => return Err(ending),
            (_, Act::Stream { parts, ends }) => self.stream(heading, ending, parts, *ends),
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
        // Who does not watch a model at its work waits until it is done with it.
        Ok(match act {
            Act::Say { chunks, every, .. } if !heading.asked.stream => {
                body.delayed(*every * chunks.saturating_sub(1))
            }
            _ => body,
        })
    }
}

impl Dialect {
    /// Parts with pauses of their own; where no stream is asked for, all at once after all pauses.
    fn stream(
        self,
        heading: &Heading<'_>,
        ending: Ending,
        parts: &[Part],
        ends: StreamEnd,
    ) -> Planned {
        let finale = match ends {
            StreamEnd::Complete | StreamEnd::Length => Finale::Complete,
            StreamEnd::Cut => Finale::Cut,
            StreamEnd::Eof => Finale::Spoiled("eof"),
            StreamEnd::Stall => Finale::Stall,
            StreamEnd::Error | StreamEnd::Failed => Finale::Spoiled("error"),
            StreamEnd::Overloaded => Finale::Spoiled("overloaded"),
            StreamEnd::Refused => Finale::Spoiled("refused"),
        };
        if parts.is_empty() && finale == Finale::Cut {
            return Planned::new(Vec::new(), finale, ending);
        }
        if heading.asked.stream {
            let pieces = match self {
                Self::ChatCompletions => answer::stream(heading, parts, ends),
                Self::Responses => responses::stream(heading, parts, ends),
                Self::Messages => anthropic::stream(heading, parts, ends),
            };
            return Planned::new(pieces, finale, ending);
        }
        let text: String = parts.iter().map(|it| it.text.as_str()).collect();
        let wait = parts.iter().map(|it| it.after).sum();
        let once = (1, Duration::ZERO);
        // Whole answers have no events: what would end in one ends without a reason.
        let ends = match ends {
            StreamEnd::Length => StreamEnd::Complete,
            StreamEnd::Error | StreamEnd::Overloaded | StreamEnd::Failed | StreamEnd::Refused => {
                StreamEnd::Eof
            }
            it => it,
        };
        let whole = match (ends, self) {
            (StreamEnd::Stall, _) => return Planned::new(Vec::new(), finale, ending),
            (StreamEnd::Complete, Self::ChatCompletions) => {
                answer::say(heading, ending, &text, once)
            }
            (StreamEnd::Complete, Self::Responses) => responses::say(heading, ending, &text, once),
            (StreamEnd::Complete, Self::Messages) => anthropic::say(heading, ending, &text, once),
            (StreamEnd::Cut, Self::ChatCompletions) => answer::cut(heading, ending, &text),
            (StreamEnd::Cut, Self::Responses) => responses::cut(heading, ending, &text),
            (StreamEnd::Cut, Self::Messages) => anthropic::cut(heading, ending, &text),
            (_, Self::ChatCompletions) => answer::eof(heading, ending, &text),
            (_, Self::Responses) => responses::eof(heading, ending, &text),
            (_, Self::Messages) => anthropic::eof(heading, ending, &text),
        };
        whole.delayed(wait)
    }
}

/// The key in `Bearer <key>`. The scheme is case-insensitive.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok())?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim()).filter(|it| !it.is_empty())
}
