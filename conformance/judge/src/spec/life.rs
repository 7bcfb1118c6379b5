//! When a session ends by itself: each day at an hour of the gateway's wall clock, or after a silence.
//!
//! Source: contract, section 7 and section 0's row on automatic resets.

use jiff::{Timestamp, civil::Time, tz::TimeZone};

use super::{Rule, version::Version};
use crate::context::{Reset, ResetMode, ResetRules, Wall};

/// The hour of the daily reset where none is configured.
const HOUR: u8 = 4;

/// The silence of an idle reset where none is configured, in minutes.
const IDLE_MINUTES: u64 = 60;

/// What may end a session: nothing, an hour of the day, a silence, or whichever comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The hour of the day.
    pub hour: Option<u8>,
    /// The silence, in microseconds.
    pub idle_us: Option<i64>,
    /// Where it was written.
    pub source: Source,
}

/// Where a policy was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: the version's own.
    #[default]
    Version,
    /// `session.reset`, or `session.idleMinutes`.
    General,
    /// `session.resetByType`.
    Type,
    /// `session.resetByChannel`.
    Channel,
    /// Old and new keys at once, which the contract does not tell how to read.
    Unclear,
}

impl Policy {
    /// The rule that ended a session, daily or idle, as far as where it was written makes it another one.
    pub fn rule(self, ended: Rule) -> Rule {
        match (self.source, ended) {
            (Source::Type, _) => Rule::LifeType,
            (Source::Channel, _) => Rule::LifeChannel,
            (Source::Version, Rule::LifeDaily) => Rule::LifeDefault,
            (Source::Version | Source::General | Source::Unclear, _) => ended,
        }
    }
}

/// The life of a session so far. Times are in microseconds since the scenario's zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit")]
pub struct Life {
    /// When it began.
    pub started_us: i64,
    /// When something was last written to it.
    pub updated_us: i64,
    /// When a person last wrote.
    pub heard_us: i64,
}

/// The policy of sessions of a kind (`direct`, `group`, `thread`) on a channel. The channel's goes before the kind's,
/// which goes before the general one, field by field.
pub fn policy(rules: &ResetRules, version: Version, kind: &str, channel: &str) -> Policy {
    let named = |name: &str| name.trim().to_lowercase();
    let channel = rules.by_channel.iter().find(|(name, _)| named(name) == named(channel));
    let kinds: &[&str] = if kind == "direct" { &["direct", "dm"] } else { &[kind] };
    let kind = kinds.iter().find_map(|it| rules.by_type.get(*it));
    match (channel, kind, rules.general) {
        (Some((_, channel)), _, _) => of(*channel, version, Source::Channel),
        (None, Some(kind), general) => {
            let general = general.unwrap_or_default();
            let merged = Reset {
                mode: kind.mode.or(general.mode),
                at_hour: kind.at_hour.or(general.at_hour),
                idle_minutes: kind.idle_minutes.or(general.idle_minutes),
            };
            of(merged, version, Source::Type)
        }
        (None, None, Some(general)) => of(general, version, Source::General),
        (None, None, None) => unconfigured(rules, version),
    }
}

/// What the version does where nothing says when sessions end.
fn unconfigured(rules: &ResetRules, version: Version) -> Policy {
    match (version, rules.legacy_idle_minutes) {
        (_, Some(minutes)) if rules.by_type.is_empty() && rules.by_channel.is_empty() => {
            Policy { hour: None, idle_us: Some(minutes_us(minutes)), source: Source::General }
        }
        (_, Some(_)) => Policy { source: Source::Unclear, ..Policy::default() },
        (Version::March, None) => Policy { hour: Some(HOUR), ..Policy::default() },
        (Version::September, None) => Policy::default(),
    }
}

fn of(reset: Reset, version: Version, source: Source) -> Policy {
    let idle_us = reset.idle_minutes.map(minutes_us);
    let unsaid = match (version, reset.at_hour, reset.idle_minutes) {
        (Version::March, ..) | (Version::September, Some(_), _) => ResetMode::Daily,
        (Version::September, None, Some(_)) => ResetMode::Idle,
        (Version::September, None, None) => ResetMode::None,
    };
    match reset.mode.unwrap_or(unsaid) {
        ResetMode::Daily => Policy { hour: Some(reset.at_hour.unwrap_or(HOUR)), idle_us, source },
        ResetMode::Idle => {
            let idle_us = idle_us.unwrap_or_else(|| minutes_us(IDLE_MINUTES));
            Policy { hour: None, idle_us: Some(idle_us), source }
        }
        ResetMode::None => Policy { hour: None, idle_us: None, source },
    }
}

fn minutes_us(minutes: u64) -> i64 {
    i64::try_from(minutes).unwrap_or(i64::MAX).saturating_mul(60_000_000)
}

/// When the session is over, and by which rule; the first to expire wins. `None`: never, or the wall clock is not known.
pub fn ends(
    policy: Policy,
    version: Version,
    wall: Option<&Wall>,
    life: Life,
) -> Option<(i64, Rule)> {
    let since_us = match version {
        Version::March => life.updated_us,
        Version::September => life.started_us,
    };
    let daily = policy.hour.zip(wall).and_then(|(hour, wall)| next_daily(wall, since_us, hour));
    let idle = policy.idle_us.map(|it| life.heard_us.saturating_add(it));
    let daily = daily.map(|it| (it, Rule::LifeDaily));
    let idle = idle.map(|it| (it, Rule::LifeIdle));
    daily.into_iter().chain(idle).min_by_key(|(at_us, _)| *at_us)
}

/// The first time after `after_us` at which the gateway's wall clock shows the hour. A day whose clock skips the hour has
/// it when the clock jumps over it; a day that has it twice, the first time.
pub fn next_daily(wall: &Wall, after_us: i64, hour: u8) -> Option<i64> {
    let zone = TimeZone::get(&wall.zone).ok()?;
    let after = Timestamp::from_microsecond(wall.zero_unix_us.checked_add(after_us)?).ok()?;
    let time = Time::new(i8::try_from(hour).ok()?, 0, 0, 0).ok()?;
    let mut date = after.to_zoned(zone.clone()).date().yesterday().ok()?;
    // Yesterday, today and the two days after: however the clock jumps, one of them comes later.
    for _ in 0..4 {
        let shown = date.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp();
        if shown > after {
            return shown.as_microsecond().checked_sub(wall.zero_unix_us);
        }
        date = date.tomorrow().ok()?;
    }
    None
}

#[cfg(test)]
mod tests;
