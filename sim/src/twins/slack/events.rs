//! What Slack says of a person's message: the callbacks, and how calls are signed.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use ring::hmac;
use serde_json::{Value, json};

use crate::{
    recorder::Recorder,
    scenario::{Event, Forgery},
    twins::{
        push::{Call, Headers, Policy},
        whatsapp::render::render,
    },
};

/// How old the date of a call is that was recorded long ago, in seconds.
const STALE_S: i64 = 3_600;

/// A message, as its callbacks tell of it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) team: String,
    pub(super) channel: String,
    pub(super) channel_type: &'static str,
    pub(super) user: String,
    /// As Slack writes it: escaped, with mentions by id.
    pub(super) text: String,
    pub(super) ts: String,
    pub(super) thread_ts: Option<String>,
    pub(super) files: Vec<Value>,
}

/// The callback for one event of a message. Delivered again, it is the same.
pub(super) fn callback(told: &Told, event: Event, app: &str) -> Value {
    let Told { team, channel, channel_type, user, text, ts, thread_ts, files } = told;
    let mut inner = json!({
        "type": event.name(),
        "user": user,
        "text": text,
        "ts": ts,
        "event_ts": ts,
        "team": team,
        "channel": channel,
        "client_msg_id": format!("creel-{ts}"),
    });
    if event == Event::Message {
        inner["channel_type"] = json!(channel_type);
    }
    if !files.is_empty() {
        inner["files"] = json!(files);
        if event == Event::Message {
            inner["subtype"] = json!("file_share");
        }
    }
    if let Some(thread) = thread_ts {
        inner["thread_ts"] = json!(thread);
    }
    let seconds = ts.split('.').next().and_then(|it| it.parse::<i64>().ok()).unwrap_or_default();
    json!({
        "token": "creel-verification",
        "team_id": team,
        "api_app_id": app,
        "event": inner,
        "type": "event_callback",
        "event_id": format!("Ev{}{}", ts.replace('.', ""), event.name().len()),
        "event_time": seconds,
        "authorizations": [],
        "is_ext_shared_channel": false,
    })
}

/// A person's words as Slack writes them.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The bot's words as a person sees them. What Slack acts upon reads differently from what was escaped.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('<') {
        shown.push_str(before);
        let Some((inside, after)) = from.split_once('>') else {
            shown.push('<');
            rest = from;
            continue;
        };
        match (inside.strip_prefix('!'), inside.strip_prefix('@'), inside.split_once('|')) {
            (Some(special), _, _) => _ = write!(shown, "@{special} (called)"),
            (_, Some(user), _) => _ = write!(shown, "@{user} (called)"),
            (_, _, Some((address, label))) => _ = write!(shown, "{label} ({address})"),
            (_, _, None) => shown.push_str(inside),
        }
        rest = after;
    }
    shown.push_str(rest);
    render(&shown).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The call that brings a callback, which was made so often `before`.
pub(super) fn call(
    (message, path): (&str, String),
    callback: &Value,
    secret: (String, Option<Forgery>),
    clock: (Recorder, i64),
    before: u32,
) -> Call {
    let policy = if secret.1.is_some() { Policy::Once } else { Policy::UntilTaken };
    Call {
        message: Some(message.to_owned()),
        path,
        body: Bytes::from(callback.to_string()),
        headers: headers(secret, clock, before),
        policy,
    }
}

/// What Slack asks before it calls an address, and what it wants to hear.
pub(super) fn verification(account: &str) -> (Bytes, String) {
    let challenge = format!("challenge-of-{account}");
    let body = json!({ "token": "creel-verification", "challenge": challenge, "type": "url_verification" });
    (Bytes::from(body.to_string()), challenge)
}

/// The headers of a call: its date, its signature, and how often it was made before.
pub(super) fn headers(
    (secret, forged): (String, Option<Forgery>),
    (recorder, zero_unix_s): (Recorder, i64),
    before: u32,
) -> Headers {
    let attempts = AtomicU32::new(before);
    Headers(Arc::new(move |body| {
        let now_s = zero_unix_s + recorder.now_us().div_euclid(1_000_000);
        let date = match forged {
            Some(Forgery::StaleDate) => now_s - STALE_S,
            _ => now_s,
        };
        let date = date.to_string();
        let signature = match forged {
            Some(Forgery::WrongSecret) => sign("not the secret", &date, body),
            Some(Forgery::OtherBody) => sign(&secret, &date, b"{}"),
            _ => sign(&secret, &date, body),
        };
        let mut headers = vec![("x-slack-request-timestamp", date)];
        if forged != Some(Forgery::Unsigned) {
            headers.push(("x-slack-signature", signature));
        }
        let retries = attempts.fetch_add(1, Ordering::Relaxed);
        if retries > 0 {
            headers.push(("x-slack-retry-num", retries.to_string()));
            headers.push(("x-slack-retry-reason", "http_error".to_owned()));
        }
        headers
    }))
}

/// The signature of a call with this date.
fn sign(secret: &str, date: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[b"v0:", date.as_bytes(), b":", body].concat());
    tag.as_ref().iter().fold("v0=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_slacks_documentation() {
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body);
        assert_eq!(
            signature,
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }

    #[test]
    fn what_calls_people_reads_differently_from_what_is_escaped() {
        assert_eq!(shown("<!channel> &lt;!channel&gt; &amp;"), "@channel (called) <!channel> &");
        assert_eq!(shown("<https://a.b|docs> <@U1>"), "docs (https://a.b) @U1 (called)");
        assert_eq!(shown(&escaped("1 < 2 && <@U1>")), "1 < 2 && <@U1>");
        assert_eq!(shown("*bold* _it_ `a &lt; b` 2 * 3"), "bold it a < b 2 * 3");
    }

    #[test]
    fn a_call_that_is_made_again_says_so() {
        let of = |before| {
            let headers = headers(("s".to_owned(), None), (Recorder::discarding(), 1_000), before);
            let mut numbers = (0..2).map(|_| {
                let made = (headers.0)(b"{}");
                made.iter().find(|(name, _)| *name == "x-slack-retry-num").map(|(_, it)| it.clone())
            });
            (numbers.next().unwrap(), numbers.next().unwrap())
        };
        assert_eq!(of(0), (None, Some("1".to_owned())));
        assert_eq!(of(1), (Some("1".to_owned()), Some("2".to_owned())));
    }
}
