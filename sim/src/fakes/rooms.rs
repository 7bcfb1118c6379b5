//! What a fake reads from its configuration: bots, agents, who may speak, how messages wait.

use std::{collections::BTreeMap, time::Duration};

use creel_gateway::{http::Http, net::Net};
use creel_judge::profile::Profile;
use serde_json::Value;

use super::{
    Fake, Given, Lie,
    outside::{Bot, Provider},
    parts::{Message, Place},
};
use crate::base::PROVIDER;

/// The configuration, as a fake understands it.
pub(super) struct Rooms<N: Net> {
    http: Http<N>,
    config: Value,
    keys: BTreeMap<String, String>,
    fake: Fake,
    /// Whether what waits becomes one turn.
    pub(super) collects: bool,
    pub(super) debounce: Duration,
    pub(super) run_timeout: Duration,
}

impl<N: Net> Rooms<N> {
    pub(super) fn new(
        http: Http<N>,
        Given { config, keys }: Given,
        profile: &Profile,
        fake: Fake,
    ) -> Self {
        let mode = config.pointer("/messages/queue/mode").and_then(Value::as_str);
        let debounce = config.pointer("/messages/queue/debounceMs").and_then(Value::as_u64);
        let debounce_us = u64::try_from(profile.queue_debounce_us).unwrap_or_default();
        let seconds = config.pointer("/agents/defaults/timeoutSeconds").and_then(Value::as_u64);
        let timeout = seconds.unwrap_or(if profile.name == "2026.3" { 600 } else { 172_800 });
        Self {
            http,
            keys,
            fake,
            collects: mode.unwrap_or(profile.queue_mode) == "collect",
            debounce: debounce.map_or(Duration::from_micros(debounce_us), Duration::from_millis),
            run_timeout: Duration::from_secs(timeout),
            config,
        }
    }

    fn text(&self, pointer: &str) -> &str {
        self.config.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The accounts.
    pub(super) fn accounts(&self) -> Vec<String> {
        let accounts =
            self.config.pointer("/channels/telegram/accounts").and_then(Value::as_object);
        accounts.into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn bot(&self, account: &str) -> Bot<N> {
        let token = self.text(&format!("/channels/telegram/accounts/{account}/botToken"));
        let root = format!("{}/bot{token}", self.text("/channels/telegram/apiRoot"));
        Bot { http: self.http.clone(), root, fake: self.fake }
    }

    /// The agents and what is said of each, in order.
    fn agents(&self) -> Vec<(String, &Value)> {
        let listed = self.config.pointer("/agents/list").and_then(Value::as_array);
        let listed = listed.into_iter().flatten();
        let listed = listed.map(|it| (it["id"].as_str().unwrap_or_default().to_owned(), it));
        let named = self.config.pointer("/agents/entries").and_then(Value::as_object);
        let named = named.into_iter().flatten().map(|(id, it)| (id.clone(), it));
        listed.chain(named).collect()
    }

    /// Who answers: by the chat's own binding, else the default agent.
    pub(super) fn agent(&self, place: &Place) -> String {
        let agents = self.agents();
        if self.fake.tells(Lie::WrongAgent) {
            return agents.last().map(|it| it.0.clone()).unwrap_or_default();
        }
        let bindings = self.config["bindings"].as_array().into_iter().flatten();
        let bound = bindings.filter(|it| {
            let account = it.pointer("/match/accountId").and_then(Value::as_str);
            it.pointer("/match/peer/id").and_then(Value::as_str) == Some(&place.chat.to_string())
                && account.unwrap_or("default") == place.account
        });
        let bound = bound.map(|it| it["agentId"].as_str().unwrap_or_default().to_owned()).next();
        let marked = agents.iter().find(|it| it.1["default"] == true).or(agents.first());
        bound.or(marked.map(|it| it.0.clone())).unwrap_or_default()
    }

    pub(super) fn provider(&self, agent: &str) -> Provider<N> {
        let agents = self.agents();
        let model = agents.iter().find(|it| it.0 == agent).and_then(|it| it.1["model"].as_str());
        let model = model.and_then(|it| it.split_once('/')).map_or("none", |it| it.1);
        let payer = match (self.fake.tells(Lie::SharedKey), agents.first()) {
            (true, Some((first, _))) => first,
            _ => agent,
        };
        Provider {
            http: self.http.clone(),
            base_url: self.text(&format!("/models/providers/{PROVIDER}/baseUrl")).to_owned(),
            key: self.keys.get(payer).cloned().unwrap_or_default(),
            model: model.to_owned(),
        }
    }

    /// Whether a message is heard.
    pub(super) fn admits(&self, message: &Message) -> bool {
        if self.fake.tells(Lie::AnswersStrangers) || !message.place.direct {
            return true;
        }
        let sender = message.sender.to_string();
        let list = self.config.pointer("/channels/telegram/allowFrom").and_then(Value::as_array);
        let listed = list.into_iter().flatten().any(|it| *it == "*" || *it == sender.as_str());
        self.text("/channels/telegram/dmPolicy") != "disabled" && listed
    }

    /// Which conversation a message belongs to.
    pub(super) fn session(&self, agent: &str, place: &Place) -> String {
        let main = self.text("/session/dmScope") == "main" && place.direct;
        match main {
            _ if self.fake.tells(Lie::OneSession) => "all".to_owned(),
            true => agent.to_owned(),
            false => format!("{agent} {} {:?}", place.chat, place.topic),
        }
    }
}
