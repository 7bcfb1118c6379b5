//! The walk along what happened, one step at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Asked, CHOSEN, Failed, Happening, Marks, Model, SECOND, Session, Turn, What, Wrong,
    allowed::{Allowed, Kind, WAIT_MAX_US},
    health::{Effect, Health},
    provider_of, shown,
};
use crate::{
    context::{Chain, Choices, LadderReset},
    spec::{rule::Rule, version::Version},
};

/// After so long in silence, a session may have ended its life, and with it what it kept.
const FORGETS_US: i64 = 4 * 3_600 * SECOND;

impl<'a> Model<'a> {
    /// Nothing has happened yet.
    pub(super) fn new(
        version: Version,
        (chain, choices): (&'a Chain, Choices),
        promptly_us: i64,
    ) -> Self {
        Self {
            version,
            chain,
            choices,
            promptly_us,
            healths: BTreeMap::new(),
            sessions: BTreeMap::new(),
            lost_by: BTreeMap::new(),
            doubted: BTreeSet::new(),
            renewed_us: None,
            began_us: i64::MIN,
            marks: Marks::new(),
            held: Vec::new(),
        }
    }

    /// Whether the same follows in both.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.healths == other.healths && self.sessions == other.sessions
    }

    /// Whether a failure changes its credential's health: not while the same request is to be made again.
    pub(super) fn counts(&self, it: &Happening, next: Option<&Happening>) -> bool {
        let Some(asked) = self.sessions.get(&it.session).and_then(|it| it.turn.current.as_ref())
        else {
            return true;
        };
        match next {
            Some(Happening { what: What::Asks(next), .. }) if next == asked => false,
            // Somebody else is asked after a wait, or nobody: it was to be asked again, and another conversation lost it.
            Some(Happening { what: What::Asks(_) | What::Over, at_us, .. }) => {
                *at_us <= it.at_us + self.promptly_us || !self.may_be_tried_again(it)
            }
            _ => true,
        }
    }

    /// Whether nothing tells if a failure was counted: the turn ended while the same request might have been made again, from
    /// outside, or because another conversation lost the credential meanwhile.
    pub(super) fn may_not_count(
        &self,
        it: &Happening,
        (next, happened): (Option<&Happening>, &[Happening]),
    ) -> bool {
        let ended = match next.map(|it| &it.what) {
            None | Some(What::Stopped | What::Reset) => true,
            Some(What::Over) => self.is_lost_meanwhile(it, happened),
            Some(_) => false,
        };
        ended && self.may_be_tried_again(it)
    }

    /// Whether another conversation's request with the same credential failed while this one may have waited.
    fn is_lost_meanwhile(&self, it: &Happening, happened: &[Happening]) -> bool {
        let asked = self.sessions.get(&it.session).and_then(|it| it.turn.current.as_ref());
        let (Some(asked), What::Failed(_, rest_us)) = (asked, &it.what) else { return false };
        let is_same = |other: &Asked| {
            other.credential == asked.credential
                && provider_of(&other.model) == provider_of(&asked.model)
        };
        let until_us = it.at_us.saturating_add(WAIT_MAX_US.max(*rest_us));
        let mut asking: BTreeSet<&str> = BTreeSet::new();
        happened.iter().filter(|other| other.session != it.session).any(|other| {
            let session = other.session.as_str();
            match &other.what {
                What::Asks(whom) if is_same(whom) => _ = asking.insert(session),
                What::Asks(_) => _ = asking.remove(session),
                What::Failed(..) => {
                    let is_meanwhile = other.seq > it.seq && other.at_us <= until_us;
                    return is_meanwhile && asking.contains(session);
                }
                _ => (),
            }
            false
        })
    }

    fn may_be_tried_again(&self, it: &Happening) -> bool {
        let What::Failed(reason, rest_us) = it.what else { return false };
        let Some(session) = self.sessions.get(&it.session) else { return false };
        let (at_us, is_counted) = (it.at_us, false);
        let failed = Failed { reason, at_us, rest_us, is_counted };
        reason.passes() && self.again(&session.turn, failed, session.turn.tries + 1).is_some()
    }

    /// One step; `is_counted` is for failures.
    pub(super) fn walk(&mut self, it: &Happening, is_counted: bool) -> Result<(), Wrong> {
        let mut session = self.sessions.remove(&it.session).unwrap_or_default();
        let walked = self.walk_in(&mut session, it, is_counted);
        self.sessions.insert(it.session.clone(), session);
        walked
    }

