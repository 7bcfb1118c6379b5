//! What went over the wire so far, and the file that it becomes.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use hyper::HeaderMap;
use tokio::{sync::watch, time::Instant};

use super::{
    Error, Options,
    redact::Secrets,
    scenario::{self, Facts},
};
use crate::twins::openai::dialect::Dialect;

/// The most requests that are recorded. Later ones go through all the same.
const EXCHANGES_MAX: usize = 10_000;

/// The most that is kept of one answer, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most that is kept of all requests and answers, in bytes. Each time the file is written, all of it is read.
const TAPE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The answer came whole, as far as HTTP tells.
    Complete,
    /// The provider closed the connection, or there was none.
    Cut,
    /// The gateway closed the connection first.
    Left,
}

/// A request, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// Counts all requests, from 1, those that are not recorded too.
    pub(super) number: u64,
    /// Since the recorder began.
    pub(super) at: Duration,
    /// The provider's name.
    pub(super) provider: String,
    /// The protocol.
    pub(super) dialect: Dialect,
    /// Which of the provider's keys it bears, from 0 in the order of their use.
    pub(super) key: usize,
    /// The model.
    pub(super) model: String,
    /// What tells conversations apart, if the gateway says something.
    pub(super) session: Option<String>,
    /// What people said, in the order of the prompt.
    pub(super) said: Vec<String>,
    /// The answer's status and headers, and when they came, since the request.
    pub(super) head: Option<(Duration, u16, HeaderMap)>,
    /// The answer's bytes, each with its time since the request.
    pub(super) pieces: Vec<(Duration, Bytes)>,
    /// Whether more came than is kept.
    pub(super) is_cut: bool,
    /// When and how it ended, since the request.
    pub(super) end: Option<(Duration, Ending)>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many requests.
    pub requests: usize,
    /// How many conversations.
    pub conversations: usize,
}

/// The tape. A clone is another handle on the same one.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    state: Arc<Mutex<State>>,
    options: Arc<Options>,
    started: Instant,
    /// How many requests ended.
    finished: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    numbers: u64,
    /// By number; those that are under way too.
    exchanges: Vec<Exchange>,
    /// How much they hold, in bytes.
    bytes: usize,
    /// How many requests came when there was no room any more.
    left_out: u64,
    /// The keys that were seen, with their providers.
    keys: Vec<(String, String)>,
    secrets: Secrets,
}

impl Tape {
    #[expect(clippy::disallowed_methods, reason = "what is recorded is real, and so is its time")]
    pub(super) fn new(options: &Options, finished: watch::Sender<u64>) -> Self {
        let (state, options) = (Arc::default(), Arc::new(options.clone()));
        Self { state, options, started: Instant::now(), finished }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the tape")
    }

    /// Counts a request, and remembers what in it is secret.
    pub(super) fn see_secrets(&self, headers: &HeaderMap, query: Option<&str>) -> u64 {
        let mut state = self.state();
        state.numbers += 1;
        let number = state.numbers;
        state.secrets.see(number, headers, query);
        number
    }

    /// Remembers what in an answer's head is secret.
    pub(super) fn see_answer(&self, number: u64, headers: &HeaderMap) {
        self.state().secrets.see(number, headers, None);
    }

    /// A request that is under way. What is no question to a model goes through unrecorded.
    pub(super) fn begin(
        &self,
        number: u64,
        provider: &str,
        (path, headers): (&str, &HeaderMap),
        body: &Bytes,
    ) -> Open {
        let mut open =
            Open { tape: self.clone(), number: None, began: self.started.elapsed(), bytes: 0 };
        let Some(dialect) = Dialect::of_path(path) else { return open };
        let mut state = self.state();
        if state.exchanges.len() >= EXCHANGES_MAX || state.bytes >= TAPE_BYTES_MAX {
            state.left_out += 1;
            return open;
        }
        let (asked, _) = dialect.read(headers, body);
        let own = (provider.to_owned(), dialect.key(headers).unwrap_or_default().to_owned());
        if !state.keys.contains(&own) {
            state.keys.push(own.clone());
        }
        let mut keys = state.keys.iter().filter(|it| it.0 == provider);
        let key = keys.position(|it| *it == own).unwrap_or_default();
        let said = asked.prompt.into_iter().filter(|it| it.role == "user").map(|it| it.text);
        let said: Vec<String> = said.collect();
        state.bytes += said.iter().map(String::len).sum::<usize>();
        state.exchanges.push(Exchange {
            number,
            at: open.began,
            provider: provider.to_owned(),
            dialect,
            key,
            model: asked.model,
            session: session(body),
            said,
            head: None,
            pieces: Vec::new(),
            is_cut: false,
            end: None,
        });
        open.number = Some(number);
        open
    }

