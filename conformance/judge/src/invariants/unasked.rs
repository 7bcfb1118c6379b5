//! Messages that no model was asked about, since nobody was left to be asked: people are told so, and that ends them.
//!
//! That a credential rests is not seen from outside. What is: that the last thing it did was to fail, or that its login was
//! not renewed. Where the specification predicts its rests, one of them must hold as well.

use super::answers::Answers;
use crate::{
    context::{Context, Credential},
    spec::{
        self, Renewals,
        failover::{Rest, Rests},
    },
    trace::{ModelOutcome, RefreshOutcome, Trace},
    turns::{Delivery, Message, Moment, Request, Turns},
};

/// When nobody was left.
#[derive(Debug)]
pub(super) struct Unasked<'a> {
    turns: &'a Turns,
    context: &'a Context,
    renewals: Renewals<'a>,
    rests: Rests,
}

impl<'a> Unasked<'a> {
    pub(super) fn of(trace: &Trace, turns: &'a Turns, context: &'a Context) -> Self {
        let renewals = Renewals::of(turns, context);
        Self { turns, context, renewals, rests: spec::failover::rests(trace, turns, context) }
    }

    /// What people were told of a message about which nobody could be asked, as a fact: words that are no answer, and not
    /// those with which an earlier turn may have ended.
    pub(super) fn told(&self, message: &Message, answers: &Answers) -> Option<u64> {
        let fetched = *message.fetched.first()?;
        let is_here = |it: &&Delivery| it.place == message.place;
        let here = self.turns.sends.iter().filter(is_here);
        let words = here.filter(|it| !it.text.trim().is_empty() && !answers.tells(&it.text));
        let words: Vec<Moment> = words.map(|it| it.at).collect();
        let told = words.iter().enumerate().find(|(index, at)| {
            let before = index.checked_sub(1).map(|it| words[it]);
            **at > fetched
                && !self.ends_a_turn(message, fetched, (before, **at))
                && self.is_nobody_left(message, **at)
        });
        told.map(|(_, at)| at.seq)
    }

    /// Whether words at the message's place may be about a turn: a later message's, or the latest one, if it was not answered
    /// and nothing was said since.
    fn ends_a_turn(
        &self,
        message: &Message,
        fetched: Moment,
        (before, at): (Option<Moment>, Moment),
    ) -> bool {
        let of_here = |it: &&Request| {
            let mut carried = it.anywhere.iter().filter_map(|it| self.turns.message(it));
            it.start < at && carried.any(|it| it.place == message.place)
        };
        let earlier: Vec<&Request> = self.turns.requests.iter().filter(of_here).collect();
        let is_later = |name: &String| {
            let fetched_at = self.turns.message(name).and_then(|it| it.fetched.first().copied());
            fetched_at.is_some_and(|it| it > fetched)
        };
        let passed_by = earlier.iter().any(|it| it.new.iter().any(is_later));
        let Some(last) = earlier.last() else { return passed_by };
        let is_answered = last.end.as_ref().is_some_and(|it| it.at < at && is_answer(&it.outcome));
        let is_told = before.is_some_and(|it| it > last.start);
        passed_by || !(is_answered || is_told)
    }

    /// Whether no agent that may answer a message had a credential left that was not seen to fail.
    fn is_nobody_left(&self, message: &Message, at: Moment) -> bool {
        let chains = &self.context.configuration.chains;
        let agents = spec::agents_of(message, self.context);
        let is_its = |agent: &str| {
            agents.is_empty() || agents.iter().any(|it| it.eq_ignore_ascii_case(agent.trim()))
        };
        let mut own = chains.iter().filter(|(agent, _)| is_its(agent)).peekable();
        if own.peek().is_none() {
            let of_agent = |it: &Request| {
                let agent = self.context.configuration.agent(&it.credential, &it.model);
                agent.is_none_or(is_its)
            };
            return self.has_failed_last(message, at, &of_agent, None);
        }
        own.all(|(agent, chain)| {
            let is_out = |it: &Credential| {
                let name = format!("{}:{}", it.provider, it.name);
                let is_it = |asked: &Request| self.names(&asked.credential, agent, &name);
                self.has_failed_last(message, at, &is_it, Some((agent, &name)))
                    && self.may_rest(agent, it, at)
            };
            let mut usable = chain.credentials.iter().filter(|it| chain.uses(it));
            // Who chose a model or a credential may have nothing else.
            if self.has_chosen(at) { usable.any(is_out) } else { usable.all(is_out) }
        })
    }

    fn has_chosen(&self, before: Moment) -> bool {
        let is_choice = |it: &Message| it.text.starts_with("/model") && it.inbound[0] < before;
        self.turns.messages.iter().any(is_choice)
    }

    /// Whether what is named so in a trace is this credential of this agent's.
    fn names(&self, credential: &str, agent: &str, name: &str) -> bool {
        match self.context.configuration.holder(credential) {
            Some(holder) => holder == agent && credential.ends_with(&format!("/{name}")),
            None => credential == name,
        }
    }

    /// Whether the last that was seen of a credential before a moment is that it failed.
    fn has_failed_last(
        &self,
        message: &Message,
        before: Moment,
        is_its: &dyn Fn(&Request) -> bool,
        name: Option<(&str, &str)>,
    ) -> bool {
        let ends = self.turns.requests.iter().filter(|it| is_its(it));
        let ends = ends.filter_map(|it| it.end.as_ref());
        let ends = ends.map(|it| (it.at, !is_answer(&it.outcome)));
        let is_it =
            |credential: &str| name.is_none_or(|(agent, name)| self.names(credential, agent, name));
        let renewals = self.renewals.for_message(message).filter(|it| is_it(&it.credential));
        let renewals = renewals.map(|it| (it.at, it.outcome != RefreshOutcome::Granted));
        let last = ends.chain(renewals).filter(|(at, _)| *at < before).max();
        last.is_some_and(|(_, failed)| failed)
    }

    /// Whether a credential rests, as far as that can be predicted.
    fn may_rest(&self, agent: &str, credential: &Credential, at: Moment) -> bool {
        let is_its = |it: &&Rest| {
            it.agent == agent
                && it.provider == credential.provider
                && it.credential == credential.name
        };
        let slack_us = self.context.configuration.hops.promptly_us;
        let mut its = self.rests.all.iter().filter(is_its).peekable();
        self.rests.may_differ
            || its.peek().is_none()
            || its.any(|it| it.from_us <= at.at_us && at.at_us <= it.until_us + slack_us)
    }
}

fn is_answer(outcome: &ModelOutcome) -> bool {
    matches!(outcome, ModelOutcome::Completed { .. })
}
