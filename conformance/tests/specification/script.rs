//! Scenarios that nobody wrote: settings, chats, and who writes what when. They print as files for `creel run`.

use std::fmt;

use proptest::{collection::vec, option, prelude::*, sample::select};

/// The chats of every script: two persons, two bots, a group of both and a topic of it.
const CHATS: [(&str, &str); 6] = [
    ("alice", r#"{ channel: telegram, dm: "3001" }"#),
    ("alice2", r#"{ channel: telegram, account: second, dm: "3001" }"#),
    ("bob", r#"{ channel: telegram, dm: "3002" }"#),
    ("crew", r#"{ channel: telegram, group: "-100777", sender: "3001" }"#),
    ("crewbob", r#"{ channel: telegram, group: "-100777", sender: "3002" }"#),
    ("topic", r#"{ channel: telegram, group: "-100777", topic: "42", sender: "3001" }"#),
];

/// A scenario.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) profile: &'static str,
    settings: Vec<&'static str>,
    debounce_ms: Option<u32>,
    inbound_ms: Option<u32>,
    cap: Option<u32>,
    max_concurrent: Option<u32>,
    /// How long the model takes, in milliseconds, call by call and chat by chat.
    takes_ms: Vec<u32>,
    steps: Vec<Step>,
}

/// Somebody writes.
#[derive(Clone, Debug)]
struct Step {
    /// How long after the step before, in milliseconds.
    after_ms: u64,
    chat: usize,
    text: &'static str,
}

/// Scripts about queues: few settings, many arrivals close to one another.
pub(crate) fn queues() -> impl Strategy<Value = Script> {
    let settings = (
        option::of(select(
            &[
                "queue: { mode: collect }",
                "queue: { mode: followup }",
                "queue: { mode: steer }",
                "queue: { mode: interrupt }",
                "queue: { byChannel: { telegram: followup } }",
            ][..],
        )),
        option::of(select(&["drop: old", "drop: new", "drop: summarize"][..])),
        option::of(select(
            &["dmScope: main", "dmScope: per-peer", "dmScope: per-account-channel-peer"][..],
        )),
        option::of(select(
            &[
                "accountId: second",
                r#"accountId: "*""#,
                r#"peer: { kind: group, id: "-100777" }"#,
                r#"peer: { kind: dm, id: "3001" }"#,
            ][..],
        )),
        option::weighted(0.2, Just("timeoutSeconds: 1")),
    );
    let settings = settings.prop_map(|(queue, drop, scope, binding, timeout)| {
        [queue, drop, scope, binding, timeout].into_iter().flatten().collect::<Vec<_>>()
    });
    let wait = || select(&[0_u32, 100, 250, 1_000][..]);
    (
        select(&["2026.3", "2026.9"][..]),
        settings,
        option::of(wait()),
        option::of(wait()),
        option::of(1..4_u32),
        option::of(1..3_u32),
        vec(select(&[0_u32, 1, 100, 400, 1_000, 3_000][..]), 1..6),
        vec(step(), 1..14),
    )
        .prop_map(
            |(profile, settings, debounce_ms, inbound_ms, cap, max_concurrent, takes_ms, steps)| {
                Script {
                    profile,
                    settings,
                    debounce_ms,
                    inbound_ms,
                    cap,
                    max_concurrent,
                    takes_ms,
                    steps,
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let after_ms = prop_oneof![
        6 => select(&[0_u64, 1, 50, 99, 100, 101, 249, 250, 251, 400, 999, 1_000, 1_001][..]),
        1 => select(&[5_000_u64, 60_000][..]),
    ];
    let chat = prop_oneof![5 => Just(0_usize), 3 => 0..CHATS.len()];
    let text = prop_oneof![
        12 => Just("words"),
        1 => Just("/stop"),
        1 => Just("/new words"),
        1 => Just("/status"),
        2 => select(&[
            "/queue collect",
            "/queue followup debounce:250ms",
            "/queue steer",
            "/queue interrupt",
            "/queue cap:1 drop:new",
            "/queue debounce:0.5s",
            "/queue reset",
            "/queue nonsense",
            "/queue steer-backlog",
        ][..]),
        1 => select(&["/queue interrupt words", "/queue followup words", "/queue collect debounce:1s words"][..]),
    ];
    (after_ms, chat, text).prop_map(|(after_ms, chat, text)| Step { after_ms, chat, text })
}

/// Scripts about lives: resets, zones and long silences around the days on which clocks change.
pub(crate) fn lives() -> impl Strategy<Value = Script> {
    let settings = (
        option::of(select(
            &[
                "reset: { mode: daily }",
                "reset: { mode: daily, atHour: 2 }",
                "reset: { mode: daily, atHour: 3, idleMinutes: 90 }",
                "reset: { mode: idle, idleMinutes: 60 }",
                "idleMinutes: 120",
            ][..],
        )),
        option::of(select(
            &[
                "resetByType: { group: { mode: idle, idleMinutes: 30 } }",
                "resetByType: { direct: { mode: daily, atHour: 0 }, thread: { mode: daily, atHour: 23 } }",
                "resetByChannel: { telegram: { mode: daily, atHour: 5 } }",
            ][..],
        )),
        select(
            &[
                r#"clock: { start: "2026-03-28 20:00:00", zone: Europe/Berlin }"#,
                r#"clock: { start: "2026-10-24 20:00:00", zone: Europe/Berlin }"#,
                r#"clock: { start: "2026-03-07 20:00:00", zone: America/New_York }"#,
                r#"clock: { start: "2026-10-03 20:00:00", zone: Australia/Lord_Howe }"#,
                r#"clock: { start: "2026-03-16 03:59:00", zone: UTC }"#,
            ][..],
        ),
    );
    let settings = settings.prop_map(|(reset, other, clock)| {
        // What old and new keys say together, the contract leaves open.
        let other = other.filter(|_| !reset.is_some_and(|it| it.starts_with("idleMinutes")));
        [reset, other, Some(clock)].into_iter().flatten().collect::<Vec<_>>()
    });
    let after_ms = select(
        &[
            1_000_u64, 59_999, 60_000, 60_001, 1_799_999, 1_800_001, 3_599_999, 3_600_001,
            5_400_001, 10_800_000, 21_599_000, 21_600_000, 28_800_000,
        ][..],
    );
    let text = prop_oneof![8 => Just("words"), 1 => Just("/new words")];
    let chat = select(&[0_usize, 0, 3, 5][..]);
    let step =
        (after_ms, chat, text).prop_map(|(after_ms, chat, text)| Step { after_ms, chat, text });
    (
        select(&["2026.3", "2026.9"][..]),
        settings,
        vec(select(&[0_u32, 1_000, 120_000][..]), 1..4),
        vec(step, 2..8),
    )
        .prop_map(|(profile, settings, takes_ms, steps)| Script {
            profile,
            settings,
            debounce_ms: None,
            inbound_ms: None,
            cap: None,
            max_concurrent: None,
            takes_ms,
            steps,
        })
}

impl Script {
    fn one(&self, starts: &[&str]) -> Option<&'static str> {
        self.settings.iter().find(|it| starts.iter().any(|start| it.starts_with(start))).copied()
    }

    fn write_gateway(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gateway:")?;
        let mut queue: Vec<String> = Vec::new();
        if let Some(it) = self.one(&["queue:"]) {
            let inside = it.trim_start_matches("queue: {").trim_end_matches('}').trim();
            queue.push(inside.to_owned());
        }
        queue.extend(self.one(&["drop:"]).map(str::to_owned));
        queue.extend(self.cap.map(|it| format!("cap: {it}")));
        let debounce = |it| format!("debounceMsByChannel: {{ telegram: {it} }}");
        queue.extend(self.debounce_ms.map(debounce));
        let inbound = self.inbound_ms.map(|it| format!("inbound: {{ debounceMs: {it} }}"));
        let queue = format!("queue: {{ {} }}", queue.join(", "));
        let messages: Vec<String> = [Some(queue), inbound].into_iter().flatten().collect();
        writeln!(f, "  messages: {{ {} }}", messages.join(", "))?;
        let session: Vec<&str> =
            ["dmScope:", "reset:", "idleMinutes:", "resetByType:", "resetByChannel:"]
                .into_iter()
                .filter_map(|it| self.one(&[it]))
                .collect();
        writeln!(f, "  session: {{ {} }}", session.join(", "))?;
        let list = "list: [{ id: main, default: true }, { id: work }]";
        let most = self.max_concurrent.map(|it| format!("maxConcurrent: {it}"));
        let timeout = self.one(&["timeoutSeconds:"]).map(str::to_owned);
        let defaults: Vec<String> = most.into_iter().chain(timeout).collect();
        writeln!(f, "  agents: {{ {list}, defaults: {{ {} }} }}", defaults.join(", "))?;
        match self.one(&["accountId:", "peer:"]) {
            Some(it) => {
                writeln!(
                    f,
                    "  bindings: [{{ agentId: work, match: {{ channel: telegram, {it} }} }}]"
                )
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "id: queue/found\ntitle: A case in which gateway and specification disagree")?;
        writeln!(f, r#"profiles: ["{}"]"#, self.profile)?;
        self.write_gateway(f)?;
        if let Some(clock) = self.one(&["clock:"]) {
            writeln!(f, "{clock}")?;
        }
        let used = |chat: usize| self.steps.iter().any(|it| it.chat == chat);
        let chats: Vec<_> =
            (0..CHATS.len()).filter(|it| used(*it)).map(|it| (it, CHATS[it])).collect();
        writeln!(f, "chats:")?;
        for (_, (name, chat)) in &chats {
            writeln!(f, "  {name}: {chat}")?;
        }
        writeln!(f, "model:")?;
        for (index, (name, _)) in &chats {
            writeln!(f, "  {name}:")?;
            for call in 0..self.steps.len() {
                let takes_ms = self.takes_ms[(call + index) % self.takes_ms.len()];
                writeln!(
                    f,
                    r#"    - {{ after: {takes_ms}ms, say: "{name}, answer {}" }}"#,
                    call + 1
                )?;
            }
        }
        writeln!(f, "steps:")?;
        let mut at_ms = 0;
        for (index, step) in self.steps.iter().enumerate() {
            at_ms += step.after_ms;
            let (chat, text) = (CHATS[step.chat].0, step.text);
            let canary = if text.ends_with("words") { ", canary: true" } else { "" };
            let name = format!("m{}", index + 1);
            writeln!(
                f,
                r#"  - {{ at: {at_ms}ms, send: {{ chat: {chat}, text: "{text}", as: {name}{canary} }} }}"#
            )?;
        }
        writeln!(f, "expect:\n  - at_least: {{ n: 1, of: fetched }}")
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(a file for `creel run`)\n{self}")
    }
}
