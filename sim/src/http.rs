//! Serving a router on any listener: tokio's, turmoil's, or the tests' pipes.

use std::{convert::Infallible, net::SocketAddr};

use axum::{Router, serve::Listener};
use creel_gateway::server::{self, Idle};

/// Serves `router` on `listener` for as long as the future is polled, as the gateway serves its own port.
///
/// A connection that its client closes drops the handler that it was waiting for; that is how a twin sees that it was
/// abandoned. A twin never closes an idle connection of its own accord: no scenario asked for that fault.
pub async fn serve<L>(listener: L, router: Router) -> Infallible
where
    L: Listener<Addr = SocketAddr>,
{
    server::serve(listener, router, Idle::Kept).await
}

#[cfg(test)]
pub(crate) mod testing {
    //! A network of pipes and a client that speaks HTTP over it, so that twins are tested as clients meet them.

    use std::{
        io,
        net::{IpAddr, Ipv4Addr},
    };

    use super::SocketAddr;

    use axum::{Router, body::Body, serve::Listener};
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use hyper::{Request, Response, body::Incoming};
    use hyper_util::rt::TokioIo;
    use serde_json::Value;
    use tokio::{io::DuplexStream, sync::mpsc, task::JoinSet};

    const PIPE_BYTES: usize = 64 * 1024;

    /// A pipe has no address.
    const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

    /// A listener to which [`Client::call`] hands one end of a pipe.
    pub(crate) struct Pipes(mpsc::Receiver<DuplexStream>);

    impl Listener for Pipes {
        type Io = DuplexStream;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
            match self.0.recv().await {
                Some(pipe) => (pipe, NOWHERE),
                None => std::future::pending().await,
            }
        }

        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(NOWHERE)
        }
    }

    /// Calls a router over its own connection for each request. Dropping a call closes its connection.
    #[derive(Clone)]
    pub(crate) struct Client(mpsc::Sender<DuplexStream>);

    /// A response, and the connection that it comes from.
    pub(crate) struct Answer {
        pub(crate) response: Response<Incoming>,
        _connection: JoinSet<()>,
    }

    /// Serves `router` for as long as the set lives.
    pub(crate) fn serve(router: Router) -> (Client, JoinSet<()>) {
        let (sender, receiver) = mpsc::channel(16);
        let mut server = JoinSet::new();
        server.spawn(async move {
            super::serve(Pipes(receiver), router).await;
        });
        (Client(sender), server)
    }

    impl Client {
        pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            self.0.send(theirs).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.unwrap();
            let mut driver = JoinSet::new();
            driver.spawn(async move {
                let _ = connection.await;
            });
            let response = sender.send_request(request).await.unwrap();
            Answer { response, _connection: driver }
        }

        pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
            self.call(Request::get(path).body(Body::empty()).unwrap()).await.json().await
        }

        pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
            self.call(post(path, "application/json", body.to_string())).await.json().await
        }
    }

    /// A request with a body.
    pub(crate) fn post(path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
        Request::post(path)
            .header("host", "twin")
            .header("content-type", kind)
            .body(body.into())
            .unwrap()
    }

    impl Answer {
        pub(crate) async fn json(self) -> (u16, Value) {
            let status = self.response.status().as_u16();
            let body = self.response.into_body().collect().await.unwrap().to_bytes();
            (status, serde_json::from_slice(&body).unwrap())
        }

        /// Everything that arrived, and whether the body ended properly.
        pub(crate) async fn body(self) -> (String, bool) {
            let mut body = self.response.into_body();
            let mut text = Vec::new();
            loop {
                match body.frame().await {
                    Some(Ok(frame)) => {
                        text.extend(frame.into_data().unwrap_or_else(|_| Bytes::new()));
                    }
                    Some(Err(_)) => return (String::from_utf8(text).unwrap(), false),
                    None => return (String::from_utf8(text).unwrap(), true),
                }
            }
        }
    }
}
