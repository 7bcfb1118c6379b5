//! A network of pipes inside the test, for tests in virtual time.

use std::{io, net::SocketAddr};

use creel_gateway::net::Net;
use tokio::{io::DuplexStream, sync::mpsc};

const PIPE_BYTES: usize = 64 * 1024;

/// A network on which every address is the one listener.
#[derive(Clone, Debug)]
pub(crate) struct PipeNet(mpsc::Sender<DuplexStream>);

/// What [`PipeNet`] connects to.
pub(crate) struct Pipes(mpsc::Receiver<DuplexStream>);

pub(crate) fn network() -> (PipeNet, Pipes) {
    let (sender, receiver) = mpsc::channel(16);
    (PipeNet(sender), Pipes(receiver))
}

impl Net for PipeNet {
    type Stream = DuplexStream;
    type Listener = Pipes;

    async fn bind(&self, _: SocketAddr) -> io::Result<Pipes> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect(&self, _: &str, _: u16) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        self.0.send(theirs).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }
}

impl axum::serve::Listener for Pipes {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        match self.0.recv().await {
            Some(pipe) => (pipe, ([127, 0, 0, 1], 1).into()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(([127, 0, 0, 1], 1).into())
    }
}
