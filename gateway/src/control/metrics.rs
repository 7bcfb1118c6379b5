//! `/metrics`: what the loop has done, counted as it happens, and how things stand at the moment of asking.
//!
//! Labels are what the configuration names (agents, channels) and closed lists of ours, so that no message makes a series.

mod exposition;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use creel_core::{
    approval::Subject,
    failover::classify::classify,
    gateway::{CredentialView, Effect, Event, Gateway, Load, Note},
    ids::RunId,
    run::ModelOutcome,
};
use tokio::time::Instant;

use self::exposition::Page;
use super::{connect::Peer, web::Web};
use crate::clock;

/// The kind of text that is served.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where a run without a chat of its own is counted.
const NO_CHANNEL: &str = "none";

/// The bounds of how long a run takes, in seconds.
const RUN_S: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// The bounds of what the gateway adds to that, in seconds.
const ADDED_S: [f64; 12] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// What was counted so far. A clone counts in the same place.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<Counts>>);

/// An agent and a channel.
type Labels = (String, String);

#[derive(Debug, Default)]
struct Counts {
    runs: BTreeMap<&'static str, u64>,
    attempts: BTreeMap<(&'static str, &'static str), u64>,
    given_up: BTreeMap<(String, &'static str), u64>,
    lasted: BTreeMap<Labels, Histogram<12>>,
    added: BTreeMap<Labels, Histogram<12>>,
    under_way: BTreeMap<RunId, Timing>,
}

/// How a run spends its time.
#[derive(Debug)]
struct Timing {
    labels: Labels,
    began: Instant,
    /// How long it has waited for models and tools.
    outside: Duration,
    /// Since when it does, and for how many of them.
    waits: Option<(Instant, u32)>,
}

/// How often something took how long.
#[derive(Clone, Debug)]
struct Histogram<const N: usize> {
    /// By bound, each with those below it left out.
    counts: [u64; N],
    all: u64,
    sum_s: f64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { counts: [0; N], all: 0, sum_s: 0.0 }
    }
}

impl<const N: usize> Histogram<N> {
    fn observe(&mut self, bounds: &[f64; N], took: Duration) {
        let took = took.as_secs_f64();
        self.all += 1;
        self.sum_s += took;
        if let Some(index) = bounds.iter().position(|it| took <= *it) {
            self.counts[index] += 1;
        }
    }
}

impl Timing {
    fn leave(&mut self, now: Instant) {
        self.waits = match self.waits {
            None => Some((now, 1)),
            Some((since, count)) => Some((since, count + 1)),
        };
    }

    fn come_back(&mut self, now: Instant) {
        match self.waits {
            Some((since, 1)) => {
                self.outside += now - since;
                self.waits = None;
            }
            Some((since, count)) => self.waits = Some((since, count - 1)),
            None => {}
        }
    }
}

impl Metrics {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// Something happened to the gateway: before it takes it in.
    pub fn event(&self, event: &Event) {
        match event {
            Event::ModelEnded { run, outcome, .. } => {
                let mut counts = self.counts();
                counts.come_back(*run, clock::instant());
                let how = match outcome {
                    ModelOutcome::Answered(_) => ("answered", ""),
                    ModelOutcome::Failed(failed) => ("failed", classify(failed.seen()).name()),
                };
                *counts.attempts.entry(how).or_default() += 1;
            }
            Event::ToolEnded { ticket, .. } => {
                self.counts().come_back(ticket.run, clock::instant());
            }
            Event::Inbound(_)
            | Event::ModelWrote { .. }
            | Event::SendEnded { .. }
            | Event::ToolsListed(..)
            | Event::ApprovalShown { .. }
            | Event::Tick
            | Event::Closing => {}
        }
    }

    /// The gateway wants something done.
    pub fn effect(&self, core: &Gateway, effect: &Effect) {
        match effect {
            Effect::CallModel(request) => self.counts().leave(request.run, clock::instant()),
            Effect::CallTool(job) => self.counts().leave(job.ticket.run, clock::instant()),
            // Whoever decides is outside, too.
            Effect::ApprovalAsked(approval) => {
                if let Subject::Call(call) = &approval.subject {
                    self.counts().leave(call.ticket.run, clock::instant());
                }
            }
            Effect::ApprovalEnded(ended) => {
                if let Subject::Call(call) = &ended.approval.subject {
                    self.counts().come_back(call.ticket.run, clock::instant());
                }
            }
            Effect::CancelModel(_) => {
                *self.counts().attempts.entry(("cancelled", "")).or_default() += 1;
            }
            Effect::Note(note) => self.note(core, note),
            Effect::CancelTools(_)
            | Effect::Send(_)
            | Effect::KeepHealth(_)
            | Effect::KeepGrant(_)
            | Effect::Told(_) => {}
        }
    }

    fn note(&self, core: &Gateway, note: &Note) {
        match note {
            Note::RunStarted(run, session) => {
                let Some((agent, channel)) = core.whose(*run, session) else { return };
                let channel = channel.map_or(NO_CHANNEL, |it| it.as_str());
                let labels = (agent.to_string(), channel.to_owned());
                let began = clock::instant();
                let timing = Timing { labels, began, outside: Duration::ZERO, waits: None };
                self.counts().under_way.insert(*run, timing);
            }
            Note::RunAnswered(run) => self.counts().ended(*run, "answered"),
            Note::RunFailed(run, _) => self.counts().ended(*run, "failed"),
            Note::RunAborted(run) => self.counts().ended(*run, "aborted"),
            Note::SendGivenUp(route, _) => {
                self.counts().given_up(route.channel.as_str(), "refused");
            }
            Note::OutboxFull(route) => {
                self.counts().given_up(route.channel.as_str(), "outbox_full");
            }
            Note::Duplicate(_)
            | Note::NotAdmitted(..)
            | Note::RequestFailed(..)
            | Note::CredentialRests(..)
            | Note::RetriesIn(..)
            | Note::ToolsListed(..)
            | Note::ToolCalled(..)
            | Note::ApprovalAsked(_)
            | Note::ApprovalEnded(..)
            | Note::SubagentStarted(_)
            | Note::CronSkipped(..)
            | Note::CronHasNoChat(_) => {}
        }
    }

