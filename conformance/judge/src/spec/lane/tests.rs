use super::*;
use crate::{context::Hops, spec::Rule};

const MS: i64 = 1_000;

/// Reads a script, a line an event: `say N at MS mode [place P] [by S]`, `stop at MS`, `turn N,N at MS to MS`. The
/// debounce is 100 ms, the cap is 2, and no hop takes any time.
fn script(version: Version, drop: Drop, text: &str) -> Script {
    let mut script = Script {
        version,
        units: Vec::new(),
        arrivals: Vec::new(),
        turns: Vec::new(),
        closes_us: Some(1_000_000 * MS),
        hops: Hops { few_us: 0, promptly_us: 0 },
        held: Vec::new(),
        early_us: 0,
    };
    for line in text.lines().map(str::trim).filter(|it| !it.is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let after = |word: &str| {
            let index = words.iter().position(|it| *it == word)?;
            words.get(index + 1).and_then(|it| it.parse::<i64>().ok())
        };
        let at_us = after("at").expect("a time") * MS;
        let number = |it: &str| it.parse::<usize>().expect("a number");
        match words[0] {
            "say" => {
                let mode = Mode::named(words[4], Version::March).expect("a mode");
                let place = after("place").map_or(0, |it| usize::try_from(it).expect("a place"));
                let sender = after("by").map_or(0, |it| usize::try_from(it).expect("a sender"));
                script.arrivals.push(Arrival::Unit(script.units.len()));
                script.units.push(Unit {
                    messages: vec![number(words[1])],
                    place,
                    sender,
                    is_owner: Some(sender == 0),
                    settings: Settings { mode, debounce_us: 100 * MS, cap: 2, drop },
                    at: Span::at(at_us),
                    is_short: true,
                });
            }
            "stop" => script.arrivals.push(Arrival::Stop(Span::at(at_us))),
            _ => {
                let new: Vec<usize> = words[1].split(',').map(number).collect();
                let end_us = after("to").expect("an end") * MS;
                let end = End { at: Span::at(end_us), is_boundary: words[0] == "turn" };
                script.turns.push(Turn {
                    start_us: at_us,
                    carries: new.clone(),
                    new,
                    end: Some(end),
                    was_held: false,
                    goes_on: false,
                });
            }
        }
    }
    script
}

fn fits(text: &str) {
    let found = explain(&script(Version::March, Drop::Summarize, text));
    assert!(found.is_ok(), "{text}\n{found:?}");
}

fn breaks(text: &str, rule: Rule) {
    let found = explain(&script(Version::March, Drop::Summarize, text)).map_err(|it| it.rule);
    assert_eq!(found.map(|_| ()), Err(rule), "{text}");
}

/// Where two moments are one, the last rule that fails depends on their order.
fn breaks_somehow(text: &str) {
    assert!(explain(&script(Version::March, Drop::Summarize, text)).is_err(), "{text}");
}

#[test]
fn an_idle_session_runs_at_once() {
    fits("say 1 at 0 collect\n turn 1 at 0 to 500");
    breaks("say 1 at 0 collect\n turn 1 at 1 to 500", Rule::QueueIdle);
    breaks("say 1 at 0 collect", Rule::QueueIdle);
    breaks("turn 1 at 0 to 5", Rule::QueueOrder);
}

#[test]
fn what_is_collected_is_one_turn_when_the_run_is_over_and_it_is_quiet() {
    let burst =
        "say 1 at 0 collect\n say 2 at 100 collect\n say 3 at 150 collect\n turn 1 at 0 to 500\n";
    fits(&format!("{burst} turn 2,3 at 500 to 600"));
    breaks(&format!("{burst} turn 2 at 500 to 600\n turn 3 at 600 to 700"), Rule::QueueCollect);
    breaks(&format!("{burst} turn 3,2 at 500 to 600"), Rule::QueueCollect);
    breaks(&format!("{burst} turn 2,3 at 499 to 600"), Rule::QueueCollect);
    let late =
        "say 1 at 0 collect\n say 2 at 100 collect\n say 3 at 450 collect\n turn 1 at 0 to 400\n";
    // The second is quiet at 400 ms and the third comes later, so it is a turn of its own.
    fits(&format!("{late} turn 2 at 400 to 420\n turn 3 at 450 to 500"));
    breaks(&format!("{late} turn 2,3 at 550 to 600"), Rule::QueueCollectOne);
}

#[test]
fn rooms_and_authorities_are_not_mixed() {
    let rooms = "say 1 at 0 collect\n say 2 at 50 collect\n say 3 at 60 collect place 1\n turn 1 at 0 to 500\n";
    fits(&format!("{rooms} turn 2 at 500 to 600\n turn 3 at 600 to 700"));
    breaks(&format!("{rooms} turn 2,3 at 500 to 600"), Rule::QueueCollectRooms);
    let guest = "say 1 at 0 collect\n say 2 at 50 collect\n say 3 at 60 collect by 1\n turn 1 at 0 to 500\n";
    fits(&format!("{guest} turn 2 at 500 to 600\n turn 3 at 600 to 700"));
    breaks(&format!("{guest} turn 2,3 at 500 to 600"), Rule::QueueCollectOne);
}

