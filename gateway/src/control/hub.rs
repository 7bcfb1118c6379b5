//! Who watches, and what they are told. The loop tells; each connection has a bounded buffer and never holds the loop up.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use creel_core::{
    ids::{MessageId, RunId},
    operator::{End, Ended, Telling, Told},
    session_key::SessionKey,
    time::WallTime,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, oneshot};

use super::frame::{Event, StateVersion};
use crate::clock::WallClock;

/// How much may wait for one connection, in bytes: `policy.maxBufferedBytes`.
pub const BUFFERED_BYTES_MAX: usize = 52_428_800;

/// From how much on a connection misses what later events say again: deltas and ticks.
const SLOW_BYTES: usize = BUFFERED_BYTES_MAX / 2;

/// From how many requests on that are waited for those are forgotten that nobody waits for any more.
const WAITED_FOR_MAX: usize = 1_000;

/// How many parts of an answer may wait for whoever listens to it.
const WORDS_MAX: usize = 256;

/// How many presence entries are kept of connections that are gone.
const GONE_MAX: usize = 50;

/// Everything that is known of who watches. A clone is the same hub.
#[derive(Clone, Debug)]
pub struct Hub {
    inner: Arc<Mutex<Inner>>,
    wall_clock: WallClock,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    watchers: BTreeMap<u64, Arc<Buffer>>,
    /// The runs that somebody may be told of still.
    runs: BTreeMap<RunId, Live>,
    waiters: BTreeMap<MessageId, Vec<oneshot::Sender<End>>>,
    listeners: BTreeMap<MessageId, mpsc::Sender<Arc<str>>>,
    present: BTreeMap<u64, Value>,
    gone: VecDeque<Value>,
    version: StateVersion,
    notices: u64,
}

/// A run under way, as its watchers know it.
#[derive(Debug)]
struct Live {
    seq: u64,
    text: String,
    started: WallTime,
}

/// What waits for one connection.
#[derive(Debug, Default)]
struct Buffer {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Head>,
    bytes: usize,
    /// It was too slow: nothing more is kept, and the connection ends.
    is_over: bool,
}

/// An event's text up to its `seq`, which each connection counts by itself.
type Head = Arc<str>;

/// One connection's place at the hub. Dropping it takes its place away.
#[derive(Debug)]
pub struct Seat {
    hub: Hub,
    id: u64,
    buffer: Arc<Buffer>,
}

/// Why a connection is told nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("slow consumer")]
pub struct TooSlow;

impl Hub {
    /// A hub that nobody watches yet.
    pub fn new(wall_clock: WallClock) -> Self {
        Self { inner: Arc::default(), wall_clock }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }

    /// What the wall clock shows, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.wall_clock.now().as_unix_ms()
    }

    /// Takes a connection in, which is present as `presence` from now on.
    pub fn seat(&self, presence: Value) -> Seat {
        let buffer = Arc::<Buffer>::default();
        let mut inner = self.inner();
        inner.next += 1;
        let id = inner.next;
        inner.watchers.insert(id, buffer.clone());
        inner.present.insert(id, presence);
        inner.version.presence += 1;
        inner.tell_presence(Some(id));
        drop(inner);
        Seat { hub: self.clone(), id, buffer }
    }

    /// Who is connected, and who was lately.
    pub fn presence(&self) -> Vec<Value> {
        self.inner().presence()
    }

    /// How often each part of the snapshot has changed.
    pub fn version(&self) -> StateVersion {
        self.inner().version
    }

    /// Returns when a request has ended. Ask for its progress afterwards, or an end in between is missed.
    pub fn end_of(&self, name: &MessageId) -> oneshot::Receiver<End> {
        let (ended, end) = oneshot::channel();
        let mut inner = self.inner();
        if inner.waiters.len() >= WAITED_FOR_MAX {
            inner.waiters.retain(|_, all| all.iter().any(|it| !it.is_closed()));
        }
        inner.waiters.entry(name.clone()).or_default().push(ended);
        end
    }

    /// What a request's answer is made of, as it is written, until its end or until the listener is too slow: its end says all.
    pub fn words_of(&self, name: &MessageId) -> mpsc::Receiver<Arc<str>> {
        let (wrote, words) = mpsc::channel(WORDS_MAX);
        let mut inner = self.inner();
        if inner.listeners.len() >= WAITED_FOR_MAX {
            inner.listeners.retain(|_, it| !it.is_closed());
        }
        inner.listeners.insert(name.clone(), wrote);
        words
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.inner().watchers.len()
    }

    /// Tells everybody of an event.
    pub fn publish(&self, event: &str, payload: Value) {
        self.inner().publish(event, payload, Weight::Kept);
    }

    /// Tells everybody what the loop has to tell.
    pub fn tell(&self, told: Told) {
        let now = self.wall_clock.now();
        let mut inner = self.inner();
        let Told { session, run, asked, what } = told;
        match (run, what) {
            (Some(run), Telling::Started) => inner.started((run, &asked, &session), now),
            (Some(run), Telling::Wrote(text)) => {
                inner.pass_on(&asked, &text);
                inner.wrote((run, &asked, &session), &text, now);
            }
            (run, Telling::Ended(end)) => inner.ended((run, &asked, &session), &end, now),
            (None, Telling::Notice(text)) => inner.notice(&session, &text, now),
            (None, Telling::Started | Telling::Wrote(_)) | (Some(_), Telling::Notice(_)) => {}
        }
    }
}

