//! The HTTP client that channels and providers share: pooled, over any [`Net`], with TLS where the address asks for it.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::{
    ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream,
};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::ClientConfig;
use tower_service::Service as _;

use crate::net::{Connector, Net, PooledStream};

/// How long an idle connection is kept.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// How many idle connections are kept for one host.
const IDLE_PER_HOST_MAX: usize = 64;

/// Why an exchange failed. No address is in it, since a bot's address holds its token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request was certainly not taken: no connection came about.
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
    connector: HttpsConnector<Connector<N>>,
    net: N,
}

/// A connection of its own, with TLS if the address asks for it.
pub type Stream<N> = TokioIo<MaybeHttpsStream<PooledStream<<N as Net>::Stream>>>;

impl<N: Net> Http<N> {
    /// A client with an empty pool.
    pub fn new(net: N) -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector(net.clone()));
        // Both timers, or the pool reads the machine's clock.
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .build(connector.clone());
        Self { client, connector, net }
    }

    /// What it stands on.
    pub fn net(&self) -> &N {
        &self.net
    }

    /// Opens a connection that is not the pool's, for protocols that are HTTP only at first.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] when none comes about.
    pub async fn connect(&self, address: hyper::Uri) -> Result<Stream<N>, Error> {
        let connected = self.connector.clone().call(address).await;
        connected.map(TokioIo::new).map_err(|it| Error::Connect(chain(&*it)))
    }

    /// Sends a request and waits for the answer's head.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] when nothing was sent, [`Error::Exchange`] when it may have been.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        self.client.request(request).await.map_err(|error| {
            let why = chain(&error);
            if error.is_connect() { Error::Connect(why) } else { Error::Exchange(why) }
        })
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

/// The error with its causes: the outermost alone only says "client error".
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |it| it.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Built once a process: reading the root certificates costs more than a whole simulated scenario.
fn tls() -> ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    let build = || {
        let provider = rustls::crypto::ring::default_provider();
        ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_webpki_roots()
            .with_no_client_auth()
    };
    CONFIG.get_or_init(build).clone()
}
