//! The WebSocket client that channels share: over any [`Net`], with TLS for `wss://`.
//!
//! Pings are answered while one receives. The keys and masks of the protocol are the library's, from the operating
//! system: they reach nobody's eyes, and change no length and no moment.

use std::{fmt, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::HeaderMap;
use tokio::time::{Sleep, sleep, timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message, Utf8Bytes,
        client::IntoClientRequest as _,
        error::CapacityError,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    http::{self, Http, Stream},
    net::Net,
};

/// What bounds a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take to connect, from the first packet to the other side's consent.
    pub connect_within: Duration,
    /// How long a message may take to leave.
    pub send_within: Duration,
    /// The longest message that is read, in bytes. A longer one ends the connection.
    pub message_bytes_max: usize,
    /// How long nothing at all may come while one receives. After half of it the other side is asked by a ping.
    pub silence_max: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_within: Duration::from_secs(20),
            send_within: Duration::from_secs(20),
            message_bytes_max: 16 * 1024 * 1024,
            silence_max: None,
        }
    }
}

/// Why there is no connection, or no longer. No address is in it: it may hold a ticket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error("the address is not a `ws://` or `wss://` one")]
    Address,
    /// No connection came about.
    #[error(transparent)]
    Connect(http::Error),
    /// Somebody answered who does not speak the protocol, or will not now.
    #[error("refused with status {0}")]
    Refused(u16),
    /// It took too long.
    #[error("no {what} within {within:?}")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// How long.
        within: Duration,
    },
    /// A message was longer than we read.
    #[error("a message is too long: {0}")]
    TooLong(CapacityError),
    /// The connection broke, or the other side does not keep to the protocol.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// What the other side says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(String),
    /// The end of the connection, with the other side's reason if it gave one.
    Closed(Option<Close>),
}

/// Why a side ends the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code: 1000 and above are the protocol's, 4000 and above the platform's.
    pub code: u16,
    /// For people.
    pub reason: String,
}

/// A connection.
pub struct WebSocket<N: Net> {
    stream: WebSocketStream<Stream<N>>,
    limits: Limits,
    silence: Option<Silence>,
}

/// How long nothing came.
struct Silence {
    half: Duration,
    /// The end of this half.
    ends: Pin<Box<Sleep>>,
    /// Whether it is the second one, which a ping began.
    asked: bool,
}

impl Silence {
    fn new(silence_max: Duration) -> Self {
        let half = silence_max / 2;
        Self { half, ends: Box::pin(sleep(half)), asked: false }
    }

    fn begin(&mut self, asked: bool) {
        (self.ends, self.asked) = (Box::pin(sleep(self.half)), asked);
    }

    /// Waits for the end of a half; for ever where there is no limit.
    async fn end(silence: &mut Option<Self>) {
        match silence {
            Some(silence) => silence.ends.as_mut().await,
            None => std::future::pending().await,
        }
    }
}

impl<N: Net> fmt::Debug for WebSocket<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<N: Net> WebSocket<N> {
    /// Connects to a `ws://` or `wss://` address.
    ///
    /// # Errors
    ///
    /// When no connection comes about in time, or the other side refuses it.
    pub async fn connect(http: &Http<N>, address: &str, limits: Limits) -> Result<Self, Error> {
        Self::connect_with(http, (address, HeaderMap::new()), limits).await
    }

    /// The same, with headers of one's own over those of the protocol.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::connect`].
    pub async fn connect_with(
        http: &Http<N>,
        (address, headers): (&str, HeaderMap),
        limits: Limits,
    ) -> Result<Self, Error> {
        let mut request = address.into_client_request().map_err(|_| Error::Address)?;
        request.headers_mut().extend(headers);
        let scheme = match request.uri().scheme_str() {
            Some("ws") => "http",
            Some("wss") => "https",
            _ => return Err(Error::Address),
        };
        // The connector knows the schemes of HTTP only; path and query do not matter to it.
        let authority = request.uri().authority().ok_or(Error::Address)?.as_str();
        let host = format!("{scheme}://{authority}/").parse().map_err(|_| Error::Address)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(limits.message_bytes_max))
            .max_frame_size(Some(limits.message_bytes_max));
        let connected = async {
            let stream = http.connect(host).await.map_err(Error::Connect)?;
            let shaken = client_async_with_config(request, stream, Some(config)).await;
            let (stream, _) = shaken.map_err(error)?;
            Ok(Self { stream, limits, silence: limits.silence_max.map(Silence::new) })
        };
        let within = limits.connect_within;
        let timed_out = Err(Error::TimedOut { what: "connection", within });
        timeout(within, connected).await.unwrap_or(timed_out)
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the connection is broken, or takes no message in time.
    pub async fn send(&mut self, text: String) -> Result<(), Error> {
        self.say(Message::Text(Utf8Bytes::from(text))).await
    }

    async fn say(&mut self, message: Message) -> Result<(), Error> {
        let within = self.limits.send_within;
        match timeout(within, self.stream.send(message)).await {
            Ok(sent) => sent.map_err(error),
            Err(_) => Err(Error::TimedOut { what: "room for a message", within }),
        }
    }

