use super::*;
use crate::{profile::Version, testing};

/// A moment as people write it, with the offset of its zone.
fn wall(text: &str) -> WallTime {
    let moment: jiff::Timestamp = text.parse().unwrap();
    WallTime::from_unix_ms(moment.as_millisecond())
}

fn latest(zone: &str, hour: u8, now: &str) -> String {
    let zone = Zone::named(zone).unwrap();
    let found = Days::default().latest(&zone, Hour::new(hour).unwrap(), wall(now));
    jiff::Timestamp::from_millisecond(found.as_unix_ms()).unwrap().to_string()
}

#[test]
fn the_latest_reset_is_today_or_yesterday() {
    assert_eq!(latest("UTC", 4, "2026-03-16T09:00:00Z"), "2026-03-16T04:00:00Z");
    assert_eq!(latest("UTC", 4, "2026-03-16T04:00:00Z"), "2026-03-16T04:00:00Z");
    assert_eq!(latest("UTC", 4, "2026-03-16T03:59:59.999Z"), "2026-03-15T04:00:00Z");
    assert_eq!(latest("Asia/Tokyo", 4, "2026-03-16T18:59:00Z"), "2026-03-15T19:00:00Z");
    assert_eq!(latest("Asia/Tokyo", 4, "2026-03-16T19:00:00Z"), "2026-03-16T19:00:00Z");
}

#[test]
fn the_hour_is_the_clocks_whatever_they_do_at_night() {
    // Berlin's clocks go from 02:00 to 03:00 on 29 March 2026, and from 03:00 to 02:00 on 25 October.
    assert_eq!(latest("Europe/Berlin", 4, "2026-03-29T01:59:00Z"), "2026-03-28T03:00:00Z");
    assert_eq!(latest("Europe/Berlin", 4, "2026-03-29T02:00:00Z"), "2026-03-29T02:00:00Z");
    assert_eq!(latest("Europe/Berlin", 4, "2026-10-25T02:59:00Z"), "2026-10-24T02:00:00Z");
    assert_eq!(latest("Europe/Berlin", 4, "2026-10-25T03:00:00Z"), "2026-10-25T03:00:00Z");
}

#[test]
fn an_hour_that_is_skipped_or_shown_twice_resets_once() {
    assert_eq!(latest("Europe/Berlin", 2, "2026-03-29T00:59:00Z"), "2026-03-28T01:00:00Z");
    assert_eq!(latest("Europe/Berlin", 2, "2026-03-29T01:00:00Z"), "2026-03-29T01:00:00Z");
    assert_eq!(latest("Europe/Berlin", 2, "2026-10-25T00:30:00Z"), "2026-10-25T00:00:00Z");
    assert_eq!(latest("Europe/Berlin", 2, "2026-10-25T01:30:00Z"), "2026-10-25T00:00:00Z");
}

#[test]
fn a_zone_has_a_name_or_a_rule() {
    let rule = "CET-1CEST,M3.5.0,M10.5.0/3";
    assert_eq!(latest(rule, 4, "2026-03-29T02:00:00Z"), "2026-03-29T02:00:00Z");
    assert!(Zone::named(":Europe/Berlin").is_some());
    assert_eq!(Zone::named("Europe/Atlantis"), None);
}

#[test]
fn what_is_remembered_of_the_calendar_is_what_it_says() {
    let zone = Zone::named("America/New_York").unwrap();
    let hour = Hour::new(2).unwrap();
    let mut days = Days::default();
    let from = wall("2026-02-27T00:00:00Z").as_unix_ms();
    // A year in steps of 47 minutes, with a jump back at every seventh.
    for step in 0..11_000_i64 {
        let ms = from + step * 47 * 60_000 - if step % 7 == 0 { 90_000_000 } else { 0 };
        let now = WallTime::from_unix_ms(ms);
        assert_eq!(days.latest(&zone, hour, now), zone.day(hour, now).begins, "{ms}");
    }
}

/// Whether a life that was last used at `used_min` is over at `now_min`, both in minutes since 1970 on both clocks.
fn over(rules: &LifeRules, (began_min, used_min): (u64, u64), now_min: u64) -> bool {
    let at = |min: u64| Now::from(Timestamp::from_ms(min * 60_000));
    let mut life = Life::new(at(began_min));
    life.hear(at(used_min));
    let route = testing::dm("3001").route;
    rules.is_over(&life, &route, at(now_min), &mut Days::default())
}

#[test]
fn an_idle_reset_slides_with_each_message() {
    let mut rules = testing::never_over(Version::V2026_3);
    rules.all.idle = Some(Millis::from_s(60 * 60));
    assert!(!over(&rules, (0, 0), 60));
    assert!(over(&rules, (0, 0), 61));
    assert!(!over(&rules, (0, 55), 61));
}

#[test]
fn the_daily_reset_is_measured_from_the_last_word_or_from_the_start() {
    let mut rules = testing::never_over(Version::V2026_3);
    rules.all.daily = Some(Hour::DEFAULT);
    let (before, past, later) = (239, 241, 300);
    assert!(over(&rules, (0, before), later));
    assert!(!over(&rules, (0, past), later));
    rules.daily_from = DailyFrom::Start;
    assert!(over(&rules, (0, past), later));
    assert!(!over(&rules, (past, past), later));
}

#[test]
fn a_channel_wins_over_a_type_and_a_type_over_the_rest() {
    let idle = |min: u64| ResetPolicy { daily: None, idle: Some(Millis::from_s(min * 60)) };
    let mut rules = testing::never_over(Version::V2026_3);
    rules.all = idle(10);
    assert!(over(&rules, (0, 0), 15));
    rules.by_type.insert(ChatType::Direct, idle(20));
    rules.by_type.insert(ChatType::Group, idle(1));
    assert!(!over(&rules, (0, 0), 15));
    assert!(over(&rules, (0, 0), 25));
    rules.by_channel.insert(Channel::new("telegram").unwrap(), idle(30));
    assert!(!over(&rules, (0, 0), 25));
}

#[test]
fn a_jump_of_the_wall_clock_ends_no_idle_time() {
    let mut rules = testing::never_over(Version::V2026_3);
    rules.all.idle = Some(Millis::from_s(60 * 60));
    let life = Life::new(Now::from(Timestamp::from_ms(0)));
    let jumped = Now { monotonic: Timestamp::from_ms(1_000), wall: wall("2026-03-16T09:00:00Z") };
    let route = testing::dm("3001").route;
    assert!(!rules.is_over(&life, &route, jumped, &mut Days::default()));
}