#[test]
fn followups_are_turns_of_their_own_in_order() {
    let two =
        "say 1 at 0 followup\n say 2 at 50 followup\n say 3 at 60 followup\n turn 1 at 0 to 500\n";
    fits(&format!("{two} turn 2 at 500 to 600\n turn 3 at 600 to 700"));
    breaks(&format!("{two} turn 3 at 500 to 600\n turn 2 at 600 to 700"), Rule::QueueFollowup);
    breaks(&format!("{two} turn 2 at 500 to 600"), Rule::QueueFollowup);
}

#[test]
fn steered_messages_join_at_the_boundary() {
    let two = "say 1 at 0 steer\n say 2 at 450 steer\n say 3 at 460 steer\n turn 1 at 0 to 500\n";
    let one_each = format!("{two} turn 2 at 500 to 600\n turn 3 at 600 to 700");
    let all = format!("{two} turn 2,3 at 500 to 600");
    fits(&one_each);
    breaks(&all, Rule::QueueSteerOne);
    let newer = |text: &str| explain(&script(Version::September, Drop::Summarize, text));
    assert!(newer(&all).is_ok());
    assert_eq!(newer(&one_each).map_err(|it| it.rule).map(|_| ()), Err(Rule::QueueSteerAll));
    // A run without a boundary leaves it to a turn of its own, which waits for quiet.
    fits("say 1 at 0 steer\n say 2 at 450 steer\n broken 1 at 0 to 500\n turn 2 at 550 to 600");
    breaks(
        "say 1 at 0 steer\n say 2 at 450 steer\n broken 1 at 0 to 500\n turn 2 at 500 to 600",
        Rule::QueueSteerLate,
    );
}

#[test]
fn the_newest_message_interrupts_and_takes_the_place_of_what_waits() {
    let busy = "say 1 at 0 interrupt\n say 2 at 100 collect\n say 3 at 200 interrupt\n";
    fits(&format!("{busy} broken 1 at 0 to 200\n turn 3 at 200 to 300"));
    breaks(&format!("{busy} broken 1 at 0 to 300\n turn 3 at 200 to 400"), Rule::QueueAbort);
    breaks_somehow(&format!("{busy} broken 1 at 0 to 200\n turn 2 at 200 to 300"));
}

#[test]
fn a_stop_ends_the_run_and_forgets_what_waits() {
    let busy = "say 1 at 0 collect\n say 2 at 100 collect\n stop at 200\n broken 1 at 0 to 200";
    fits(busy);
    breaks_somehow(&format!("{busy}\n turn 2 at 200 to 300"));
}

#[test]
fn a_full_queue_drops_as_its_policy_says() {
    let text = "say 1 at 0 followup\n say 2 at 10 followup\n say 3 at 20 followup\n say 4 at 30 followup\n turn 1 at 0 to 500\n";
    let with = |drop, turns: &str| {
        explain(&script(Version::March, drop, &format!("{text}{turns}")))
            .map(|_| ())
            .map_err(|it| it.rule)
    };
    let newest_gone = "turn 2 at 500 to 510\n turn 3 at 510 to 520";
    let oldest_gone = "turn 3 at 500 to 510\n turn 4 at 510 to 520";
    let oldest_told = "turn 2,3 at 500 to 510\n turn 4 at 510 to 520";
    assert_eq!(with(Drop::New, newest_gone), Ok(()));
    assert_eq!(with(Drop::New, oldest_gone), Err(Rule::QueueFollowup));
    assert_eq!(with(Drop::Old, oldest_gone), Ok(()));
    assert_eq!(with(Drop::Old, newest_gone), Err(Rule::QueueFollowup));
    assert_eq!(with(Drop::Summarize, oldest_told), Ok(()));
    assert_eq!(with(Drop::Summarize, oldest_gone), Err(Rule::QueueSummary));
}

/// What the clock cannot tell apart may have happened in either order.
#[test]
fn moments_that_are_too_close_are_in_any_order() {
    let text = "say 1 at 0 collect\n say 2 at 499 collect\n turn 1 at 0 to 500\n";
    for turn in ["turn 2 at 500 to 900", "turn 2 at 599 to 900"] {
        let mut script = script(Version::March, Drop::Summarize, &format!("{text}{turn}"));
        let exact = explain(&script).is_ok();
        script.hops = Hops { few_us: 2 * MS, promptly_us: 5 * MS };
        for unit in &mut script.units {
            unit.at.to_us += 2 * MS;
        }
        assert!(explain(&script).is_ok(), "{turn}");
        assert_eq!(exact, turn.contains("599"), "{turn}");
    }
}
