//! `creel record`: a proxy between a gateway and its model providers that writes what happened as a scenario.
//!
//! ```text
//! gateway ──► proxy ──► provider         every byte goes on as it comes
//!               │
//!               ▼
//!             tape ──► conversations ──► scenario ──► secrets ──► file
//!          exchanges    who said what     YAML text    redacted    replaced at once
//! ```
//!
//! The file is written anew soon after each request, so that a crash loses no more than a few seconds. A secret that was
//! seen in a header, a cookie or a query is in no file: before it is written, the whole text is searched for all of them.

mod answer;
mod conversation;
mod notation;
mod proxy;
mod redact;
mod scenario;
mod tape;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use axum::serve::Listener as _;
use creel_gateway::{
    clock::instant,
    http::Http,
    net::{Net as _, TokioNet},
};
use hyper::Uri;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

pub use self::tape::Summary;
use self::{proxy::Proxy, tape::Tape};

/// How often the file is written at most.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// The pause behind a writing, as a multiple of how long that took: what passes through meanwhile is not to be late.
const WRITE_SHARE: u32 = 10;

/// What is recorded, from where to where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The providers. With several, each is below a path of its own name.
    pub upstreams: Vec<Upstream>,
    /// Where the gateway finds the recorder; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The file.
    pub out: PathBuf,
    /// The scenario's id, which the file's place tells.
    pub id: String,
    /// The profile that it replays in; all without.
    pub profile: Option<String>,
    /// What is written of texts.
    pub texts: Texts,
    /// It ends after so many requests.
    pub requests_max: Option<u64>,
    /// It ends when nothing happened for so long, once something did.
    pub idle_max: Option<Duration>,
}

/// What is written of what people and models said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// `message N` in the place of what people said, words of the same length in the place of what models said; errors lose
    /// what they quote of people's words.
    Replaced,
    /// All but secrets.
    Kept,
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name in the scenario.
    pub name: String,
    /// Where it is, with the beginning of its paths.
    pub base: Uri,
}

/// Why nothing, or nothing more, was recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be had.
    #[error("listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A secret would be in the file.
    #[error(
        "a secret of request {request} would still be in the file, so nothing is written: it cannot be told from other text"
    )]
    Secret {
        /// Counts the requests, from 1.
        request: u64,
    },
    /// The signals of the system cannot be heard.
    #[error("wait for signals: {0}")]
    Signals(io::Error),
}

impl std::str::FromStr for Upstream {
    type Err = String;

    /// Reads `URL` or `NAME=URL`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = match text.split_once('=') {
            Some((name, url)) if !name.contains("://") => (name, url),
            _ => ("p", text),
        };
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        if name.is_empty() || name == crate::base::PROVIDER || !name.chars().all(is_plain) {
            return Err(format!(
                "`{name}` cannot be a provider's name: expected lower-case letters, digits and hyphens, and not `openai`"
            ));
        }
        let base: Uri = url.parse().map_err(|it| format!("`{url}` is no address: {it}"))?;
        if !matches!(base.scheme_str(), Some("http" | "https")) || base.host().is_none() {
            return Err(format!(
                "`{url}` is no address: expected `http://` or `https://`, then a host"
            ));
        }
        if base.query().is_some() || base.authority().is_some_and(|it| it.as_str().contains('@')) {
            return Err("an address with a query or a password in it is not supported: the gateway sends its key in a header".to_owned());
        }
        Ok(Self { name: name.to_owned(), base })
    }
}

/// A recorder that listens.
#[derive(Debug)]
pub struct Session {
    /// Where, with the port that the system chose if none was asked for.
    pub address: SocketAddr,
    listener: <TokioNet as creel_gateway::net::Net>::Listener,
    options: Options,
}

impl Session {
    /// Listens, and sees that the file can be written.
    ///
    /// # Errors
    ///
    /// If one or the other cannot be.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        tape::check_writable(&options.out)?;
        let listen = |source| Error::Listen { address: options.listen, source };
        let listener = TokioNet.bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { address, listener, options })
    }

    /// Records until it is interrupted, or has what was asked for.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or a secret would be in it.
    pub async fn run(self) -> Result<Summary, Error> {
        let Self { address: _, listener, options } = self;
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
        let (finished, mut ends) = watch::channel(0);
        let tape = Tape::new(&options, finished);
        let proxy = Proxy::new(options.upstreams.clone(), tape.clone(), Http::new(TokioNet));
        let watch = async {
            let mut count: u64 = 0;
            let mut next_write = instant();
            let mut is_written = true;
            loop {
                let due = async {
                    if is_written {
                        std::future::pending::<()>().await;
                    }
                    tokio::time::sleep_until(next_write).await;
                };
                let idle = async {
                    match options.idle_max.filter(|_| count > 0 && tape.is_quiet()) {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    Ok(()) = ends.changed() => {
                        count = *ends.borrow_and_update();
                        is_written = false;
                        if options.requests_max.is_some_and(|it| count >= it) {
                            return;
                        }
                    }
                    () = due => {
                        let began = instant();
                        // The gateway keeps its provider whatever happens to the file: the end says what was wrong.
                        _ = tape.write();
                        let took = began.elapsed();
                        next_write = instant() + WRITE_EVERY.max(took * WRITE_SHARE);
                        is_written = true;
                    }
                    () = idle => {
                        if tape.is_quiet() {
                            return;
                        }
                    }
                }
            }
        };
        tokio::select! {
            biased;
            () = watch => (),
            _ = tokio::signal::ctrl_c() => (),
            _ = terminate.recv() => (),
            never = proxy.serve(listener) => match never {},
        }
        tape.write()
    }
}

#[cfg(test)]
mod tests;