    fn walk_in(
        &mut self,
        session: &mut Session,
        it: &Happening,
        is_counted: bool,
    ) -> Result<(), Wrong> {
        let now_us = it.at_us;
        match &it.what {
            What::Chosen(model, pin) => {
                session.chosen.clone_from(model);
                let model = model.as_ref().or(self.chain.models.first());
                let provider = model.map(|it| provider_of(it));
                let is_its = |pin: &&String| {
                    let mut its = self.chain.credentials.iter().filter(|it| it.name == **pin);
                    its.any(|it| Some(it.provider.as_str()) == provider)
                };
                let keeps = self.version == Version::September;
                let kept = session.pin.as_ref().filter(|_| keeps).filter(is_its).cloned();
                session.pin = pin.clone().or(kept);
            }
            What::Reset => {
                session.kept.clear();
                session.forgotten.clear();
                session.chosen = None;
                if self.version == Version::March {
                    session.pin = None;
                }
            }
            What::Begins => {
                let is_silent = now_us.saturating_sub(session.last_us) > FORGETS_US;
                if is_silent || self.began_us > session.last_us {
                    session.forgotten.extend(session.kept.keys().cloned());
                }
                session.turn = Turn { models: self.models(session), ..Turn::default() };
            }
            What::Asks(asked) => self.ask(session, asked, it)?,
            What::Answered => self.answered(session, now_us),
            What::Failed(reason, rest_us) => {
                let (reason, rest_us) = (*reason, *rest_us);
                let failed = Failed { reason, at_us: now_us, rest_us, is_counted };
                self.failed(session, &it.session, failed);
            }
            What::Over => self.end(session, it)?,
            What::Doubted(credential) => _ = self.doubted.insert(credential.clone()),
            What::Renewed => self.renewed_us = Some(now_us),
            What::Restarted => self.began_us = now_us,
            What::Stopped => {
                if session.turn.failed.is_some_and(|it| self.ends_the_turn(it.reason)) {
                    self.held.push((Rule::FailoverEnd, it.seq));
                }
                session.turn = Turn::default();
            }
        }
        if !matches!(it.what, What::Begins | What::Chosen(..)) {
            session.last_us = now_us;
        }
        Ok(())
    }

    pub(super) fn mark(&mut self, met: impl Into<String>) {
        self.marks.insert(met.into());
    }

    fn models(&mut self, session: &Session) -> Vec<String> {
        let configured = &self.chain.models;
        let all: Vec<&String> = match (&session.chosen, self.version) {
            (None, _) => configured.iter().collect(),
            (Some(chosen), Version::March) => [chosen]
                .into_iter()
                .chain(configured.iter().skip(1))
                .chain(configured.first())
                .collect(),
            (Some(chosen), Version::September) => vec![chosen],
        };
        let mut models: Vec<String> = Vec::new();
        for it in all {
            if !models.contains(it) {
                models.push(it.clone());
            }
        }
        if session.chosen.is_some() {
            self.mark("chosen model");
        }
        models
    }

    pub(super) fn health(&mut self, asked: &Asked) -> &mut Health {
        let key = (provider_of(&asked.model).to_owned(), asked.credential.clone());
        self.healths.entry(key).or_default()
    }

    pub(super) fn rests_until(&self, asked: &Asked, now_us: i64) -> Option<i64> {
        let key = (provider_of(&asked.model).to_owned(), asked.credential.clone());
        self.healths.get(&key)?.rests_until(&asked.model, now_us)
    }

