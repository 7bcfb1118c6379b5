mod authority;

use std::fmt::Write as _;

use super::*;
use crate::{profile::Version, testing, time::Millis};

/// Plays a script (`<ms> <event> | …`) into a lane with cap 3, debounce 100 ms, and compares everything that can be
/// seen: what became of each event, the turn that it started, and the next deadline.
///
/// Events: `<name>` arrives (`y:<name>` from another chat), `ended`, `boundary` (`boundary all`: with the batch of
/// 2026.9), `due`, `clear`.
#[track_caller]
fn check(mode: Mode, drop: DropPolicy, script: &str, expected: &str) {
    let mut lane = Lane::default();
    let mut runs = 0;
    let mut log = String::from("\n");
    for line in script.split('|').map(str::trim) {
        let (ms, event) = line.split_once(' ').unwrap();
        let now = Timestamp::from_ms(ms.parse().unwrap());
        let mut start = |lane: &mut Lane, turn: &Turn| {
            runs += 1;
            lane.occupy(RunId(runs), Some(turn.authority));
            format!("runs {:?} for {}", turn.prompt.text, turn.route.as_ref().unwrap().peer.id)
        };
        let seen = match event {
            "ended" => {
                lane.release(now);
                "-".to_owned()
            }
            "boundary" | "boundary all" => {
                let is_newer = event == "boundary all";
                let version = if is_newer { Version::V2026_9 } else { Version::V2026_3 };
                let joined = lane.take_steering(version.profile().steer_batch);
                format!("joined {:?}", joined.iter().map(|it| &it.text).collect::<Vec<_>>())
            }
            "due" => match lane.take_due(now) {
                Some(turn) => start(&mut lane, &turn),
                None => "-".to_owned(),
            },
            "clear" => format!("cleared {}", lane.clear()),
            text => {
                let (chat, text) = text.split_once(':').map_or(("x", text), |it| it);
                let settings = QueueSettings {
                    mode,
                    debounce: Millis::new(100),
                    cap: Cap::new(3).unwrap(),
                    drop,
                };
                match lane.arrive(now, said(chat, text), settings) {
                    Arrival::Start(turn) => start(&mut lane, &turn),
                    Arrival::Queued => "queued".to_owned(),
                    Arrival::Interrupt { aborted, turn } => {
                        lane.release(now);
                        format!("aborts {aborted}, {}", start(&mut lane, &turn))
                    }
                    Arrival::Rejected(message) => format!("rejected {}", message.text),
                }
            }
        };
        let due = lane.next_deadline().map_or("-".to_owned(), |it| format!("{} ms", it.as_ms()));
        writeln!(log, "{line:<13} {seen}; due {due}").unwrap();
    }
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(log.trim().lines().collect::<Vec<_>>(), expected, "\n{log}");
}

/// A message of a guest; of an owner, if it begins with `o`.
fn said(chat: &str, text: &str) -> Message {
    let authority = if text.starts_with('o') { Authority::Owner } else { Authority::Guest };
    Message { authority, ..testing::message(testing::dm(chat), text) }
}

#[test]
fn collect_puts_all_that_waited_into_one_turn_after_the_run() {
    check(
        Mode::Collect,
        DropPolicy::Summarize,
        "0 a | 10 b | 20 c | 500 ended | 500 due | 600 ended",
        r#"
        0 a           runs "a" for x; due -
        10 b          queued; due -
        20 c          queued; due -
        500 ended     -; due 500 ms
        500 due       runs "[2 messages arrived while you were busy, oldest first]\n\n(1 of 2) b\n\n(2 of 2) c" for x; due -
        600 ended     -; due -
        "#,
    );
}

#[test]
fn collect_waits_for_quiet_when_the_run_ends_early() {
    check(
        Mode::Collect,
        DropPolicy::Summarize,
        "0 a | 90 b | 100 ended | 189 due | 189 c | 288 due | 289 due",
        r#"
        0 a           runs "a" for x; due -
        90 b          queued; due -
        100 ended     -; due 190 ms
        189 due       -; due 190 ms
        189 c         queued; due 289 ms
        288 due       -; due 289 ms
        289 due       runs "[2 messages arrived while you were busy, oldest first]\n\n(1 of 2) b\n\n(2 of 2) c" for x; due -
        "#,
    );
}

#[test]
fn collect_never_mixes_two_chats() {
    check(
        Mode::Collect,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 y:c | 3 d | 500 ended | 500 due | 600 ended | 600 due | 700 ended | 700 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 y:c         queued; due -
        3 d           queued; due -
        500 ended     -; due 500 ms
        500 due       runs "b" for x; due -
        600 ended     -; due 600 ms
        600 due       runs "c" for y; due -
        700 ended     -; due 700 ms
        700 due       runs "d" for x; due -
        "#,
    );
}

#[test]
fn followup_gives_each_message_its_own_turn_in_order() {
    check(
        Mode::Followup,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 c | 500 ended | 500 due | 600 ended | 600 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        500 ended     -; due 500 ms
        500 due       runs "b" for x; due -
        600 ended     -; due 600 ms
        600 due       runs "c" for x; due -
        "#,
    );
}

