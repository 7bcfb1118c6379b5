//! I11: events are numbered, a run ends once, and what was asked for under one key runs once.

use crate::{
    invariants::judge_all,
    tests::{context_with, shown, trace},
    trace::{Fact, Kind, ModelOutcome, Operation, PromptMessage, Saw, Trace},
    turns::Turns,
};

/// What I11 says of what the client `op` saw, a line each:
///
/// ```text
/// in                     it was let in
/// ask r1 [key]           it asked for chat.send, with the words kaaaaaaaaaaa1
/// start r1               it was answered that the run began
/// 1 chat r1 2 final      event 1: a chat event of run r1, its second
/// model                  the model was asked with these words, and answered
/// out                    it left
/// ```
fn judge(script: &str) -> String {
    judge_in("2026.9", script)
}

fn judge_in(profile: &str, script: &str) -> String {
    let mut facts: Vec<Fact> = Vec::new();
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        for kind in kinds(line, facts.len() as u64 + 1) {
            let seq = facts.len() as u64 + 1;
            facts.push(Fact { seq, at_us: i64::try_from(seq).unwrap() * 1_000, kind });
        }
    }
    let trace = Trace { facts, ..trace("") };
    let context = context_with(|it| it.profile = profile.to_owned());
    let verdicts = judge_all(&trace, &Turns::of(&trace, &context), &context);
    shown(&verdicts.iter().find(|it| it.0 == "I11").unwrap().1)
}

fn kinds(line: &str, seq: u64) -> Vec<Kind> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let word = |at: usize| words.get(at).copied().unwrap_or_default().to_owned();
    let saw = match words[0] {
        "in" => Saw::Connected { protocol: 3, text: String::new() },
        "out" => Saw::Left,
        "garbled" => Saw::Garbled { text: "hello".to_owned() },
        "ask" | "post" => Saw::Asked {
            call: word(1),
            method: Some(
                if words[0] == "ask" { "chat.send" } else { "POST /hooks/agent" }.to_owned(),
            ),
            key: Some(words.get(2).map_or_else(|| word(1), |it| (*it).to_owned())),
            canary: Some("kaaaaaaaaaaa1".to_owned()),
            headers: std::collections::BTreeMap::new(),
            text: String::new(),
        },
        "start" => Saw::Answered {
            call: word(1),
            ok: true,
            code: None,
            details: None,
            run: Some(word(1)),
            status: Some("started".to_owned()),
            text: String::new(),
        },
        "model" => return asked_and_answered(seq),
        number => Saw::Event {
            event: word(1),
            seq: number.parse().ok(),
            run: words.get(2).map(|it| (*it).to_owned()),
            place: words.get(3).and_then(|it| it.parse().ok()),
            session: None,
            state: words.get(4).map(|it| (*it).to_owned()),
            text: String::new(),
        },
    };
    vec![Kind::Operator(Operation { client: "op".to_owned(), saw })]
}

fn asked_and_answered(request: u64) -> Vec<Kind> {
    let said = PromptMessage {
        role: "user".to_owned(),
        text: "hello kaaaaaaaaaaa1".to_owned(),
        ..PromptMessage::default()
    };
    let asked = Kind::ModelRequest {
        request,
        chat: None,
        call: None,
        provider: "openai".to_owned(),
        model: "main-model".to_owned(),
        credential: "main".to_owned(),
        prompt: vec![said],
        tools: Vec::new(),
    };
    let outcome = ModelOutcome::Completed { text: "yes".to_owned() };
    vec![asked, Kind::ModelEnd { request, outcome }]
}

#[test]
fn numbers_begin_at_one_on_each_connection_and_have_no_gap() {
    let told = "in\n1 tick\n2 tick\nin\n1 tick";
    assert_eq!(judge(told), "pass [1, 2, 3, 4, 5]");
    for (script, found) in
        [("in\n2 tick", "2"), ("in\n1 tick\n1 tick", "1"), ("in\n- tick", "no number")]
    {
        let verdict = judge(script);
        assert!(verdict.starts_with("fail"), "{script}: {verdict}");
        assert!(verdict.contains(&format!("observed {found}")), "{script}: {verdict}");
    }
}

