//! I11, protocol truth: what operators' clients are told is numbered, and a run ends once.

use std::collections::BTreeMap;

use super::merged;
use crate::{
    context::Context,
    phrase::seconds,
    trace::{Fact, Kind, Saw, Trace},
    turns::{Request, Turns},
    verdict::Verdict,
};

/// The states of a chat event after which its run is over.
const TERMINALS: [&str; 3] = ["final", "aborted", "error"];

/// The states of an agent event after which its run is over.
const ENDS: [&str; 2] = ["lifecycle-end", "lifecycle-error"];

/// Events are numbered on each connection without a gap, in 2026.9 from 1; a run's events are numbered, too; a run ends once, and has one
/// terminal chat state and no chat event after it; a frame is one of the protocol's; and what was asked for under one key ran
/// once.
///
/// Exercised by clients that were let in. That a terminal state comes at all is judged of `chat.send` where the client stayed
/// until the end, no model is still asked, and the gateway lived on.
pub(super) fn check(trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    // In 2026.3 one count is everybody's, and what is told to one client alone has no number.
    let is_shared = context.profile == "2026.3";
    let mut connections = Connections { is_shared, ..Connections::default() };
    let mut findings = Vec::new();
    for fact in &trace.facts {
        if let Kind::Operator(it) = &fact.kind {
            findings.extend(connections.hear(&it.client, fact, &it.saw));
        }
    }
    let is_settled = turns.requests.iter().all(|it| it.end.is_some())
        && !trace.facts.iter().any(|it| matches!(it.kind, Kind::GatewayExited { .. }));
    if is_settled {
        findings.extend(connections.by_client.values().flat_map(Connection::unended));
    }
    let keys = keys(trace);
    findings.extend(keys.iter().filter_map(|it| ran_once(it, &keys, trace, turns)));
    merged(findings, "no operator's client was let in")
}

/// The latest connection of each client.
#[derive(Debug, Default)]
struct Connections {
    is_shared: bool,
    by_client: BTreeMap<String, Connection>,
}

#[derive(Debug, Default)]
struct Connection {
    is_open: bool,
    is_shared: bool,
    seq: Option<u64>,
    runs: BTreeMap<String, Run>,
    /// What was asked for on it and taken, by key: the fact of the question, and that of the answer.
    asked: BTreeMap<String, (String, u64)>,
    taken: BTreeMap<String, u64>,
}

/// A run as one connection hears of it.
#[derive(Debug, Default)]
struct Run {
    place: Option<u64>,
    /// The agent event that told its end.
    ended: Option<u64>,
    /// The chat event that told its end.
    settled: Option<u64>,
}

impl Connections {
    fn hear(&mut self, client: &str, fact: &Fact, saw: &Saw) -> Option<Verdict> {
        match saw {
            Saw::Connected { .. } => {
                let fresh = Connection {
                    is_open: true,
                    is_shared: self.is_shared,
                    ..Connection::default()
                };
                self.by_client.insert(client.to_owned(), fresh);
                Some(Verdict::pass(vec![fact.seq]))
            }
            Saw::Garbled { text } => {
                let observed = format!("\"{text}\" at {}", seconds(fact.at_us));
                let expected = format!("a request's answer or an event to `{client}`");
                Some(Verdict::fail(expected, observed, vec![fact.seq]).breaking(&["CTL-011"]))
            }
            Saw::Closed { .. } | Saw::Left => {
                self.by_client.remove(client);
                None
            }
            Saw::Part { .. } => None,
            Saw::Asked { .. } | Saw::Answered { .. } | Saw::Event { .. } | Saw::Refused { .. } => {
                self.by_client.get_mut(client)?.hear(client, fact, saw)
            }
        }
    }
}

impl Connection {
    fn hear(&mut self, client: &str, fact: &Fact, saw: &Saw) -> Option<Verdict> {
        match saw {
            Saw::Asked { call, method: Some(method), key: Some(key), .. } => {
                if method == "chat.send" {
                    self.asked.insert(call.clone(), (key.clone(), fact.seq));
                }
                None
            }
            Saw::Answered { call, ok: true, status, .. } => {
                let (key, asked) = self.asked.get(call)?;
                // What was taken before may have ended before this connection began.
                if status.as_deref() == Some("started") {
                    self.taken.insert(key.clone(), *asked);
                }
                None
            }
            Saw::Event { event, seq, run, place, state, .. } => {
                if event == "connect.challenge" {
                    return None;
                }
                let number = self.numbered(client, fact, (*seq, run.is_some()));
                let run = run.as_deref().zip(*place);
                let of_run = run.and_then(|(run, place)| {
                    self.of_run(fact, (run, place), (event, state.as_deref()))
                });
                number.or(of_run).or_else(|| Some(Verdict::pass(vec![fact.seq])))
            }
            _ => None,
        }
    }

