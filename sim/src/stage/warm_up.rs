//! A message before the scenario begins: the first turn of some gateways loads half of them, and no bound in time shall
//! depend on it.

use std::{collections::BTreeSet, time::Duration};

use creel_judge::{
    trace::{Fact, Kind, Place},
    turns,
};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{LOOK_EVERY, Stage};
use crate::{
    declared,
    scenario::{Act, Answer, Chat},
    twins::Inbound,
};

/// The name of the message and of its chat, which no scenario can have: theirs are words.
const NAME: &str = "(warm up)";

/// Who writes it: an id that is a person's on every platform.
const SENDER: &str = "990001";

/// The number behind which its canary is no message's of the scenario.
const INDEX: u64 = u64::MAX;

/// What the model answers.
const READY: &str = "I am ready";

/// How long nothing may happen before the gateway counts as done with it.
const SETTLE: Duration = Duration::from_millis(500);

/// Whether a gateway was warmed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warmth {
    /// Nobody wrote.
    Cold,
    /// Somebody wrote, and was not answered in time.
    Tepid,
    /// Somebody wrote and was answered.
    Warm,
}

impl Stage {
    /// Lets somebody write in a chat of their own, and waits at most `within` until they were answered. Nothing of it is part
    /// of the run.
    pub(crate) async fn warm_up(&self, within: Duration) -> Warmth {
        // What it was asked would count: credentials are used in turn, and answers are used up.
        if !self.scenario.providers.is_empty() {
            return Warmth::Cold;
        }
        let first = self.configuration.accounts.iter().find_map(|(channel, accounts)| {
            accounts.keys().next().map(|account| Chat::direct(channel, account, SENDER))
        });
        // A stranger would not be let in, and a code to be paired with is one of few.
        let Some(chat) = first.filter(|it| self.is_open(&it.channel)) else {
            return Warmth::Cold;
        };
        let before = self.recorder.count();
        let platform = &self.platforms[&chat.channel];
        if platform.declare(NAME, &chat, &[]).is_err() {
            return Warmth::Cold;
        }
        let canary = turns::canary(self.seed, INDEX);
        self.script.expect(&canary, NAME, NAME);
        let text = READY.to_owned();
        let act = Act::Say { text, chunks: 1, every: Duration::ZERO };
        self.script.answer(NAME, Answer { after: Duration::ZERO, act });
        platform.deliver(&Inbound {
            name: NAME.to_owned(),
            chat: NAME.to_owned(),
            text: format!("are you ready? {canary}"),
            canary: Some(canary.clone()),
            mention: false,
            reply_to: None,
            forged: None,
            image: None,
            events: None,
            apart: Duration::ZERO,
        });
        let place: Place = declared::place(&chat);
        let shown = async {
            while !platform.last_text(&place).is_some_and(|it| it.contains(READY)) {
                sleep(LOOK_EVERY * 10).await;
            }
            let mut seen = 0;
            while seen != self.recorder.count() {
                seen = self.recorder.count();
                sleep(SETTLE).await;
            }
        };
        let is_warm = timeout(within, shown).await.is_ok();
        if is_warm {
            // What is asked in this conversation later is nobody's.
            self.script.forget(&canary);
        }
        self.recorder.forget_from(before);
        if is_warm { Warmth::Warm } else { Warmth::Tepid }
    }

    /// What was seen, in its order. Of the warm-up nothing is left, even if it came later: some gateways say good-bye wherever
    /// they were spoken to.
    pub(crate) fn facts(&self, warmth: Warmth) -> Vec<Fact> {
        let mut facts = self.recorder.take();
        if warmth == Warmth::Cold {
            return facts;
        }
        let requests = facts.iter().filter_map(|it| match &it.kind {
            Kind::ModelRequest { request, chat, .. } if chat.as_deref() != Some(NAME) => {
                Some(*request)
            }
            _ => None,
        });
        let requests = requests.collect();
        facts.retain(|it| !is_of_warm_up(&it.kind, &requests));
        for (seq, fact) in (1..).zip(&mut facts) {
            fact.seq = seq;
        }
        facts
    }

    /// Whether everybody may write.
    fn is_open(&self, channel: &str) -> bool {
        let is_open = |value: &Value| value.get("dmPolicy").is_none_or(|it| it == "open");
        let channel = &self.configuration.config["channels"][channel];
        let accounts = channel.get("accounts").and_then(Value::as_object);
        is_open(channel) && accounts.is_none_or(|it| it.values().all(is_open))
    }
}

/// Whether a fact is of the message that warmed the gateway up: in its chat, or a request for it.
fn is_of_warm_up(kind: &Kind, requests: &BTreeSet<u64>) -> bool {
    match kind {
        Kind::Inbound { place, .. }
        | Kind::Sent { place, .. }
        | Kind::Edited { place, .. }
        | Kind::Deleted { place, .. } => place.peer == SENDER,
        Kind::Fetched { message } | Kind::Acknowledged { message } => message == NAME,
        Kind::ModelRequest { chat, .. } => chat.as_deref() == Some(NAME),
        Kind::ModelEnd { request, .. } => !requests.contains(request),
        _ => false,
    }
}
