//! Calls that wait for a decision: what runs, what the model reads, and that nothing runs that nobody allowed.

use super::*;
use crate::{
    approval::{CALL_WAITS, Decision, Undecided, Verdict},
    owners::Owners,
    tools::{Consent, ServerName, ToolName, ToolOwner, ToolSpec},
};

/// A world whose server's `ask__read` waits unless it was allowed for good, `ask__each` each time, and whose two `ask__p` may
/// run side by side.
fn world(mode: Mode) -> World {
    let mut world = World::new(Version::V2026_9, mode, DropPolicy::Old);
    let spec = |(name, consent, parallel): (&str, Consent, bool)| ToolSpec {
        name: ToolName::nearest(&format!("ask__{name}")),
        description: "".into(),
        parameters: "{}".into(),
        owner: ToolOwner::Server(ServerName("ask".into())),
        parallel,
        least: crate::owners::Authority::Guest,
        consent,
    };
    let tools = [
        ("read", Consent::Kept("read".into()), false),
        ("each", Consent::Each("each".into()), false),
        ("p1", Consent::Kept("p1".into()), true),
        ("p2", Consent::Free, true),
    ];
    let tools = tools.map(spec).to_vec();
    world.step(Event::ToolsListed(ServerName("ask".into()), tools));
    world
}

impl World {
    /// The model asks for these tools, and so many clients are told what waits.
    fn calls(&mut self, names: &[&str], heard_by: usize) {
        let before = self.asked.len();
        self.ask(names);
        let ids: Vec<ApprovalId> = self.asked[before..].iter().map(|it| it.id.clone()).collect();
        for id in ids {
            self.step(Event::ApprovalShown { id, heard_by, words: "this".to_owned() });
        }
    }

    fn decide(&mut self, index: usize, decision: Decision) -> Result<(), Undecided> {
        let id = self.asked[index].id.clone();
        let mut effects = Vec::new();
        let now = Timestamp::from_ms(self.now).into();
        let decided = self.gateway.decide(now, (id.as_str(), decision), "op", &mut effects);
        self.perform(effects);
        decided.map(|_| ())
    }

    fn ended(&self) -> Vec<&str> {
        let word = |it: &approval::Ended| match &it.how {
            Verdict::Decided { decision, .. } => decision.name(),
            Verdict::Expired => "expired",
            Verdict::Unheard => "unheard",
            Verdict::Withdrawn => "withdrawn",
        };
        self.ended.iter().map(word).collect()
    }
}

#[test]
fn a_call_runs_when_it_is_allowed_and_once() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__each", "ask__p2"], 1);
    assert!(world.jobs.is_empty(), "nothing runs that nobody allowed, nor what stands behind it");
    assert_eq!(
        world.decide(0, Decision::AllowAlways),
        Err(Undecided::NotOffered(Decision::AllowAlways))
    );
    assert_eq!(world.decide(0, Decision::AllowOnce), Ok(()));
    assert_eq!(world.jobs.len(), 1);
    let already = Undecided::Already { decision: Decision::AllowOnce };
    assert_eq!(world.decide(0, Decision::Deny), Err(already), "the first decision stands");
    world.end_tool();
    world.end_tool();
    assert_eq!(world.history(), "m1 | ask__each=ask__each is done | ask__p2=ask__p2 is done");
    world.calls(&["ask__each"], 1);
    assert_eq!(world.asked.len(), 2, "once is once");
    assert_eq!(world.kept, []);
}

#[test]
fn what_is_denied_does_not_run_and_the_model_goes_on() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__each"], 1);
    assert_eq!(world.decide(0, Decision::Deny), Ok(()));
    assert!(world.jobs.is_empty());
    assert_eq!(world.history(), "m1 | ask__each=Denied");
    assert_eq!(world.ended(), ["deny"]);
}

#[test]
fn what_nobody_decides_in_time_does_not_run() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__read"], 1);
    world.pass(CALL_WAITS);
    assert_eq!(world.history(), "m1 | ask__read=Denied");
    assert_eq!(world.ended(), ["expired"]);
    assert_eq!(world.decide(0, Decision::AllowOnce), Err(Undecided::Unknown), "too late");
    assert!(world.jobs.is_empty());
}

#[test]
fn what_nobody_can_decide_does_not_wait() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__read"], 0);
    assert_eq!(world.history(), "m1 | ask__read=Denied");
    assert_eq!(world.ended(), ["unheard"]);
}