#[test]
fn steering_joins_at_the_boundary_one_at_a_time_and_never_gets_lost() {
    check(
        Mode::Steer,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 c | 50 boundary | 60 ended | 101 due | 102 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        50 boundary   joined ["b"]; due -
        60 ended      -; due 102 ms
        101 due       -; due 102 ms
        102 due       runs "c" for x; due -
        "#,
    );
}

#[test]
fn steering_never_mixes_two_chats() {
    check(
        Mode::Steer,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 c | 3 y:d | 50 boundary all | 60 boundary all | 70 boundary all",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        3 y:d         queued; due -
        50 boundary all joined ["b", "c"]; due -
        60 boundary all joined ["d"]; due -
        70 boundary all joined []; due -
        "#,
    );
}

#[test]
fn steering_never_overtakes_what_found_no_room_to_steer() {
    check(
        Mode::Steer,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 c | 3 d | 4 e | 50 boundary | 51 f | 60 boundary | 70 boundary | 80 boundary | 90 ended",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        3 d           queued; due -
        4 e           queued; due -
        50 boundary   joined ["b"]; due -
        51 f          queued; due -
        60 boundary   joined ["c"]; due -
        70 boundary   joined ["d"]; due -
        80 boundary   joined []; due -
        90 ended      -; due 151 ms
        "#,
    );
}

#[test]
fn a_later_message_never_overtakes_a_steer_that_missed_its_boundary() {
    check(
        Mode::Steer,
        DropPolicy::Summarize,
        "0 a | 5 b | 9 ended | 10 c | 110 due | 200 ended | 200 due",
        r#"
        0 a           runs "a" for x; due -
        5 b           queued; due -
        9 ended       -; due 105 ms
        10 c          queued; due 110 ms
        110 due       runs "b" for x; due -
        200 ended     -; due 200 ms
        200 due       runs "c" for x; due -
        "#,
    );
}

#[test]
fn steer_backlog_joins_and_is_kept_and_a_missed_boundary_does_not_double_it() {
    check(
        Mode::SteerBacklog,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 c | 50 boundary | 60 ended | 102 due | 200 ended | 200 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        50 boundary   joined ["b"]; due -
        60 ended      -; due 102 ms
        102 due       runs "b" for x; due -
        200 ended     -; due 200 ms
        200 due       runs "c" for x; due -
        "#,
    );
}

#[test]
fn what_a_full_backlog_rejects_does_not_join_either() {
    check(
        Mode::SteerBacklog,
        DropPolicy::New,
        "0 a | 1 b | 2 c | 3 d | 50 boundary | 51 e | 60 boundary | 70 boundary | 80 boundary",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        3 d           queued; due -
        50 boundary   joined ["b"]; due -
        51 e          rejected e; due -
        60 boundary   joined ["c"]; due -
        70 boundary   joined ["d"]; due -
        80 boundary   joined []; due -
        "#,
    );
}

#[test]
fn interrupt_takes_the_place_of_the_run() {
    check(
        Mode::Interrupt,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 c | 50 ended | 51 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           aborts run-1, runs "b" for x; due -
        2 c           aborts run-2, runs "c" for x; due -
        50 ended      -; due -
        51 due        -; due -
        "#,
    );
}

#[test]
fn a_full_queue_drops_the_oldest_and_says_so_once() {
    check(
        Mode::Followup,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 c | 3 d | 4 e | 500 ended | 500 due | 600 ended | 600 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        3 d           queued; due -
        4 e           queued; due -
        500 ended     -; due 500 ms
        500 due       runs "[The queue was full: 1 earlier messages were dropped]\n- b\n\nc" for x; due -
        600 ended     -; due 600 ms
        600 due       runs "d" for x; due -
        "#,
    );
}

#[test]
fn a_full_queue_may_forget_the_oldest_or_refuse_the_newest() {
    check(
        Mode::Followup,
        DropPolicy::Old,
        "0 a | 1 b | 2 c | 3 d | 4 e | 500 ended | 500 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        3 d           queued; due -
        4 e           queued; due -
        500 ended     -; due 500 ms
        500 due       runs "c" for x; due -
        "#,
    );
    check(
        Mode::Followup,
        DropPolicy::New,
        "0 a | 1 b | 2 c | 3 d | 4 e | 500 ended | 500 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        3 d           queued; due -
        4 e           rejected e; due -
        500 ended     -; due 500 ms
        500 due       runs "b" for x; due -
        "#,
    );
}

#[test]
fn clearing_counts_each_message_once() {
    check(
        Mode::SteerBacklog,
        DropPolicy::Old,
        "0 a | 1 b | 2 c | 3 clear | 500 ended | 500 due",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 c           queued; due -
        3 clear       cleared 2; due -
        500 ended     -; due -
        500 due       -; due -
        "#,
    );
}

#[test]
fn a_summary_line_is_short_and_on_one_line() {
    assert_eq!(prompt::one_line("a\n b\t c", 160), "a b c");
    assert_eq!(prompt::one_line(&"ä".repeat(161), 160).chars().count(), 160);
}
