//! When things were written to a session, and what else may have ended it.

use crate::{
    spec::{
        cast::{Cast, Heard},
        command::{self, Meaning},
        session_key::SessionKey,
    },
    trace::{Kind, Place, Saw, Trace},
    turns::{Moment, Request},
};

/// The moments of one session.
pub(super) struct Moments<'a> {
    trace: &'a Trace,
    cast: &'a Cast<'a>,
    key: &'a SessionKey,
    /// The messages of the session, in the order in which they were fetched.
    heard: Vec<(Moment, &'a Heard<'a>)>,
    /// Where they were written.
    places: Vec<&'a Place>,
    /// When it was answered, or anything else was sent there.
    ends: Vec<i64>,
}

impl<'a> Moments<'a> {
    pub(super) fn of(trace: &'a Trace, cast: &'a Cast<'a>, key: &'a SessionKey) -> Self {
        let ours = || cast.heard.iter().filter(|it| it.keys.contains(key) && !it.is_overheard);
        let mut heard: Vec<_> =
            ours().filter_map(|it| Some((*it.message.fetched.first()?, it))).collect();
        heard.sort_by_key(|(at, _)| *at);
        let mut places: Vec<&Place> = ours().map(|it| &it.message.place).collect();
        places.sort();
        places.dedup();
        let served = cast.served.iter().zip(&cast.turns.requests);
        let ours = served.filter(|(served, _)| served.key.as_ref() == Some(key));
        let mut ends: Vec<i64> =
            ours.filter_map(|(_, request)| Some(request.end.as_ref()?.at.at_us)).collect();
        let sends = cast.turns.sends.iter().filter(|it| places.contains(&&it.place));
        ends.extend(sends.map(|it| it.shown().at_us));
        Self { trace, cast, key, heard, places, ends }
    }

    /// The channel of the session's latest message.
    pub(super) fn channel(&self) -> &str {
        self.heard.last().map_or("", |(_, it)| &it.message.place.channel)
    }

    /// When the first of these messages was fetched.
    pub(super) fn arrival(&self, messages: &[&str]) -> Option<i64> {
        let heard = messages.iter().filter_map(|it| self.cast.heard(it));
        let ours = heard.filter(|it| it.keys.contains(self.key));
        ours.filter_map(|it| it.message.fetched.first()).map(|it| it.at_us).min()
    }

    /// When a person was last heard before: certainly, and perhaps, in a message that the gateway may leave aside.
    pub(super) fn heard_before(&self, us: i64) -> (i64, i64) {
        let is_before = |it: &i64| *it < us;
        let certain = self.heard.iter().filter(|(_, it)| it.message.canary.is_some());
        let certain = certain.map(|(at, _)| at.at_us).filter(is_before).max();
        let there = self.cast.turns.messages.iter().filter(|it| self.places.contains(&&it.place));
        let any = there.flat_map(|it| &it.fetched).map(|it| it.at_us).filter(is_before).max();
        let few_us = self.cast.context.configuration.hops.few_us;
        let certain = certain.unwrap_or(us);
        (certain, any.unwrap_or(us).max(certain).saturating_add(few_us))
    }

    /// When anything was last written to the session before.
    pub(super) fn updated_before(&self, us: i64) -> i64 {
        let few_us = self.cast.context.configuration.hops.few_us;
        let latest = self.ends.iter().filter(|it| **it < us).max();
        latest.map_or(i64::MIN, |it| it.saturating_add(few_us))
    }

    /// Whether `/new` or `/reset` came between a request and a later one with these messages. `Some(false)`: one came, but
    /// whether before them cannot be told.
    pub(super) fn fresh(&self, after: Moment, request: &Request, new: &[&str]) -> Option<bool> {
        let is_fresh = |it: &Heard| {
            command::may_be_fresh(it.message, self.cast.version, &self.cast.context.configuration)
        };
        // A request may be under way while the command comes that ends it.
        let few_us = self.cast.context.configuration.hops.few_us;
        let is_between =
            |at: &Moment| *at < request.start && at.at_us >= after.at_us.saturating_sub(few_us);
        let mut commands = self.heard.iter().filter(|(at, it)| is_between(at) && is_fresh(it));
        let (at, command) = commands.next_back()?;
        if new.contains(&command.message.name.as_str()) {
            return Some(true);
        }
        let configuration = &self.cast.context.configuration;
        if command::meaning(command.message, self.cast.version, configuration) == Meaning::Beyond {
            // For which bot it is, or whether its sender may, is not known.
            return Some(false);
        }
        if *at < after {
            return Some(false);
        }
        let of = |name: &&str| self.heard.iter().find(|(_, it)| it.message.name == **name);
        let first = new.iter().filter_map(of).min_by_key(|(at, _)| *at);
        // Accounts are polled apart, so only one account's messages have an order.
        let same_account = |it: &Heard| it.message.place.account == command.message.place.account;
        Some(first.is_some_and(|(first, it)| at < first && same_account(it)))
    }

    /// Whether something else may have changed the session: the gateway ended, or an operator or `/compact` changed it.
    pub(super) fn is_disturbed(&self, after: Moment, before: Moment) -> bool {
        let is_between = |seq: u64| after.seq < seq && seq < before.seq;
        let disturbs = |kind: &Kind| match kind {
            Kind::GatewayExited { .. } | Kind::GatewayStarted => true,
            Kind::OperatorCalled { call, .. } => call != "pairing.approve",
            Kind::Operator(it) => matches!(it.saw, Saw::Asked { .. }),
            _ => false,
        };
        let facts = self.trace.facts.iter().filter(|it| is_between(it.seq));
        let compacts = |it: &&(Moment, &Heard)| {
            is_between(it.0.seq) && it.1.message.text.trim_start().starts_with("/compact")
        };
        facts.into_iter().any(|it| disturbs(&it.kind)) || self.heard.iter().any(|it| compacts(&it))
    }

    /// Whether a run of the session was active, or may have been, when a message of a request arrived.
    pub(super) fn is_busy(&self, arrived_us: i64, request: &Request) -> bool {
        let hops = self.cast.context.configuration.hops;
        let waited_us = request.start.at_us.saturating_sub(arrived_us);
        let inbound_us = self.cast.context.queue.debounce_us;
        if waited_us > hops.promptly_us.saturating_add(inbound_us) {
            return true;
        }
        let served = self.cast.served.iter().zip(&self.cast.turns.requests);
        let mut ours = served.filter(|(served, it)| {
            served.key.as_ref() == Some(self.key) && it.start < request.start
        });
        ours.any(|(_, it)| {
            let end_us = it.end.as_ref().map_or(i64::MAX, |it| it.at.at_us);
            end_us.saturating_add(hops.promptly_us) >= arrived_us
        })
    }

    /// Whether a person saw the answer of a request before a moment.
    pub(super) fn was_seen(&self, request: &Request, before: Moment) -> bool {
        let Some(answer) = request.completed_answer().map(str::trim) else { return false };
        let Some(end) = request.end.as_ref().map(|it| it.at) else { return false };
        let shows = |text: &str| !text.trim().is_empty() && answer.contains(text.trim());
        let mut sends = self.cast.turns.sends.iter();
        sends.any(|it| {
            it.at > request.start
                && it.shown().max(end) < before
                && self.places.contains(&&it.place)
                && shows(it.final_text())
        })
    }
}
