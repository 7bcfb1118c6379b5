//! `broadcast`.

use std::fmt::Write as _;

use creel_core::broadcast::{Broadcasts, Strategy};

use super::*;

const AGENTS: &str =
    "agents: { defaults: { model: 'p/m' }, list: [{ id: 'a', default: true }, { id: 'b' }] },";

fn broadcasts(version: Version, lines: &str) -> Broadcasts {
    let text = with(&format!("{AGENTS} broadcast: {{ {lines} }}"));
    load_with(version, &text, &[], &[])
        .unwrap_or_else(|it| panic!("{}", it.plain()))
        .settings
        .core
        .broadcasts
}

fn shown(broadcasts: &Broadcasts) -> String {
    let mut shown = String::new();
    for ((channel, id), it) in &broadcasts.groups {
        let agents: Vec<String> = it.agents.iter().map(ToString::to_string).collect();
        let (rounds, turns) = (it.rounds_max, it.turns_max);
        write!(shown, "{channel} {id} {} {rounds}/{turns}", agents.join("+")).unwrap();
        shown += if it.by_mention { " mention" } else { "" };
        shown += if it.labelled { " labels; " } else { "; " };
    }
    shown
}

#[test]
fn the_older_version_knows_lists_for_whatsapp() {
    let made = broadcasts(OLD, "strategy: 'sequential', '12@g.us': ['a', 'b', 'a']");
    assert_eq!(made.strategy, Strategy::Sequential);
    assert_eq!(shown(&made), "whatsapp 12@g.us a+b 1/2; ");
}

#[test]
fn the_newer_version_names_the_channel_and_has_bounds() {
    let made = broadcasts(
        NEW,
        "'telegram:-100': { agents: ['b', 'a'], maxRounds: 2, maxTurns: 5 }, '12@g.us': ['a'],
         'whatsapp:12@g.us': { agents: ['b'], mentionGating: false }",
    );
    assert_eq!(made.strategy, Strategy::Parallel);
    assert_eq!(shown(&made), "telegram -100 b+a 2/5 mention labels; whatsapp 12@g.us b 1/1; ");
}

#[test]
fn what_a_version_does_not_know_is_told() {
    let told =
        |version, lines: &str| told(version, &with(&format!("{AGENTS} broadcast: {{ {lines} }}")));
    assert!(told(OLD, "'1': ['a', 'x']").contains("there is no agent `x`, so it does not answer"));
    assert!(told(NEW, "'telegram:1': ['a', 'x']").contains("there is no agent `x`"));
    assert!(told(OLD, "'1': { agents: ['a'] }").contains("2026.3 knows lists of agents here"));
    assert!(told(NEW, "'1': { agents: ['a'] }").contains("expected `<channel>:<id>`"));
    assert!(told(NEW, "strategy: 'random'").contains("expected `parallel` or `sequential`"));
    assert!(told(OLD, "'1': []").contains("found 0 agents"));
}