    /// The page: what was counted, and what stands now.
    fn page(&self, load: &Load, credentials: &[CredentialView], clients: usize) -> String {
        let mut page = Page::default();
        stand(&mut page, load, credentials, clients);
        self.counts().write(&mut page);
        page.text()
    }
}

impl Counts {
    fn leave(&mut self, run: RunId, now: Instant) {
        if let Some(timing) = self.under_way.get_mut(&run) {
            timing.leave(now);
        }
    }

    fn come_back(&mut self, run: RunId, now: Instant) {
        if let Some(timing) = self.under_way.get_mut(&run) {
            timing.come_back(now);
        }
    }

    fn ended(&mut self, run: RunId, how: &'static str) {
        *self.runs.entry(how).or_default() += 1;
        // One that never had a slot took no time.
        let Some(timing) = self.under_way.remove(&run) else { return };
        let now = clock::instant();
        let waited = timing.waits.map_or(Duration::ZERO, |(since, _)| now - since);
        let lasted = now - timing.began;
        let added = lasted.saturating_sub(timing.outside + waited);
        self.lasted.entry(timing.labels.clone()).or_default().observe(&RUN_S, lasted);
        self.added.entry(timing.labels).or_default().observe(&ADDED_S, added);
    }

    fn given_up(&mut self, channel: &str, why: &'static str) {
        *self.given_up.entry((channel.to_owned(), why)).or_default() += 1;
    }

    fn write(&self, page: &mut Page) {
        page.family("creel_runs_total", "counter", "Runs that ended, by outcome.");
        for outcome in ["aborted", "answered", "failed"] {
            let count = self.runs.get(outcome).copied().unwrap_or_default();
            page.count(&[("outcome", outcome)], count);
        }
        let help = "Requests to models that ended, by outcome and by the reason of a failure.";
        page.family("creel_model_attempts_total", "counter", help);
        for ((outcome, reason), count) in &self.attempts {
            page.count(&[("outcome", outcome), ("reason", reason)], *count);
        }
        let help = "Texts that no platform will show, by channel and reason.";
        page.family("creel_sends_given_up_total", "counter", help);
        for ((channel, reason), count) in &self.given_up {
            page.count(&[("channel", channel), ("reason", reason)], *count);
        }
        let help = "How long runs take, from their slot to their end.";
        page.family("creel_run_duration_seconds", "histogram", help);
        for (labels, histogram) in &self.lasted {
            page.histogram(labels, &RUN_S, histogram);
        }
        let help =
            "What of it was spent neither at a model nor in a tool; waits between tries count.";
        page.family("creel_run_added_seconds", "histogram", help);
        for (labels, histogram) in &self.added {
            page.histogram(labels, &ADDED_S, histogram);
        }
    }
}

/// How things stand at this moment.
fn stand(page: &mut Page, load: &Load, credentials: &[CredentialView], clients: usize) {
    page.family("creel_queue_depth", "gauge", "Messages that wait in sessions, by agent.");
    for (agent, count) in &load.waiting {
        page.count(&[("agent", agent.as_str())], as_u64(*count));
    }
    page.family("creel_runs_under_way", "gauge", "Runs, also those that wait for a slot.");
    page.count(&[], as_u64(load.runs));
    page.family("creel_sends_waiting", "gauge", "Pieces of answers that wait to be sent.");
    page.count(&[], as_u64(load.sends));
    page.family("creel_sessions", "gauge", "Sessions that are known.");
    page.count(&[], as_u64(load.sessions));
    page.family("creel_clients", "gauge", "Clients that are connected.");
    page.count(&[], as_u64(clients));
    let help = "Credentials that rest now, by agent; disabled ones rest for money or for good.";
    page.family("creel_credentials_resting", "gauge", help);
    let mut resting: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for view in credentials {
        let counts = resting.entry(view.agent.as_str()).or_default();
        match (view.is_disabled, view.rests.is_empty()) {
            (true, _) => counts[1] += 1,
            (false, false) => counts[0] += 1,
            (false, true) => {}
        }
    }
    for (agent, [cooling, disabled]) in resting {
        page.count(&[("agent", agent), ("state", "cooling")], as_u64(cooling));
        page.count(&[("agent", agent), ("state", "disabled")], as_u64(disabled));
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// `GET /metrics`.
pub async fn answer(
    State(web): State<Web>,
    Extension(from): Extension<std::net::SocketAddr>,
    headers: HeaderMap,
) -> Response {
    // On this machine no secret is needed; what is counted names agents and channels, and is not everybody's.
    let passed = web.gate.anybody(&headers, from.ip()).and_then(|it| match it {
        Peer::Remote(_) => web.gate.operator(&headers, from.ip()),
        Peer::Program | Peer::Page => Ok(()),
    });
    if let Err(refusal) = passed {
        return (refusal.status(), format!("{refusal}\n")).into_response();
    }
    let look = |core: &mut Gateway, now: creel_core::time::Now, _: &mut Vec<Effect>| {
        (core.load(), core.credentials(now.monotonic))
    };
    match web.plane.operate(look).await {
        Ok((load, credentials)) => {
            let text = web.metrics.page(&load, &credentials, web.plane.hub.count());
            ([(header::CONTENT_TYPE, KIND)], text).into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.message).into_response(),
    }
}

#[cfg(test)]
mod tests;
