//! The Graph API's calls that we make. Source: the public documentation of the WhatsApp Cloud API.

use std::{fmt, time::Duration};

use bytes::Bytes;
use creel_core::{egress::Outgoing, ids::MessageId};
use http_body_util::Full;
use hyper::{Method, Request, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Account, TEXT_MAX};
use crate::{
    channels::{failure, markup},
    http::{self, Http},
    media::{Form, Picture, is_platform},
    net::Net,
    secret::Secret,
};

const JSON: &str = "application/json";

/// The longest caption of an image, in characters.
const CAPTION_MAX: usize = 1_024;

/// The platform's own hosts, with all below them.
const HOSTS: [&str; 3] = ["facebook.com", "fbsbx.com", "whatsapp.net"];

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
    /// The platform refused, with a code that tells more than the status.
    Refused { status: u16, code: u32, description: String },
    /// It did not even refuse.
    Other(failure::Failure),
}

impl From<failure::Failure> for Failure {
    fn from(failure: failure::Failure) -> Self {
        Self::Other(failure)
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image<'a>>,
}

#[derive(Serialize)]
struct Image<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    caption: &'a str,
}

#[derive(Deserialize)]
struct Uploaded {
    id: String,
}

#[derive(Deserialize)]
struct Located {
    url: String,
    file_size: Option<u64>,
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
        let number: Number = self.get(&path).await?;
        Ok(number.display_phone_number)
    }

    pub(super) async fn send_text(
        &self,
        outgoing: &Outgoing,
    ) -> Result<Option<MessageId>, Failure> {
        let body = marked(&outgoing.text, TEXT_MAX as usize);
        let text = Some(Text { preview_url: false, body: &body });
        self.send(Message { r#type: "text", text, ..Message::to(outgoing) }).await
    }

    /// Sends a picture with its caption: the platform is given it first, and then told to show it.
    pub(super) async fn send_image(
        &self,
        outgoing: &Outgoing,
        picture: &Picture,
    ) -> Result<Option<MessageId>, Failure> {
        let mut form = Form::new(&picture.bytes);
        form.field("messaging_product", "whatsapp");
        form.field("type", picture.mime);
        form.file("file", picture);
        let (kind, body) = form.finish();
        let path = format!("{}/media", self.number);
        let within = ANSWER_WAIT + picture.upload_wait();
        let Uploaded { id } = self.post(&path, &kind, (body, within)).await?;
        let caption = marked(&outgoing.text, CAPTION_MAX);
        let image = Some(Image { id: &id, caption: &caption });
        self.send(Message { r#type: "image", image, ..Message::to(outgoing) }).await
    }

    /// A picture's content; none if it is more than `bytes_max`. The token is shown to the platform's own hosts alone.
    pub(super) async fn media(&self, id: &str, bytes_max: usize) -> Result<Option<Bytes>, Failure> {
        let Located { url, file_size } = self.get(id).await?;
        let is_larger = |it: u64| usize::try_from(it).map_or(true, |it| it > bytes_max);
        if file_size.is_some_and(is_larger) {
            return Ok(None);
        }
        if !is_platform(&url, &self.root, &HOSTS) {
            let why = "the image is not on a host of the platform's";
            return Err(failure::Failure::Unreached(why.to_owned()).into());
        }
        let request = self.request(Method::GET, &url, None, Bytes::new())?;
        match self.http.exchange(request, ANSWER_WAIT, bytes_max).await {
            Ok((status, bytes)) if status.is_success() => Ok(Some(bytes)),
            Ok((status, _)) => Err(not_the_platform(status.as_u16())),
            Err(http::Error::TooLong) => Ok(None),
            Err(error) => Err(failure::Failure::from(error).into()),
        }
    }

    async fn send(&self, message: Message<'_>) -> Result<Option<MessageId>, Failure> {
        let body = serde_json::to_vec(&message).expect("a body of strings is plain data");
        let path = format!("{}/messages", self.number);
        let body = (Bytes::from(body), ANSWER_WAIT);
        let sent: serde_json::Value = self.post(&path, JSON, body).await?;
        Ok(failure::called(&sent["messages"][0]["id"]))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let address = format!("{}/{path}", self.root);
        self.call(self.request(Method::GET, &address, None, Bytes::new())?, ANSWER_WAIT).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: &str,
        (body, within): (Bytes, Duration),
    ) -> Result<T, Failure> {
        let address = format!("{}/{path}", self.root);
        self.call(self.request(Method::POST, &address, Some(kind), body)?, within).await
    }

    fn request(
        &self,
        method: Method,
        address: &str,
        kind: Option<&str>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        Request::builder()
            .method(method)
            .uri(address)
            .header(header::CONTENT_TYPE, kind.unwrap_or(JSON))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .body(Full::new(body))
            .map_err(|_| {
                let why = "the address or the token cannot be used";
                failure::Failure::Unreached(why.to_owned()).into()
            })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<T, Failure> {
        let exchanged = self.http.exchange(request, within, ANSWER_BYTES_MAX).await;
        let (status, bytes) = exchanged.map_err(failure::Failure::from)?;
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
            Err(_) => Err(not_the_platform(status)),
        }
    }
}

impl Failure {
    /// Whether it is a picture that the platform does not want: its kind, its size, its parameters.
    pub(super) fn is_refused_media(&self) -> bool {
        matches!(self, Self::Refused { code: 100 | 131_009 | 131_051 | 131_053, .. })
            || matches!(
                self,
                Self::Refused { status: 413, .. }
                    | Self::Other(failure::Failure::NotThePlatform { status: 413 })
            )
    }

    /// Whether the platform will not listen to us again until the configuration changes.
    pub(super) fn is_refused_token(&self) -> bool {
        matches!(self, Self::Refused { code: 190, .. } | Self::Refused { status: 401, .. })
    }
}

fn not_the_platform(status: u16) -> Failure {
    failure::Failure::NotThePlatform { status }.into()
}

impl<'a> Message<'a> {
    fn to(outgoing: &'a Outgoing) -> Self {
        Self {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to: outgoing.route.peer.id.as_str().trim_start_matches('+'),
            context: outgoing.reply_to.as_ref().map(|it| Context { message_id: it.as_str() }),
            r#type: "text",
            text: None,
            image: None,
        }
    }
}

/// A text in WhatsApp's marks, or as it is: what marks add may be more than the platform takes, and the words go first.
fn marked(text: &str, chars_max: usize) -> String {
    let marked = markup::whatsapp(&markup::read(text));
    if marked.chars().count() <= chars_max { marked } else { text.to_owned() }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, code, description } => {
                write!(f, "{status}, code {code}: {description}")
            }
            Self::Other(failure) => failure.fmt(f),
        }
    }
}
