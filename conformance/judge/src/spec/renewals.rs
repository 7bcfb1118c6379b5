//! Which renewals of logins a turn may have waited for, or failed with: its agent's own, and those of logins that agents
//! share. Others only keep it from a slot, where there are fewer of these than conversations.

use std::collections::BTreeSet;

use super::cast::{self, Cast};
use crate::{
    context::Context,
    turns::{Message, Renewal, Turns},
};

/// The renewals of a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renewals<'a> {
    all: &'a [Renewal],
    context: &'a Context,
    /// Whether conversations may have waited for one another.
    is_crowded: bool,
}

impl<'a> Renewals<'a> {
    pub(crate) fn of(turns: &'a Turns, context: &'a Context) -> Self {
        match Cast::of(turns, context) {
            Some(cast) => Self::of_cast(&cast),
            None => Self { all: &turns.renewals, context, is_crowded: true },
        }
    }

    pub(super) fn of_cast(cast: &Cast<'a>) -> Self {
        let conversations: BTreeSet<_> = cast.heard.iter().flat_map(|it| &it.keys).collect();
        let slots = usize::try_from(cast.context.queue.max_concurrent).unwrap_or(usize::MAX);
        let is_crowded = conversations.len() > slots;
        Self { all: &cast.turns.renewals, context: cast.context, is_crowded }
    }

    /// Those that may have been for a message.
    pub(crate) fn for_message(self, message: &Message) -> impl Iterator<Item = &'a Renewal> {
        let agents = cast::agents(message, self.context);
        self.all.iter().filter(move |it| self.may_be_for(it, &agents))
    }

    /// Those that a message may have waited for.
    pub(crate) fn before_message(self, message: &Message) -> impl Iterator<Item = &'a Renewal> {
        let agents = cast::agents(message, self.context);
        self.all.iter().filter(move |it| self.is_crowded || self.may_be_for(it, &agents))
    }

    /// Those that an agent's turns may have waited for.
    pub(super) fn before_agent(self, agent: &str) -> impl Iterator<Item = &'a Renewal> {
        let agents = [agent.to_owned()];
        self.all.iter().filter(move |it| self.is_crowded || self.may_be_for(it, &agents))
    }

    fn may_be_for(self, renewal: &Renewal, agents: &[String]) -> bool {
        let Some(holder) = self.context.configuration.holder(&renewal.credential) else {
            return true;
        };
        agents.is_empty() || agents.iter().any(|it| it.eq_ignore_ascii_case(holder.trim()))
    }
}
