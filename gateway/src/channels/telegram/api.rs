//! The Bot API's methods that we call. Source: the public Bot API documentation.

use std::time::Duration;

use bytes::Bytes;
use creel_core::{egress::Outgoing, ids::MessageId, origin::Thread};
use http_body_util::Full;
use hyper::{Request, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Account;
use crate::{
    channels::{
        failure::{Failure, called},
        markup::{self, Part},
    },
    http::{self, Http},
    media::{Form, Picture},
    net::Net,
    secret::Secret,
};

/// How long an answer may take, beyond what a poll waits.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// The longest answer that is read, in bytes: 100 updates with the longest texts that a platform carries.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What the platform says of formatting that it does not understand.
const CANNOT_PARSE: &str = "can't parse entities";

/// The forum topic that every forum has. Sends must not name it.
const GENERAL_TOPIC: &str = "1";

/// One bot's methods.
pub(super) struct Api<N: Net> {
    http: Http<N>,
    root: String,
    token: Secret,
}

/// The bot itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Me {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) username: String,
}

#[derive(Deserialize)]
struct Envelope<T> {
    ok: bool,
    result: Option<T>,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct GetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    timeout: u64,
    allowed_updates: [&'static str; 1],
}

/// A file that can be downloaded for an hour.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Located {
    pub(super) file_size: Option<u64>,
    file_path: String,
}

#[derive(Serialize)]
struct SendMessage<'a> {
    chat_id: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parse_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_parameters: Option<ReplyParameters>,
}

#[derive(Serialize)]
struct ReplyParameters {
    message_id: i64,
    allow_sending_without_reply: bool,
}

impl<N: Net> Api<N> {
    pub(super) fn new(http: Http<N>, account: &Account) -> Self {
        Self { http, root: account.api_root.clone(), token: account.token.clone() }
    }

    pub(super) async fn get_me(&self) -> Result<Me, Failure> {
        self.call("getMe", &serde_json::json!({}), ANSWER_WAIT).await
    }

    /// Updates from `offset` on, oldest first; waits up to `wait` for one.
    pub(super) async fn get_updates(
        &self,
        offset: Option<i64>,
        wait: Duration,
    ) -> Result<Vec<serde_json::Value>, Failure> {
        let body = GetUpdates { offset, timeout: wait.as_secs(), allowed_updates: ["message"] };
        self.call("getUpdates", &body, wait + ANSWER_WAIT).await
    }

    /// Where a file is.
    pub(super) async fn get_file(&self, file_id: &str) -> Result<Located, Failure> {
        self.call("getFile", &serde_json::json!({ "file_id": file_id }), ANSWER_WAIT).await
    }

