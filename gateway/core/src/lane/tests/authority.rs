//! Owners' and guests' messages are never in one turn.

use super::*;

#[test]
fn collect_splits_where_the_authority_differs() {
    check(
        Mode::Collect,
        DropPolicy::Summarize,
        "0 a | 1 b | 2 o1 | 3 o2 | 500 ended | 500 due | 600 ended | 600 due | 700 ended",
        r#"
        0 a           runs "a" for x; due -
        1 b           queued; due -
        2 o1          queued; due -
        3 o2          queued; due -
        500 ended     -; due 500 ms
        500 due       runs "b" for x; due -
        600 ended     -; due 600 ms
        600 due       runs "[2 messages arrived while you were busy, oldest first]\n\n(1 of 2) o1\n\n(2 of 2) o2" for x; due -
        700 ended     -; due -
        "#,
    );
}

#[test]
fn a_message_of_another_authority_does_not_join_and_is_not_overtaken() {
    check(
        Mode::Steer,
        DropPolicy::Summarize,
        "0 o1 | 1 o2 | 2 a | 3 o3 | 50 boundary all | 500 ended | 500 due | 600 ended | 600 due",
        r#"
        0 o1          runs "o1" for x; due -
        1 o2          queued; due -
        2 a           queued; due -
        3 o3          queued; due -
        50 boundary all joined ["o2"]; due -
        500 ended     -; due 500 ms
        500 due       runs "a" for x; due -
        600 ended     -; due 600 ms
        600 due       runs "o3" for x; due -
        "#,
    );
}

#[test]
fn a_turn_that_reads_out_a_guests_dropped_words_has_a_guests_authority() {
    let settings = QueueSettings {
        mode: Mode::Followup,
        debounce: Millis::ZERO,
        cap: Cap::new(1).unwrap(),
        drop: DropPolicy::Summarize,
    };
    let at = Timestamp::from_ms;
    let mut lane = Lane::default();
    lane.arrive(at(0), said("x", "o1"), settings);
    lane.occupy(RunId(1), Some(Authority::Owner));
    lane.arrive(at(1), said("x", "guest"), settings);
    lane.arrive(at(2), said("x", "o2"), settings);
    lane.release(at(3));
    assert_eq!(lane.take_due(at(3)).unwrap().authority, Authority::Guest);
    lane.occupy(RunId(2), Some(Authority::Guest));
    lane.arrive(at(4), said("x", "o3"), settings);
    lane.release(at(5));
    assert_eq!(lane.take_due(at(5)).unwrap().authority, Authority::Owner);
}