    fn numbered(
        &mut self,
        client: &str,
        fact: &Fact,
        (seq, is_of_run): (Option<u64>, bool),
    ) -> Option<Verdict> {
        if self.is_shared && seq.is_none() && !is_of_run {
            return None;
        }
        if let (true, None, Some(first)) = (self.is_shared, self.seq, seq) {
            self.seq = Some(first);
            return None;
        }
        let due = self.seq.unwrap_or(0) + 1;
        if seq == Some(due) {
            self.seq = seq;
            return None;
        }
        let found = seq.map_or("no number".to_owned(), |it| it.to_string());
        let expected = format!("event {due} of `{client}`");
        let observed = format!("{found} at {}", seconds(fact.at_us));
        // Said once: the next one may follow on this.
        self.seq = seq.or(Some(due));
        Some(Verdict::fail(expected, observed, vec![fact.seq]).breaking(&["CTL-012"]))
    }

    fn of_run(
        &mut self,
        fact: &Fact,
        (name, place): (&str, u64),
        (event, state): (&str, Option<&str>),
    ) -> Option<Verdict> {
        let run = self.runs.entry(name.to_owned()).or_default();
        let is_chat = event == "chat";
        let numbering: &[&str] = if is_chat { &["CTL-018"] } else { &["RUN-001"] };
        let is_end = state.is_some_and(|it| ENDS.contains(&it));
        let fail = |broken, expected: String, observed: &str, before: Option<u64>| {
            let witnesses = before.into_iter().chain([fact.seq]).collect();
            let observed = format!("{observed} at {}", seconds(fact.at_us));
            Some(Verdict::fail(expected, observed, witnesses).breaking(broken))
        };
        let observed = state.unwrap_or("nothing");
        if is_chat && run.settled.is_some() {
            let expected = format!("one terminal chat state of run `{name}`, and nothing after it");
            return fail(&["CTL-018"], expected, observed, run.settled);
        }
        if is_end && run.ended.is_some() {
            let expected = format!("one end of run `{name}`");
            return fail(&["RUN-002"], expected, observed, run.ended);
        }
        // Who came in the middle of a run cannot know how it began.
        let may_follow = run.place.is_none_or(|it| (it..=it + 1).contains(&place));
        if !may_follow {
            let before = run.place.unwrap_or_default();
            let expected = format!("event {before} or {} of run `{name}`", before + 1);
            return fail(numbering, expected, &place.to_string(), None);
        }
        run.place = Some(place);
        if is_end {
            run.ended = Some(fact.seq);
        }
        if is_chat && state.is_some_and(|it| TERMINALS.contains(&it)) {
            run.settled = Some(fact.seq);
        }
        None
    }

    /// What was taken on this connection, which is still open, and never ended.
    fn unended(&self) -> Vec<Verdict> {
        let has_ended = |key: &&String| self.runs.get(*key).is_some_and(|it| it.settled.is_some());
        let unended = self.taken.iter().filter(|(key, _)| self.is_open && !has_ended(key));
        let verdict = |(key, asked): (&String, &u64)| {
            let expected = format!("one of {} for run `{key}`", TERMINALS.join(", "));
            Verdict::fail(expected, "none", vec![*asked]).breaking(&["CTL-018"])
        };
        unended.map(verdict).collect()
    }
}

/// A key, and what was said under it.
#[derive(Debug)]
struct Key<'a> {
    name: &'a str,
    /// Programs that call hooks have names of their own, which are no operators'.
    is_posted: bool,
    canary: &'a str,
    asked: Vec<u64>,
}

fn keys(trace: &Trace) -> Vec<Key<'_>> {
    let mut keys: Vec<Key<'_>> = Vec::new();
    for fact in &trace.facts {
        let Kind::Operator(it) = &fact.kind else { continue };
        let Saw::Asked { key: Some(name), canary: Some(canary), .. } = &it.saw else { continue };
        let is_posted = it.saw.is_posted();
        match keys.iter_mut().find(|it| it.name == name && it.is_posted == is_posted) {
            Some(known) => known.asked.push(fact.seq),
            None => keys.push(Key { name, is_posted, canary, asked: vec![fact.seq] }),
        }
    }
    keys
}

/// The failure if the model answered what was said under a key more often than there are keys for the same words. Other
/// words under a known key are other checks' to judge.
fn ran_once(key: &Key<'_>, all: &[Key<'_>], trace: &Trace, turns: &Turns) -> Option<Verdict> {
    let answers = |request: &&Request| {
        let prompt = request.prompt(trace);
        let last = prompt.last().filter(|it| it.role == "user");
        request.completed_answer().is_some() && last.is_some_and(|it| it.text.contains(key.canary))
    };
    let answered: Vec<u64> = turns.requests.iter().filter(answers).map(|it| it.start.seq).collect();
    // The same words under another key are another's business.
    let keys = all.iter().filter(|it| it.canary == key.canary).count();
    if answered.len() > keys {
        let expected = format!("one run for what was asked under key `{}`", key.name);
        let observed = format!("the model answered it {} times", answered.len());
        let failure = Verdict::fail(expected, observed, answered);
        let broken: &[&str] = if key.is_posted { &["CTL-021"] } else { &["CTL-016"] };
        return Some(failure.breaking(broken));
    }
    (key.asked.len() > 1).then(|| Verdict::pass(key.asked.clone()))
}
