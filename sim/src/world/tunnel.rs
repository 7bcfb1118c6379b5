//! A proxy for targets that insist on https and on a platform's own host name: what they ask it for by `CONNECT` reaches
//! the platform's twin, with a certificate of an authority that is made for the run. Whatever else they ask for is stray
//! traffic, and goes nowhere.
//!
//! ```text
//!   target ── CONNECT api.telegram.org:443 ──▶ tunnel ── TLS, answered here ──▶ the twin, in plain HTTP
//!          ── CONNECT elsewhere ──▶ 403, and a harness error
//! ```

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::serve::Listener as _;
use creel_gateway::net::{Net, TokioNet};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::recorder::Recorder;

/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long a client may take to say what it wants, and to shake hands.
const SAY_WITHIN: Duration = Duration::from_secs(20);

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot listen.
    #[error("listen for a proxy: {0}")]
    Listen(#[from] std::io::Error),
    /// The certificates cannot be made.
    #[error("make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// They cannot be used.
    #[error("use a certificate: {0}")]
    Tls(#[from] rustls::Error),
}

/// The proxy of a run, which listens.
pub struct Tunnel {
    listener: <TokioNet as Net>::Listener,
    /// Where it listens.
    pub address: SocketAddr,
    /// The authority's certificate, which the target is to trust.
    pub authority_pem: String,
    way: Arc<Way>,
}

/// Where connections go.
struct Way {
    /// The address of the twin that stands for each host.
    twins: BTreeMap<String, SocketAddr>,
    acceptor: TlsAcceptor,
    recorder: Recorder,
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tunnel").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Tunnel {
    /// Listens at `address` for what goes to these hosts, each of which a twin stands for.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn bind(
        address: SocketAddr,
        twins: BTreeMap<String, SocketAddr>,
        recorder: Recorder,
    ) -> Result<Self, Error> {
        let (authority_pem, config) = certificates(twins.keys().cloned().collect())?;
        let listener = TokioNet.bind(address).await?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self {
            listener,
            address,
            authority_pem,
            way: Arc::new(Way { twins, acceptor, recorder }),
        })
    }

    /// Serves connections for as long as the future is polled.
    pub async fn serve(mut self) -> Infallible {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(ended) = connections.join_next() => if let Err(error) = ended {
                    std::panic::resume_unwind(error.into_panic());
                },
                (stream, _) = self.listener.accept() => {
                    let way = self.way.clone();
                    // A connection that breaks is the two ends' business.
                    connections.spawn(async move { _ = way.lead(stream).await });
                }
            }
        }
    }
}

impl Way {
    /// Leads a connection where it asks to go.
    async fn lead(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some(asked) = timeout(SAY_WITHIN, read_head(&mut stream)).await?? else {
            return Ok(());
        };
        let Some((host, port)) = destination(&asked) else {
            self.recorder
                .harness_error(format!("stray traffic: the proxy was asked for `{asked}`"));
            return stream.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n").await;
        };
        if let Some(twin) = self.twins.get(host) {
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            let mut clear = timeout(SAY_WITHIN, self.acceptor.accept(stream)).await??;
            let mut twin = TcpStream::connect(twin).await?;
            twin.set_nodelay(true)?;
            copy_bidirectional(&mut clear, &mut twin).await?;
            return Ok(());
        }
        // Some clients ask their proxy for this very machine, too.
        if let Ok(address @ IpAddr::V4(_)) = host.parse::<IpAddr>()
            && address.is_loopback()
        {
            let mut there = TcpStream::connect((address, port)).await?;
            there.set_nodelay(true)?;
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            copy_bidirectional(&mut stream, &mut there).await?;
            return Ok(());
        }
        self.recorder.harness_error(format!("stray traffic: the target asked for `{host}:{port}`"));
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await
    }
}

/// The first line of a request, whose head is read to its end; none if the client says nothing.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // A byte at a time, since what follows the head is another protocol's.
        match stream.read_u8().await {
            Ok(byte) if head.len() < HEAD_BYTES_MAX => head.push(byte),
            Ok(_) | Err(_) => return Ok(None),
        }
    }
    let text = String::from_utf8_lossy(&head);
    Ok(text.lines().next().map(str::to_owned))
}

