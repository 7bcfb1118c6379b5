//! What happened, as entries: on the channels, in turns, and what rests by it.

use creel_judge::{
    context::Context,
    phrase,
    spec::failover::{RestKind, Rests},
    trace::{Kind, Trace},
    turns::Turns,
};

use super::{
    Entry, EntryKind,
    lanes::{self, GATEWAY, Lane},
    turns::Turn,
    words::{self, quote},
};

/// What people wrote and were shown, and restarts of the gateway.
pub(super) fn on_channels(trace: &Trace, turns: &Turns, context: &Context) -> Vec<Entry> {
    let clean = |text: &str| phrase::redacted(text.to_owned(), context);
    let mut entries = Vec::new();
    let mut add = |lane: String, (at_us, until_us): (i64, i64), kind, result| {
        entries.push(Entry { lane, at_us, until_us, kind, result });
    };
    for message in &turns.messages {
        for (index, at) in message.inbound.iter().enumerate() {
            let again = if index == 0 { "" } else { " (delivered again)" };
            let result = format!("{} {}{again}", message.name, quote(&clean(&message.text)));
            add(message.chat.clone(), (at.at_us, at.at_us), EntryKind::Wrote, result);
        }
    }
    for send in &turns.sends {
        let lane = lanes::chat(&send.place, context);
        let gone = if send.deleted.is_some() { " (deleted later)" } else { "" };
        let pictures = match send.images.len() {
            0 => String::new(),
            count => format!(" with {count} pictures"),
        };
        let result = format!("{}{pictures}{gone}", quote(&clean(send.final_text())));
        add(lane, (send.at.at_us, send.shown().at_us), EntryKind::Told, result);
    }
    let starts = trace.facts.iter().filter(|it| it.kind == Kind::GatewayStarted).count();
    for fact in &trace.facts {
        let at = (fact.at_us, fact.at_us);
        match &fact.kind {
            Kind::Refused { place, status, text, .. } => {
                let lane = place.as_ref().map_or("?".to_owned(), |it| lanes::chat(it, context));
                let result = format!("{status} for {}", quote(&clean(text)));
                add(lane, at, EntryKind::Refused, result);
            }
            Kind::GatewayStarted if starts > 1 => {
                add(GATEWAY.to_owned(), at, EntryKind::Gateway, "started".to_owned());
            }
            Kind::GatewayExited { .. } if starts > 1 => {
                add(GATEWAY.to_owned(), at, EntryKind::Gateway, "ended".to_owned());
            }
            _ => (),
        }
    }
    entries
}

/// A turn's attempts, and the waits between them.
pub(super) fn of_turn(turn: &Turn) -> Vec<Entry> {
    let attempt = |it: &super::Attempt| Entry {
        lane: it.lane.clone(),
        at_us: it.at_us,
        until_us: it.until_us,
        kind: it.kind,
        result: it.result.clone(),
    };
    let wait = |(lane, from, until): (&str, i64, i64)| Entry {
        lane: lane.to_owned(),
        at_us: from,
        until_us: until,
        kind: EntryKind::Wait,
        result: format!("nobody is asked for {}", words::length(until - from)),
    };
    turn.attempts.iter().map(attempt).chain(turn.waits().map(wait)).collect()
}

/// Who was not to be asked. A rest of a whole credential stands in each of its lanes.
pub(super) fn of_rests(rests: &Rests, lanes: &[Lane]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for rest in &rests.all {
        let until = words::length(rest.until_us - rest.from_us);
        let (kind, result) = match rest.kind {
            RestKind::Cooldown(step) => (EntryKind::Rest, format!("step {step}, {until}")),
            RestKind::Disabled => (EntryKind::Disabled, until),
        };
        for lane in lanes.iter().filter(|it| it.rests_in(rest)) {
            let lane = lane.name.clone();
            let (at_us, until_us) = (rest.from_us, rest.until_us);
            entries.push(Entry { lane, at_us, until_us, kind, result: result.clone() });
        }
    }
    entries
}

/// Says which attempts were made although their credential rested: to see whether it is well again.
pub(super) fn tell_probes(entries: &mut [Entry], rests: &[Entry]) {
    for entry in entries.iter_mut().filter(|it| it.kind.is_attempt()) {
        let is_in = |it: &&Entry| {
            it.lane == entry.lane && it.at_us < entry.at_us && entry.at_us < it.until_us
        };
        if rests.iter().any(|it| is_in(&it)) {
            entry.result = format!("probe: {}", entry.result);
        }
    }
}