    fn ask(&mut self, session: &mut Session, asked: &Asked, it: &Happening) -> Result<(), Wrong> {
        let allowed = self.allowed(session, it.at_us);
        let found = allowed.iter().find(|one| {
            one.asked == *asked
                && (one.from_us..=one.to_us.saturating_add(self.promptly_us)).contains(&it.at_us)
        });
        let Some(found) = found else { return Err(self.wrong(session, asked, &allowed, it)) };
        self.mark_asked(session, asked, it, found.kind);
        self.hold_asked(session, asked, it);
        let turn = &mut session.turn;
        let is_again = turn.current.as_ref() == Some(asked) && turn.failed.is_some();
        if found.kind == Kind::Probe {
            turn.probe = Some(asked.clone());
        }
        let before = turn.current.as_ref().map(|it| it.model.clone());
        if before.as_ref() != Some(&asked.model) {
            (turn.tries, turn.rotations, turn.failing_since_us) = (0, 0, None);
            turn.at = turn.models.iter().position(|it| *it == asked.model).unwrap_or(turn.at);
        } else if !is_again && turn.failed.is_some_and(|it| it.reason.passes()) {
            turn.rotations += 1;
            if self.version == Version::March {
                turn.tries = 0;
            }
        }
        turn.asked.insert(asked.clone());
        turn.current = Some(asked.clone());
        turn.failed = None;
        self.health(asked).last_used_us = Some(it.at_us);
        Ok(())
    }

    fn answered(&mut self, session: &mut Session, now_us: i64) {
        let Some(asked) = session.turn.current.clone() else { return };
        let provider = provider_of(&asked.model).to_owned();
        if self.rests_until(&asked, now_us).is_some() {
            self.mark("an answer ended a rest");
        }
        if self.health(&asked).answered(&asked.model, now_us) {
            self.mark("an answer ended a count");
        }
        session.forgotten.remove(&provider);
        session.kept.insert(provider, asked.credential);
        let turn = &mut session.turn;
        (turn.failed, turn.failing_since_us, turn.tries) = (None, None, 0);
    }

    fn failed(&mut self, session: &mut Session, name: &str, failed: Failed) {
        let Some(asked) = session.turn.current.clone() else { return };
        let (version, cooldowns, choices) = (self.version, &self.chain.cooldowns, self.choices);
        self.mark(format!("reason {:?}", failed.reason));
        if failed.is_counted {
            let why = (failed.reason, failed.rest_us);
            let health = self.health(&asked);
            if health.forgets(failed.at_us, cooldowns) && failed.reason.is_the_provider_s() {
                self.mark("failures of long ago do not count");
            }
            let begins_anew = choices.ladder_reset == LadderReset::RestEnd
                && failed.reason.is_the_provider_s()
                && self.health(&asked).begins_anew(failed.at_us);
            if begins_anew {
                self.mark(CHOSEN[1]);
            }
            let effect =
                self.health(&asked).failed(version, &asked.model, why, (failed.at_us, cooldowns));
            match effect {
                Effect::Nothing => self.mark("harmless"),
                Effect::Unmoved => self.mark("unmoved"),
                Effect::Rests { step, is_asked } => {
                    self.mark(format!("step {}", step.min(4)));
                    if is_asked {
                        self.mark("the rest that was asked for");
                    }
                }
                Effect::Disabled(times) => self.mark(format!("disabled {}", times.min(4))),
            }
            let key = (provider_of(&asked.model).to_owned(), asked.credential);
            self.lost_by.insert(key, name.to_owned());
        }
        let turn = &mut session.turn;
        if failed.reason.passes() {
            turn.failing_since_us.get_or_insert(failed.at_us);
            turn.tries += 1;
        }
        turn.failed = Some(failed);
    }

    fn end(&mut self, session: &mut Session, it: &Happening) -> Result<(), Wrong> {
        let allowed = self.allowed(session, it.at_us);
        let turn = &session.turn;
        let is_answered = turn.current.is_some() && turn.failed.is_none();
        // A repetition alone is a choice of the gateway's.
        let must =
            |one: &&Allowed| one.kind == Kind::Must && turn.current.as_ref() != Some(&one.asked);
        if !is_answered && !turn.models.is_empty() {
            if let Some(one) = allowed.iter().find(must) {
                let expected = format!("{} asked", shown(&one.asked));
                let observed = "the turn ended without an answer".to_owned();
                return Err(Wrong { rule: Rule::FailoverNext, expected, observed, seq: it.seq });
            }
            let ends = |it: Failed| self.ends_the_turn(it.reason);
            let rule = turn
                .failed
                .map(|it| if ends(it) { Rule::FailoverEnd } else { Rule::FailoverNobody });
            self.held.extend(rule.map(|rule| (rule, it.seq)));
            match turn.failed {
                None => self.mark("exhausted before anybody was asked"),
                Some(failed) if failed.reason.is_the_provider_s() => self.mark("exhausted"),
                Some(_) => (),
            }
        }
        session.turn = Turn::default();
        Ok(())
    }
}
