//! The REST methods that we call. Source: Discord's public documentation for developers.

use std::time::Duration;

use bytes::Bytes;
use creel_core::{egress::Outgoing, ids::MessageId};
use http_body_util::Full;
use hyper::{Method, Request, Response, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Account, marks};
use crate::{
    channels::failure::Failure,
    clock::Rest,
    http::{self, Http},
    media::{Form, Picture, is_platform},
    net::Net,
    secret::Secret,
};

/// How long an answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The platform's own hosts of files, with all below them.
const HOSTS: [&str; 2] = ["discordapp.com", "discordapp.net"];

/// The form of the name is the platform's demand.
const USER_AGENT: &str = concat!("DiscordBot (creel, ", env!("CARGO_PKG_VERSION"), ")");

/// One bot's methods.
pub(super) struct Api<N: Net> {
    http: Http<N>,
    root: String,
    token: Secret,
    rest: Rest,
}

/// Where the Gateway is, and how often one may log in.
#[derive(Debug, Deserialize)]
pub(super) struct GatewayBot {
    pub(super) url: String,
    pub(super) session_start_limit: Option<SessionStartLimit>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SessionStartLimit {
    pub(super) remaining: u64,
    /// In milliseconds.
    pub(super) reset_after: u64,
}

/// What we need to know of a channel.
#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) r#type: u8,
    pub(super) parent_id: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
    #[serde(default)]
    code: u64,
    /// In seconds.
    retry_after: Option<f64>,
    /// Whether the wait is for every method.
    #[serde(default)]
    global: bool,
}

#[derive(Serialize)]
struct CreateMessage<'a> {
    content: &'a str,
    nonce: &'a str,
    enforce_nonce: bool,
    allowed_mentions: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<MessageReference<'a>>,
}

#[derive(Serialize)]
struct MessageReference<'a> {
    message_id: &'a str,
    fail_if_not_exists: bool,
}

impl<N: Net> Api<N> {
    pub(super) fn new(http: Http<N>, account: &Account) -> Self {
        let root = format!("{}/api/v10", account.api_root);
        Self { http, root, token: account.token.clone(), rest: account.rest.clone() }
    }

    pub(super) async fn gateway(&self) -> Result<GatewayBot, Failure> {
        self.call(Method::GET, "/gateway/bot", None).await
    }

    pub(super) async fn channel(&self, id: &str) -> Result<Channel, Failure> {
        self.call(Method::GET, &format!("/channels/{id}"), None).await
    }

    /// The direct chat with a person, which is made if there is none.
    pub(super) async fn create_direct_chat(&self, person: &str) -> Result<String, Failure> {
        let body = json!({ "recipient_id": person });
        let created: Created = self.call(Method::POST, "/users/@me/channels", Some(body)).await?;
        Ok(created.id)
    }

    pub(super) async fn create_message(
        &self,
        channel: &str,
        (outgoing, picture): (&Outgoing, Option<&Picture>),
        nonce: &str,
    ) -> Result<Option<MessageId>, Failure> {
        let content = marks::write(&outgoing.text);
        let body = CreateMessage {
            content: &content,
            nonce,
            enforce_nonce: true,
            allowed_mentions: json!({ "parse": [], "replied_user": false }),
            attachments: picture
                .iter()
                .map(|it| json!({ "id": 0, "filename": it.file_name() }))
                .collect(),
            message_reference: outgoing
                .reply_to
                .as_ref()
                .map(|it| MessageReference { message_id: it.as_str(), fail_if_not_exists: false }),
        };
        let body = serde_json::to_value(&body).expect("a body of strings is plain data");
        let path = format!("/channels/{channel}/messages");
        let Some(picture) = picture else {
            let created: Created = self.call(Method::POST, &path, Some(body)).await?;
            return Ok(MessageId::new(&created.id).ok());
        };
        let mut form = Form::new(&picture.bytes);
        form.field("payload_json", &body.to_string());
        form.file("files[0]", picture);
        let (kind, body) = form.finish();
        let within = ANSWER_WAIT + picture.upload_wait();
        let created: Created =
            self.request(Method::POST, &path, Some((&kind, body)), within).await?;
        Ok(MessageId::new(&created.id).ok())
    }

