use super::*;

const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;

/// A wall clock in a zone, and that moment there as microseconds since 1970.
fn wall(zone: &str, at: &str) -> Wall {
    let at: jiff::civil::DateTime = at.parse().expect("a date and time");
    let zero = at.to_zoned(TimeZone::get(zone).expect("a zone")).expect("a moment");
    Wall { zero_unix_us: zero.timestamp().as_microsecond(), zone: zone.to_owned() }
}

#[test]
fn a_day_has_its_hour_once_however_clocks_jump() {
    let rows = [
        // zone, zero, hour, hours until it
        ("UTC", "2026-03-16T09:00:00", 4, 19),
        ("UTC", "2026-03-16T03:00:00", 4, 1),
        ("UTC", "2026-03-16T04:00:00", 4, 24),
        // An hour is missing: four o'clock comes early, and two o'clock when the clock jumps over it.
        ("Europe/Berlin", "2026-03-28T22:00:00", 4, 5),
        ("Europe/Berlin", "2026-03-28T22:00:00", 2, 4),
        // An hour comes twice: the first of the two counts, and the day has no second.
        ("Europe/Berlin", "2026-10-24T22:00:00", 4, 7),
        ("Europe/Berlin", "2026-10-24T22:00:00", 2, 4),
    ];
    for (zone, zero, hour, hours) in rows {
        let next = next_daily(&wall(zone, zero), 0, hour);
        assert_eq!(next, Some(hours * HOUR_US), "{zone}, {hour} o'clock after {zero}");
    }
    let fold = wall("Europe/Berlin", "2026-10-24T22:00:00");
    assert_eq!(next_daily(&fold, 4 * HOUR_US, 2), Some(29 * HOUR_US), "not twice in one night");
}

#[test]
fn versions_have_their_own_defaults() {
    let rules = ResetRules::default();
    let older = policy(&rules, Version::March, "direct", "telegram");
    assert_eq!((older.hour, older.idle_us), (Some(4), None));
    assert_eq!(policy(&rules, Version::September, "direct", "telegram"), Policy::default());
}

#[test]
fn the_channel_goes_before_the_kind_before_the_general() {
    let daily =
        |hour| Reset { mode: Some(ResetMode::Daily), at_hour: Some(hour), idle_minutes: None };
    let mut rules = ResetRules { general: Some(daily(1)), ..ResetRules::default() };
    rules.by_type.insert("group".to_owned(), daily(2));
    let hour = |rules: &ResetRules, kind| policy(rules, Version::September, kind, "telegram").hour;
    assert_eq!((hour(&rules, "direct"), hour(&rules, "group")), (Some(1), Some(2)));
    rules.by_channel.insert("telegram".to_owned(), daily(3));
    assert_eq!((hour(&rules, "direct"), hour(&rules, "group")), (Some(3), Some(3)));
}

#[test]
fn old_files_may_ask_for_an_idle_reset_alone() {
    let rules = ResetRules { legacy_idle_minutes: Some(2), ..ResetRules::default() };
    let found = policy(&rules, Version::March, "direct", "telegram");
    assert_eq!((found.hour, found.idle_us), (None, Some(2 * MINUTE_US)));
}

#[test]
fn the_first_to_expire_wins_and_each_counts_from_its_own_moment() {
    let wall = wall("UTC", "2026-03-16T03:00:00");
    let life = |started_us, updated_us, heard_us| Life { started_us, updated_us, heard_us };
    let both = Policy { hour: Some(4), idle_us: Some(90 * MINUTE_US), ..Policy::default() };
    let ends = |policy, version, life| ends(policy, version, Some(&wall), life);
    let early = life(0, 0, 0);
    assert_eq!(ends(both, Version::March, early), Some((HOUR_US, Rule::LifeDaily)));
    // After the hour it is the silence.
    let late = life(2 * HOUR_US, 2 * HOUR_US, 2 * HOUR_US);
    assert_eq!(
        ends(both, Version::March, late),
        Some((2 * HOUR_US + 90 * MINUTE_US, Rule::LifeIdle))
    );
    // An answer behind the hour keeps the older version's session, and not the newer one's.
    let daily = Policy { idle_us: None, ..both };
    let answered = life(0, HOUR_US + 1, 0);
    assert_eq!(ends(daily, Version::March, answered), Some((25 * HOUR_US, Rule::LifeDaily)));
    assert_eq!(ends(daily, Version::September, answered), Some((HOUR_US, Rule::LifeDaily)));
    // L-01: an answer does not move the silence.
    let idle = Policy { hour: None, ..both };
    assert_eq!(ends(idle, Version::March, answered), Some((90 * MINUTE_US, Rule::LifeIdle)));
}
