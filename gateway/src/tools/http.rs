//! Streamable HTTP to a server of tools, over the client that everything else uses.

use std::{future::Future, io, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
};
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    },
};
use sse_stream_of_rmcp::{Sse, SseStream};

use crate::{
    http::{self, Http},
    net::Net,
};

/// The longest answer that is read, in bytes. What a model is told of it is far shorter.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";
const SESSION: &str = "mcp-session-id";
const LAST_EVENT: &str = "last-event-id";

/// The client, in the shape that the protocol's transport wants.
#[derive(Clone, Debug)]
pub struct Client<N: Net>(pub Http<N>);

type Failed = StreamableHttpError<http::Error>;
#[expect(
    clippy::disallowed_types,
    reason = "rmcp hands headers over so; their order is of no account"
)]
type Headers = std::collections::HashMap<HeaderName, HeaderValue>;

/// What every request of a connection carries.
struct Envelope {
    uri: Arc<str>,
    session: Option<Arc<str>>,
    headers: Headers,
}

impl Envelope {
    fn request(
        self,
        method: Method,
        accept: &str,
        body: Vec<u8>,
    ) -> Result<Request<Full<Bytes>>, Failed> {
        let mut request = Request::builder().method(method).uri(&*self.uri);
        request = request.header(header::ACCEPT, accept);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, JSON);
        }
        if let Some(session) = self.session {
            request = request.header(SESSION, &*session);
        }
        let mut headers: Vec<_> = self.headers.into_iter().collect();
        headers.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        request.map_err(|_| unexpected("its address or a header cannot be sent"))
    }
}

impl<N: Net> StreamableHttpClient for Client<N> {
    type Error = http::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _auth_header: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let is_request = matches!(message, ClientJsonRpcMessage::Request(_));
        let had_session = session.is_some();
        let body = serde_json::to_vec(&message)?;
        let envelope = Envelope { uri, session, headers };
        let request = envelope.request(Method::POST, &format!("{JSON}, {EVENT_STREAM}"), body)?;
        let response = self.0.send(request).await.map_err(StreamableHttpError::Client)?;
        match response.status() {
            StatusCode::NOT_FOUND if had_session => {
                return Err(StreamableHttpError::SessionExpired);
            }
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {
                return Ok(StreamableHttpPostResponse::Accepted);
            }
            status if !status.is_success() => {
                return Err(unexpected(format!("it answered with status {}", status.as_u16())));
            }
            _ if !is_request => return Ok(StreamableHttpPostResponse::Accepted),
            _ => {}
        }
        let session = text_of(response.headers(), SESSION);
        if is_kind(response.headers(), EVENT_STREAM) {
            return Ok(StreamableHttpPostResponse::Sse(events(response), session));
        }
        if !is_kind(response.headers(), JSON) {
            let kind = text_of(response.headers(), header::CONTENT_TYPE.as_str());
            return Err(StreamableHttpError::UnexpectedContentType(kind));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|it| unexpected(format!("read its answer: {it}")))?;
        let message: ServerJsonRpcMessage = serde_json::from_slice(&body.to_bytes())?;
        Ok(StreamableHttpPostResponse::Json(message, session))
    }

    // The limit of `events` holds for a whole answer, so for each of its events too.
    fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth_header: Option<String>,
        headers: Headers,
        _bytes_max: usize,
    ) -> impl Future<Output = Result<StreamableHttpPostResponse, Failed>> + Send + '_ {
        self.post_message(uri, message, session, auth_header, headers)
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        _auth_header: Option<String>,
        headers: Headers,
    ) -> Result<(), Failed> {
        let envelope = Envelope { uri, session: Some(session), headers };
        let request = envelope.request(Method::DELETE, JSON, Vec::new())?;
        // A server that does not let its sessions be deleted says 405, which is as good.
        self.0.send(request).await.map_err(StreamableHttpError::Client).map(drop)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        _auth_header: Option<String>,
        mut headers: Headers,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        if let Some(value) = last_event.and_then(|it| HeaderValue::from_str(&it).ok()) {
            headers.insert(HeaderName::from_static(LAST_EVENT), value);
        }
        let envelope = Envelope { uri, session, headers };
        let request = envelope.request(Method::GET, EVENT_STREAM, Vec::new())?;
        let response = self.0.send(request).await.map_err(StreamableHttpError::Client)?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(StreamableHttpError::ServerDoesNotSupportSse),
            StatusCode::NOT_FOUND => Err(StreamableHttpError::SessionExpired),
            status if !status.is_success() => {
                Err(unexpected(format!("it answered with status {}", status.as_u16())))
            }
            _ => Ok(events(response)),
        }
    }
}

fn events(response: Response<Incoming>) -> BoxStream<'static, Result<Sse, SseError>> {
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).map_err(io::Error::other);
    SseStream::new(body.boxed_unsync()).boxed()
}

fn unexpected(what: impl Into<String>) -> Failed {
    StreamableHttpError::UnexpectedServerResponse(what.into().into())
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|it| it.to_str().ok()).map(str::to_owned)
}

fn is_kind(headers: &HeaderMap, kind: &str) -> bool {
    text_of(headers, header::CONTENT_TYPE.as_str()).is_some_and(|it| it.starts_with(kind))
}
