//! `spec-session` and `spec-life`: what of a conversation a request carries.
//!
//! Both walk through the turns of each session. Before each turn the session is certainly new, certainly the same, or
//! it cannot be told: a reset may fall into the time that a message takes, or be deferred because a run is active. A turn
//! of a new session carries nothing of the old one; a turn of the same session carries all that was answered in it.

mod moments;

use std::collections::BTreeSet;

use super::{
    Findings, Rule, Ruling,
    cast::{Cast, Heard},
    life::{self, Life, Policy, Source},
    session_key::{SessionKey, Thread, With},
};
use crate::{
    phrase::{names, seconds},
    trace::Trace,
    turns::Request,
};
use moments::Moments;

/// From this much silence on, that a session goes on is a matter of its life, in microseconds.
const LONG_US: i64 = 60_000_000;

/// More text than this may be compacted, in bytes.
const TEXT_BYTES_MAX: usize = 200_000;

/// Exercised by turns of a session that has answered before, and by turns that another session's messages came before.
pub(super) fn check_session(trace: &Trace, cast: &Cast) -> Ruling {
    let mut findings = Findings::default();
    apart(cast, &mut findings);
    for (key, requests) in cast.sessions() {
        let walk = Walk::of(trace, cast, key);
        walk.go(&requests, &mut |turn| {
            if turn.rule == Rule::SessionHistory {
                turn.judge(cast, &mut findings);
                findings.rules.push(rule(key));
            }
        });
    }
    findings.ruling("no session had a second turn, and no two sessions had a turn")
}

/// Exercised by turns after a reset or after a minute.
pub(super) fn check_life(trace: &Trace, cast: &Cast) -> Ruling {
    let mut findings = Findings::default();
    for (key, requests) in cast.sessions() {
        let walk = Walk::of(trace, cast, key);
        walk.go(&requests, &mut |turn| {
            if turn.rule != Rule::SessionHistory {
                turn.judge(cast, &mut findings);
            }
        });
    }
    findings.ruling("no turn came after a reset or a long silence")
}

/// Nothing of one session is in a request of another.
fn apart(cast: &Cast, findings: &mut Findings) {
    for (request, served) in cast.turns.requests.iter().zip(&cast.served) {
        let Some(key) = &served.key else { continue };
        let carried = request.counts.keys().filter_map(|it| cast.heard(it));
        for other in carried.filter(|it| !it.keys.contains(key) && !it.keys.is_empty()) {
            let name = &other.message.name;
            let expected = format!(
                "nothing of `{name}`, which is of `{}`, in a request of `{key}`",
                other.keys[0]
            );
            let observed =
                format!("it is in request {} at {}", request.number, seconds(request.start.at_us));
            let witnesses = vec![other.message.inbound[0].seq, request.start.seq];
            findings.fail(rule_between(key, &other.keys[0]), &expected, observed, witnesses);
        }
        let is_before =
            |it: &&Heard| it.message.canary.is_some() && it.message.inbound[0] < request.start;
        let others = cast.heard.iter().filter(is_before).flat_map(|it| &it.keys);
        for other in others.filter(|it| *it != key) {
            findings.hold(rule_between(key, other), request.start.seq);
        }
    }
}

/// The rule that a key is made by.
fn rule(key: &SessionKey) -> Rule {
    match &key.with {
        With::Main { .. } => Rule::SessionMain,
        With::Person { channel: None, .. } => Rule::SessionPeer,
        With::Person { account: None, .. } => Rule::SessionChannelPeer,
        With::Person { .. } => Rule::SessionAccountPeer,
        With::Room { thread: Some(Thread { word: "topic", .. }), .. } => Rule::SessionTopic,
        With::Room { thread: Some(_), .. } => Rule::SessionThread,
        With::Room { kind: "channel", .. } => Rule::SessionRoom,
        With::Room { .. } => Rule::SessionGroup,
    }
}

/// The rule that keeps two keys apart.
fn rule_between(key: &SessionKey, other: &SessionKey) -> Rule {
    if key.with == other.with { Rule::SessionAgents } else { rule(key) }
}

