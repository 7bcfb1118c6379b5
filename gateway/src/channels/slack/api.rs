//! The Web API's methods that we call. Source: the public documentation of Slack's Web API.

use std::time::Duration;

use bytes::Bytes;
use creel_core::{ids::MessageId, origin::PeerKind};
use http_body_util::Full;
use hyper::{Request, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Account;
use crate::{
    channels::failure::{Failure, called},
    http::Http,
    net::Net,
    secret::Secret,
};

/// How long an answer may take.
pub(super) const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// The longest answer that is read, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The wait where Slack limits the rate and does not say for how long.
const RATE_WAIT: Duration = Duration::from_secs(1);

/// Refusals after which the account is of no use until its configuration changes.
const FINAL: &[&str] = &[
    "account_inactive",
    "invalid_auth",
    "not_allowed_token_type",
    "not_authed",
    "org_login_required",
    "token_expired",
    "token_revoked",
];

/// Refusals that pass.
const PASSING: &[&str] = &[
    "fatal_error",
    "internal_error",
    "ratelimited",
    "rate_limited",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
];

/// One account's methods.
pub(super) struct Api<N: Net> {
    pub(super) http: Http<N>,
    pub(super) root: String,
    pub(super) token: Secret,
}

/// Whether asking again is of no use.
pub(super) fn is_final(failure: &Failure) -> bool {
    refusal(failure).is_some_and(|it| FINAL.contains(&it))
}

/// Whether the same request may be taken later.
pub(super) fn is_passing(failure: &Failure) -> bool {
    refusal(failure).is_some_and(|it| PASSING.contains(&it))
}

/// Slack's code for why it refuses, which tells more than its status.
pub(super) fn refusal(failure: &Failure) -> Option<&str> {
    match failure {
        Failure::Refused { description, .. } => Some(description),
        _ => None,
    }
}

/// The bot itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Me {
    pub(super) user_id: String,
}

#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Opened {
    channel: Channel,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    #[serde(default)]
    is_im: bool,
    #[serde(default)]
    is_mpim: bool,
}

#[derive(Deserialize)]
struct Connection {
    url: String,
}

#[derive(Serialize)]
struct PostMessage<'a> {
    channel: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<&'a str>,
    /// Texts for people name no one's link twice.
    unfurl_links: bool,
    unfurl_media: bool,
}

/// What a method is called with.
pub(super) enum Body {
    None,
    Json(Vec<u8>),
    Form(String),
}

impl<N: Net> Api<N> {
    /// Methods with the bot's token.
    pub(super) fn new(http: Http<N>, account: &Account) -> Self {
        Self { http, root: account.api_root.clone(), token: account.bot_token.clone() }
    }

    /// Methods with the app's token.
    pub(super) fn of_app(http: Http<N>, account: &Account, app_token: &Secret) -> Self {
        Self { http, root: account.api_root.clone(), token: app_token.clone() }
    }

    pub(super) async fn auth_test(&self) -> Result<Me, Failure> {
        self.call("auth.test", Body::None).await
    }

    /// The address of a WebSocket for Socket Mode, good for one connection.
    pub(super) async fn open_connection(&self) -> Result<String, Failure> {
        self.call::<Connection>("apps.connections.open", Body::None).await.map(|it| it.url)
    }

    /// What kind of conversation a channel is.
    pub(super) async fn kind_of(&self, channel: &str) -> Result<PeerKind, Failure> {
        let form = format!("channel={}", percent_encoded(channel));
        let Channel { is_im, is_mpim, .. } =
            self.call::<Opened>("conversations.info", Body::Form(form)).await?.channel;
        Ok(match (is_im, is_mpim) {
            (true, _) => PeerKind::Direct,
            (false, true) => PeerKind::Group,
            (false, false) => PeerKind::Channel,
        })
    }

    /// The direct conversation with a person.
    pub(super) async fn open_conversation(&self, user: &str) -> Result<String, Failure> {
        let body = serde_json::json!({ "users": user }).to_string().into_bytes();
        let opened: Opened = self.call("conversations.open", Body::Json(body)).await?;
        Ok(opened.channel.id)
    }

    pub(super) async fn post_message(
        &self,
        channel: &str,
        thread_ts: Option<&str>,
        text: &str,
    ) -> Result<Option<MessageId>, Failure> {
        let body =
            PostMessage { channel, text, thread_ts, unfurl_links: false, unfurl_media: false };
        let body = serde_json::to_vec(&body).expect("a body of strings is plain data");
        let posted = self.call::<serde_json::Value>("chat.postMessage", Body::Json(body)).await?;
        Ok(called(&posted["ts"]))
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        body: Body,
    ) -> Result<T, Failure> {
        let (content_type, body) = match body {
            Body::None => ("application/x-www-form-urlencoded", Vec::new()),
            Body::Form(form) => ("application/x-www-form-urlencoded", form.into_bytes()),
            Body::Json(json) => ("application/json; charset=utf-8", json),
        };
        let request = Request::post(format!("{}/{method}", self.root))
            .header(header::CONTENT_TYPE, content_type)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| Failure::Unreached("the address or the token cannot be used".into()))?;
        let exchanged = self.http.exchange_whole(request, ANSWER_WAIT, ANSWER_BYTES_MAX).await;
        let answer = exchanged?;
        let status = answer.status().as_u16();
        if status == 429 {
            let asked = answer.headers().get(header::RETRY_AFTER);
            let asked = asked.and_then(|it| it.to_str().ok()?.trim().parse().ok());
            return Err(Failure::RetryAfter(asked.map_or(RATE_WAIT, Duration::from_secs)));
        }
        let not_the_platform = |_| Failure::NotThePlatform { status };
        let value: serde_json::Value =
            serde_json::from_slice(answer.body()).map_err(not_the_platform)?;
        let Envelope { ok, error } = Envelope::deserialize(&value).map_err(not_the_platform)?;
        if !ok {
            return Err(Failure::Refused { status, description: self.token.redact(&error) });
        }
        T::deserialize(value).map_err(not_the_platform)
    }
}

/// Everything but letters and digits, as a form wants it.
pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut made, byte| {
        if byte.is_ascii_alphanumeric() {
            made.push(char::from(byte));
        } else {
            made.extend(["%", &format!("{byte:02X}")]);
        }
        made
    })
}
