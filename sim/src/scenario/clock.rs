//! `clock`: the date at the scenario's zero, the zone in which the gateway stands, and jumps of its clock.

use std::time::Duration;

use jiff::{civil::DateTime, tz::TimeZone};

use super::{at::At, context::Context};

/// The date at the zero of a scenario that does not say, in seconds since 1970: 2026-03-16T09:00:00Z, a Monday.
const START_UNIX_S: i64 = 1_773_651_600;

/// What clocks and calendars show while a scenario runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The date at the scenario's zero, in seconds since 1970.
    pub start_unix_s: i64,
    /// Whether the scenario says so. The machine's clock cannot be set.
    pub is_set: bool,
    /// The zone's name.
    pub zone: String,
    /// When the gateway's own clock is moved, in order of time. Those of the platforms go on.
    pub jumps: Vec<Jump>,
}

/// Somebody moves the gateway's clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// When, since the scenario's zero.
    pub at: Duration,
    /// How far, in milliseconds; backwards is negative.
    pub by_ms: i64,
}

impl Clock {
    /// What the gateway's clock shows so long after the scenario's zero, in milliseconds since 1970.
    pub fn shows_unix_ms(&self, since_us: i64) -> i64 {
        let is_past = |it: &&Jump| i64::try_from(it.at.as_micros()).is_ok_and(|at| at <= since_us);
        let moved_ms: i64 = self.jumps.iter().filter(is_past).map(|it| it.by_ms).sum();
        self.start_unix_s * 1_000 + since_us.div_euclid(1_000) + moved_ms
    }
}

impl Default for Clock {
    fn default() -> Self {
        let zone = "UTC".to_owned();
        Self { start_unix_s: START_UNIX_S, is_set: false, zone, jumps: Vec::new() }
    }
}

/// Reads `clock`, or what stands for it.
pub(super) fn read(root: &At<'_>, context: &mut Context<'_>) -> Clock {
    let mut clock = Clock::default();
    let Some(at) = root.get("clock") else { return clock };
    clock.jumps = at.items_of("jumps").iter().filter_map(jump).collect();
    clock.jumps.sort_by_key(|it| it.at);
    let mut zone = TimeZone::UTC;
    if let Some(at) = at.get("zone")
        && let Some(name) = at.text()
    {
        match TimeZone::get(&name) {
            Ok(found) => (zone, clock.zone) = (found, name),
            Err(_) => context.push(
                at.problem(format!("there is no zone `{name}`"))
                    .help("a name of the tz database, such as `Europe/Berlin`"),
            ),
        }
    }
    if let Some(at) = at.get("start")
        && let Some(text) = at.text()
    {
        let start = text.parse::<DateTime>().ok().and_then(|it| it.to_zoned(zone).ok());
        match start {
            Some(start) => {
                (clock.start_unix_s, clock.is_set) = (start.timestamp().as_second(), true);
            }
            None => context.push(at.problem(format!(
                "found `{text}`, expected the date and time in the zone, such as `2026-03-28 22:00:00`"
            ))),
        }
    }
    clock
}

fn jump(at: &At<'_>) -> Option<Jump> {
    let ms = |it: Duration| i64::try_from(it.as_millis()).ok();
    let by_ms = match (at.duration_of("forward"), at.duration_of("back")) {
        (Some(forward), _) => ms(forward)?,
        (None, back) => -ms(back?)?,
    };
    Some(Jump { at: at.duration_of("at")?, by_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_moves_what_the_clock_shows_from_its_moment_on() {
        let jump = |s, by_ms| Jump { at: Duration::from_secs(s), by_ms };
        let jumps = vec![jump(10, 3_600_000), jump(20, -7_200_000)];
        let clock = Clock { start_unix_s: 100_000, jumps, ..Clock::default() };
        let shown = |second: i64| clock.shows_unix_ms(second * 1_000_000) / 1_000;
        assert_eq!(
            [-1, 0, 9, 10, 19, 20].map(shown),
            [99_999, 100_000, 100_009, 103_610, 103_619, 96_420]
        );
    }
}