#[test]
fn a_gateway_that_ends_waits_for_nobody() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__read"], 1);
    world.step(Event::Closing);
    assert_eq!(world.history(), "m1 | ask__read=Denied");
    world.calls(&["ask__read"], 1);
    assert_eq!(world.history(), "m1 | ask__read=Denied | ask__read=Denied");
    assert_eq!((world.asked.len(), world.jobs.len()), (1, 0));
}

#[test]
fn what_is_allowed_for_good_is_asked_about_no_more() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__read"], 1);
    assert_eq!(world.decide(0, Decision::AllowAlways), Ok(()));
    assert_eq!(world.kept.len(), 1);
    world.end_tool();
    world.calls(&["ask__read"], 1);
    assert_eq!((world.asked.len(), world.jobs.len()), (1, 1));
    world.end_tool();
    world.gateway.set_grants(BTreeSet::new());
    world.calls(&["ask__read"], 1);
    assert_eq!((world.asked.len(), world.jobs.len()), (2, 0), "until it is taken back");
}

#[test]
fn a_stop_leaves_nothing_to_decide() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__read"], 1);
    world.write("3001", "2", "/stop");
    assert_eq!(world.ended(), ["withdrawn"]);
    assert_eq!(world.decide(0, Decision::AllowOnce), Err(Undecided::Unknown));
    assert!(world.jobs.is_empty());
    world.write("3001", "3", "m3");
    assert_eq!(world.history(), "m1 | ask__read=Not run | m3");
}

#[test]
fn a_message_that_steers_takes_the_place_of_what_waits() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__p1", "ask__read", "ask__p2"], 1);
    world.write("3001", "2", "m2");
    assert_eq!(world.ended(), ["withdrawn"]);
    assert_eq!(world.decide(0, Decision::AllowOnce), Err(Undecided::Unknown));
    assert!(world.jobs.is_empty());
    let expected = "m1 | ask__p1=Not run | ask__read=Not run | ask__p2=Not run | m2";
    assert_eq!(world.history(), expected);
}

#[test]
fn a_message_that_steers_does_not_recall_a_part_of_a_batch() {
    let mut world = world(Mode::Steer);
    world.write("3001", "1", "m1");
    world.calls(&["ask__p1", "ask__p2", "ask__read"], 1);
    assert_eq!(world.jobs.len(), 1, "what may run beside it runs");
    world.write("3001", "2", "m2");
    world.end_tool();
    assert_eq!(world.ended(), [""; 0], "the batch has begun, so it is not skipped any more");
    assert_eq!(world.decide(0, Decision::AllowOnce), Ok(()));
    world.end_tool();
    let expected =
        "m1 | ask__p1=ask__p1 is done | ask__p2=ask__p2 is done | ask__read=Not run | m2";
    assert_eq!(world.history(), expected);
}

#[test]
fn a_message_that_waits_leaves_what_is_asked_as_it_is() {
    let mut world = world(Mode::Collect);
    world.write("3001", "1", "m1");
    world.calls(&["ask__read"], 1);
    world.write("3001", "2", "m2");
    world.write("3002", "3", "n1");
    assert_eq!(world.open.len(), 1, "another conversation does not wait for it");
    assert_eq!(world.decide(0, Decision::AllowOnce), Ok(()));
    assert_eq!(world.jobs.len(), 1);
}

#[test]
fn an_owner_may_decide_where_the_turn_came_from_and_a_guest_may_not() {
    let mut world = world(Mode::Steer);
    world.gateway.settings.approve_in_chat = true;
    let owner = SenderId::new("3001").unwrap();
    world.gateway.settings.owners = Owners::Listed([(None, owner)].into());
    world.write("3002", "1", "m1");
    world.calls(&["ask__read"], 0);
    assert_eq!(world.ended(), ["unheard"], "a guest's chat is no place for it");
    world.finish();
    world.visible.clear();
    world.write("3001", "2", "m2");
    world.calls(&["ask__read"], 0);
    let id = world.asked[1].id.clone();
    assert!(world.visible[0].1.contains(&format!("/approve {id} allow-once")));
    world.write("3002", "3", &format!("/approve {id} allow-once"));
    assert!(world.jobs.is_empty());
    world.write("3001", "4", &format!("/approve {id} allow-once"));
    assert_eq!(world.jobs.len(), 1);
    world.write("3001", "5", "/approve nothing deny");
    let beginning = |it: &str| it.chars().take(10).collect::<String>();
    let said: Vec<String> = world.visible[1..].iter().map(|it| beginning(&it.1)).collect();
    assert_eq!(said, ["Only an ow", "Allowed on", "There is n"]);
}
