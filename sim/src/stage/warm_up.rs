//! A message before the scenario begins: the first turn of some gateways loads half of them, and no bound in time shall
//! depend on it.

use std::time::Duration;

use creel_judge::{trace::Place, turns};
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

/// How long nothing may happen before the gateway counts as done with it.
const SETTLE: Duration = Duration::from_millis(500);

impl Stage {
    /// Lets somebody write in a chat of their own, and waits at most `within` until they were shown something. Nothing of
    /// it is part of the run.
    pub async fn warm_up(&self, within: Duration) {
        let first = self.configuration.accounts.iter().find_map(|(channel, accounts)| {
            accounts.keys().next().map(|account| Chat::direct(channel, account, SENDER))
        });
        // A stranger would be given a code, which is one of few.
        let Some(chat) = first.filter(|it| !self.is_paired(&it.channel)) else { return };
        let before = self.recorder.count();
        let platform = &self.platforms[&chat.channel];
        if platform.declare(NAME, &chat, &[]).is_err() {
            return;
        }
        let canary = turns::canary(self.seed, INDEX);
        self.script.expect(&canary, NAME, NAME);
        let text = "ready".to_owned();
        let act = Act::Say { text, chunks: 1, every: Duration::ZERO };
        self.script.answer(NAME, Answer { after: Duration::ZERO, act });
        platform.deliver(&Inbound {
            name: NAME.to_owned(),
            chat: NAME.to_owned(),
            text: format!("are you ready? {canary}"),
            canary: Some(canary),
            mention: false,
            reply_to: None,
            forged: None,
            image: None,
            events: None,
            apart: Duration::ZERO,
        });
        let place: Place = declared::place(&chat);
        let shown = async {
            while platform.last_text(&place).is_none() {
                sleep(LOOK_EVERY * 10).await;
            }
            let mut seen = 0;
            while seen != self.recorder.count() {
                seen = self.recorder.count();
                sleep(SETTLE).await;
            }
        };
        // One that is not let in is not answered, and the run begins as it is.
        _ = timeout(within, shown).await;
        self.recorder.forget_from(before);
    }

    fn is_paired(&self, channel: &str) -> bool {
        let policy =
            |value: &serde_json::Value| value.get("dmPolicy").is_some_and(|it| it == "pairing");
        let channel = &self.configuration.config["channels"][channel];
        let accounts = channel.get("accounts").and_then(serde_json::Value::as_object);
        policy(channel) || accounts.is_some_and(|it| it.values().any(policy))
    }
}
