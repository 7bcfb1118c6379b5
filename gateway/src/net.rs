//! Where bytes come from and go to: the one seam between the gateway and the network.
//!
//! Generic at the two edges only (listener and connector): once hyper has the stream, its type is gone.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use axum::serve::ListenerExt;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// A network: tokio's sockets for real, a simulated one in `sim`. TLS is the client's business.
pub trait Net: Clone + Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// A bound listener.
    type Listener: axum::serve::Listener<Io = Self::Stream, Addr = SocketAddr>;

    /// Binds a listener; port 0 lets the network choose.
    fn bind(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Connects to a host by name or address.
    fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// The numbers of a host. A network that does not tell has none.
    fn look_up(&self, _host: &str) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send {
        std::future::ready(Err(io::Error::from(io::ErrorKind::Unsupported)))
    }

    /// Whether programs may be started beside it: only where the machine is the real one.
    fn may_spawn(&self) -> bool {
        false
    }
}

/// The real network.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioNet;

impl Net for TokioNet {
    type Stream = tokio::net::TcpStream;
    type Listener = axum::serve::TapIo<tokio::net::TcpListener, fn(&mut tokio::net::TcpStream)>;

    async fn bind(&self, address: SocketAddr) -> io::Result<Self::Listener> {
        Ok(tokio::net::TcpListener::bind(address).await?.tap_io(disable_nagle))
    }

    async fn connect(&self, host: &str, port: u16) -> io::Result<Self::Stream> {
        let mut stream = tokio::net::TcpStream::connect((host, port)).await?;
        disable_nagle(&mut stream);
        Ok(stream)
    }

    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|it| it.ip()).collect())
    }

    fn may_spawn(&self) -> bool {
        true
    }
}

/// Without this, Nagle's algorithm and delayed acknowledgements cost some 40 ms a message.
fn disable_nagle(stream: &mut tokio::net::TcpStream) {
    // The peer may be gone already; the next read will say so.
    let _ = stream.set_nodelay(true);
}

/// Makes a [`Net`] usable as hyper-util's connector.
#[derive(Clone, Debug)]
pub struct Connector<N>(pub N);

impl<N: Net> tower_service::Service<hyper::Uri> for Connector<N> {
    type Response = PooledStream<N::Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: hyper::Uri) -> Self::Future {
        let net = self.0.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
                Some("https") => 443,
                _ => 80,
            });
            Ok(PooledStream(TokioIo::new(net.connect(host, port).await?)))
        })
    }
}

/// A connection, in the shape that hyper-util's pool wants.
#[derive(Debug)]
pub struct PooledStream<S>(TokioIo<S>);

impl<S> Connection for PooledStream<S> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl<S: AsyncRead + Unpin> hyper::rt::Read for PooledStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> hyper::rt::Write for PooledStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