/// Whether a slow connection may miss an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Kept,
    Light,
}

/// A run as a told fact names it: its number, the requests it serves, its session.
type Of<'a> = (RunId, &'a [MessageId], &'a SessionKey);

impl Inner {
    fn started(&mut self, (run, asked, session): Of<'_>, now: WallTime) {
        self.runs.insert(run, Live { seq: 0, text: String::new(), started: now });
        let data = json!({ "phase": "start", "startedAt": now.as_unix_ms() });
        self.agent((run, asked, session), "lifecycle", &data, (now, Weight::Kept));
    }

    /// Those who listen hear the words, but nobody is waited for.
    fn pass_on(&mut self, asked: &[MessageId], text: &Arc<str>) {
        for name in asked {
            let heard = self.listeners.get(name).map(|it| it.try_send(text.clone()));
            if matches!(heard, Some(Err(_))) {
                self.listeners.remove(name);
            }
        }
    }

    fn wrote(&mut self, (run, asked, session): Of<'_>, text: &str, now: WallTime) {
        let Some(live) = self.runs.get_mut(&run) else { return };
        live.text.push_str(text);
        if self.watchers.is_empty() {
            return;
        }
        let whole = live.text.clone();
        let data = json!({ "text": whole, "delta": text });
        let seq = self.agent((run, asked, session), "assistant", &data, (now, Weight::Light));
        for name in asked {
            let payload = chat((name.as_str(), session), seq, "delta", Some((&whole, now)));
            self.publish("chat", payload, Weight::Light);
        }
    }

    fn ended(
        &mut self,
        (run, asked, session): (Option<RunId>, &[MessageId], &SessionKey),
        end: &End,
        now: WallTime,
    ) {
        let how = &end.how;
        let mut seq = 1;
        let mut written = String::new();
        if let Some(run) = run {
            let started = self.runs.get(&run).map(|it| it.started.as_unix_ms());
            let mut data =
                json!({ "phase": "end", "startedAt": started, "endedAt": now.as_unix_ms() });
            match how {
                Ended::Answered(_) => {}
                Ended::Failed(why) => {
                    data["phase"] = json!("error");
                    data["error"] = json!(why);
                }
                Ended::Aborted => data["aborted"] = json!(true),
            }
            seq = self.agent((run, asked, session), "lifecycle", &data, (now, Weight::Kept)) + 1;
            written = self.runs.remove(&run).map(|it| it.text).unwrap_or_default();
        }
        for name in asked {
            let of = (name.as_str(), session);
            let payload = match how {
                Ended::Answered(text) => chat(of, seq, "final", Some((text, now))),
                Ended::Aborted => {
                    let said = Some((written.as_str(), now)).filter(|it| !it.0.is_empty());
                    let mut payload = chat(of, seq, "aborted", said);
                    payload["stopReason"] = json!("rpc");
                    payload
                }
                Ended::Failed(why) => {
                    let mut payload = chat(of, seq, "error", None);
                    payload["errorMessage"] = json!(why);
                    payload
                }
            };
            self.publish("chat", payload, Weight::Kept);
            self.listeners.remove(name);
            for waiter in self.waiters.remove(name).into_iter().flatten() {
                // Who waited may have gone.
                _ = waiter.send(end.clone());
            }
        }
    }

