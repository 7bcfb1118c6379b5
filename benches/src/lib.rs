//! What the benches share: a configured core, and messages for it.

pub mod platform;

use creel_core::{
    gateway::Gateway,
    ids::{AccountId, Channel, MessageId, PeerId, SenderId},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route},
    profile::Version,
};
use creel_gateway::settings::{self, Settings, Source};
use serde_json::{Value, json};

/// Settings with a queue mode, read as the gateway reads them.
///
/// # Panics
///
/// If the gateway refuses the configuration, which would be a mistake of this file.
pub fn settings(mode: &str, bindings: &Value, api_root: &str, base_url: &str) -> Settings {
    let config = json!({
        "agents": { "defaults": { "model": "openai/m", "maxConcurrent": 10_000 }, "list": [
            { "id": "main", "default": true }, { "id": "work" },
        ] },
        "models": { "providers": { "openai": {
            "baseUrl": base_url, "apiKey": "k", "models": [{ "id": "m" }],
        } } },
        "channels": { "telegram": {
            "botToken": "100:x", "apiRoot": api_root, "dmPolicy": "open", "allowFrom": ["*"],
        } },
        "bindings": bindings,
        "session": { "dmScope": "per-channel-peer" },
        "messages": { "queue": { "mode": mode, "debounceMs": 0 } },
    });
    load(Version::V2026_3, &config)
}

/// A configuration, read as the gateway reads it.
///
/// # Panics
///
/// If the gateway refuses it, which would be a mistake of the bench.
pub fn load(version: Version, config: &Value) -> Settings {
    let text = config.to_string();
    let loaded = settings::load(&Source::alone(version, &text));
    loaded.unwrap_or_else(|report| panic!("{}", report.plain())).settings
}

/// A core with a queue mode, and no bindings.
pub fn core(mode: &str) -> Gateway {
    Gateway::new(settings(mode, &json!([]), "http://127.0.0.1:1", "http://127.0.0.1:1").core, 1)
}

/// The direct chat number `number`.
///
/// # Panics
///
/// Never: the ids have characters.
pub fn origin(number: usize) -> Origin {
    let id = (1_000_000 + number).to_string();
    let peer = Peer { kind: PeerKind::Direct, id: PeerId::new(&id).expect("digits") };
    let channel = Channel::new("telegram").expect("a name");
    let account = AccountId::new("default").expect("a name");
    let route = Route { channel, account, peer, thread: None };
    let sender = SenderId::new(&id).expect("digits");
    Origin { route, sender, guild: None, team: None, roles: Vec::new() }
}

/// A message.
///
/// # Panics
///
/// Never: a number has digits.
pub fn inbound(origin: &Origin, id: u64) -> Inbound {
    Inbound {
        origin: origin.clone(),
        message: MessageId::new(&id.to_string()).expect("digits"),
        text: "what is the weather like today?".to_owned(),
        sender_name: "Someone".to_owned(),
        mentioned: true,
        media: Vec::new(),
        merged: Vec::new(),
    }
}