/// A turn, and what it must and must not carry.
struct Judged<'a> {
    request: &'a Request,
    key: &'a SessionKey,
    /// What decided whether the session is new.
    rule: Rule,
    must: BTreeSet<&'a str>,
    must_not: BTreeSet<&'a str>,
}

impl Judged<'_> {
    fn judge(&self, cast: &Cast, findings: &mut Findings) {
        let Self { request, key, rule, .. } = self;
        let carries = |it: &&&str| request.counts.contains_key(**it);
        let missing: Vec<&str> = self.must.iter().filter(|it| !carries(it)).copied().collect();
        let stale: Vec<&str> = self.must_not.iter().filter(carries).copied().collect();
        let seq = |name: &str| cast.heard(name).map(|it| it.message.inbound[0].seq);
        let witnesses = |of: &[&str]| {
            of.iter().take(3).filter_map(|it| seq(it)).chain([request.start.seq]).collect()
        };
        let at = format!("request {} at {}", request.number, seconds(request.start.at_us));
        if !missing.is_empty() {
            let expected = format!(
                "{} in {at}: `{key}` has answered them, and nothing has ended it since",
                names(&missing)
            );
            findings.fail(*rule, &expected, "they are not in it".to_owned(), witnesses(&missing));
        }
        if !stale.is_empty() {
            let expected =
                format!("nothing of {} in {at}: `{key}` began anew before it", names(&stale));
            findings.fail(*rule, &expected, "it carries them".to_owned(), witnesses(&stale));
        }
        if !self.must.is_empty() || !self.must_not.is_empty() {
            findings.hold(*rule, request.start.seq);
        }
    }
}

/// Walks through the turns of one session.
struct Walk<'a> {
    cast: &'a Cast<'a>,
    key: &'a SessionKey,
    policy: Policy,
    moments: Moments<'a>,
}

/// A session as far as it is known before a turn.
#[derive(Default)]
struct Generation<'a> {
    /// When it began: not before and not after.
    started: (i64, i64),
    /// Requests of it that asked something.
    asked: Vec<usize>,
    /// What earlier generations were asked.
    before: BTreeSet<&'a str>,
}

/// Whether a turn is the first of a new session.
enum Is {
    New(Rule),
    Same,
    Unknown,
}

impl<'a> Walk<'a> {
    fn of(trace: &'a Trace, cast: &'a Cast<'a>, key: &'a SessionKey) -> Self {
        let moments = Moments::of(trace, cast, key);
        let rules = &cast.context.configuration.session.reset;
        let policy = life::policy(rules, cast.version, key.kind(), moments.channel());
        Self { cast, key, policy, moments }
    }

