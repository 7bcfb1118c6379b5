//! What a scenario declares to the judge: read from its configuration by the contract's keys, not from any gateway.

mod configuration;

pub use configuration::configuration;
use creel_judge::{
    context::{self, Choices, Clock, Context, DmScope, Queue},
    profile::Profile,
    trace::{Fact, Place},
};
use serde_json::Value;

use crate::{
    base::Configuration,
    scenario::{Chat, ChatKind, Scenario},
    twins::tokens,
};

/// What the judge may know beside the facts.
pub fn context(
    scenario: &Scenario,
    profile: &Profile,
    configuration: &Configuration,
    clock: Clock,
) -> Context {
    let config = &configuration.config;
    let keys = configuration.keys.iter().map(|(key, name)| (format!("key `{name}`"), key.clone()));
    let accounts = configuration.accounts.iter().flat_map(|(channel, accounts)| {
        accounts.iter().flat_map(move |(account, secrets)| {
            let name = move |what| format!("{what} of `{channel}:{account}`");
            secrets.iter().map(move |(what, secret)| (name(what), secret.clone()))
        })
    });
    let logins = configuration.logins.iter();
    let logins = logins.map(|it| (format!("refresh token of `{}`", it.name), it.refresh.clone()));
    let gateway = [
        ("gateway token".to_owned(), configuration.gateway_token.clone()),
        ("hooks' token".to_owned(), configuration.hooks.token.clone()),
    ];
    let unadmitted = scenario.sends().filter(|it| !it.admitted).map(|it| it.name.clone()).collect();
    Context {
        profile: profile.name.to_owned(),
        chats: scenario.chats.iter().map(|(name, chat)| (name.clone(), declared(chat))).collect(),
        queue: queue(scenario, profile, config),
        configuration: configuration::in_a_run(config, scenario, profile, clock),
        dm_scope: dm_scope(config),
        identity_links: identity_links(config),
        unadmitted,
        overheard: scenario.sends().filter(|it| it.overheard).map(|it| it.name.clone()).collect(),
        secrets: keys.chain(logins).chain(accounts).chain(gateway).collect(),
        clock,
        choices: Choices::default(),
        liveness_us: profile.liveness_us.saturating_add(hops_us(clock)),
    }
}

/// The same, with the tokens that providers gave away meanwhile.
pub fn context_of_run(context: Context, seed: u64, facts: &[Fact]) -> Context {
    let issued = tokens::issued(seed, facts).into_iter();
    let issued = issued.map(|(token, name)| (format!("token `{name}`"), token));
    let secrets = context.secrets.into_iter().chain(issued).collect();
    Context { secrets, ..context }
}

/// How many hops lie between a message and what comes of it, at the most.
const HOPS: i64 = 6;

/// What a slow simulated network adds to the way of a message.
fn hops_us(clock: Clock) -> i64 {
    match clock {
        Clock::Exact { hop_us } => hop_us.saturating_sub(1_000).max(0).saturating_mul(HOPS),
        Clock::Measured { .. } => 0,
    }
}

/// Where a chat is, as facts name it.
pub fn place(chat: &Chat) -> Place {
    let (peer, thread) = match &chat.kind {
        ChatKind::Direct => (chat.sender.clone(), None),
        ChatKind::Group { id, topic } => (id.clone(), topic.clone()),
        ChatKind::Room { id, thread } => (id.clone(), thread.clone()),
    };
    Place { channel: chat.channel.clone(), account: chat.account.clone(), peer, thread }
}

fn declared(chat: &Chat) -> context::Chat {
    let direct = chat.kind == ChatKind::Direct;
    context::Chat {
        place: place(chat),
        direct,
        sender: chat.sender.clone(),
        room: context::Room {
            is_channel: matches!(chat.kind, ChatKind::Room { .. }),
            guild: chat.guild.clone(),
            team: chat.team.clone(),
            roles: chat.roles.clone(),
        },
    }
}

fn queue(scenario: &Scenario, profile: &Profile, config: &Value) -> Queue {
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    let ms = |pointer: &str| config.pointer(pointer).and_then(Value::as_i64).map(|it| it * 1_000);
    let channel = scenario.chats.values().next().map_or("telegram", |it| &it.channel);
    let of_channel = |key: &str| format!("/messages/{key}/{channel}");
    let mode = text(&of_channel("queue/byChannel")).or(text("/messages/queue/mode"));
    let drop = text("/messages/queue/drop").unwrap_or(profile.queue_drop);
    let debounce = ms(&of_channel("queue/debounceMsByChannel"))
        .or(ms("/messages/queue/debounceMs"))
        .unwrap_or(profile.queue_debounce_us);
    let inbound = ms(&of_channel("inbound/byChannel")).or(ms("/messages/inbound/debounceMs"));
    let max_concurrent = config.pointer("/agents/defaults/maxConcurrent").and_then(Value::as_u64);
    let mut queue = Queue {
        modes: vec![mode.unwrap_or(profile.queue_mode).to_owned()],
        drops: vec![drop.to_owned()],
        debounce_us: debounce,
        max_concurrent: max_concurrent.unwrap_or(profile.max_concurrent),
    };
    for send in scenario.sends().filter(|it| it.text.starts_with("/queue ")) {
        add_command(&mut queue, &send.text);
    }
    queue.debounce_us += inbound.unwrap_or(0);
    queue
}

/// What a `/queue` command brings into force at some time.
fn add_command(queue: &mut Queue, text: &str) {
    for word in text.split_whitespace().skip(1) {
        match word.split_once(':') {
            None => queue.modes.push(word.to_owned()),
            Some(("drop", policy)) => queue.drops.push(policy.to_owned()),
            Some(("debounce", wait)) => {
                // What is not a duration with a unit is in milliseconds.
                let wait = creel_document::duration::parse(wait)
                    .or_else(|_| creel_document::duration::parse(&format!("{wait}ms")));
                if let Ok(wait) = wait {
                    let us = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
                    queue.debounce_us = queue.debounce_us.max(us);
                }
            }
            Some(_) => (),
        }
    }
}

fn dm_scope(config: &Value) -> DmScope {
    match config.pointer("/session/dmScope").and_then(Value::as_str) {
        Some("per-peer") => DmScope::PerPeer,
        Some("per-channel-peer") => DmScope::PerChannelPeer,
        Some("per-account-channel-peer") => DmScope::PerAccountChannelPeer,
        _ => DmScope::Main,
    }
}

fn identity_links(config: &Value) -> std::collections::BTreeMap<String, Vec<String>> {
    let links = config.pointer("/session/identityLinks").and_then(Value::as_object);
    let text = |it: &Value| it.as_str().map(str::to_owned);
    links
        .into_iter()
        .flatten()
        .map(|(name, ids)| {
            (name.clone(), ids.as_array().into_iter().flatten().filter_map(text).collect())
        })
        .collect()
}
