//! `clock`: the date at the scenario's zero, and the zone in which the gateway stands.

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
}

impl Default for Clock {
    fn default() -> Self {
        Self { start_unix_s: START_UNIX_S, is_set: false, zone: "UTC".to_owned() }
    }
}

/// Reads `clock`, or what stands for it.
pub(super) fn read(root: &At<'_>, context: &mut Context<'_>) -> Clock {
    let mut clock = Clock::default();
    let Some(at) = root.get("clock") else { return clock };
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
