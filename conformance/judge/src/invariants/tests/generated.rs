//! Facts that no world would produce: checks must have an answer to all of them.

use proptest::prelude::*;

use crate::{
    context::{Clock, DmScope},
    invariants::judge_all,
    tests::{canary, context_with, trace},
    trace::{Fact, Kind, ModelOutcome, Place, PromptMessage, Trace},
    turns::Turns,
    words::{FactName, Filter, Operating, Request, Span, Visible, Word, check},
};

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["m1", "m2", "m3", "b1"]).prop_map(str::to_owned)
}

fn chat() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["alice", "bob", "ops", "nowhere"]).prop_map(str::to_owned)
}

fn place() -> impl Strategy<Value = Place> {
    let known = context_with(|_| ()).chats.into_values().map(|it| it.place).collect::<Vec<_>>();
    prop::sample::select(known)
}

fn text() -> impl Strategy<Value = String> {
    let words = ["yes", "a longer answer", "é🦀", "/stop", "/new@bot", "dropped", "sk-1", ""];
    let canaries = ["m1", "m2", "b1"].map(canary);
    let words = words.into_iter().map(str::to_owned).chain(canaries).collect::<Vec<_>>();
    prop::collection::vec(prop::sample::select(words), 0..4).prop_map(|it| it.join(" "))
}

fn channel_kind() -> impl Strategy<Value = Kind> {
    let id = || (0..3_u8).prop_map(|it| it.to_string());
    let inbound =
        (name(), chat(), place(), text()).prop_map(|(message, chat, place, text)| Kind::Inbound {
            canary: Some(canary(&message)),
            platform_id: format!("p-{message}"),
            sender: "1".to_owned(),
            message,
            chat,
            place,
            text,
            images: Vec::new(),
        });
    let sent = (place(), id(), text(), prop::option::of(name())).prop_map(
        |(place, platform_id, text, reply_to)| Kind::Sent {
            place,
            platform_id,
            text,
            reply_to: reply_to.map(|it| format!("p-{it}")),
            images: Vec::new(),
        },
    );
    let refused = (prop::option::of(place()), text(), any::<u16>(), any::<Option<u64>>());
    let refused = refused.prop_map(|(place, text, status, retry_after_s)| {
        let description = String::new();
        Kind::Refused { place, text, status, retry_after_s, description }
    });
    prop_oneof![
        inbound,
        name().prop_map(|message| Kind::Fetched { message }),
        name().prop_map(|message| Kind::Acknowledged { message }),
        sent,
        (place(), id(), text()).prop_map(|(place, platform_id, text)| Kind::Edited {
            place,
            platform_id,
            text
        }),
        (place(), id()).prop_map(|(place, platform_id)| Kind::Deleted { place, platform_id }),
        refused,
    ]
}

fn other_kind() -> impl Strategy<Value = Kind> {
    let role = prop::sample::select(vec!["system", "user", "assistant", "tool"]);
    let part = (role, text()).prop_map(|(role, text)| PromptMessage {
        role: role.to_owned(),
        text,
        ..PromptMessage::default()
    });
    let prompt = prop::collection::vec(part, 0..4);
    let request = (0..5_u64, prop::option::of(chat()), 0..3_u64, prompt).prop_map(
        |(request, chat, call, prompt)| Kind::ModelRequest {
            request,
            call: chat.is_some().then_some(call),
            chat,
            provider: "openai".to_owned(),
            model: format!("model-{}", request % 2),
            credential: format!("key-{call}"),
            prompt,
            tools: Vec::new(),
        },
    );
    let outcome = prop_oneof![
        text().prop_map(|text| ModelOutcome::Completed { text }),
        any::<u16>().prop_map(|status| ModelOutcome::Failed {
            status,
            retry_after_ms: None,
            said: None
        }),
        text().prop_map(|text| ModelOutcome::Spoiled { how: "cut".to_owned(), text }),
        text().prop_map(|text| ModelOutcome::Abandoned { text }),
    ];
    prop_oneof![
        4 => request,
        4 => (0..5_u64, outcome).prop_map(|(request, outcome)| Kind::ModelEnd { request, outcome }),
        1 => Just(Kind::GatewayStarted),
        1 => Just(Kind::GatewayReady),
        1 => text().prop_map(|last_words| Kind::GatewayExited { code: None, last_words }),
    ]
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = (
        prop_oneof![channel_kind(), other_kind()],
        prop_oneof![0..9_000_000_i64, any::<i64>()],
        any::<u8>(),
    );
    prop::collection::vec(fact, 0..40).prop_map(|facts| {
        // The numbers are sometimes as they should be, and sometimes not.
        let numbered = facts.into_iter().enumerate();
        let fact = |(index, (kind, at_us, seq)): (usize, (Kind, i64, u8))| Fact {
            seq: if seq < 128 { index as u64 + 1 } else { u64::from(seq) },
            at_us,
            kind,
        };
        numbered.map(fact).collect()
    })
}

