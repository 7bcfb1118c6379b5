//! The proxy: requests go on as they came, answers come back byte for byte and as they come.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::serve::Listener;
use bytes::Bytes;
use creel_gateway::{http::Http, net::TokioNet};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Request, Response, Uri,
    body::{Body, Frame, Incoming, SizeHint},
    header::{self, HeaderName},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;

use super::{
    Upstream,
    tape::{Ending, Open, Tape},
};
use crate::twins::openai::BODY_BYTES_MAX;

/// The most connections at once.
const CONNECTIONS_MAX: usize = 1_000;

/// What belongs to one connection, and not to the request.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    upstreams: Arc<[Upstream]>,
    tape: Tape,
    http: Http<TokioNet>,
}

/// The connection to the gateway is closed without an answer, as the provider's was.
#[derive(Debug, thiserror::Error)]
#[error("the provider gave no answer")]
pub(super) struct NoAnswer;

impl Proxy {
    pub(super) fn new(upstreams: Vec<Upstream>, tape: Tape, http: Http<TokioNet>) -> Self {
        Self { upstreams: upstreams.into(), tape, http }
    }

    /// Serves for as long as the future is polled.
    pub(super) async fn serve<L: Listener>(self, mut listener: L) -> Infallible {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = connections.join_next() => (),
                (io, _) = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                    let proxy = self.clone();
                    connections.spawn(async move {
                        let service = service_fn(move |request| {
                            let proxy = proxy.clone();
                            async move { proxy.relay(request).await }
                        });
                        let mut builder = http1::Builder::new();
                        builder.timer(TokioTimer::new()).header_read_timeout(None);
                        // A connection that breaks is recorded with its request.
                        _ = builder.serve_connection(TokioIo::new(io), service).await;
                    });
                }
            }
        }
    }

    async fn relay(&self, request: Request<Incoming>) -> Result<Response<Relay>, NoAnswer> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
            return Err(NoAnswer);
        };
        let body = body.to_bytes();
        let Some((upstream, path)) = self.upstream(head.uri.path()) else {
            let what = "no such provider: the path begins with the name of one\n";
            let mut response = Response::new(Relay::whole(what));
            *response.status_mut() = hyper::StatusCode::NOT_FOUND;
            return Ok(response);
        };
        let number = self.tape.see_secrets(&head.headers, head.uri.query());
        let mut open = self.tape.begin(number, &upstream.name, (&path, &head.headers), &body);
        let address = address(upstream, &path, head.uri.query()).ok_or(NoAnswer)?;
        let mut forward = Request::builder().method(head.method).uri(address);
        if let Some(headers) = forward.headers_mut() {
            *headers = without_hops(head.headers);
            // The client writes its own; and what is compressed could not be read.
            for name in [header::HOST, header::CONTENT_LENGTH, header::ACCEPT_ENCODING] {
                headers.remove(name);
            }
        }
        let forward = forward.body(Full::new(body)).map_err(|_| NoAnswer)?;
        let Ok(response) = self.http.send(forward).await else {
            open.end(Ending::Cut);
            return Err(NoAnswer);
        };
        let (mut head, body) = response.into_parts();
        self.tape.see_answer(number, &head.headers);
        open.head(head.status.as_u16(), &head.headers);
        head.headers = without_hops(head.headers);
        let relay = Relay { body: Inner::Incoming(body), open: Some(open), broken: None };
        Ok(Response::from_parts(head, relay))
    }

    /// The provider that a path is for, and the path at it.
    fn upstream(&self, path: &str) -> Option<(&Upstream, String)> {
        if let [only] = &*self.upstreams {
            return Some((only, path.to_owned()));
        }
        let (name, rest) = path.strip_prefix('/')?.split_once('/')?;
        let found = self.upstreams.iter().find(|it| it.name == name)?;
        Some((found, format!("/{rest}")))
    }
}

/// The address at the provider. A beginning that the gateway's path has already is not repeated.
fn address(upstream: &Upstream, path: &str, query: Option<&str>) -> Option<Uri> {
    let base = upstream.base.path().trim_end_matches('/');
    let is_there = base.is_empty() || path.strip_prefix(base).is_some_and(|it| it.starts_with('/'));
    let path = if is_there { path.to_owned() } else { format!("{base}{path}") };
    let query = query.map_or(String::new(), |it| format!("?{it}"));
    Uri::builder()
        .scheme(upstream.base.scheme()?.clone())
        .authority(upstream.base.authority()?.clone())
        .path_and_query(format!("{path}{query}"))
        .build()
        .ok()
}

fn without_hops(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    headers
}

/// An answer on its way.
pub(super) struct Relay {
    body: Inner,
    open: Option<Open>,
    /// What came before a break must be on its way first: an error discards what hyper still holds.
    broken: Option<hyper::Error>,
}

enum Inner {
    Incoming(Incoming),
    Whole(Full<Bytes>),
}

impl Relay {
    fn whole(text: &'static str) -> Self {
        let body = Inner::Whole(Full::new(Bytes::from_static(text.as_bytes())));
        Self { body, open: None, broken: None }
    }

    fn end(&mut self, ending: Ending) {
        if let Some(open) = self.open.take() {
            open.end(ending);
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let this = &mut *self;
        let incoming = match &mut this.body {
            Inner::Incoming(incoming) => incoming,
            Inner::Whole(whole) => {
                return Pin::new(whole).poll_frame(context).map_err(|it| match it {});
            }
        };
        match ready!(Pin::new(&mut *incoming).poll_frame(context)) {
            Some(Ok(frame)) => {
                let is_last = incoming.is_end_stream();
                if let (Some(open), Some(bytes)) = (&mut this.open, frame.data_ref()) {
                    open.piece(bytes);
                }
                if is_last {
                    this.end(Ending::Complete);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                this.end(Ending::Cut);
                this.broken = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None => {
                this.end(Ending::Complete);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Inner::Incoming(it) => it.is_end_stream(),
            Inner::Whole(it) => it.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Inner::Incoming(it) => it.size_hint(),
            Inner::Whole(it) => it.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_not_doubled() {
        let check = |base: &str, path: &str, expected: &str| {
            let upstream: Upstream = base.parse().expect("an upstream");
            let found = address(&upstream, path, Some("a=b")).expect("an address");
            assert_eq!(found.to_string(), format!("{expected}?a=b"));
        };
        check("http://h:1/v1", "/v1/chat/completions", "http://h:1/v1/chat/completions");
        check("http://h:1/v1/", "/chat/completions", "http://h:1/v1/chat/completions");
        check("https://h", "/v1/messages", "https://h/v1/messages");
    }

    #[test]
    fn what_is_no_upstream_is_refused() {
        for text in
            ["", "ftp://h", "h:1", "http://", "openai=http://h", "A=http://h", "http://u:p@h/"]
        {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
        let named: Upstream = "q=https://h/v1".parse().expect("an upstream");
        assert_eq!(named.name, "q");
    }
}
