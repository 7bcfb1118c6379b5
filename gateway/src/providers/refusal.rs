//! What a provider says when it does not answer: its status, its words, and how long it wants to be left alone.

use std::time::Duration;

use creel_core::{
    run::{ModelFailed, ModelFailure},
    time::Millis,
};
use http_body_util::{BodyExt as _, Limited};
use hyper::{HeaderMap, Response, StatusCode, body::Incoming, header};
use serde::Deserialize;
use serde_json::Value;

use crate::secret::Secret;

/// How much of an error's body is read, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How much of what it says is kept, in characters.
const WORDS_CHARS_MAX: usize = 2_000;

/// How long an error's body is waited for. Its status is known already.
const BODY_WAIT: Duration = Duration::from_secs(5);

/// A wait in milliseconds, which some providers send beside `Retry-After`.
const RETRY_AFTER_MS: &str = "retry-after-ms";

/// An error's body: an object with `message`, `type` and `code`, or a text.
#[derive(Deserialize)]
#[serde(from = "Value")]
pub(super) struct Said {
    code: String,
    kind: String,
    message: String,
}

impl From<Value> for Said {
    fn from(value: Value) -> Self {
        // Codes are numbers at some providers.
        let text = |key: &str| match value.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let message = value.as_str().map_or_else(|| text("message"), ToOwned::to_owned);
        Self { code: text("code"), kind: text("type"), message }
    }
}

impl Said {
    /// As the core is told of it.
    pub(super) fn into_failed(self, failure: ModelFailure) -> ModelFailed {
        let words = self.message.chars().take(WORDS_CHARS_MAX).collect();
        let code = format!("{} {}", self.code, self.kind).trim().to_owned();
        ModelFailed { failure, code, words, rest_asked: None }
    }
}

/// Reads a refusal. The log has its kind and not its message: providers echo keys in it.
pub(super) async fn read(
    status: StatusCode,
    response: Response<Incoming>,
    key: &Secret,
) -> ModelFailed {
    #[derive(Deserialize)]
    struct Envelope {
        error: Said,
    }
    let rest_asked = rest_asked(response.headers());
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect();
    let body = tokio::time::timeout(BODY_WAIT, body).await.ok().and_then(Result::ok);
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let said = serde_json::from_slice::<Envelope>(&body).map_or_else(
        |_| Said::from(Value::String(String::from_utf8_lossy(&body).into_owned())),
        |it| it.error,
    );
    let kind = Some(key.redact(&said.kind)).filter(|it| !it.is_empty());
    tracing::warn!(%status, kind, "model request was refused");
    let failed = said.into_failed(ModelFailure::Status(status.as_u16()));
    ModelFailed { rest_asked, ..failed }
}

/// How long the provider asks to be left alone.
fn rest_asked(headers: &HeaderMap) -> Option<Millis> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<u64>().ok();
    let seconds = || number(header::RETRY_AFTER.as_str()).map(|it| it.saturating_mul(1_000));
    // A date is counted from the answer's own, so that no two clocks are compared; without one it asks for nothing.
    let date = |name: header::HeaderName| httpdate::parse_http_date(text(name.as_str())?).ok();
    let until = || {
        let wait = date(header::RETRY_AFTER)?.duration_since(date(header::DATE)?).ok()?;
        u64::try_from(wait.as_millis()).ok().filter(|it| *it > 0)
    };
    number(RETRY_AFTER_MS).or_else(seconds).or_else(until).map(Millis::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_in_milliseconds_first() {
        let check = |rows: &[(&'static str, &str)], expected: Option<u64>| {
            let rows = rows.iter().map(|(name, value)| {
                (header::HeaderName::from_static(name), value.parse().expect("a header's value"))
            });
            assert_eq!(rest_asked(&rows.collect()), expected.map(Millis::new));
        };
        check(&[], None);
        check(&[("retry-after", "7")], Some(7_000));
        check(&[("retry-after", "7"), ("retry-after-ms", "250")], Some(250));
    }

    #[test]
    fn a_date_is_counted_from_the_answers_own() {
        const AT: &str = "Wed, 21 Oct 2026 07:28:00 GMT";
        let check = |date: Option<&str>, retry_after: &str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, retry_after.parse().expect("a header's value"));
            if let Some(date) = date {
                headers.insert(header::DATE, date.parse().expect("a header's value"));
            }
            assert_eq!(rest_asked(&headers), expected.map(Millis::new), "{date:?} {retry_after}");
        };
        check(Some(AT), "Wed, 21 Oct 2026 07:28:30 GMT", Some(30_000));
        check(Some(AT), "Thu, 22 Oct 2026 07:28:00 GMT", Some(86_400_000));
        check(Some(AT), "Wednesday, 21-Oct-26 07:29:00 GMT", Some(60_000));
        // What is past asks for nothing, and neither does a date that is counted from nothing.
        check(Some(AT), AT, None);
        check(Some(AT), "Wed, 21 Oct 2026 07:27:00 GMT", None);
        check(None, "Wed, 21 Oct 2026 07:28:30 GMT", None);
        check(Some("soon"), "Wed, 21 Oct 2026 07:28:30 GMT", None);
        check(Some(AT), "soon", None);
    }

    #[test]
    fn errors_have_many_forms() {
        let read = |text: &str| {
            let said: Said = serde_json::from_str(text).expect("JSON");
            let failed = said.into_failed(ModelFailure::InStream);
            format!("{} / {}", failed.code, failed.words)
        };
        assert_eq!(read(r#"{"message":"m","type":"t","code":"c"}"#), "c t / m");
        assert_eq!(read(r#"{"message":"m","code":429}"#), "429 / m");
        assert_eq!(read(r#""plain""#), " / plain");
    }
}
