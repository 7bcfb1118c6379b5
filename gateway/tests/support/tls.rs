//! Servers with TLS in memory: a certificate that nobody else trusts, and HTTP/2 by the frame where a test needs that.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, serve::Listener};
use creel_gateway::{http::Http, net::Net};
use futures_util::future::BoxFuture;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::mpsc,
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The one host there is.
pub(crate) const HOST: &str = "provider.test";

/// What a server offers.
pub(crate) const BOTH: &[&str] = &["h2", "http/1.1"];
pub(crate) const HTTP_1: &[&str] = &["http/1.1"];

/// What a scripted server says to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Say {
    /// A whole answer.
    Well,
    /// The beginning of one.
    Begin,
    /// The connection ends, and this was the last request that was taken.
    GoAway { last: u32, why: u32 },
    /// The request's stream ends.
    Reset(u32),
    /// The connection is closed without a word.
    End,
    /// No byte, ever again, on this connection.
    Nothing,
}

/// The network: whoever connects gets to the servers.
#[derive(Clone, Debug)]
pub(crate) struct Memory(mpsc::Sender<DuplexStream>);

impl Net for Memory {
    type Stream = DuplexStream;
    type Listener = Nobody;

    async fn bind(&self, _: SocketAddr) -> io::Result<Nobody> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect(&self, host: &str, _: u16) -> io::Result<DuplexStream> {
        assert_eq!(host, HOST);
        let (near, far) = duplex(64 * 1024);
        self.0.send(far).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(near)
    }
}

/// Nobody listens here.
#[derive(Debug)]
pub(crate) enum Nobody {}

impl Listener for Nobody {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        match *self {}
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match *self {}
    }
}

/// The servers, until they are dropped.
#[derive(Debug)]
pub(crate) struct Servers {
    connections: Arc<AtomicUsize>,
    script: Arc<Script>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Script {
    lines: Mutex<VecDeque<&'static [Say]>>,
    asked: AtomicUsize,
}

impl Servers {
    /// Serves a router, with a client that trusts it.
    pub(crate) fn of_router(offers: &[&str], router: Router) -> (Self, Http<Memory>) {
        Self::start(offers, Arc::default(), move |io| {
            let service = TowerToHyperService::new(router.clone());
            Box::pin(async move {
                let builder = Builder::new(TokioExecutor::new());
                // A connection that breaks is what some tests want.
                _ = builder.serve_connection(TokioIo::new(io), service).await;
            })
        })
    }

    /// Servers of HTTP/2 that say one line of the script to each request, and then answer well.
    pub(crate) fn of_script(lines: &[&'static [Say]]) -> (Self, Http<Memory>) {
        let lines = Mutex::new(lines.iter().copied().collect());
        let script = Arc::new(Script { lines, asked: AtomicUsize::new(0) });
        Self::start(&["h2"], Arc::clone(&script), move |io| {
            let script = Arc::clone(&script);
            Box::pin(async move { _ = script.speak(io).await })
        })
    }

    fn start(
        offers: &[&str],
        script: Arc<Script>,
        play: impl Fn(TlsStream<DuplexStream>) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> (Self, Http<Memory>) {
        let (certificate, key) = certificate();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key.into())
            .unwrap();
        config.alpn_protocols = offers.iter().map(|it| it.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (to, mut connecting) = mpsc::channel(16);
        let connections = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let counted = Arc::clone(&connections);
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Some(io) = connecting.recv().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let accepted = acceptor.accept(io).await.unwrap();
                open.spawn(play(accepted));
            }
        });
        (Self { connections, script, _tasks: tasks }, Http::trusting(Memory(to), roots))
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many requests scripted servers were asked.
    pub(crate) fn asked(&self) -> usize {
        self.script.asked.load(Ordering::Relaxed)
    }
}

impl Script {
    async fn speak(&self, mut io: TlsStream<DuplexStream>) -> io::Result<()> {
        const PREFACE_BYTES: usize = 24;
        io.read_exact(&mut [0; PREFACE_BYTES]).await?;
        io.write_all(&frame(Kind::Settings, 0, 0, &[])).await?;
        io.flush().await?;
        loop {
            let mut head = [0; 9];
            io.read_exact(&mut head).await?;
            let [one, two, three, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, one, two, three]) as usize];
            io.read_exact(&mut payload).await?;
            let is_request = kind == Kind::Data as u8 || kind == Kind::Headers as u8;
            if kind == Kind::Settings as u8 && flags == 0 {
                io.write_all(&frame(Kind::Settings, 1, 0, &[])).await?;
            } else if is_request && flags & END_STREAM != 0 {
                self.asked.fetch_add(1, Ordering::Relaxed);
                let line = self.lines.lock().unwrap().pop_front().unwrap_or(&[Say::Well]);
                for say in line {
                    let said = match say {
                        Say::End => return Ok(()),
                        Say::Nothing => std::future::pending().await,
                        said => said.frames(u32::from_be_bytes(stream)),
                    };
                    io.write_all(&said).await?;
                }
            }
            io.flush().await?;
        }
    }
}