#[test]
fn in_2026_3_one_count_is_everybodys() {
    let judge = |script| judge_in("2026.3", script);
    assert_eq!(judge("in\n7 tick\n8 tick\n- voicewake.changed\n9 tick"), "pass [1, 2, 3, 4, 5]");
    for (script, found) in [
        ("in\n7 tick\n9 tick", "9"),
        ("in\n7 tick\n7 tick", "7"),
        ("in\n0 tick\n0 tick", "0"),
        ("in\n- chat r1 1 delta", "no number"),
    ] {
        assert!(judge(script).contains(&format!("observed {found}")), "{}", judge(script));
    }
}

#[test]
fn a_run_has_one_terminal_state_and_nothing_after_it() {
    let run =
        "in\nask r1\nstart r1\n1 agent r1 1 lifecycle-start\n2 chat r1 2 delta\n3 chat r1 3 final";
    assert!(judge(run).starts_with("pass"), "{}", judge(run));
    for (more, expected) in [
        ("4 chat r1 4 final", "one terminal chat state of run `r1`"),
        ("4 chat r1 4 delta", "one terminal chat state of run `r1`"),
        ("4 chat r2 1 delta\n5 chat r2 3 final", "event 1 or 2 of run `r2`"),
        ("4 chat r2 2 delta\n5 chat r2 1 final", "event 2 or 3 of run `r2`"),
    ] {
        let verdict = judge(&format!("{run}\n{more}"));
        assert!(verdict.contains(expected), "{more}: {verdict}");
    }
    let unended = judge("in\nask r1\nstart r1\n1 chat r1 1 delta");
    assert!(unended.contains("one of final, aborted, error for run `r1`"), "{unended}");
    let left = judge("in\nask r1\nstart r1\n1 chat r1 1 delta\nout");
    assert!(left.starts_with("pass"), "who left cannot know: {left}");
}

#[test]
fn a_run_ends_once_and_its_agent_events_have_no_gap() {
    let run =
        "in\n1 agent r1 1 lifecycle-start\n2 agent r1 2 assistant\n3 agent r1 3 lifecycle-end";
    assert!(judge(run).starts_with("pass"), "{}", judge(run));
    for (more, expected) in [
        ("4 agent r1 4 lifecycle-end", "one end of run `r1`"),
        ("4 agent r1 4 lifecycle-error", "one end of run `r1`"),
        ("4 agent r2 1 lifecycle-start\n5 agent r2 3 assistant", "event 1 or 2 of run `r2`"),
    ] {
        let verdict = judge(&format!("{run}\n{more}"));
        assert!(verdict.contains(expected), "{more}: {verdict}");
    }
}

#[test]
fn a_text_that_is_no_frame_is_one_too_many() {
    assert!(judge("in\ngarbled").starts_with("fail [2]"));
}

#[test]
fn a_key_runs_once() {
    assert!(judge("in\nask r1\nask r2 r1\nmodel").starts_with("pass"));
    let twice = judge("in\nask r1\nmodel\nask r2 r1\nmodel");
    assert!(twice.contains("one run for what was asked under key `r1`"), "{twice}");
}

#[test]
fn a_hooks_key_runs_once_and_is_no_operators() {
    assert!(judge("post h1\npost h2 h1\nmodel").starts_with("pass"));
    assert!(judge("post h1\nin\nask h1\nmodel").starts_with("pass [2]"));
    assert!(judge("post h1\nmodel\npost h2\nmodel\npost h3 h1").starts_with("pass"));
    let twice = judge("post h1\nmodel\npost h2 h1\nmodel");
    assert!(twice.contains("one run for what was asked under key `h1`"), "{twice}");
}

#[test]
fn without_a_client_nothing_is_judged() {
    assert_eq!(judge("model"), "vacuous: no operator's client was let in");
}
