//! A case's failover against virtual time: who was asked, with which result, what rested, and what people in chats saw.
//!
//! ```text
//! trace + context ──► Timeline (lanes, entries, turns) ──┬──► chart: the glance
//!                                                        ├──► turns: where each turn's time went
//!                                                        ├──► list: everything, in order
//!                                                        └──► report: `timeline`, an array of moments
//! ```

mod axis;
mod chart;
mod entries;
mod lanes;
mod list;
mod turns;
mod words;

use creel_judge::{context::Context, spec::failover, trace::Trace, turns::Turns};

pub(super) use self::lanes::chat;
pub use self::{
    lanes::{Asked, Lane},
    turns::{Attempt, Told, Turn},
};
use super::{data::Moment, terminal::Terminal};

/// What happened, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The rows of the chart: chats, then who could be asked.
    pub lanes: Vec<Lane>,
    /// Everything that happened, in order.
    pub entries: Vec<Entry>,
    /// The turns, in order.
    pub turns: Vec<Turn>,
    /// Whether providers told more than the rests are predicted from.
    pub may_differ: bool,
}

/// Something that happened in a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The lane's name: a chat, or `provider/model@credential`.
    pub lane: String,
    /// When it began, in microseconds since the scenario's zero.
    pub at_us: i64,
    /// When it ended; the same for what has no length.
    pub until_us: i64,
    /// What it is.
    pub kind: EntryKind,
    /// What came of it, in words.
    pub result: String,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A person wrote.
    Wrote,
    /// The gateway was started or ended.
    Gateway,
    /// A model was asked, and answered.
    Answered,
    /// A model was asked, and failed.
    Failed,
    /// A model was asked, and the gateway closed the connection first, or the trace ended.
    Open,
    /// Nobody was asked, between two attempts of a turn.
    Wait,
    /// The credential was not to be asked for a while: predicted.
    Rest,
    /// The credential was disabled: predicted.
    Disabled,
    /// A person was shown something.
    Told,
    /// The platform refused a message of the gateway.
    Refused,
}

impl EntryKind {
    /// The word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wrote => "wrote",
            Self::Gateway => "gateway",
            Self::Answered | Self::Failed | Self::Open => "attempt",
            Self::Wait => "wait",
            Self::Rest => "rest",
            Self::Disabled => "disabled",
            Self::Told => "told",
            Self::Refused => "refused",
        }
    }

    /// Whether it is an attempt.
    pub fn is_attempt(self) -> bool {
        matches!(self, Self::Answered | Self::Failed | Self::Open)
    }

    /// Whether it is predicted, rather than seen.
    pub fn is_rest(self) -> bool {
        matches!(self, Self::Rest | Self::Disabled)
    }
}

impl Timeline {
    /// Reads a trace.
    pub fn of(trace: &Trace, context: &Context) -> Self {
        let turns = Turns::of(trace, context);
        let rests = failover::rests(trace, &turns, context);
        let lanes = lanes::of(trace, &turns, context);
        let ends_us = trace.facts.last().map_or(0, |it| it.at_us);
        let own = turns::of(&turns, context, ends_us);
        let mut entries = entries::on_channels(trace, &turns, context);
        entries.extend(own.iter().flat_map(entries::of_turn));
        let resting = entries::of_rests(&rests, &lanes);
        entries::tell_probes(&mut entries, &resting);
        entries.extend(resting);
        entries.sort_by_key(|it| (it.at_us, it.kind));
        Self { lanes, entries, turns: own, may_differ: rests.may_differ }
    }

    /// The entries as a report has them.
    pub fn moments(&self) -> Vec<Moment> {
        let moment = |it: &Entry| Moment {
            lane: it.lane.clone(),
            at_us: it.at_us,
            until_us: it.until_us,
            kind: it.kind.word().to_owned(),
            result: it.result.clone(),
        };
        self.entries.iter().map(moment).collect()
    }

    /// The whole for people: chart, turns, list, legend.
    pub fn text(&self, terminal: Terminal) -> String {
        if self.entries.is_empty() {
            return "  nothing happened\n".to_owned();
        }
        let mut text = chart::draw(self, terminal);
        text.push('\n');
        text.push_str(&turns::text(self, terminal));
        text.push('\n');
        text.push_str(&list::text(self, terminal));
        text
    }

    /// When the last thing happened that was seen.
    fn ends_us(&self) -> i64 {
        let seen = self.entries.iter().filter(|it| !it.kind.is_rest());
        seen.map(|it| it.until_us).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
