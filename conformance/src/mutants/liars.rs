//! Lying gateways: does the suite catch each, and does it let an honest stranger pass?
//!
//! The sample is of scenarios that the honest fake passes in every profile of theirs; that is shown before anything is
//! said of a liar, or a liar's failures would prove nothing. A liar is caught by a check that failed, with what was seen;
//! an error of the harness catches nobody.

use std::fmt::Write as _;

use creel_judge::verdict::Verdict;
use creel_sim::{
    fakes::{Fake, Lie},
    world::World,
};
use serde_json::{Value, json};

use crate::{
    corpus::{self, Entry},
    suite::{self, Controls, Outcome, Plan, Status},
};

/// What the honest fake is built for.
pub const SAMPLE: &[&str] = &[
    "admission/an-unlisted-sender-is-not-answered",
    "admission/disabled-direct-chats-are-not-answered",
    "egress/a-retry-waits-as-long-as-asked",
    "egress/a-room-that-waits-delays-no-other",
    "egress/an-error-in-passing-is-retried",
    "egress/the-platforms-limit-is-kept-by-default",
    "queue/a-redelivered-stop-stops-nothing",
    "queue/a-redelivery-after-the-answer-is-not-a-second-turn",
    "queue/a-redelivery-during-the-run-is-not-a-second-turn",
    "queue/a-slow-session-delays-no-other",
    "queue/an-idle-session-answers-at-once",
    "queue/collect-merges-a-burst",
    "queue/collect-waits-for-quiet",
    "queue/followup-answers-one-by-one",
    "regressions/openclaw-c-04-ping-behind-a-long-story",
    "regressions/openclaw-d-12-same-words-of-two-people",
    "regressions/openclaw-q-05-queue-stuck-after-a-failed-run",
    "regressions/openclaw-q-08-reply-in-the-wrong-room",
    "regressions/openclaw-r-06-reply-to-the-last-room",
    "regressions/zeroclaw-c-07-two-runs-in-one-session",
    "routing/without-a-match-the-marked-agent-answers",
    "routing/a-peer-binding-without-an-account-is-for-the-default-one",
    "run/a-dozen-messages-have-a-dozen-answers",
    "run/a-provider-error-is-never-met-with-silence",
    "run/a-refused-request-spoils-no-other-session",
    "run/a-streamed-answer-arrives-whole",
    "run/half-an-answer-is-not-passed-off-as-one",
    "run/no-reply-is-silent",
    "run/one-message-one-answer",
    "run/the-conversation-grows-turn-by-turn",
    "session/a-group-is-one-conversation",
    "session/groups-and-direct-chats-are-apart",
    "session/main-scope-joins-all-direct-chats",
    "session/per-channel-peer-joins-a-persons-accounts",
    "session/topics-are-apart",
];

/// A liar, and the cases of the sample whose checks failed it.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The liar.
    pub lie: Lie,
    /// What failed, in the corpus's order.
    pub by: Vec<Evidence>,
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The scenario.
    pub scenario: String,
    /// Its profile.
    pub profile: String,
    /// The check's label.
    pub check: String,
    /// What should have been seen.
    pub expected: String,
    /// What was seen.
    pub observed: String,
}

/// The scenarios of the sample.
///
/// # Errors
///
/// When the corpus has no such scenario.
pub fn sample() -> Result<Vec<Entry>, corpus::Error> {
    let ids: Vec<String> = SAMPLE.iter().map(|it| (*it).to_owned()).collect();
    corpus::choose(&ids)
}

/// Runs scenarios on a fake.
pub fn run(fake: Fake, entries: Vec<Entry>, jobs: usize) -> Vec<Outcome> {
    let plan = Plan { jobs, controls: Controls::LeftOut, ..Plan::new(entries, World::Fake(fake)) };
    suite::run(&plan, |_| ())
}

/// The cases that the honest fake does not pass: none, or nothing can be said of a liar.
pub fn wrongly_accused(entries: &[Entry], jobs: usize) -> Vec<Outcome> {
    let mut outcomes = run(Fake::Honest, entries.to_vec(), jobs);
    outcomes.retain(|it| it.status() != Status::Pass);
    outcomes
}

/// Runs the sample on a liar.
pub fn catch(lie: Lie, entries: &[Entry], jobs: usize) -> Caught {
    let outcomes = run(Fake::Liar(lie), entries.to_vec(), jobs);
    Caught { lie, by: outcomes.iter().filter_map(evidence).collect() }
}

/// The first check of a case that failed and shows what was seen.
pub(super) fn evidence(outcome: &Outcome) -> Option<Evidence> {
    let judged = outcome.result.as_ref().ok()?;
    judged.checks.iter().find_map(|check| match &check.verdict {
        Verdict::Fail(failure) => Some(Evidence {
            scenario: outcome.case.entry.scenario.id.clone(),
            profile: outcome.case.profile.clone(),
            check: check.label.clone(),
            expected: failure.expected.clone(),
            observed: failure.observed.clone(),
        }),
        _ => None,
    })
}

impl Caught {
    /// One line for the console.
    pub fn line(&self) -> String {
        let name = self.lie.name();
        match self.by.first() {
            Some(first) => format!(
                "caught   {name:<20} {} cases, first {} ({}) {}: {}",
                self.by.len(),
                first.scenario,
                first.profile,
                first.check,
                first.observed
            ),
            None => format!("believed {name:<20} {}", self.lie.what()),
        }
    }

    /// A row for machines.
    pub fn json(&self) -> Value {
        let evidence = |it: &Evidence| {
            json!({
                "scenario": it.scenario, "profile": it.profile, "check": it.check,
                "expected": it.expected, "observed": it.observed,
            })
        };
        let by: Vec<Value> = self.by.iter().map(evidence).collect();
        json!({ "liar": self.lie.name(), "what": self.lie.what(), "caught_by": by })
    }
}

/// The table of liars, as Markdown.
pub fn markdown(caught: &[Caught]) -> String {
    let mut text = String::from(
        "# Lying gateways\n\n\
         Written by `creel mutants --liars --table`. A small honest gateway that shares no code with the reference passes the sample; the same gateway with one lie\n\
         fails it. *First* is the first check that failed.\n\n\
         | liar | what it does | failing cases | first |\n|---|---|---|---|\n",
    );
    for Caught { lie, by } in caught {
        let first = by
            .first()
            .map_or("**believed**".to_owned(), |it| format!("`{}`: {}", it.scenario, it.check));
        writeln!(text, "| `{}` | {} | {} | {first} |", lie.name(), lie.what(), by.len())
            .expect("writing to a string");
    }
    text
}