    /// Whether no request is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.state().exchanges.iter().all(|it| it.end.is_some())
    }

    /// Writes the file, unless nobody said anything or a secret would be in it. Then an earlier one goes too: what is known
    /// to be secret now may be in it.
    pub(super) fn write(&self) -> Result<Summary, Error> {
        let state = self.state();
        let State { exchanges, secrets, left_out, .. } = &*state;
        let path = &self.options.out;
        let facts = Facts { exchanges, secrets, left_out: *left_out };
        // Requests without a person's words are in no conversation.
        let Some((text, spoken, summary)) = scenario::text(&facts, &self.options) else {
            return Ok(Summary::default());
        };
        let mut texts = spoken.iter().chain([&text]);
        if let Some(request) = texts.find_map(|it| secrets.left_in(it)) {
            // It may not be there.
            _ = fs::remove_file(path);
            return Err(Error::Secret { request });
        }
        replace(path, &text).map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(summary)
    }
}

/// What gateways say about the conversation beside its messages.
fn session(body: &Bytes) -> Option<String> {
    let request: serde_json::Value = serde_json::from_slice(body).ok()?;
    let places = ["/prompt_cache_key", "/metadata/user_id", "/user"];
    places.iter().find_map(|it| request.pointer(it)?.as_str().map(str::to_owned))
}

/// A request that is under way. Dropped, it records that the gateway went away first.
#[derive(Debug)]
pub(super) struct Open {
    tape: Tape,
    /// None if it is not recorded.
    number: Option<u64>,
    began: Duration,
    bytes: usize,
}

impl Open {
    fn record(&self, act: impl FnOnce(&mut Exchange, Duration)) {
        let Some(number) = self.number else { return };
        let took = self.tape.started.elapsed().saturating_sub(self.began);
        let mut state = self.tape.state();
        if let Some(it) = state.exchanges.iter_mut().find(|it| it.number == number) {
            act(it, took);
        }
    }

    /// The answer's head.
    pub(super) fn head(&mut self, status: u16, headers: &HeaderMap) {
        self.record(|it, took| it.head = Some((took, status, headers.clone())));
    }

    /// A part of the answer.
    pub(super) fn piece(&mut self, bytes: &Bytes) {
        if self.number.is_none() {
            return;
        }
        self.bytes += bytes.len();
        let has_room = {
            let kept = &mut self.tape.state().bytes;
            let has_room = self.bytes <= ANSWER_BYTES_MAX && *kept + bytes.len() <= TAPE_BYTES_MAX;
            *kept += if has_room { bytes.len() } else { 0 };
            has_room
        };
        self.record(|it, took| {
            if has_room && !it.is_cut {
                it.pieces.push((took, bytes.clone()));
            } else {
                it.is_cut = true;
            }
        });
    }

    /// The end.
    pub(super) fn end(mut self, ending: Ending) {
        self.close(ending);
    }

    fn close(&mut self, ending: Ending) {
        self.record(|it, took| it.end = Some((took, ending)));
        if self.number.take().is_some() {
            self.tape.finished.send_modify(|it| *it += 1);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close(Ending::Left);
    }
}

fn folder(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Sees that a file can be made where it shall be.
pub(super) fn check_writable(path: &Path) -> Result<(), Error> {
    let write = |source| Error::Write { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(write(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    fs::create_dir_all(folder(path)).map_err(write)?;
    tempfile::NamedTempFile::new_in(folder(path)).map(drop).map_err(write)
}

/// Puts a text in a file's place at once.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|it| it.error)
}