    fn go(&self, requests: &[usize], judge: &mut impl FnMut(Judged<'a>)) {
        let mut generation: Option<Generation<'a>> = None;
        for &index in requests {
            let request = &self.cast.turns.requests[index];
            let new = &self.cast.served[index].new;
            let Some(arrived_us) = self.moments.arrival(new) else {
                if let Some(generation) = &mut generation {
                    generation.asked.push(index);
                }
                continue;
            };
            let span = (arrived_us, request.start.at_us);
            let Some(mut known) = generation.take() else {
                let asked = vec![index];
                generation = Some(Generation { started: span, asked, before: BTreeSet::new() });
                continue;
            };
            let answered = self.answered(&known, request);
            let is = self.is_new(&known, index, arrived_us);
            let carries = |it: &&str| request.counts.contains_key(*it);
            let asked = known.asked.iter().flat_map(|it| &self.cast.served[*it].new);
            if matches!(is, Is::Unknown) && !asked.copied().any(|it| carries(&it)) {
                // It may be new or have lost what nobody had answered: nothing can be asked of it.
                known.started.1 = request.start.at_us;
                known.asked = vec![index];
                generation = Some(known);
                continue;
            }
            let (rule, must) = match is {
                Is::New(rule) => {
                    known.renew(span, index, self.cast);
                    (rule, BTreeSet::new())
                }
                Is::Same => {
                    known.asked.push(index);
                    (self.same_rule(arrived_us, request), answered)
                }
                Is::Unknown => {
                    known.asked.push(index);
                    (Rule::LifeGoesOn, BTreeSet::new())
                }
            };
            let must_not = known.before.clone();
            judge(Judged { request, key: self.key, rule, must, must_not });
            generation = Some(known);
        }
    }

    fn same_rule(&self, arrived_us: i64, request: &Request) -> Rule {
        let heard_us = self.moments.heard_before(arrived_us).0;
        if request.start.at_us.saturating_sub(heard_us) >= LONG_US {
            match &self.policy {
                it if *it == Policy::default() => Rule::LifeForever,
                it if it.idle_us.is_some() => Rule::LifeNotIdle,
                _ => Rule::LifeGoesOn,
            }
        } else {
            Rule::SessionHistory
        }
    }

    /// The messages of a generation whose answer was seen before a request.
    fn answered(&self, generation: &Generation<'a>, before: &Request) -> BTreeSet<&'a str> {
        let requests = &self.cast.turns.requests;
        let mut answered = BTreeSet::new();
        let mut waiting: Vec<&'a str> = Vec::new();
        let mut bytes = 0;
        for &index in &generation.asked {
            let request = &requests[index];
            waiting.extend(self.cast.served[index].new.iter().filter(|it| self.is_said(it)));
            bytes += request.newest_text.len() + request.answer().len();
            if self.moments.was_seen(request, before.start) {
                answered.extend(waiting.drain(..));
            }
        }
        if bytes > TEXT_BYTES_MAX { BTreeSet::new() } else { answered }
    }

    fn is_said(&self, name: &str) -> bool {
        self.cast.heard(name).is_some_and(|it| it.keys.contains(self.key))
    }

    fn is_new(&self, known: &Generation, index: usize, arrived_us: i64) -> Is {
        let request = &self.cast.turns.requests[index];
        let previous = known.asked.last().map(|it| self.cast.turns.requests[*it].start);
        let previous = previous.unwrap_or(request.start);
        if self.moments.is_disturbed(previous, request.start) {
            return Is::Unknown;
        }
        match self.moments.fresh(previous, request, &self.cast.served[index].new) {
            Some(true) => return Is::New(Rule::LifeFresh),
            Some(false) => return Is::Unknown,
            None => (),
        }
        let wall = self.cast.context.configuration.wall.as_ref();
        if self.policy.source == Source::Unclear || (self.policy.hour.is_some() && wall.is_none()) {
            return Is::Unknown;
        }
        let heard_us = self.moments.heard_before(arrived_us);
        let updated_us = (heard_us.0, self.moments.updated_before(arrived_us).max(heard_us.1));
        let ends = |started_us, updated_us, heard_us| {
            let life = Life { started_us, updated_us, heard_us };
            life::ends(self.policy, self.cast.version, wall, life)
        };
        let earliest = ends(known.started.0, updated_us.0, heard_us.0);
        let latest = ends(known.started.1, updated_us.1, heard_us.1);
        let (Some((earliest_us, _)), Some((latest_us, rule))) = (earliest, latest) else {
            return Is::Same;
        };
        let early_us = self.cast.context.clock.slack_us();
        if earliest_us > request.start.at_us.saturating_add(early_us) {
            return Is::Same;
        }
        let is_over = latest_us < arrived_us.saturating_sub(early_us);
        if is_over && !self.moments.is_busy(arrived_us, request) {
            Is::New(self.policy.rule(rule))
        } else {
            Is::Unknown
        }
    }
}

impl<'a> Generation<'a> {
    /// Begins anew with a request.
    fn renew(&mut self, span: (i64, i64), request: usize, cast: &'a Cast<'a>) {
        let asked = self.asked.drain(..).flat_map(|it| cast.served[it].new.iter().copied());
        self.before.extend(asked);
        for name in &cast.served[request].new {
            self.before.remove(name);
        }
        self.started = span;
        self.asked.push(request);
    }
}
