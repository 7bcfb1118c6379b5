//! `session`: when a conversation begins anew.

use creel_core::life::{ChatType, Hour, LifeRules, ResetPolicy, Zone};

use super::*;

fn life(version: Version, session: &str, zone: &str) -> LifeRules {
    let text = with(&format!("{MODEL}\nsession: {{ {session} }}"));
    load_with(version, &text, &[("TZ", zone)], &[]).unwrap().settings.core.life
}

/// A policy in short: `daily@4 idle=60`.
fn short(policy: &ResetPolicy) -> String {
    let hour = (0..=Hour::MAX).find(|it| Hour::new(*it) == policy.daily);
    let daily = hour.map(|it| format!("daily@{it}"));
    let idle = policy.idle.map(|it| format!("idle={}", it.as_ms() / 60_000));
    daily.into_iter().chain(idle).collect::<Vec<_>>().join(" ")
}

fn check(version: Version, session: &str, expected: &str) {
    assert_eq!(short(&life(version, session, "UTC").all), expected, "{session}");
}

#[test]
fn each_version_has_a_reset_of_its_own_by_default() {
    check(OLD, "", "daily@4");
    check(NEW, "", "");
    check(OLD, "reset: { atHour: 6 }", "daily@6");
    check(OLD, "reset: { idleMinutes: 30 }", "daily@4 idle=30");
    check(NEW, "reset: { idleMinutes: 30 }", "idle=30");
    check(NEW, "reset: { mode: 'daily' }", "daily@4");
    check(NEW, "reset: { mode: 'none', idleMinutes: 30 }", "");
}

#[test]
fn an_idle_mode_without_minutes_is_an_hour() {
    check(OLD, "reset: { mode: 'idle' }", "idle=60");
    check(OLD, "reset: { mode: 'idle', idleMinutes: 5 }", "idle=5");
}

#[test]
fn the_older_key_means_idle_alone_where_nothing_else_is_said() {
    check(OLD, "idleMinutes: 90", "idle=90");
    check(OLD, "idleMinutes: 90, reset: { mode: 'daily' }", "daily@4 idle=90");
}

#[test]
fn a_kind_takes_over_what_it_does_not_say_and_a_channel_does_not() {
    let rules = life(
        OLD,
        "reset: { mode: 'daily', atHour: 6, idleMinutes: 60 },
         resetByType: { dm: { idleMinutes: 1 }, direct: { idleMinutes: 2 }, thread: { mode: 'idle' } },
         resetByChannel: { Telegram: { mode: 'idle', idleMinutes: 3 }, discord: { atHour: 9 } }",
        "UTC",
    );
    assert_eq!(short(&rules.by_type[&ChatType::Direct]), "daily@6 idle=2");
    assert_eq!(short(&rules.by_type[&ChatType::Thread]), "idle=60");
    assert!(!rules.by_type.contains_key(&ChatType::Group));
    let channel = |name| short(&rules.by_channel[&Channel::new(name).unwrap()]);
    assert_eq!((channel("telegram"), channel("discord")), ("idle=3".into(), "daily@9".into()));
}

#[test]
fn the_zone_is_the_environments() {
    assert_eq!(Some(life(OLD, "", "Europe/Berlin").zone), Zone::named("Europe/Berlin"));
    let text = with(MODEL);
    let loaded = load_with(OLD, &text, &[("TZ", "Mars/Olympus")], &[]).unwrap();
    assert_eq!(loaded.settings.core.life.zone, Zone::UTC);
    insta::assert_snapshot!(loaded.warnings.join("\n"), @"TZ is `Mars/Olympus`, which is no zone: the calendar is UTC's (expected a name such as `Europe/Berlin`)");
}

#[test]
fn words_of_the_other_version_are_refused() {
    let check = |version, lines: &str, expected: &str| {
        let told = told_with(version, &format!("session: {{ {lines} }}"));
        assert!(told.contains(expected), "{told}");
    };
    check(
        OLD,
        "reset: { atHour: 24 }",
        "reset.atHour: found the number `24`, expected a whole number",
    );
    check(
        OLD,
        "reset: { mode: 'none' }",
        "session.reset.mode: found `none`, which 2026.3 does not know",
    );
    check(
        OLD,
        "resetByType: { group: { mode: 'none' } }",
        "session.resetByType.group.mode: found `none`",
    );
    check(NEW, "idleMinutes: 60", "2026.9 has no `session.idleMinutes`");
    check(NEW, "resetByType: { dm: {} }", "session.resetByType.dm: 2026.9 has no `dm` here");
}

#[test]
fn scopes_of_groups_and_bindings_are_the_newer_versions() {
    let told = |version, lines: &str| told_with(version, lines);
    assert!(told(OLD, "session: { groupScope: 'main' }").contains("2026.3 has no scope of groups"));
    let binding = "bindings: [{ agentId: 'main', match: { channel: 'telegram' }, session: { dmScope: 'per-peer' } }]";
    assert!(told(OLD, binding).contains("bindings[0].session: 2026.3 has no scopes"));
    assert!(told(NEW, binding).contains("configuration accepted"));
}
