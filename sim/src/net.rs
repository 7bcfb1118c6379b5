//! Simulated networks, behind the gateway's one seam: turmoil's own, which moves in ticks, and one that moves by events.

pub mod events;

use std::{fmt, io, net::SocketAddr};

use creel_gateway::net::Net;

/// The simulated network of the turmoil host that the calling task belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurmoilNet;

/// A listener of the simulated network.
pub struct TurmoilListener(turmoil::net::TcpListener);

impl fmt::Debug for TurmoilListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurmoilListener").finish_non_exhaustive()
    }
}

impl Net for TurmoilNet {
    type Stream = turmoil::net::TcpStream;
    type Listener = TurmoilListener;

    async fn bind(&self, address: SocketAddr) -> io::Result<Self::Listener> {
        Ok(TurmoilListener(turmoil::net::TcpListener::bind(address).await?))
    }

    async fn connect(&self, host: &str, port: u16) -> io::Result<Self::Stream> {
        turmoil::net::TcpStream::connect((host, port)).await
    }
}

impl axum::serve::Listener for TurmoilListener {
    type Io = turmoil::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // A connection that went away before it was accepted is no error of the listener's.
            if let Ok(accepted) = self.0.accept().await {
                return accepted;
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
