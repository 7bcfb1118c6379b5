//! A case as a diagram of lanes: people and clients, the gateway, providers and tools; time downwards; what a failed check
//! names is marked.

use serde::Serialize;

use crate::report::{
    data::{Fact, Track, Way},
    diagram,
};

/// The most rows. Those far from what is marked are left out first.
const ROWS_MAX: usize = 60;

/// How many rows around a marked one stay.
const AROUND: usize = 5;

/// The room for the moments, in pixels.
const TIMES: usize = 130;

/// The least room of a lane.
const LANE_MIN: usize = 120;

/// The height of a row.
const ROW: usize = 28;

/// Where the first row stands.
const TOP: usize = 58;

/// The width of a character.
const CHAR: usize = 8;

/// The gateway's lane.
const GATEWAY: &str = "gateway";

/// The diagram, in pixels.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Picture {
    width: usize,
    height: usize,
    about: String,
    lanes: Vec<Lane>,
    rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Lane {
    name: String,
    x: usize,
    /// Where the next lane begins.
    ends: usize,
}

/// A fact, or what was left out between two of them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Row {
    gap: bool,
    seq: u64,
    at: String,
    words: String,
    y: usize,
    from: usize,
    to: usize,
    arrow: bool,
    /// How far the arrow's head goes back.
    tip: i64,
    text: usize,
    marked: bool,
}

/// The diagram of an excerpt of a trace that has `total` facts.
pub(super) fn of(facts: &[Fact], total: usize) -> Option<Picture> {
    let (first, last) = (facts.first()?, facts.last()?);
    let lanes = lanes(facts);
    let mut rows = Vec::new();
    let mut next = 1;
    for fact in shown(facts) {
        if fact.seq > next {
            rows.push(gap(fact.seq - next, rows.len()));
        }
        rows.push(row(fact, &lanes, rows.len()));
        next = fact.seq + 1;
    }
    let rest = (total as u64 + 1).saturating_sub(next);
    if rest > 0 {
        rows.push(gap(rest, rows.len()));
    }
    let marked: Vec<String> =
        facts.iter().filter(|it| it.marked).map(|it| format!("#{}", it.seq)).collect();
    let marked = if marked.is_empty() { "none".to_owned() } else { marked.join(", ") };
    let texts = rows.iter().map(|it| it.text + it.words.chars().count() * CHAR);
    let width = texts.chain(lanes.iter().map(|it| it.ends)).max()? + CHAR;
    let (from, until) = (diagram::seconds(first.at_us), diagram::seconds(last.at_us));
    let about = format!(
        "{} of {total} facts, from {from} s to {until} s, in the lanes {}. Facts that a failed check names: {marked}. \
         The table below holds the same.",
        facts.len(),
        lanes.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "),
    );
    Some(Picture { width, height: TOP + rows.len() * ROW, about, lanes, rows })
}

/// Who took part: people and clients, then the gateway, then whom it asks.
fn lanes(facts: &[Fact]) -> Vec<Lane> {
    let mut names: Vec<(usize, &str)> = vec![(1, GATEWAY)];
    for fact in facts {
        let side = match fact.track {
            Track::Channel | Track::Operator => 0,
            Track::Process => 1,
            Track::Provider | Track::Tools => 2,
            Track::Harness => 3,
        };
        if !names.contains(&(side, fact.lane.as_str())) {
            names.push((side, &fact.lane));
        }
    }
    names.sort_by_key(|(side, _)| *side);
    let mut lanes = Vec::new();
    let mut begins = TIMES;
    for (_, name) in names {
        let room = LANE_MIN.max((name.chars().count() + 2) * CHAR);
        lanes.push(Lane { name: name.to_owned(), x: begins + room / 2, ends: begins + room });
        begins += room;
    }
    lanes
}

/// The facts that get a row: all, or those around the marked ones.
fn shown(facts: &[Fact]) -> Vec<&Fact> {
    if facts.len() <= ROWS_MAX {
        return facts.iter().collect();
    }
    let is_near = |index: usize| {
        let near = facts.iter().skip(index.saturating_sub(AROUND)).take(2 * AROUND + 1);
        near.into_iter().any(|it| it.marked)
    };
    let near: Vec<&Fact> =
        facts.iter().enumerate().filter(|(index, _)| is_near(*index)).map(|(_, it)| it).collect();
    let all = if near.is_empty() { facts.iter().collect() } else { near };
    all.into_iter().take(ROWS_MAX).collect()
}

fn gap(facts: u64, index: usize) -> Row {
    let words = match facts {
        1 => "… 1 fact is not drawn".to_owned(),
        _ => format!("… {facts} facts are not drawn"),
    };
    Row { gap: true, words, y: TOP + index * ROW, text: TIMES, ..Row::default() }
}

fn row(fact: &Fact, lanes: &[Lane], index: usize) -> Row {
    let x = |name: &str| lanes.iter().find(|it| it.name == name).map_or(TIMES, |it| it.x);
    let (own, gateway) = (x(&fact.lane), x(GATEWAY));
    let (from, to) = match fact.way {
        Way::In => (own, gateway),
        Way::Out => (gateway, own),
        Way::Here => (own, own),
    };
    Row {
        gap: false,
        seq: fact.seq,
        at: diagram::seconds(fact.at_us),
        words: fact.words.trim().to_owned(),
        y: TOP + index * ROW,
        from,
        to,
        arrow: from != to,
        tip: if from < to { -8 } else { 8 },
        text: from.min(to) + CHAR,
        marked: fact.marked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(seq: u64, track: Track, lane: &str, way: Way) -> Fact {
        Fact {
            seq,
            at_us: i64::try_from(seq).unwrap() * 1_000,
            track,
            lane: lane.to_owned(),
            way,
            words: format!("fact {seq}"),
            more: None,
            marked: seq == 3,
        }
    }

    #[test]
    fn people_stand_left_of_the_gateway_and_providers_right() {
        let facts = [
            fact(1, Track::Provider, "p", Way::Out),
            fact(2, Track::Channel, "alice", Way::In),
            fact(3, Track::Operator, "op", Way::Here),
        ];
        let picture = of(&facts, 5).unwrap();
        let names: Vec<&str> = picture.lanes.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["alice", "op", "gateway", "p"]);
        let [out, taken, here, rest] = picture.rows.as_slice() else { panic!("{picture:#?}") };
        assert!(out.arrow && out.from < out.to && out.tip < 0);
        assert!(taken.arrow && taken.from < taken.to && !taken.marked);
        assert!(!here.arrow && here.marked);
        assert_eq!((rest.gap, rest.words.as_str()), (true, "… 2 facts are not drawn"));
        assert!(picture.about.contains("names: #3."), "{}", picture.about);
    }

    #[test]
    fn of_many_facts_those_around_the_marked_one_are_drawn() {
        let facts: Vec<Fact> =
            (1..=100).map(|it| fact(it, Track::Channel, "alice", Way::In)).collect();
        let picture = of(&facts, 100).unwrap();
        let drawn: Vec<u64> = picture.rows.iter().filter(|it| !it.gap).map(|it| it.seq).collect();
        assert_eq!(drawn, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(picture.rows.last().unwrap().words, "… 92 facts are not drawn");
    }

    #[test]
    fn without_facts_there_is_no_picture() {
        assert_eq!(of(&[], 0), None);
    }
}