    /// The gateway itself says something to operators.
    fn notice(&mut self, session: &SessionKey, text: &str, now: WallTime) {
        self.notices += 1;
        let name = format!("notice-{}", self.notices);
        let payload = chat((&name, session), 1, "final", Some((text, now)));
        self.publish("chat", payload, Weight::Kept);
    }

    /// An event of a run, under each name that it has; its place among the run's events.
    fn agent(
        &mut self,
        (run, asked, session): Of<'_>,
        stream: &str,
        data: &Value,
        (now, weight): (WallTime, Weight),
    ) -> u64 {
        let seq = self.runs.get_mut(&run).map_or(1, |it| {
            it.seq += 1;
            it.seq
        });
        let own = [run.to_string()];
        let names: Vec<&str> = match asked {
            [] => own.iter().map(String::as_str).collect(),
            asked => asked.iter().map(MessageId::as_str).collect(),
        };
        for name in names {
            let payload = json!({
                "runId": name, "stream": stream, "data": data, "sessionKey": session.as_str(), "seq": seq,
                "ts": now.as_unix_ms(),
            });
            self.publish("agent", payload, weight);
        }
        seq
    }

    fn presence(&self) -> Vec<Value> {
        self.present.values().chain(&self.gone).cloned().collect()
    }

    /// Everybody but one hears who is there.
    fn tell_presence(&mut self, but: Option<u64>) {
        let payload = json!({ "presence": self.presence() });
        let event =
            Event { state_version: Some(self.version), ..Event::unnumbered("presence", payload) };
        let head = head(&event);
        for (_, buffer) in self.watchers.iter().filter(|(id, _)| Some(**id) != but) {
            buffer.push(&head, Weight::Kept);
        }
    }

    fn publish(&mut self, event: &str, payload: Value, weight: Weight) {
        self.send(&Event::unnumbered(event, payload), weight);
    }

    fn send(&self, event: &Event, weight: Weight) {
        if self.watchers.is_empty() {
            return;
        }
        let head = head(event);
        for buffer in self.watchers.values() {
            buffer.push(&head, weight);
        }
    }
}

fn head(event: &Event) -> Head {
    let mut text = event.json().to_string();
    // The closing brace.
    text.pop();
    text.into()
}

fn chat(
    (run, session): (&str, &SessionKey),
    seq: u64,
    state: &str,
    said: Option<(&str, WallTime)>,
) -> Value {
    let mut payload =
        json!({ "runId": run, "sessionKey": session.as_str(), "seq": seq, "state": state });
    if let Some((text, at)) = said {
        payload["message"] = json!({
            "role": "assistant", "content": [{ "type": "text", "text": text }],
            "timestamp": at.as_unix_ms(),
        });
    }
    payload
}

impl Buffer {
    fn push(&self, head: &Head, weight: Weight) {
        let mut waiting = self.waiting.lock().expect("no holder of this lock panics");
        if waiting.is_over || (weight == Weight::Light && waiting.bytes > SLOW_BYTES) {
            return;
        }
        if waiting.bytes + head.len() > BUFFERED_BYTES_MAX {
            *waiting = Waiting { is_over: true, ..Waiting::default() };
        } else {
            waiting.bytes += head.len();
            waiting.events.push_back(head.clone());
        }
        drop(waiting);
        self.more.notify_one();
    }
}

impl Seat {
    /// The next event, as the connection's event of this number.
    ///
    /// # Errors
    ///
    /// When the connection was too slow, and has missed some.
    pub async fn next(&self, seq: u64) -> Result<String, TooSlow> {
        loop {
            {
                let mut waiting =
                    self.buffer.waiting.lock().expect("no holder of this lock panics");
                if waiting.is_over {
                    return Err(TooSlow);
                }
                if let Some(head) = waiting.events.pop_front() {
                    waiting.bytes -= head.len();
                    return Ok(format!("{head},\"seq\":{seq}}}"));
                }
            }
            self.buffer.more.notified().await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let now_ms = self.hub.now_ms();
        let mut inner = self.hub.inner();
        inner.watchers.remove(&self.id);
        if let Some(mut presence) = inner.present.remove(&self.id) {
            presence["reason"] = json!("disconnect");
            presence["ts"] = json!(now_ms);
            inner.gone.push_front(presence);
            inner.gone.truncate(GONE_MAX);
        }
        inner.version.presence += 1;
        inner.tell_presence(None);
    }
}
