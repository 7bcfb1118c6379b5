use super::*;
use crate::testing;

fn agent(id: &str) -> AgentId {
    AgentId::new(id).unwrap()
}

fn group(agents: &str, rounds_max: u8, turns_max: u8) -> Group {
    let agents = agents.split(' ').map(agent).collect();
    Group { agents, by_mention: true, rounds_max, turns_max, labelled: true }
}

fn key(id: &str) -> SessionKey {
    SessionKey::canonical(&format!("agent:{id}:x")).unwrap()
}

/// A talk whose parts run as soon as they are told to.
struct Played(Talk);

impl Played {
    fn begin(text: &str, group: Group, strategy: Strategy) -> (Self, String) {
        let origin = testing::dm("3001");
        let message = testing::message(origin.clone(), text);
        let is_named = |it: &&AgentId| names(text, it);
        let addressed = group.agents.iter().filter(is_named).cloned().collect();
        let (talk, parts) = Talk::begin((origin, message), addressed, group, strategy);
        let mut played = Self(talk);
        let begun = played.run(parts);
        (played, begun)
    }

    fn run(&mut self, parts: Vec<Part>) -> String {
        let mut shown = Vec::new();
        for Part { agent, told } in parts {
            shown.push(format!("{agent}{}", if told.is_some() { "*" } else { "" }));
            self.0.runs_in(key(agent.as_str()), agent);
        }
        shown.join(" ")
    }

    fn answer(&mut self, id: &str, text: &str) -> String {
        self.0.hear(&key(id), text);
        let parts = self.0.end(&key(id));
        self.run(parts)
    }
}

#[test]
fn parallel_agents_begin_at_once_and_sequential_ones_one_by_one() {
    let (mut talk, begun) = Played::begin("hi", group("a b c", 1, 3), Strategy::Parallel);
    assert_eq!(begun, "a b c");
    assert_eq!([talk.answer("b", "x"), talk.answer("a", "x"), talk.answer("c", "x")], ["", "", ""]);
    assert!(talk.0.is_over());
    let (mut talk, begun) = Played::begin("hi", group("a b c", 1, 3), Strategy::Sequential);
    assert_eq!(begun, "a");
    assert_eq!(
        [talk.answer("a", "x"), talk.answer("b", ""), talk.answer("c", "x")],
        ["b", "c", ""]
    );
    assert!(talk.0.is_over());
}

#[test]
fn a_message_that_names_some_is_for_those() {
    let begun = |text| Played::begin(text, group("writer reviewer", 1, 2), Strategy::Parallel).1;
    assert_eq!(begun("@Reviewer, look"), "reviewer");
    assert_eq!(begun("the reviewer and @reviewers"), "writer reviewer");
    assert_eq!(begun("@writer@reviewer"), "writer reviewer");
}

#[test]
fn rounds_go_on_with_those_who_spoke_or_were_addressed() {
    let (mut talk, _) = Played::begin("hi", group("a b c", 3, 9), Strategy::Parallel);
    talk.answer("a", "what do you think, @c?");
    talk.answer("b", "NO_REPLY");
    assert_eq!(talk.answer("c", ""), "c*", "a was told by nobody else");
    assert_eq!(talk.answer("c", "I agree"), "");
    assert!(talk.0.is_over());
}

#[test]
fn turns_are_bounded_over_all_rounds() {
    let (mut talk, begun) = Played::begin("hi", group("a b", 4, 3), Strategy::Parallel);
    assert_eq!(begun, "a b");
    talk.answer("a", "one");
    assert_eq!(talk.answer("b", "two"), "a*");
    assert_eq!(talk.answer("a", "three"), "");
    assert!(talk.0.is_over());
}

#[test]
fn what_is_told_is_bounded() {
    let said = BTreeMap::from([(agent("a"), "x".repeat(90_000)), (agent("b"), "mine".to_owned())]);
    let told = told(&said, &agent("b"));
    assert!(told.chars().count() < 17_000 && !told.contains("mine"));
}