/// The frames of HTTP/2 that are needed, by their numbers.
#[derive(Clone, Copy)]
enum Kind {
    Data = 0,
    Headers = 1,
    Reset = 3,
    Settings = 4,
    GoAway = 7,
}

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

impl Say {
    fn frames(self, stream: u32) -> Vec<u8> {
        // The 8th entry of the table that every connection begins with: `:status: 200`.
        let head = || frame(Kind::Headers, END_HEADERS, stream, &[0x88]);
        match self {
            Self::Well => [head(), frame(Kind::Data, END_STREAM, stream, b"well")].concat(),
            Self::Begin => [head(), frame(Kind::Data, 0, stream, b"we")].concat(),
            Self::GoAway { last, why } => {
                let payload = [last.to_be_bytes(), why.to_be_bytes()].concat();
                frame(Kind::GoAway, 0, 0, &payload)
            }
            Self::Reset(why) => frame(Kind::Reset, 0, stream, &why.to_be_bytes()),
            Self::End | Self::Nothing => Vec::new(),
        }
    }
}

fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, bytes @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&bytes[..], &[kind as u8, flags], &stream.to_be_bytes(), payload].concat()
}

/// A certificate of [`HOST`] that is signed by its own key (RFC 5280, and 8410 for the key).
fn certificate() -> (CertificateDer<'static>, PrivatePkcs8KeyDer<'static>) {
    const SEQUENCE: u8 = 0x30;
    const BITS: u8 = 0x03;
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
    let algorithm = der(SEQUENCE, &[&der(0x06, &[&[0x2b, 0x65, 0x70]])]);
    let common_name = [der(0x06, &[&[0x55, 0x04, 0x03]]), der(0x0c, &[HOST.as_bytes()])].concat();
    let name = der(SEQUENCE, &[&der(0x31, &[&der(SEQUENCE, &[&common_name])])]);
    let validity = [der(0x17, &[b"000101000000Z"]), der(0x18, &[b"99991231235959Z"])].concat();
    let names = der(0x04, &[&der(SEQUENCE, &[&der(0x82, &[HOST.as_bytes()])])]);
    let extension = der(SEQUENCE, &[&der(0x06, &[&[0x55, 0x1d, 0x11]]), &names]);
    let signed = der(
        SEQUENCE,
        &[
            &der(0xa0, &[&der(0x02, &[&[2]])]),
            &der(0x02, &[&[1]]),
            &algorithm,
            &name,
            &der(SEQUENCE, &[&validity]),
            &name,
            &der(SEQUENCE, &[&algorithm, &der(BITS, &[&[0], pair.public_key().as_ref()])]),
            &der(0xa3, &[&der(SEQUENCE, &[&extension])]),
        ],
    );
    let signature = der(BITS, &[&[0], pair.sign(&signed).as_ref()]);
    let whole = der(SEQUENCE, &[&signed, &algorithm, &signature]);
    (whole.into(), PrivatePkcs8KeyDer::from(key.as_ref().to_vec()))
}

/// A value of ASN.1's, of at most 65,535 bytes.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
    let head = match value.len() {
        0..128 => vec![tag, low],
        128..256 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, value].concat()
}