fn filter(of: FactName) -> Filter {
    let (message, contains, call, outcome) = (None, None, None, None);
    let (model, credential, chat) = (None, None, Some("alice".to_owned()));
    let operator = Operating::default();
    Filter {
        of,
        chat,
        message,
        contains,
        anywhere: None,
        call,
        model,
        credential,
        outcome,
        operator,
    }
}

fn words() -> Vec<Word> {
    use FactName::{
        Acknowledged, Deleted, Edited, Fetched, Inbound, ModelEnd, ModelRequest, OperatorCalled,
        Refused, Sent,
    };
    let some = |it: &str| Some(it.to_owned());
    let between = Span { from_us: i64::MIN, to_us: i64::MAX };
    let mut words = Vec::new();
    for of in [
        Inbound,
        Fetched,
        Acknowledged,
        Sent,
        Edited,
        Deleted,
        Refused,
        ModelRequest,
        ModelEnd,
        OperatorCalled,
    ] {
        let of = filter(of);
        let about = Filter { message: some("m1"), contains: some("yes"), ..of.clone() };
        words.extend([
            Word::Exactly { n: 1, of: of.clone() },
            Word::AtLeast { n: 0, of: about.clone() },
            Word::AtMost { n: u64::MAX, of: of.clone() },
            Word::Never { of: about.clone() },
            Word::Unique { of: of.clone() },
            Word::Order(vec![of.clone(), about.clone()]),
            Word::Gap { from: of.clone(), to: about, between },
            Word::Quiet { of, between },
        ]);
    }
    let (chat, lacks, contains) =
        ("alice".to_owned(), vec!["m1".to_owned()], vec!["yes".to_owned()]);
    let visible = Visible {
        chat,
        texts: None,
        images: None,
        ends_with: some("s"),
        contains,
        lacks,
        between: Some(between),
    };
    let (chat, lacks, contains) = ("alice".to_owned(), vec!["m1".to_owned()], Vec::new());
    let (new, history, model, credential) = (Some(Vec::new()), Some(Vec::new()), None, None);
    let request = Request {
        chat,
        call: 1,
        new,
        history,
        lacks,
        contains,
        model,
        credential,
        offers: Vec::new(),
        withholds: Vec::new(),
        results: None,
        images: None,
        between: Some(between),
    };
    words.extend([Word::Visible(visible), Word::Request(request)]);
    words
}

proptest! {
    #[test]
    fn checks_never_panic_and_never_tell_a_secret(facts in facts(), scope in 0..3_u8, liveness_us in any::<i64>(), lateness_us in any::<i64>()) {
        let trace = Trace { facts, ..trace("") };
        let context = context_with(|it| {
            it.dm_scope = if scope == 0 { DmScope::Main } else { DmScope::PerPeer };
            it.queue.modes = [&["interrupt"][..], &["steer"], &["steer-backlog"]][usize::from(scope)].iter().map(|it| (*it).to_owned()).collect();
            it.queue.max_concurrent = u64::from(scope);
            it.liveness_us = liveness_us;
            it.secrets = vec![("key".to_owned(), "sk-1".to_owned())];
            it.unadmitted = vec!["m3".to_owned()];
            it.clock = if scope == 0 { Clock::Exact { hop_us: 1_000 } } else { Clock::Measured { slack_us: lateness_us / 2, lateness_us } };
        });
        let turns = Turns::of(&trace, &context);
        let mut verdicts: Vec<_> = judge_all(&trace, &turns, &context).into_iter().map(|it| it.1).collect();
        verdicts.extend(words().iter().map(|it| check(it, &trace, &turns, &context)));
        for verdict in verdicts {
            prop_assert!(!format!("{verdict:?}").contains("sk-1"), "{verdict:?}");
        }
    }
}
