//! Who watches, and what they are told. The loop tells; each connection has a bounded buffer and never holds the loop up.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use creel_core::{
    approval::Decision,
    ids::{ApprovalId, MessageId, RunId},
    operator::{End, Ended, Telling, Told},
    session_key::SessionKey,
    time::WallTime,
};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use self::{
    presence::Presence,
    seat::{Buffer, Head, Weight, needed},
};
use super::frame::{Event, StateVersion};
use crate::{
    clock::{self, WallClock},
    secret::Masks,
};

mod approvals;
mod presence;
mod seat;

pub use seat::{BUFFERED_BYTES_MAX, Listener, Seat, TooSlow};

/// From how many requests on that are waited for those are forgotten that nobody waits for any more.
const WAITED_FOR_MAX: usize = 1_000;

/// How often those who watch a run are told what it wrote, at most.
const WORDS_EVERY: Duration = Duration::from_millis(150);

/// How often a connection is told how the gateway is, where few are connected.
const HEALTH_EVERY: Duration = Duration::from_mins(1);

/// What stands between two answers of a run's model.
const APART: &str = "\n\n";

/// How many parts of an answer may wait for whoever listens to it.
const WORDS_MAX: usize = 256;

/// Everything that is known of who watches. A clone is the same hub.
#[derive(Clone, Debug)]
pub struct Hub {
    inner: Arc<Mutex<Inner>>,
    wall_clock: WallClock,
    masks: Masks,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    watchers: BTreeMap<u64, Arc<Buffer>>,
    /// The runs that somebody may be told of still.
    runs: BTreeMap<RunId, Live>,
    waiters: BTreeMap<MessageId, Vec<oneshot::Sender<End>>>,
    listeners: BTreeMap<MessageId, mpsc::Sender<Arc<str>>>,
    deciders: BTreeMap<ApprovalId, Vec<oneshot::Sender<Option<Decision>>>>,
    presence: Presence,
    version: StateVersion,
    notices: u64,
}

/// A run under way, as its watchers know it.
#[derive(Debug)]
struct Live {
    seq: u64,
    /// What it has said.
    text: String,
    /// How much of it was told, and when: an event has the whole text, and not each of a model's words is worth one.
    told: usize,
    told_at: Option<Instant>,
    started: WallTime,
}

impl Hub {
    /// A hub that nobody watches yet.
    pub fn new(wall_clock: WallClock) -> Self {
        Self { inner: Arc::default(), wall_clock, masks: Masks::default() }
    }

    /// The same, that shows none of these secrets where somebody else's words are shown.
    #[must_use]
    pub fn masking(self, masks: Masks) -> Self {
        Self { masks, ..self }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }

    /// What the wall clock shows, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.wall_clock.now().as_unix_ms()
    }

    /// Takes a connection in, which is present as `presence` from now on.
    pub fn seat(&self, listener: Listener, presence: Value) -> Seat {
        let buffer = Arc::new(Buffer::new(listener));
        let mut inner = self.inner();
        inner.next += 1;
        let id = inner.next;
        inner.watchers.insert(id, buffer.clone());
        inner.presence.came(id, presence);
        inner.others_changed(Some(id));
        drop(inner);
        Seat::new(self.clone(), id, buffer)
    }

    fn leave(&self, id: u64) {
        let now_ms = self.now_ms();
        let mut inner = self.inner();
        inner.watchers.remove(&id);
        inner.presence.left(id, now_ms);
        inner.others_changed(None);
    }

    fn presence_event(&self) -> Head {
        let inner = &mut *self.inner();
        inner.presence.event(inner.version)
    }

    /// Who is connected, and who was lately: the last ones.
    pub fn presence(&self) -> Vec<Value> {
        self.inner().presence.entries()
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
        let all = inner.waiters.entry(name.clone()).or_default();
        // Who asks again and again for the same one has given up the last time.
        all.retain(|it| !it.is_closed());
        all.push(ended);
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

    /// How often a connection is told how the gateway is: where many are connected more seldom, since each asks the loop.
    pub fn health_every(&self) -> Duration {
        presence::told_every(self.count()).max(HEALTH_EVERY)
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.inner().watchers.len()
    }

    /// Tells everybody of an event who may hear of it.
    pub fn publish(&self, event: &str, payload: Value) {
        self.inner().publish(event, payload, Weight::Kept);
    }

    /// Tells those who may look what the loop has to tell.
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
            (Some(run), Telling::AskedAgain(stands)) => {
                inner.asked_again((run, &asked, &session), &stands, now);
            }
            (run, Telling::Ended(end)) => inner.ended((run, &asked, &session), &end, now),
            // No session is concerned, so nobody is told but whoever waits.
            (_, Telling::Sent(end)) => asked.iter().for_each(|it| inner.answer(it, &end)),
            (None, Telling::Notice(text)) => inner.notice(&session, &text, now),
            (None, Telling::Started | Telling::Wrote(_) | Telling::AskedAgain(_))
            | (Some(_), Telling::Notice(_)) => {}
        }
    }
}

