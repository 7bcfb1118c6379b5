//! One connection's place at the hub: what waits for it, within bounds.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{Hub, presence::told_every};
use crate::{
    clock,
    control::{
        frame::Event,
        scope::{Role, Scope, Scopes},
    },
};

/// How much may wait for one connection, in bytes: `policy.maxBufferedBytes`.
pub const BUFFERED_BYTES_MAX: usize = 52_428_800;

/// From how much on a connection misses what later events say again: deltas and ticks.
const SLOW_BYTES: usize = BUFFERED_BYTES_MAX / 2;

/// An event's text up to its `seq`, which each connection counts by itself.
#[derive(Clone, Debug)]
pub(super) struct Head(Arc<str>);

impl Head {
    pub(super) fn of(event: &Event) -> Self {
        let mut text = event.json().to_string();
        // The closing brace.
        text.pop();
        Self(text.into())
    }

    fn numbered(&self, seq: u64) -> String {
        format!("{},\"seq\":{seq}}}", self.0)
    }
}

/// What a connection has to be allowed to be told of an event, if anything. Of what has no place here: to look.
pub(super) fn needed(event: &str) -> Option<Scope> {
    match event {
        "health" | "presence" => None,
        "device.pair.requested" | "device.pair.resolved" => Some(Scope::Pairing),
        "exec.approval.requested" | "exec.approval.resolved" => Some(Scope::Approvals),
        _ => Some(Scope::Read),
    }
}

/// Who sits at the other end: what it may be told depends on it.
#[derive(Clone, Debug)]
pub struct Listener {
    /// What it is.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
}

impl Listener {
    pub(super) fn may_hear(&self, needed: Option<Scope>) -> bool {
        needed.is_none_or(|it| self.role == Role::Operator && self.scopes.allow(it))
    }
}

/// Whether a slow connection may miss an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Kept,
    Light,
}

/// What waits for one connection.
#[derive(Debug)]
pub(super) struct Buffer {
    listener: Listener,
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Head>,
    bytes: usize,
    /// Who is there has changed since the connection was told.
    others_changed: bool,
    /// It was too slow: nothing more is kept, and the connection ends.
    is_over: bool,
}

impl Buffer {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no holder of this lock panics")
    }

    pub(super) fn new(listener: Listener) -> Self {
        Self { listener, waiting: Mutex::default(), more: Notify::new() }
    }

    pub(super) const fn listener(&self) -> &Listener {
        &self.listener
    }

    pub(super) fn push(&self, head: &Head, (needed, weight): (Option<Scope>, Weight)) {
        if !self.listener.may_hear(needed) {
            return;
        }
        let mut waiting = self.waiting();
        if waiting.is_over || (weight == Weight::Light && waiting.bytes > SLOW_BYTES) {
            return;
        }
        if waiting.bytes + head.0.len() > BUFFERED_BYTES_MAX {
            *waiting = Waiting { is_over: true, ..Waiting::default() };
        } else {
            waiting.bytes += head.0.len();
            waiting.events.push_back(head.clone());
        }
        drop(waiting);
        self.more.notify_one();
    }

    /// Who is there has changed. That is told when it is time to, and only as it is then.
    pub(super) fn others_changed(&self) {
        if !std::mem::replace(&mut self.waiting().others_changed, true) {
            self.more.notify_one();
        }
    }
}

/// One connection's place at the hub. Dropping it takes its place away.
#[derive(Debug)]
pub struct Seat {
    hub: Hub,
    id: u64,
    buffer: Arc<Buffer>,
    /// When it was told last who is there.
    told: Option<Instant>,
    /// How many events it was told that waited for it.
    taken: u64,
}

/// Why a connection is told nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("slow consumer")]
pub struct TooSlow;

/// What there is for a connection.
enum Next {
    Event(Head),
    Presence,
    Nothing,
}

impl Seat {
    pub(super) const fn new(hub: Hub, id: u64, buffer: Arc<Buffer>) -> Self {
        Self { hub, id, buffer, told: None, taken: 0 }
    }

    /// The next event, as the connection's event of this number. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// When the connection was too slow, and has missed some.
    pub async fn next(&mut self, seq: u64) -> Result<String, TooSlow> {
        loop {
            match self.look()? {
                Next::Event(head) => return Ok(head.numbered(seq)),
                Next::Nothing => self.buffer.more.notified().await,
                Next::Presence => {
                    let due = self.told.map(|it| it + told_every(self.hub.count()));
                    let Some(due) = due.filter(|it| *it > clock::instant()) else {
                        return Ok(self.tell_presence().numbered(seq));
                    };
                    tokio::select! {
                        () = self.buffer.more.notified() => {}
                        () = sleep_until(due) => {}
                    }
                }
            }
        }
    }