/// The host and port that a `CONNECT` asks for.
fn destination(asked: &str) -> Option<(&str, u16)> {
    let (host, port) = asked.strip_prefix("CONNECT ")?.split(' ').next()?.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// The certificate of a new authority, and what a server needs that is each of these hosts.
fn certificates(hosts: Vec<String>) -> Result<(String, ServerConfig), Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Creel, for one run");
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let pem = authority.self_signed(&authority_key)?.pem();
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    let certificate = CertificateParams::new(hosts)?.signed_by(&key, &issuer)?;
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config = builder
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // The twins speak nothing newer.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((pem, config))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use creel_judge::trace::Kind;
    use rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    };
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    use super::*;

    const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// A tunnel to a twin that repeats what it hears once.
    async fn start() -> (SocketAddr, String, Recorder, JoinSet<Infallible>) {
        let recorder = Recorder::new();
        let twin = TcpListener::bind(LOOPBACK).await.unwrap();
        let twins = BTreeMap::from([("api.example.test".to_owned(), twin.local_addr().unwrap())]);
        let tunnel = Tunnel::bind(LOOPBACK, twins, recorder.clone()).await.unwrap();
        let (address, pem) = (tunnel.address, tunnel.authority_pem.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(tunnel.serve());
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = twin.accept().await.unwrap();
                let mut heard = [0; 5];
                stream.read_exact(&mut heard).await.unwrap();
                stream.write_all(&heard).await.unwrap();
            }
        });
        (address, pem, recorder, tasks)
    }

    async fn ask(address: SocketAddr, line: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{line}\r\nhost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_head(&mut stream).await.unwrap().unwrap();
        (stream, answer)
    }

    #[tokio::test]
    async fn a_host_of_the_manifest_is_its_twin_with_a_certificate_of_the_run() {
        let (address, pem, recorder, _tasks) = start().await;
        let (stream, answer) = ask(address, "CONNECT api.example.test:443 HTTP/1.1").await;
        assert_eq!(answer, "HTTP/1.1 200 Connection established");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = builder.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from("api.example.test").unwrap();
        let mut clear = connector.connect(name, stream).await.unwrap();
        clear.write_all(b"hello").await.unwrap();
        let mut heard = [0; 5];
        clear.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
        assert!(recorder.take().is_empty());
    }

    #[tokio::test]
    async fn what_goes_elsewhere_is_stray() {
        let (address, _, recorder, _tasks) = start().await;
        let (_, answer) = ask(address, "CONNECT updates.example.test:443 HTTP/1.1").await;
        assert_eq!(answer, "HTTP/1.1 403 Forbidden");
        let (_, answer) = ask(address, "GET http://example.test/ HTTP/1.1").await;
        assert_eq!(answer, "HTTP/1.1 405 Method Not Allowed");
        let said = recorder.take().into_iter().map(|it| match it.kind {
            Kind::HarnessError { what } => what,
            other => panic!("expected a harness error, found {other:?}"),
        });
        let expected = [
            "stray traffic: the target asked for `updates.example.test:443`",
            "stray traffic: the proxy was asked for `GET http://example.test/ HTTP/1.1`",
        ];
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn this_machine_is_reached_as_it_is() {
        let (address, _, recorder, _tasks) = start().await;
        let here = TcpListener::bind(LOOPBACK).await.unwrap();
        let port = here.local_addr().unwrap().port();
        let (mut stream, answer) =
            ask(address, &format!("CONNECT 127.0.0.1:{port} HTTP/1.1")).await;
        assert_eq!(answer, "HTTP/1.1 200 Connection established");
        let (mut accepted, _) = here.accept().await.unwrap();
        stream.write_all(b"x").await.unwrap();
        assert_eq!(accepted.read_u8().await.unwrap(), b'x');
        assert!(recorder.take().is_empty());
    }
}
