//! Cron jobs: what runs by the clock instead of a message, and when.
//!
//! ```text
//!   at     once
//!   every  anchor + n × span
//!   cron   whenever the clocks of a zone match an expression
//! ```
//!
//! A moment that passed while the gateway was down is not made up for.
//!
//! Source: contract, sections 3 and 4.

use croner::{
    Cron as Pattern,
    parser::{CronParser, Year},
};

use crate::{
    ids::{AgentId, Channel, JobId, ModelId},
    life::Zone,
    origin::Route,
    time::{Millis, WallTime},
};

/// How many jobs run at once, unless configured.
const AT_ONCE: u32 = 1;

/// `cron`, and the jobs that are enabled.
#[derive(Clone, Debug)]
pub struct Cron {
    /// How many run at once: 1 or more.
    pub max_concurrent: u32,
    /// The jobs, each with an id of its own.
    pub jobs: Vec<Job>,
}

impl Default for Cron {
    fn default() -> Self {
        Self { max_concurrent: AT_ONCE, jobs: Vec::new() }
    }
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What people call it.
    pub name: String,
    /// Who does it.
    pub agent: AgentId,
    /// When.
    pub schedule: Schedule,
    /// What.
    pub work: Work,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A turn in a session of its own, which begins anew each time.
    Isolated(Isolated),
    /// These words reach the agent's main session, and are answered where people last wrote in it.
    Event(String),
}

/// A turn in a session of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolated {
    /// What the model is asked.
    pub message: String,
    /// Which model, if not the agent's.
    pub model: Option<ModelId>,
    /// How long it may take, if not as long as every run.
    pub timeout: Option<Millis>,
    /// Who hears what it says.
    pub delivery: Delivery,
}

/// Who hears what a job says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Nobody.
    Nowhere,
    /// This chat.
    To(Route),
    /// The chat in which people last wrote in the agent's main session, if it is on this channel.
    Last(Option<Channel>),
}

/// When a job is due.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// Once.
    At(WallTime),
    /// Again and again.
    Every {
        /// The time between two moments, from a millisecond.
        span: Millis,
        /// A moment that is among them; the gateway's start if none.
        anchor: Option<WallTime>,
    },
    /// When the calendar says so.
    Calendar(Box<Calendar>),
}

/// A moment as ISO 8601 writes it; in UTC where it says nothing else.
pub fn moment(text: &str) -> Option<WallTime> {
    let text = text.trim();
    let utc = || {
        Some(text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(Zone::UTC.0).ok()?.timestamp())
    };
    let found = text.parse::<jiff::Timestamp>().ok().or_else(utc)?;
    Some(WallTime::from_unix_ms(found.as_millisecond()))
}

/// A cron expression, and whose clocks it means.
#[derive(Clone, Debug)]
pub struct Calendar {
    pattern: Pattern,
    zone: Zone,
}

impl Calendar {
    /// Reads an expression of five fields, or of six with seconds first.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn new(expression: &str, zone: Zone) -> Result<Self, String> {
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let pattern = parser.parse(expression).map_err(|it| it.to_string())?;
        Ok(Self { pattern, zone })
    }

    fn next_after(&self, after: WallTime) -> Option<WallTime> {
        let after = jiff::Timestamp::from_millisecond(after.as_unix_ms()).ok()?;
        let after = after.to_zoned(self.zone.0.clone());
        let next = self.pattern.find_next_occurrence(&after, false).ok()?;
        Some(WallTime::from_unix_ms(next.timestamp().as_millisecond()))
    }
}

impl Schedule {
    /// The first moment after this one, if there is one, for a gateway that began then.
    pub fn next_after(&self, after: WallTime, began: WallTime) -> Option<WallTime> {
        match self {
            Self::At(moment) => Some(*moment).filter(|it| *it > after),
            Self::Every { span, anchor } => {
                let span = i64::try_from(span.as_ms()).unwrap_or(i64::MAX).max(1);
                let anchor = anchor.unwrap_or(began).as_unix_ms();
                let passed = after.as_unix_ms().checked_sub(anchor)?.div_euclid(span);
                let next = passed.checked_add(1)?.checked_mul(span)?.checked_add(anchor)?;
                // Before its anchor nothing is due.
                Some(WallTime::from_unix_ms(next.max(anchor)))
            }
            Self::Calendar(calendar) => calendar.next_after(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;
    const HOUR: i64 = 3_600 * SECOND;

    fn moment(text: &str) -> WallTime {
        let found: jiff::Timestamp = text.parse().unwrap();
        WallTime::from_unix_ms(found.as_millisecond())
    }

    #[track_caller]
    fn check(expression: &str, zone: &str, after: &str, expected: &[&str]) {
        let calendar = Calendar::new(expression, Zone::named(zone).unwrap()).unwrap();
        let schedule = Schedule::Calendar(Box::new(calendar));
        let mut at = moment(after);
        for expected in expected {
            at = schedule.next_after(at, at).unwrap();
            assert_eq!(at, moment(expected), "{expression} in {zone}");
        }
    }

    #[test]
    fn an_expression_is_read_off_the_clocks_of_its_zone() {
        let (seven, day) = ("2026-03-16T06:00:00Z", "2026-03-17T06:00:00Z");
        check("0 7 * * *", "Europe/Berlin", "2026-03-16T00:00:00Z", &[seven, day]);
        check("*/5 * * * * *", "UTC", "2026-03-16T09:00:03Z", &["2026-03-16T09:00:05Z"]);
        check("0 9 * * MON", "UTC", "2026-03-16T09:00:00Z", &["2026-03-23T09:00:00Z"]);
    }

    #[test]
    fn a_day_on_which_the_clocks_change_has_its_moment_once() {
        // From summer to winter the hour from two to three comes twice.
        let first = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
        check("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", &first);
        let hours = ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"];
        check("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", &hours);
    }

    #[test]
    fn a_day_of_month_and_a_day_of_week_are_either() {
        let both = ["2026-03-16T09:00:00Z", "2026-03-23T09:00:00Z"];
        check("0 9 15 * 1", "UTC", "2026-03-15T09:00:00Z", &both);
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in ["", "every day", "* * *", "61 * * * *", "* * * * * * 2027"] {
            assert!(Calendar::new(wrong, Zone::UTC).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_due_once_and_a_span_again_and_again() {
        let at = |ms: i64| WallTime::from_unix_ms(ms);
        let once = Schedule::At(at(HOUR));
        assert_eq!(once.next_after(at(0), at(0)), Some(at(HOUR)));
        assert_eq!(once.next_after(at(HOUR), at(0)), None);
        let span = Millis::from_s(10);
        let free = Schedule::Every { span, anchor: None };
        assert_eq!(free.next_after(at(HOUR), at(HOUR)), Some(at(HOUR + 10 * SECOND)));
        let anchored = Schedule::Every { span, anchor: Some(at(HOUR + 3 * SECOND)) };
        assert_eq!(anchored.next_after(at(0), at(0)), Some(at(HOUR + 3 * SECOND)));
        let later = at(HOUR + 13 * SECOND);
        assert_eq!(anchored.next_after(later, at(0)), Some(at(HOUR + 23 * SECOND)));
    }
}
