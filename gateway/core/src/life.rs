//! How long a session lives: the daily reset, the idle reset, and which of them a chat has.
//!
//! ```text
//!   over, if   daily   the marked moment is before the latest `atHour` of the gateway's own calendar
//!              idle    the last message of a person is longer ago than `idleMinutes`
//! ```
//!
//! The first to come wins. It is asked when a message comes; nothing happens before. The calendar is the wall clock's, so
//! a day has 23 or 25 hours when the clocks change; the idle reset is a duration, so it is the monotonic clock's.
//!
//! Source: contract, section 7.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, tz::TimeZone};

use crate::{
    ids::Channel,
    origin::{PeerKind, Route},
    profile::DailyFrom,
    time::{Millis, Now, Timestamp, WallTime},
};

/// Where the gateway stands, as far as its calendar goes. The zones are part of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(pub(crate) TimeZone);

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of a name such as `Europe/Berlin`, or of a rule as `TZ` holds it (`CET-1CEST,M3.5.0,M10.5.0/3`).
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().trim_start_matches(':');
        TimeZone::get(name).or_else(|_| TimeZone::posix(name)).ok().map(Self)
    }

    /// The time around `now` between two moments at which the clocks here show this hour.
    fn day(&self, hour: Hour, now: WallTime) -> Day {
        let moment = |days: i64| {
            let here = jiff::Timestamp::from_millisecond(now.as_unix_ms()).ok()?;
            let date = here.to_zoned(self.0.clone()).date().checked_add(days.days()).ok()?;
            // An hour that the clocks skip is the moment after the gap, one that they show twice is the first.
            let at = date.at(hour.0, 0, 0, 0).to_zoned(self.0.clone()).ok()?;
            Some(WallTime::from_unix_ms(at.timestamp().as_millisecond()))
        };
        // Two days to each side, since a zone may skip one.
        let moments: Vec<WallTime> = (-2..=2).filter_map(moment).collect();
        let begins = moments.iter().rfind(|it| **it <= now);
        let ends = moments.iter().find(|it| **it > now);
        // At the ends of what a calendar can count there is no reset.
        Day { begins: begins.copied().unwrap_or_default(), ends: ends.copied().unwrap_or(now) }
    }
}

/// An hour of the day, 0 to 23.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour(i8);

impl Hour {
    /// The greatest.
    pub const MAX: u8 = 23;

    /// The hour of the daily reset unless configured: four in the morning.
    pub const DEFAULT: Self = Self(4);

    /// An hour that a day has.
    pub fn new(hour: u8) -> Option<Self> {
        (hour <= Self::MAX).then_some(hour).and_then(|it| i8::try_from(it).ok()).map(Self)
    }
}

/// When a session's life is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetPolicy {
    /// Once a day at this hour, if at all.
    pub daily: Option<Hour>,
    /// After so much silence, if at all.
    pub idle: Option<Millis>,
}

/// What kind of chat a reset is configured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChatType {
    /// One person.
    Direct,
    /// A group or a room.
    Group,
    /// A thread or a topic, wherever it is.
    Thread,
}

impl ChatType {
    /// The kind of a message's chat.
    pub fn of(route: &Route) -> Self {
        match (&route.thread, route.peer.kind) {
            (Some(_), _) => Self::Thread,
            (None, PeerKind::Direct) => Self::Direct,
            (None, PeerKind::Group | PeerKind::Channel) => Self::Group,
        }
    }
}

/// `session.reset`, `resetByType` and `resetByChannel`.
#[derive(Clone, Debug)]
pub struct LifeRules {
    /// Whose calendar.
    pub zone: Zone,
    /// Which moment the daily reset is measured from.
    pub daily_from: DailyFrom,
    /// Where nothing else is said.
    pub all: ResetPolicy,
    /// For one kind of chat.
    pub by_type: BTreeMap<ChatType, ResetPolicy>,
    /// For one channel, whatever the chat.
    pub by_channel: BTreeMap<Channel, ResetPolicy>,
}

impl LifeRules {
    /// What holds for a message.
    fn policy(&self, route: &Route) -> ResetPolicy {
        let channel = self.by_channel.get(&route.channel);
        *channel.or_else(|| self.by_type.get(&ChatType::of(route))).unwrap_or(&self.all)
    }

    /// Whether a life is over for a message that comes now.
    pub fn is_over(&self, life: &Life, route: &Route, now: Now, days: &mut Days) -> bool {
        let ResetPolicy { daily, idle } = self.policy(route);
        let silent = idle.is_some_and(|idle| life.heard + idle < now.monotonic);
        silent || {
            let marked = match self.daily_from {
                DailyFrom::LastUpdate => life.updated,
                DailyFrom::Start => life.began,
            };
            daily.is_some_and(|hour| marked < days.latest(&self.zone, hour, now.wall))
        }
    }
}

/// The moments of a session's life that resets are measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it began.
    pub began: WallTime,
    /// When anything was last said in it, by a person or by the model.
    pub updated: WallTime,
    /// When a person last said something.
    pub heard: Timestamp,
}

impl Life {
    /// A life that begins with a person's words.
    pub fn new(now: Now) -> Self {
        Self { began: now.wall, updated: now.wall, heard: now.monotonic }
    }

    /// A person said something.
    pub fn hear(&mut self, now: Now) {
        *self = Self { began: self.began, ..Self::new(now) };
    }
}

/// What the calendar was last asked, since asking it costs more than all else that a message needs.
#[derive(Clone, Debug, Default)]
pub struct Days(BTreeMap<Hour, Day>);

/// The time from one reset to the next.
#[derive(Clone, Copy, Debug)]
struct Day {
    begins: WallTime,
    ends: WallTime,
}

impl Days {
    /// The latest moment, up to `now`, at which the clocks of the zone showed this hour.
    fn latest(&mut self, zone: &Zone, hour: Hour, now: WallTime) -> WallTime {
        let known = self.0.get(&hour).filter(|it| (it.begins..it.ends).contains(&now));
        if let Some(day) = known {
            return day.begins;
        }
        let day = zone.day(hour, now);
        self.0.insert(hour, day);
        day.begins
    }
}

#[cfg(test)]
mod tests;
