//! Executable specifications: small pure models, written from the contract, that predict what any trace must show.
//!
//! An invariant says what must hold whatever is configured; a specification takes the configuration and says who answers,
//! in which conversation, in which turns and when. So scenarios that nobody wrote expectations for, generated ones among
//! them, are judged as exactly as written ones.
//!
//! | label | model | says |
//! |---|---|---|
//! | `spec-routing` | [`routing`] | which agent answers a message |
//! | `spec-session` | [`session_key`] | which conversation it belongs to, and what of it a request carries |
//! | `spec-queue` | [`settings`], [`lane`] | which turns a session's messages become, in which order, and when |
//! | `spec-life` | [`life`] | which turn is the first of a new session |
//! | `spec-failover` | [`failover`] | with which model and credential a request may be made, and when |
//!
//! A specification never guesses: what the model does not know (how long a failing provider is retried, whether a lane
//! is free while its answer is delivered) is taken from the trace, and where two moments are closer than the clock and
//! the network can tell apart, every order of them is allowed.

pub mod broadcast;
mod cast;
mod command;
mod continuity;
pub mod failover;
pub mod lane;
pub mod life;
mod queue;
mod renewals;
pub mod routing;
mod rule;
pub mod session_key;
pub mod settings;
pub mod version;
mod who;

pub(crate) use renewals::Renewals;
pub use rule::Rule;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    context::{Choices, Context, GroupScope},
    phrase,
    trace::Trace,
    turns::{Message, Turns},
    verdict::Verdict,
};
use cast::Cast;

/// One area of the contract as a model.
#[derive(Clone, Copy, Debug)]
pub struct Specification {
    /// Its label among the checks, for example `spec-queue`.
    pub id: &'static str,
    /// What it predicts.
    pub title: &'static str,
    check: fn(&Trace, &Cast) -> Ruling,
}

/// What a specification says of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The verdict. A failure ends with the rule that was broken.
    pub verdict: Verdict,
    /// The rules that decided something in the trace, or that were broken, sorted.
    pub rules: Vec<Rule>,
}

/// Every specification.
pub const ALL: &[Specification] = &[
    Specification { id: "spec-routing", title: "who answers", check: who::check },
    Specification {
        id: "spec-session",
        title: "what a conversation is",
        check: continuity::check_session,
    },
    Specification { id: "spec-queue", title: "turns and their times", check: queue::check },
    Specification { id: "spec-life", title: "when a session ends", check: continuity::check_life },
    Specification {
        id: "spec-failover",
        title: "who is asked when somebody fails",
        check: failover::observed::check,
    },
];

/// By chat, the sessions that its messages are predicted to belong to, where groups may share the main one. Elsewhere
/// nothing: what is joined there, the scopes alone tell.
pub(crate) fn joined_groups<'a>(
    turns: &'a Turns,
    context: &'a Context,
) -> BTreeMap<&'a str, BTreeSet<session_key::SessionKey>> {
    let configuration = &context.configuration;
    let scopes = configuration.bindings.iter().map(|it| it.group_scope);
    let is_main = |it: Option<GroupScope>| it == Some(GroupScope::Main);
    if !scopes.chain([configuration.session.group_scope]).any(is_main) {
        return BTreeMap::new();
    }
    let mut joined: BTreeMap<&str, BTreeSet<session_key::SessionKey>> = BTreeMap::new();
    for heard in Cast::of(turns, context).iter().flat_map(|it| &it.heard) {
        joined.entry(&heard.message.chat).or_default().extend(heard.keys.iter().cloned());
    }
    joined
}

/// What the gateway did that its target declares where the contract leaves a choice ([`Context::choices`]), and that no check
/// of a single scenario foresees.
pub fn chosen(trace: &Trace, turns: &Turns, context: &Context) -> BTreeSet<String> {
    if context.choices == Choices::default() {
        return BTreeSet::new();
    }
    let cast = Cast::of(turns, context);
    cast.map(|it| failover::observed::chosen(trace, &it)).unwrap_or_default()
}

/// Whether a message ends its conversation's runs, as a command that everybody may give: nothing if it does not, else whether
/// it is `/stop`, which discards what waits as well.
pub(crate) fn ends(message: &Message, context: &Context) -> Option<bool> {
    let version = version::Version::named(&context.profile)?;
    match command::meaning(message, version, &context.configuration) {
        command::Meaning::Stop => Some(true),
        command::Meaning::Fresh(_) => Some(false),
        _ => None,
    }
}

/// The agents that may answer a message, as far as anything tells.
pub(crate) fn agents_of(message: &Message, context: &Context) -> Vec<String> {
    cast::agents(message, context)
}

/// How many agents may answer a message: more than one where a broadcast list names them.
pub(crate) fn agents(message: &Message, context: &Context) -> usize {
    cast::agents(message, context).len().max(1)
}

impl Specification {
    /// Judges a trace. What the verdict says of texts has secrets replaced by their names.
    pub fn check(&self, trace: &Trace, turns: &Turns, context: &Context) -> Ruling {
        let Some(cast) = Cast::of(turns, context) else {
            let why = format!("there is no specification for profile {}", context.profile);
            return Ruling { verdict: Verdict::NotApplicable { why }, rules: Vec::new() };
        };
        let mut ruling = (self.check)(trace, &cast);
        ruling.rules.sort_unstable();
        ruling.rules.dedup();
        Ruling { verdict: phrase::finished(ruling.verdict, context), ..ruling }
    }
}

/// What is found while a trace is judged.
#[derive(Debug, Default)]
struct Findings {
    witnesses: Vec<u64>,
    rules: Vec<Rule>,
    failure: Option<Verdict>,
    doubt: Option<String>,
}

impl Findings {
    fn hold(&mut self, rule: Rule, witness: u64) {
        self.rules.push(rule);
        self.witnesses.push(witness);
    }

    /// The first failure counts.
    fn fail(&mut self, rule: Rule, expected: &str, observed: String, witnesses: Vec<u64>) {
        let expected = format!("{expected} ({}: {})", rule.name(), rule.requirements().join(", "));
        self.rules.push(rule);
        self.failure.get_or_insert_with(|| {
            Verdict::fail(expected, observed, witnesses).breaking(rule.requirements())
        });
    }

    fn doubt(&mut self, why: String) {
        self.doubt.get_or_insert(why);
    }

    fn ruling(mut self, vacuous: &str) -> Ruling {
        self.witnesses.sort_unstable();
        self.witnesses.dedup();
        let verdict = match (self.failure, self.doubt) {
            (Some(failure), _) => failure,
            (None, Some(why)) => Verdict::Inconclusive { why },
            (None, None) => Verdict::pass_or_vacuous(self.witnesses, vacuous),
        };
        Ruling { verdict, rules: self.rules }
    }
}

#[cfg(test)]
mod tests;
