//! What a request shows: the rules that decided it, what was met on the way, and what is wrong with it.

use super::{
    Asked, CHOSEN, Failed, Happening, Model, Reason, Session, Wrong,
    allowed::{Allowed, Kind},
    provider_of, shown,
};
use crate::spec::{rule::Rule, version::Version};

impl Model<'_> {
    /// The rules that decided that this request was made and no other.
    pub(super) fn hold_asked(
        &mut self,
        session: &Session,
        asked: &Asked,
        &Happening { at_us, seq, .. }: &Happening,
    ) {
        let turn = &session.turn;
        let rule = match &turn.current {
            Some(current) if current != asked => Some(Rule::FailoverNext),
            Some(_) => turn.failed.map(again),
            None => {
                let is_choice = self.all_for(session, &asked.model).len() > 1;
                is_choice.then_some(Rule::FailoverFirst)
            }
        };
        self.held.extend(rule.map(|it| (it, seq)));
        if self.health(asked).is_back(&asked.model, at_us) {
            self.held.push((Rule::FailoverBack, seq));
        }
        // Somebody before it, of the same model or an earlier one, was passed over for its rest alone.
        let models = turn.models.iter().skip(turn.at);
        let until = models.clone().position(|it| *it == asked.model).map_or(0, |it| it + 1);
        let mut others = models.take(until).flat_map(|it| self.all_for(session, it));
        if others.any(|other| {
            other != *asked
                && !turn.asked.contains(&other)
                && !self.is_doubted(&other)
                && self.rests_until(&other, at_us).is_some()
        }) {
            self.held.push((Rule::FailoverRest, seq));
        }
    }

    pub(super) fn mark_asked(
        &mut self,
        session: &Session,
        asked: &Asked,
        it: &Happening,
        kind: Kind,
    ) {
        let turn = &session.turn;
        let is_again = turn.current.as_ref() == Some(asked) && turn.failed.is_some();
        if kind == Kind::Probe {
            self.mark("probe");
        }
        if is_again {
            self.mark("again");
            if self.version == Version::March {
                self.mark(CHOSEN[0]);
            }
            if turn.failed.is_some_and(|it| it.rest_us > 0) {
                self.mark("again after the wait that was asked for");
            }
            if turn.tries == 9 {
                self.mark("again, the tenth try");
            }
        } else if turn.failed.is_some_and(|failed| failed.at_us < it.at_us) {
            self.mark("a wait in vain");
        }
        if turn.rotations > 0 && self.version == Version::September && !is_again {
            self.mark("another model after one rotation");
        }
        if turn.current.as_ref().is_some_and(|it| it.model != asked.model) {
            self.mark("another model");
        }
        if let Some(pin) = &session.pin {
            let kind = if *pin == asked.credential { "pin" } else { "not the pin" };
            self.mark(kind);
        }
        let provider = provider_of(&asked.model);
        let is_lost_elsewhere = |name: &String| {
            let key = (provider.to_owned(), name.clone());
            let one = Asked { model: asked.model.clone(), credential: name.clone() };
            self.rests_until(&one, it.at_us).is_some()
                && self.lost_by.get(&key).is_some_and(|by| *by != it.session)
        };
        if self
            .chain
            .credentials
            .iter()
            .any(|it| it.provider == provider && is_lost_elsewhere(&it.name))
        {
            self.mark("skipped what another conversation lost");
        }
        if self.health(asked).rests_for_another(&asked.model, it.at_us) {
            self.mark("asked while it rests for another model");
        }
    }

    pub(super) fn wrong(
        &self,
        session: &Session,
        asked: &Asked,
        allowed: &[Allowed],
        it: &Happening,
    ) -> Wrong {
        let turn = &session.turn;
        let rests = self.rests_until(asked, it.at_us).is_some();
        let failed = turn.failed.filter(|_| turn.current.as_ref() == Some(asked));
        let rule = match (&turn.current, failed) {
            (Some(_), Some(failed)) => again(failed),
            _ if rests => Rule::FailoverRest,
            (Some(_), None) if allowed.is_empty() => Rule::FailoverEnd,
            (Some(_), None) => Rule::FailoverNext,
            (None, _) => Rule::FailoverFirst,
        };
        let expected: Vec<String> = allowed.iter().map(|it| shown(&it.asked)).collect();
        let expected = match expected.as_slice() {
            [] => "nobody asked".to_owned(),
            some => format!("{} asked", some.join(" or ")),
        };
        let why = if rests { ", which rests" } else { "" };
        Wrong { rule, expected, observed: format!("{} was asked{why}", shown(asked)), seq: it.seq }
    }
}

/// The rule of who is asked again after this failure.
fn again(failed: Failed) -> Rule {
    match failed.reason {
        Reason::RateLimit => Rule::FailoverAgain,
        _ => Rule::FailoverOutage,
    }
}
