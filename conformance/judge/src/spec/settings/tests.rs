use super::*;

fn set(mode: Mode) -> Override {
    Override { mode: Some(mode), ..Override::default() }
}

#[test]
fn each_version_has_its_defaults() {
    let of = |version| {
        let none = Override::default();
        resolve(&QueueRules::default(), version, "telegram", none, none)
    };
    let cap_and_drop =
        |mode, debounce_us| Settings { mode, debounce_us, cap: 20, drop: Drop::Summarize };
    assert_eq!(of(Version::March), cap_and_drop(Mode::Collect, 1_000_000));
    assert_eq!(of(Version::September), cap_and_drop(Mode::Steer, 500_000));
}

#[test]
fn inline_wins_over_the_session_over_the_channel_over_all() {
    let mut rules = QueueRules {
        mode: Some("followup".to_owned()),
        debounce_us: Some(7),
        ..QueueRules::default()
    };
    let of = |rules: &QueueRules, session, inline| {
        resolve(rules, Version::March, "telegram", session, inline)
    };
    let none = Override::default();
    assert_eq!(of(&rules, none, none).mode, Mode::Followup);
    assert_eq!(of(&rules, none, none).debounce_us, 7);
    rules.mode_by_channel.insert("telegram".to_owned(), "interrupt".to_owned());
    rules.debounce_us_by_channel.insert("telegram".to_owned(), 8);
    assert_eq!(of(&rules, none, none).mode, Mode::Interrupt);
    assert_eq!(of(&rules, none, none).debounce_us, 8);
    assert_eq!(of(&rules, set(Mode::Collect), none).mode, Mode::Collect);
    assert_eq!(of(&rules, set(Mode::Collect), set(Mode::Steer)).mode, Mode::Steer);
    // `debounceMs` for all channels is the older version's.
    rules.debounce_us_by_channel.clear();
    let newer = resolve(&rules, Version::September, "telegram", none, none);
    assert_eq!(newer.debounce_us, 500_000);
}

#[test]
fn modes_have_aliases_in_the_older_version_only() {
    let rows = [
        ("queue", Some(Mode::Steer), None),
        ("steer+backlog", Some(Mode::SteerBacklog), None),
        ("steer-backlog", Some(Mode::SteerBacklog), None),
        (" Interrupt ", Some(Mode::Interrupt), Some(Mode::Interrupt)),
        ("nonsense", None, None),
    ];
    for (name, older, newer) in rows {
        assert_eq!(Mode::named(name, Version::March), older, "{name}");
        assert_eq!(Mode::named(name, Version::September), newer, "{name}");
    }
}

#[test]
fn a_queue_command_sets_clears_or_stands_before_a_message() {
    let all = Override {
        mode: Some(Mode::Followup),
        debounce_us: Some(2_000_000),
        cap: Some(25),
        drop: Some(Drop::Old),
    };
    let rows = [
        ("", Command::Nothing),
        ("followup debounce:2s cap:25 drop:old", Command::Set(all)),
        ("default", Command::Clear),
        ("Reset", Command::Clear),
        ("nonsense", Command::Nothing),
        ("cap:0", Command::Nothing),
        ("interrupt now please", Command::Inline(set(Mode::Interrupt))),
    ];
    for (arguments, expected) in rows {
        assert_eq!(command(arguments, Version::March), expected, "{arguments}");
    }
}

#[test]
fn durations_have_units_and_bare_numbers_are_milliseconds() {
    let rows = [
        ("500", Some(500_000)),
        ("500ms", Some(500_000)),
        ("0.5s", Some(500_000)),
        ("2s", Some(2_000_000)),
        ("1m", Some(60_000_000)),
        ("1h", Some(3_600_000_000)),
        ("1d", Some(86_400_000_000)),
        ("s", None),
        ("-1s", None),
        ("1y", None),
    ];
    for (text, expected) in rows {
        assert_eq!(duration_us(text), expected, "{text}");
    }
}
