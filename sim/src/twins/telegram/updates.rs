//! `getUpdates`: a queue a bot, and the long poll that empties it.
//!
//! ```text
//!   push ──▶ waiting ── in an answer ──▶ fetched ── offset passes it ──▶ forgotten
//!                              └── in later answers too, until then ──┘
//! ```

use std::{collections::VecDeque, time::Duration};

use creel_judge::trace::Kind;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    Telegram,
    call::{Call, Failure, Outcome},
};

/// How many updates may wait. The platform keeps them for a day.
pub(super) const UPDATES_MAX: usize = 10_000;

/// The longest long poll, as the platform caps it.
pub(super) const POLL_SECONDS_MAX: u64 = 50;

/// How many updates an answer holds at most, and if the client does not say.
const ANSWER_UPDATES_MAX: usize = 100;

/// Every bot's updates are numbered from here: the platform starts at any positive number.
const FIRST_UPDATE_ID: i64 = 730_000_001;

const CONFLICT: &str = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is \
    running";

const WEBHOOK: &str = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the \
    webhook first";

/// What waits for a bot.
#[derive(Debug)]
pub(super) struct Queue {
    updates: VecDeque<Update>,
    next_id: i64,
    /// The kinds that the bot wants. Empty for the platform's default.
    allowed: Vec<String>,
    /// Counts the polls. A poll that is no longer the newest has been replaced.
    polls: u64,
    /// Changes whenever a waiting poll should look again.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Update {
    id: i64,
    /// The message's name in the scenario.
    name: String,
    message: Value,
    fetched: bool,
}

impl Default for Queue {
    fn default() -> Self {
        let (changes, _) = watch::channel(0);
        let (updates, allowed) = (VecDeque::new(), Vec::new());
        Self { updates, next_id: FIRST_UPDATE_ID, allowed, polls: 0, changes }
    }
}

impl Queue {
    /// Queues a message, if the bot wants messages.
    pub(super) fn push(&mut self, name: &str, message: &Value) -> Result<(), String> {
        if !self.allowed.is_empty() && !self.allowed.iter().any(|it| it == "message") {
            return Ok(());
        }
        if self.updates.len() == UPDATES_MAX {
            return Err(format!("more than {UPDATES_MAX} updates wait: message `{name}` is lost"));
        }
        let (name, message) = (name.to_owned(), message.clone());
        self.updates.push_back(Update { id: self.next_id, name, message, fetched: false });
        self.next_id += 1;
        self.wake();
        Ok(())
    }

    pub(super) fn polled(&self) -> bool {
        self.polls > 0
    }

    pub(super) fn waiting(&self) -> usize {
        self.updates.len()
    }

    /// Forgets everything unseen, as `drop_pending_updates` asks.
    pub(super) fn clear(&mut self) {
        self.updates.clear();
    }

    fn wake(&self) {
        self.changes.send_modify(|it| *it += 1);
    }

    /// Forgets what lies before the offset, and names it. A negative one counts from the end.
    fn acknowledge(&mut self, offset: i64) -> Vec<String> {
        let keep_from = match offset {
            0 => return Vec::new(),
            1.. => self.updates.partition_point(|it| it.id < offset),
            _ => {
                let kept = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                self.updates.len().saturating_sub(kept)
            }
        };
        self.updates.drain(..keep_from).map(|it| it.name).collect()
    }

    /// The answer to a poll, and the names of the messages that are in one for the first time.
    fn answer(&mut self, limit: usize) -> (Vec<Value>, Vec<String>) {
        let mut fetched = Vec::new();
        let mut answer = Vec::new();
        for update in self.updates.iter_mut().take(limit) {
            if !update.fetched {
                update.fetched = true;
                fetched.push(update.name.clone());
            }
            answer.push(json!({ "update_id": update.id, "message": update.message }));
        }
        (answer, fetched)
    }
}

/// `getUpdates`.
pub(super) async fn poll(twin: &Telegram, bot: usize, call: &Call) -> Outcome {
    let (this_poll, mut changes) = begin(twin, bot, call)?;
    let limit = match call.integer("limit").and_then(|it| usize::try_from(it).ok()) {
        None | Some(0) => ANSWER_UPDATES_MAX,
        Some(limit) => limit.min(ANSWER_UPDATES_MAX),
    };
    let seconds = call.integer("timeout").and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
    let timeout = tokio::time::sleep(Duration::from_secs(seconds.min(POLL_SECONDS_MAX)));
    tokio::pin!(timeout);
    loop {
        let answer = look(twin, bot, this_poll, limit)?;
        if !answer.is_empty() {
            return Ok(Value::Array(answer));
        }
        tokio::select! {
            biased;
            // The queue lives as long as the platform, which this call holds.
            _ = changes.changed() => {}
            () = &mut timeout => return Ok(json!([])),
        }
    }
}

/// Acknowledges what the offset passes, and replaces the poll before this one.
fn begin(twin: &Telegram, bot: usize, call: &Call) -> Result<(u64, watch::Receiver<u64>), Failure> {
    let allowed = call.structure("allowed_updates")?;
    let state = &mut *twin.state();
    let account = &mut state.accounts[bot];
    if !account.settings.webhook.is_empty() {
        return Err(Failure::new(409, WEBHOOK));
    }
    let queue = &mut account.queue;
    for message in queue.acknowledge(call.integer("offset").unwrap_or(0)) {
        state.recorder.record(Kind::Acknowledged { message });
    }
    if let Some(Value::Array(kinds)) = allowed {
        queue.allowed = kinds.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
    }
    queue.polls += 1;
    queue.wake();
    Ok((queue.polls, queue.changes.subscribe()))
}

/// The answer for now, unless another poll took over.
fn look(twin: &Telegram, bot: usize, poll: u64, limit: usize) -> Result<Vec<Value>, Failure> {
    let state = &mut *twin.state();
    let queue = &mut state.accounts[bot].queue;
    if queue.polls != poll {
        return Err(Failure::new(409, CONFLICT));
    }
    let (answer, fetched) = queue.answer(limit);
    for message in fetched {
        state.recorder.record(Kind::Fetched { message });
    }
    Ok(answer)
}
