//! The HTTP client that channels and providers share: pooled, over any [`Net`], with TLS where the address asks for it,
//! and over that HTTP/2 where the server offers it.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use h2::Reason;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::{
    ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream,
};
use hyper_util::{
    client::legacy::{self, Client},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use tower_service::Service as _;

use crate::net::{Connector, Net, PooledStream};

/// How long an idle connection is kept.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// How many idle connections are kept for one host.
const IDLE_PER_HOST_MAX: usize = 64;

/// After how much silence an HTTP/2 connection with requests under way is asked for a sign of life. Without it, one
/// that died unnoticed would take every later request with it.
const PING_AFTER: Duration = Duration::from_secs(30);

/// How long that sign may take.
const PING_WAIT: Duration = Duration::from_secs(15);

/// How often a request is made, in all, while the server says that it did not take it.
const TRIES_MAX: u32 = 3;

/// Why an exchange failed. No address is in it, since a bot's address holds its token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request was certainly not taken: no connection came about, or the server says so.
    #[error("connect: {0}")]
    Connect(String),
    /// The connection broke; the request may have been taken.
    #[error("exchange: {0}")]
    Exchange(String),
    /// The body broke off.
    #[error("read body: {0}")]
    Body(String),
    /// The body was longer than expected.
    #[error("the body is too long")]
    TooLong,
    /// The other side took too long.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

/// The client. Cheap to clone: clones share the pool.
#[derive(Clone, Debug)]
pub struct Http<N: Net> {
    client: Client<HttpsConnector<Connector<N>>, Full<Bytes>>,
    /// For connections of their own, which speak HTTP/1.1 alone.
    apart: HttpsConnector<Connector<N>>,
    net: N,
}

/// A connection of its own, with TLS if the address asks for it.
pub type Stream<N> = TokioIo<MaybeHttpsStream<PooledStream<<N as Net>::Stream>>>;

impl<N: Net> Http<N> {
    /// A client with an empty pool that trusts the public authorities.
    pub fn new(net: N) -> Self {
        Self::with(net, bundled())
    }

    /// A client with an empty pool that trusts these authorities alone.
    pub fn trusting(net: N, roots: RootCertStore) -> Self {
        Self::with(net, tls().with_root_certificates(roots).with_no_client_auth())
    }

    fn with(net: N, tls: ClientConfig) -> Self {
        let apart = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector(net.clone()));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(Connector(net.clone()));
        // Both timers, or the pool and the pings read the machine's clock.
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http2_keep_alive_interval(PING_AFTER)
            .http2_keep_alive_timeout(PING_WAIT)
            .build(connector);
        Self { client, apart, net }
    }

    /// What it stands on.
    pub fn net(&self) -> &N {
        &self.net
    }

    /// Opens a connection that is not the pool's, for protocols that are HTTP/1.1 only at first.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] when none comes about.
    pub async fn connect(&self, address: hyper::Uri) -> Result<Stream<N>, Error> {
        let connected = self.apart.clone().call(address).await;
        connected.map(TokioIo::new).map_err(|it| Error::Connect(chain(&*it)))
    }

    /// Sends a request and waits for the answer's head. What the server says it did not take is sent again, as often
    /// as servers ask for that in everyday life: when they close a connection in good order, or have no room on it.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] when nothing was taken, [`Error::Exchange`] when it may have been.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        let mut tries = 1;
        loop {
            let error = match self.client.request(request.clone()).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            match untaken(&error) {
                Some(Untaken::Again) if tries < TRIES_MAX => tries += 1,
                Some(_) => return Err(Error::Connect(chain(&error))),
                None => return Err(Error::Exchange(chain(&error))),
            }
        }
    }

    /// Sends a request and reads the whole answer, within `within` and up to `bytes_max`.
    ///
    /// # Errors
    ///
    /// As [`Http::send`], and when the body breaks off, is too long, or time runs out.
    pub async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        within: Duration,
        bytes_max: usize,
    ) -> Result<(hyper::StatusCode, Bytes), Error> {
        let answer = self.exchange_whole(request, within, bytes_max).await?;
        Ok((answer.status(), answer.into_body()))
    }

    /// The same, with the answer's headers.
    ///
    /// # Errors
    ///
    /// As [`Http::exchange`].
    pub async fn exchange_whole(
        &self,
        request: Request<Full<Bytes>>,
        within: Duration,
        bytes_max: usize,
    ) -> Result<Response<Bytes>, Error> {
        let whole = async {
            let (head, body) = self.send(request).await?.into_parts();
            let body = Limited::new(body, bytes_max).collect().await;
            let body = body.map_err(|it| {
                if it.is::<LengthLimitError>() {
                    Error::TooLong
                } else {
                    Error::Body(it.to_string())
                }
            });
            let body = body?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        tokio::time::timeout(within, whole).await.unwrap_or(Err(Error::TimedOut(within)))
    }
}

/// Without the trait's name in scope: references are errors too, and their sources live no longer than they do.
type Cause = dyn std::error::Error + 'static;

/// A request that no server did anything with.
enum Untaken {
    /// The server would take it now.
    Again,
    /// Nobody is there, or the server will not.
    Refused,
}

/// Tells such a request from one that may have been taken.
///
/// A GOAWAY reaches only requests that are behind the last one that the server has taken (RFC 9113, 6.8): the others go
/// on, and break with their connection. A refused stream was not looked at (8.7).
fn untaken(error: &legacy::Error) -> Option<Untaken> {
    if error.is_connect() {
        return Some(Untaken::Refused);
    }
    let error = causes(error).find_map(|it| it.downcast_ref::<h2::Error>());
    let error = error.filter(|it| it.is_remote())?;
    match (error.is_go_away(), error.reason()?) {
        (true, Reason::NO_ERROR) | (false, Reason::REFUSED_STREAM) => Some(Untaken::Again),
        (true, _) => Some(Untaken::Refused),
        (false, _) => None,
    }
}

fn causes(error: &Cause) -> impl Iterator<Item = &Cause> {
    std::iter::successors(error.source(), |it| it.source())
}

/// The error with its causes: the outermost alone only says "client error".
fn chain(error: &Cause) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn tls() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    let provider = rustls::crypto::ring::default_provider();
    ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
}

/// Built once a process: reading the root certificates costs more than a whole simulated scenario.
fn bundled() -> ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    CONFIG.get_or_init(|| tls().with_webpki_roots().with_no_client_auth()).clone()
}