    /// How many events it was told that waited for it.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// How many that will be, once it was told all that wait now.
    pub fn known(&self) -> u64 {
        self.taken + self.buffer.waiting().events.len() as u64
    }

    fn look(&mut self) -> Result<Next, TooSlow> {
        let mut waiting = self.buffer.waiting();
        if waiting.is_over {
            return Err(TooSlow);
        }
        let Some(head) = waiting.events.pop_front() else {
            return Ok(if waiting.others_changed { Next::Presence } else { Next::Nothing });
        };
        waiting.bytes -= head.0.len();
        self.taken += 1;
        Ok(Next::Event(head))
    }

    fn tell_presence(&mut self) -> Head {
        self.told = Some(clock::instant());
        self.buffer.waiting().others_changed = false;
        self.hub.presence_event()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use tokio::time::timeout;

    use super::*;
    use crate::clock::WallClock;

    fn hub() -> Hub {
        Hub::new(WallClock::showing(|| creel_core::time::WallTime::from_unix_ms(0)))
    }

    fn seat(hub: &Hub, role: Role, scopes: &[Scope]) -> Seat {
        hub.seat(Listener { role, scopes: scopes.iter().copied().collect() }, json!({}))
    }

    fn looker(hub: &Hub) -> Seat {
        seat(hub, Role::Operator, &[Scope::Read])
    }

    async fn next(seat: &mut Seat) -> Option<Value> {
        let next = timeout(Duration::from_millis(10), seat.next(1)).await.ok()?;
        Some(serde_json::from_str(&next.unwrap()).unwrap())
    }

    fn present(event: &Value) -> usize {
        assert_eq!(event["event"], "presence");
        event["payload"]["presence"].as_array().unwrap().len()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_there_is_told_at_once_and_then_no_more_than_once_a_second() {
        let hub = hub();
        let mut first = looker(&hub);
        assert_eq!(next(&mut first).await, None, "nobody is told of itself");
        let second = looker(&hub);
        assert_eq!(present(&next(&mut first).await.unwrap()), 2);
        let more: Vec<Seat> = (0..5).map(|_| looker(&hub)).collect();
        drop(second);
        assert_eq!(next(&mut first).await, None);
        tokio::time::advance(Duration::from_secs(1)).await;
        let event = next(&mut first).await.unwrap();
        assert_eq!(present(&event), 7, "all that came, and the one that left");
        assert_eq!(event["stateVersion"]["presence"], 8);
        assert_eq!(next(&mut first).await, None, "once");
        drop(more);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_does_not_wait_for_who_is_there() {
        let hub = hub();
        let mut first = looker(&hub);
        let _second = looker(&hub);
        next(&mut first).await.unwrap();
        let _third = looker(&hub);
        hub.publish("x", json!({}));
        assert_eq!(next(&mut first).await.unwrap()["event"], "x");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_hears_what_it_may_not_look_at() {
        let hub = hub();
        let rows: [(Role, &[Scope], [bool; 4]); 6] = [
            (Role::Operator, &[], [false, false, false, true]),
            (Role::Operator, &[Scope::Pairing], [false, true, false, true]),
            (Role::Operator, &[Scope::Read], [true, false, true, true]),
            (Role::Operator, &[Scope::Write], [true, false, true, true]),
            (Role::Operator, &[Scope::Admin], [true, true, true, true]),
            (Role::Node, &[Scope::Read, Scope::Admin], [false, false, false, true]),
        ];
        for (role, scopes, expected) in rows {
            let mut seat = seat(&hub, role, scopes);
            for (event, expected) in
                ["chat", "device.pair.requested", "unheard.of", "health"].into_iter().zip(expected)
            {
                hub.publish(event, json!({}));
                let heard = next(&mut seat).await;
                assert_eq!(heard.is_some(), expected, "{role:?} {scopes:?} {event}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_listen_is_let_go_and_holds_no_memory() {
        let hub = hub();
        let mut seat = looker(&hub);
        let long = "x".repeat(1_000_000);
        for _ in 0..60 {
            hub.publish("long", json!(long));
        }
        assert_eq!(seat.next(1).await, Err(TooSlow));
        assert_eq!(seat.buffer.waiting().events.len(), 0);
    }
}