    /// A file's content; none if it is more than `bytes_max`. Its address is all that it takes: no token is shown.
    pub(super) async fn file(
        &self,
        address: &str,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, Failure> {
        if !is_platform(address, &self.root, &HOSTS) {
            return Err(Failure::Unreached("the image is not on a host of the platform's".into()));
        }
        let request = Request::get(address)
            .header(header::USER_AGENT, USER_AGENT)
            .body(Full::default())
            .map_err(|_| Failure::Unreached("the address cannot be used".into()))?;
        match self.http.exchange(request, ANSWER_WAIT, bytes_max).await {
            Ok((status, bytes)) if status.is_success() => Ok(Some(bytes)),
            Ok((status, _)) => Err(Failure::NotThePlatform { status: status.as_u16() }),
            Err(http::Error::TooLong) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Failure> {
        let body = body.map(|it| ("application/json", Bytes::from(it.to_string())));
        self.request(method, path, body, ANSWER_WAIT).await
    }

    async fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Bytes)>,
        within: Duration,
    ) -> Result<T, Failure> {
        if let Some(wait) = self.rest.left() {
            return Err(Failure::RetryAfter(wait));
        }
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.root))
            .header(header::AUTHORIZATION, format!("Bot {}", self.token.expose()))
            .header(header::USER_AGENT, USER_AGENT);
        if let Some((kind, _)) = body {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let body = body.map(|(_, it)| it).unwrap_or_default();
        let request = request
            .body(Full::new(body))
            .map_err(|_| Failure::Unreached("the address or the token cannot be used".into()))?;
        let answer = self.http.exchange_whole(request, within, ANSWER_BYTES_MAX).await?;
        self.read(&answer)
    }

    fn read<T: DeserializeOwned>(&self, answer: &Response<Bytes>) -> Result<T, Failure> {
        let (status, bytes) = (answer.status(), answer.body());
        // The edge of the platform's network asks to wait by a header alone.
        let by_header = || {
            let asked = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
            Duration::try_from_secs_f64(asked.trim().parse().ok()?).ok()
        };
        let strange = || match (status.as_u16(), by_header()) {
            (429, Some(wait)) => Failure::RetryAfter(wait),
            (status, _) => Failure::NotThePlatform { status },
        };
        if status.is_success() {
            return serde_json::from_slice(bytes).map_err(|_| strange());
        }
        let Refusal { message, code, retry_after, global } =
            serde_json::from_slice(bytes).map_err(|_| strange())?;
        let wait = retry_after.and_then(|it| Duration::try_from_secs_f64(it).ok());
        match (status.as_u16(), wait) {
            (429, Some(wait)) => {
                if global {
                    self.rest.begin(wait);
                }
                Err(Failure::RetryAfter(wait))
            }
            (status, _) => {
                let description = self.token.redact(&format!("{message} (code {code})"));
                Err(Failure::Refused { status, description })
            }
        }
    }
}

/// Whether it may be the picture that the platform does not want: its size, its form, or any file at all.
pub(super) fn is_refused_file(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused { status: 400 | 403 | 413, .. })
        || matches!(failure, Failure::NotThePlatform { status: 413 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::TokioNet;

    #[test]
    fn an_edge_of_the_network_asks_to_wait_by_a_header() {
        let (root, token) = (String::new(), Secret::new("canary"));
        let api = Api { http: Http::new(TokioNet), root, token, rest: Rest::default() };
        let read = |status: u16, wait: &str| {
            let page = Response::builder().status(status).header(header::RETRY_AFTER, wait);
            let page = page.body(Bytes::from_static(b"<html>")).unwrap();
            api.read::<Value>(&page).unwrap_err().to_string()
        };
        assert_eq!(read(429, "7"), "the platform asks to wait 7s");
        let not_theirs = |status: u16| Failure::NotThePlatform { status }.to_string();
        assert_eq!(read(429, "tomorrow"), not_theirs(429));
        assert_eq!(read(502, "7"), not_theirs(502));
    }
}