    /// A file's content; none if it is more than `bytes_max`.
    pub(super) async fn download(
        &self,
        file: &Located,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, Failure> {
        let (root, token) = (&self.root, self.token.expose());
        let request = Request::get(format!("{root}/file/bot{token}/{}", file.file_path));
        let request = request
            .body(Full::new(Bytes::new()))
            .map_err(|_| Failure::Unreached("the file's path cannot be used".into()))?;
        match self.http.exchange(request, ANSWER_WAIT, bytes_max).await {
            Ok((status, bytes)) if status.is_success() => Ok(Some(bytes)),
            Ok((status, _)) => Err(Failure::NotThePlatform { status: status.as_u16() }),
            Err(http::Error::TooLong) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a picture with its caption, in the platform's own formatting as far as it can read it.
    pub(super) async fn send_photo(
        &self,
        outgoing: &Outgoing,
        picture: &Picture,
    ) -> Result<Option<MessageId>, Failure> {
        let parts = markup::read(&outgoing.text);
        let html = markup::telegram_html(&parts);
        let plain = (outgoing.text.as_str(), None);
        let caption = if markup::is_plain(&parts) { plain } else { (&*html, Some("HTML")) };
        match self.send_captioned(outgoing, picture, caption).await {
            Err(Failure::Refused { status: 400, description })
                if caption.1.is_some() && description.contains(CANNOT_PARSE) =>
            {
                self.send_captioned(outgoing, picture, plain).await
            }
            sent => sent,
        }
    }

    async fn send_captioned(
        &self,
        outgoing: &Outgoing,
        picture: &Picture,
        (caption, parse_mode): (&str, Option<&str>),
    ) -> Result<Option<MessageId>, Failure> {
        let mut form = Form::new(&picture.bytes);
        form.field("chat_id", outgoing.route.peer.id.as_str());
        if let Some(topic) = topic(outgoing) {
            form.field("message_thread_id", &topic.to_string());
        }
        if !caption.is_empty() {
            form.field("caption", caption);
        }
        if let Some(mode) = parse_mode {
            form.field("parse_mode", mode);
        }
        form.file("photo", picture);
        let (kind, body) = form.finish();
        let within = ANSWER_WAIT + picture.upload_wait();
        let sent: serde_json::Value = self.post("sendPhoto", (kind, body), within).await?;
        Ok(called(&sent["message_id"]))
    }

    /// Sends a text in the platform's own formatting. What the platform cannot read as such is sent as it is: a person
    /// shall have the words, if not their looks.
    pub(super) async fn send_message(
        &self,
        outgoing: &Outgoing,
    ) -> Result<Option<MessageId>, Failure> {
        let parts = markup::read(&outgoing.text);
        if markup::is_plain(&parts) {
            let words = parts.iter().map(|it| match it {
                Part::Text(words) => *words,
                _ => "",
            });
            return self.send_text(outgoing, &words.collect::<String>(), None).await;
        }
        let html = markup::telegram_html(&parts);
        match self.send_text(outgoing, &html, Some("HTML")).await {
            Err(Failure::Refused { status: 400, description })
                if description.contains(CANNOT_PARSE) =>
            {
                tracing::warn!(
                    description,
                    "the formatting was refused; the text is sent as it is"
                );
                self.send_text(outgoing, &outgoing.text, None).await
            }
            sent => sent,
        }
    }

    async fn send_text(
        &self,
        outgoing: &Outgoing,
        text: &str,
        parse_mode: Option<&'static str>,
    ) -> Result<Option<MessageId>, Failure> {
        let reply_to = outgoing.reply_to.as_ref().and_then(|it| it.as_str().parse().ok());
        let body = SendMessage {
            chat_id: outgoing.route.peer.id.as_str(),
            text,
            parse_mode,
            message_thread_id: topic(outgoing),
            reply_parameters: reply_to.map(|message_id| ReplyParameters {
                message_id,
                allow_sending_without_reply: true,
            }),
        };
        let sent: serde_json::Value = self.call("sendMessage", &body, ANSWER_WAIT).await?;
        Ok(called(&sent["message_id"]))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).expect("a body of strings and numbers is plain data");
        self.post(method, ("application/json".to_owned(), Bytes::from(body)), within).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        method: &str,
        (kind, body): (String, Bytes),
        within: Duration,
    ) -> Result<T, Failure> {
        let address = format!("{}/bot{}/{method}", self.root, self.token.expose());
        let request = Request::post(address)
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(body))
            .map_err(|_| Failure::Unreached("the address or the token cannot be used".into()))?;
        let exchanged = self.http.exchange(request, within, ANSWER_BYTES_MAX).await;
        let (status, bytes) = exchanged?;
        let status = status.as_u16();
        let envelope: Envelope<T> =
            serde_json::from_slice(&bytes).map_err(|_| Failure::NotThePlatform { status })?;
        match envelope {
            Envelope { ok: true, result: Some(result), .. } => Ok(result),
            Envelope { parameters: Some(Parameters { retry_after: Some(seconds) }), .. } => {
                Err(Failure::RetryAfter(Duration::from_secs(seconds)))
            }
            Envelope { error_code, description, .. } => Err(Failure::Refused {
                status: error_code.unwrap_or(status),
                description: self.token.redact(&description),
            }),
        }
    }
}

/// The forum topic, as sends name it.
fn topic(outgoing: &Outgoing) -> Option<i64> {
    let topic = outgoing.route.thread.as_ref().map(Thread::id);
    topic.filter(|it| it.as_str() != GENERAL_TOPIC).and_then(|it| it.as_str().parse().ok())
}
