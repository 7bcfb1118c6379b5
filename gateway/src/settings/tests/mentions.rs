//! `groupChat.mentionPatterns` and `identity`.

use super::*;

/// By agent, whether each of some texts speaks to it.
fn check(lines: &str, texts: [&str; 2]) -> String {
    let text = with(&format!("agents: {{ defaults: {{ model: 'p/m' }}, {lines}"));
    let made = load_with(OLD, &text, &[], &[]).unwrap_or_else(|it| panic!("{}", it.plain()));
    let agents = &made.settings.core.agents;
    let shown = agents.iter().map(|(id, it)| {
        let heard = texts.map(|text| if it.mentions.are_in(text) { "yes" } else { "no" });
        format!("{id} {}", heard.join(" "))
    });
    shown
        .chain(made.warnings.iter().filter(|it| it.contains("mention")).cloned())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn an_agents_own_patterns_come_before_those_of_all_and_names_after() {
    let names = "list: [{ id: 'a', identity: { name: 'Ann', emoji: '🦞' } }, { id: 'b', groupChat: { mentionPatterns: ['x(y'] } }] },";
    assert_eq!(
        check(names, ["hi ann", "🦞!"]),
        "a yes yes; b no no; agents.list[1].groupChat.mentionPatterns: `x(y` is no regular expression of ours \
         (expected one without look-around and back references), so it is left out"
    );
    let all = "list: [{ id: 'a', identity: { name: 'Ann' } }, { id: 'b', groupChat: { mentionPatterns: ['bee'] } }] },
        messages: { groupChat: { mentionPatterns: ['c+'] } },";
    assert_eq!(check(all, ["CC, ann", "bee"]), "a yes no; b no yes");
}