    /// Waits for the next text message, or the end. Nothing is lost if it is dropped in between.
    ///
    /// # Errors
    ///
    /// When the connection is broken, or nothing came for too long.
    pub async fn receive(&mut self) -> Result<Received, Error> {
        loop {
            let next = tokio::select! {
                biased;
                next = self.stream.next() => Some(next),
                () = Silence::end(&mut self.silence) => None,
            };
            let asked = self.silence.as_ref().is_some_and(|it| it.asked);
            if let Some(silence) = &mut self.silence {
                silence.begin(next.is_none());
            }
            let Some(next) = next else {
                if asked {
                    let within = self.limits.silence_max.unwrap_or_default();
                    return Err(Error::TimedOut { what: "sign of life", within });
                }
                self.say(Message::Ping(Bytes::new())).await?;
                continue;
            };
            match next {
                None => return Ok(Received::Closed(None)),
                Some(Err(tungstenite::Error::ConnectionClosed)) => {
                    return Ok(Received::Closed(None));
                }
                Some(Err(why)) => return Err(error(why)),
                Some(Ok(Message::Text(text))) => {
                    return Ok(Received::Text(text.as_str().to_owned()));
                }
                Some(Ok(Message::Close(frame))) => {
                    let close = frame.map(|CloseFrame { code, reason }| Close {
                        code: code.into(),
                        reason: reason.as_str().to_owned(),
                    });
                    // So that our consent leaves.
                    _ = timeout(self.limits.send_within, self.stream.flush()).await;
                    return Ok(Received::Closed(close));
                }
                // Platforms of ours send text alone. The library answers pings.
                Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                )) => {}
            }
        }
    }

    /// Ends the connection with a code, and does not wait for consent.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
        let within = self.limits.send_within;
        _ = timeout(within, self.stream.close(Some(frame))).await;
    }
}

fn error(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Http(response) => Error::Refused(response.status().as_u16()),
        tungstenite::Error::Capacity(why) => Error::TooLong(why),
        other => Error::Broken(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        extract::ws::{self, WebSocketUpgrade},
        routing::any,
    };

    use super::*;
    use crate::net::TokioNet;

    /// Serves one connection by `play`, and gives the address.
    #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
    async fn served<F, P>(play: P) -> String
    where
        P: FnOnce(ws::WebSocket) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TokioNet.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let port = axum::serve::Listener::local_addr(&listener).unwrap().port();
        let upgrade = |upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(play) };
        let router = Router::new().route("/socket", any(upgrade));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("ws://127.0.0.1:{port}/socket?v=10")
    }

    fn text(text: &str) -> Received {
        Received::Text(text.to_owned())
    }

    #[tokio::test]
    async fn texts_go_both_ways_and_pings_are_answered() {
        let address = served(|mut socket| async move {
            let heard = socket.recv().await.unwrap().unwrap().into_text().unwrap();
            socket.send(ws::Message::Ping("are you there".into())).await.unwrap();
            socket.send(ws::Message::Binary("no words".into())).await.unwrap();
            socket.send(ws::Message::Text(format!("heard {heard}").into())).await.unwrap();
            let pong = socket.recv().await.unwrap().unwrap();
            assert_eq!(pong, ws::Message::Pong("are you there".into()));
            let frame = ws::CloseFrame { code: 4_004, reason: "no".into() };
            socket.send(ws::Message::Close(Some(frame))).await.unwrap();
        });
        let address = address.await;
        let http = Http::new(TokioNet);
        let mut socket = WebSocket::connect(&http, &address, Limits::default()).await.unwrap();
        socket.send("hello".to_owned()).await.unwrap();
        assert_eq!(socket.receive().await.unwrap(), text("heard hello"));
        let closed = Close { code: 4_004, reason: "no".to_owned() };
        assert_eq!(socket.receive().await.unwrap(), Received::Closed(Some(closed)));
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_is_not_read() {
        let address = served(|mut socket| async move {
            socket.send(ws::Message::Text("x".repeat(1_001).into())).await.unwrap();
            _ = socket.recv().await;
        });
        let address = address.await;
        let limits = Limits { message_bytes_max: 1_000, ..Limits::default() };
        let mut socket = WebSocket::connect(&Http::new(TokioNet), &address, limits).await.unwrap();
        assert!(matches!(socket.receive().await, Err(Error::TooLong(_))));
    }

    #[tokio::test]
    async fn a_ping_that_is_answered_keeps_a_connection_on_which_nothing_is_said() {
        let silence_max = Duration::from_millis(400);
        let limits = Limits { silence_max: Some(silence_max), ..Limits::default() };
        let address = served(move |mut socket| async move {
            // Reads for a while, and so answers pings; then it does not even that.
            _ = timeout(3 * silence_max, async { while socket.recv().await.is_some() {} }).await;
            socket.send(ws::Message::Text("still here".into())).await.unwrap();
            std::future::pending::<()>().await;
        });
        let address = address.await;
        let mut socket = WebSocket::connect(&Http::new(TokioNet), &address, limits).await.unwrap();
        assert_eq!(socket.receive().await.unwrap(), text("still here"));
        assert!(matches!(socket.receive().await, Err(Error::TimedOut { .. })));
    }

    #[tokio::test]
    async fn whoever_does_not_speak_it_is_told_from_whoever_is_not_there() {
        let address = served(|_| async {}).await;
        let http = Http::new(TokioNet);
        let elsewhere = address.replace("/socket", "/nowhere");
        let connect = |address: String| {
            let http = http.clone();
            async move { WebSocket::connect(&http, &address, Limits::default()).await.err() }
        };
        assert!(matches!(connect(elsewhere).await, Some(Error::Refused(404))));
        assert!(matches!(connect("http://127.0.0.1:1/".into()).await, Some(Error::Address)));
        assert!(matches!(connect("ws://127.0.0.1:1/".into()).await, Some(Error::Connect(_))));
    }
}
