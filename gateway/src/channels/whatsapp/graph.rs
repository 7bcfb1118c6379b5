//! The Graph API's calls that we make. Source: the public documentation of the WhatsApp Cloud API.

use std::{fmt, time::Duration};

use bytes::Bytes;
use creel_core::egress::Outgoing;
use http_body_util::Full;
use hyper::{Method, Request, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Account, TEXT_MAX};
use crate::{
    channels::markup,
    http::{self, Http},
    net::Net,
    secret::Secret,
};

/// How long an answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The calls of one number.
pub(super) struct Graph<N: Net> {
    http: Http<N>,
    root: String,
    number: String,
    token: Secret,
}

/// Why a call has no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The platform refused.
    Refused { status: u16, code: u32, description: String },
    /// Somebody answered, not the platform: a proxy, a wrong address.
    NotThePlatform { status: u16 },
    /// The platform was certainly not reached.
    Unreached(String),
    /// The platform may have taken the request.
    Ambiguous(String),
}

#[derive(Deserialize)]
struct Refusal {
    error: GraphError,
}

#[derive(Deserialize)]
struct GraphError {
    #[serde(default)]
    message: String,
    code: u32,
}

#[derive(Deserialize)]
struct Number {
    #[serde(default)]
    display_phone_number: String,
}

#[derive(Serialize)]
struct Message<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context<'a>>,
    r#type: &'static str,
    text: Text<'a>,
}

#[derive(Serialize)]
struct Context<'a> {
    message_id: &'a str,
}

#[derive(Serialize)]
struct Text<'a> {
    preview_url: bool,
    body: &'a str,
}

impl<N: Net> Graph<N> {
    pub(super) fn new(http: Http<N>, account: &Account) -> Self {
        Self {
            http,
            root: account.api_root.clone(),
            number: account.phone_number_id.clone(),
            token: account.access_token.clone(),
        }
    }

    /// The phone number, as people see it.
    pub(super) async fn own_number(&self) -> Result<String, Failure> {
        let path = format!("{}?fields=display_phone_number", self.number);
        let number: Number = self.call(Method::GET, &path, Bytes::new()).await?;
        Ok(number.display_phone_number)
    }

    pub(super) async fn send_text(&self, outgoing: &Outgoing) -> Result<(), Failure> {
        // What WhatsApp's marks add may be more than it takes; the words go first.
        let marked = markup::whatsapp(&markup::read(&outgoing.text));
        let fits = marked.chars().count() <= TEXT_MAX as usize;
        let body = if fits { marked.as_str() } else { outgoing.text.as_str() };
        let message = Message {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to: outgoing.route.peer.id.as_str().trim_start_matches('+'),
            context: outgoing.reply_to.as_ref().map(|it| Context { message_id: it.as_str() }),
            r#type: "text",
            text: Text { preview_url: false, body },
        };
        let body = serde_json::to_vec(&message).expect("a body of strings is plain data");
        let path = format!("{}/messages", self.number);
        self.call::<serde_json::Value>(Method::POST, &path, Bytes::from(body)).await.map(drop)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.root))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .body(Full::new(body))
            .map_err(|_| Failure::Unreached("the address or the token cannot be used".into()))?;
        let exchanged = self.http.exchange(request, ANSWER_WAIT, ANSWER_BYTES_MAX).await;
        let (status, bytes) = exchanged.map_err(|error| match error {
            http::Error::Connect(_) => Failure::Unreached(error.to_string()),
            _ => Failure::Ambiguous(error.to_string()),
        })?;
        if status.is_success()
            && let Ok(result) = serde_json::from_slice(&bytes)
        {
            return Ok(result);
        }
        let status = status.as_u16();
        match serde_json::from_slice(&bytes) {
            Ok(Refusal { error: GraphError { message, code } }) => {
                Err(Failure::Refused { status, code, description: self.token.redact(&message) })
            }
            Err(_) => Err(Failure::NotThePlatform { status }),
        }
    }
}

impl Failure {
    /// Whether the platform will not listen to us again until the configuration changes.
    pub(super) fn is_refused_token(&self) -> bool {
        matches!(self, Self::Refused { code: 190, .. } | Self::Refused { status: 401, .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, code, description } => {
                write!(f, "{status}, code {code}: {description}")
            }
            Self::NotThePlatform { status } => {
                write!(f, "an answer with status {status} that is not the Graph API's")
            }
            Self::Unreached(why) | Self::Ambiguous(why) => f.write_str(why),
        }
    }
}