/// A run as a told fact names it: its number, the requests it serves, its session.
type Of<'a> = (RunId, &'a [MessageId], &'a SessionKey);

impl Inner {
    fn started(&mut self, (run, asked, session): Of<'_>, now: WallTime) {
        let live = Live { seq: 0, text: String::new(), told: 0, told_at: None, started: now };
        self.runs.insert(run, live);
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

    fn wrote(&mut self, of: Of<'_>, text: &str, now: WallTime) {
        let Some(live) = self.runs.get_mut(&of.0) else { return };
        live.text.push_str(text);
        let told = live.told_at.filter(|it| clock::instant() < *it + WORDS_EVERY);
        if told.is_none() {
            self.tell_words(of, now);
        }
    }

    /// The model is asked once more: what stands of its words is told, and what it says next is apart from them.
    fn asked_again(&mut self, of: Of<'_>, stands: &str, now: WallTime) {
        let Some(live) = self.runs.get_mut(&of.0) else { return };
        let is_whole = live.text == stands;
        stands.clone_into(&mut live.text);
        if !is_whole || live.told < stands.len() {
            self.tell_words(of, now);
        }
        if !stands.is_empty()
            && let Some(live) = self.runs.get_mut(&of.0)
        {
            live.text.push_str(APART);
            self.pass_on(of.1, &APART.into());
        }
    }

    /// Tells what a run has said so far.
    fn tell_words(&mut self, (run, asked, session): Of<'_>, now: WallTime) {
        let Some(live) = self.runs.get_mut(&run) else { return };
        // None if words were taken back.
        let new = live.text.get(live.told..).map(ToOwned::to_owned);
        (live.told, live.told_at) = (live.text.len(), Some(clock::instant()));
        if self.watchers.is_empty() {
            return;
        }
        let whole = live.text.clone();
        let data = json!({ "text": whole, "delta": new.as_deref().unwrap_or_default() });
        let seq = self.agent((run, asked, session), "assistant", &data, (now, Weight::Light));
        for name in asked {
            let mut payload = chat((name.as_str(), session), seq, "delta", Some((&whole, now)));
            payload["deltaText"] = json!(new.as_ref().unwrap_or(&whole));
            if new.is_none() {
                payload["replace"] = json!(true);
            }
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
            // There are clients that know an answer by its parts alone.
            let is_untold =
                |it: &Live| !it.text.get(it.told..).unwrap_or_default().trim().is_empty();
            if self.runs.get(&run).is_some_and(is_untold) {
                self.tell_words((run, asked, session), now);
            }
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
            self.answer(name, end);
        }
    }

    /// A request is over for those who wait for it.
    fn answer(&mut self, name: &MessageId, end: &End) {
        for waiter in self.waiters.remove(name).into_iter().flatten() {
            // Who waited may have gone.
            _ = waiter.send(end.clone());
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

    /// Everybody but one is to hear who is there.
    fn others_changed(&mut self, but: Option<u64>) {
        self.version.presence += 1;
        for (_, buffer) in self.watchers.iter().filter(|(id, _)| Some(**id) != but) {
            buffer.others_changed();
        }
    }

    fn publish(&self, event: &str, payload: Value, weight: Weight) {
        if self.watchers.is_empty() {
            return;
        }
        let needed = needed(event);
        let head = Head::of(&Event::unnumbered(event, payload));
        for buffer in self.watchers.values() {
            buffer.push(&head, (needed, weight));
        }
    }
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

#[cfg(test)]
mod tests;
