//! `broadcast`: which agents answer a chat together.
//!
//! `2026.3` names WhatsApp's chats by their id alone; `2026.9` names any channel's as `<channel>:<id>`, which wins over
//! the older form.

use creel_core::{
    broadcast::{Broadcasts, Group, Strategy},
    ids::{AgentId, Channel, PeerId},
    profile::Version,
};
use creel_document::shape::{Field, Shape};
use serde_json::Value;

use super::{
    Problems,
    agents::Roster,
    raw,
    shape::{BOOL, TEXT, TEXTS, key},
};

/// The channel of keys without one.
const CHANNEL: &str = "whatsapp";

/// Agents, or the strategy: under `strategy`, a word.
pub(super) const SHAPE: Shape = Shape::Either(&[
    TEXT,
    TEXTS,
    Shape::record(&[
        Field::required("agents", &TEXTS, "Who answers."),
        key("mentionGating", &BOOL, "Whether a message that names some is for those alone."),
        key("maxRounds", &Shape::Integer { min: 1, max: 4 }, "How many rounds."),
        key("maxTurns", &Shape::Integer { min: 1, max: 32 }, "How many turns over all rounds."),
    ]),
]);

/// How many agents a group may have.
const AGENTS_MAX: usize = 16;

pub(super) fn broadcasts(
    version: Version,
    document: &raw::Document,
    roster: &Roster,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Broadcasts {
    let mut made = Broadcasts::default();
    let mut qualified = Vec::new();
    for (key, value) in &document.broadcast {
        if key == "strategy" {
            match value.as_str() {
                Some("parallel") => made.strategy = Strategy::Parallel,
                Some("sequential") => made.strategy = Strategy::Sequential,
                _ => problems.add(
                    "broadcast.strategy",
                    format!("found {value}, expected `parallel` or `sequential`"),
                ),
            }
            continue;
        }
        let path = format!("broadcast[{key}]");
        let split = key.split_once(':').filter(|_| version == Version::V2026_9);
        let (channel, id) = split.unwrap_or((CHANNEL, key));
        if let (None, Value::Object(_)) = (split, value) {
            let why = match version {
                Version::V2026_3 => "2026.3 knows lists of agents here, and nothing else",
                Version::V2026_9 => "expected `<channel>:<id>` as the key of a group with settings",
            };
            problems.add(&path, why);
            continue;
        }
        let (Ok(channel), Ok(id)) = (Channel::new(channel), PeerId::new(id)) else {
            problems.add(&path, "expected a chat's id");
            continue;
        };
        let Some(group) =
            group((value, split.is_some()), (version, &path), roster, problems, warnings)
        else {
            continue;
        };
        match split {
            Some(_) => qualified.push(((channel, id), group)),
            None => _ = made.groups.insert((channel, id), group),
        }
    }
    made.groups.extend(qualified);
    made
}

fn group(
    (value, is_qualified): (&Value, bool),
    (version, path): (Version, &str),
    roster: &Roster,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<Group> {
    let listed = value.get("agents").unwrap_or(value).as_array();
    let Some(listed) = listed else {
        problems.add(path, format!("found {value}, expected a list of agents"));
        return None;
    };
    let mut agents = Vec::new();
    for name in listed.iter().filter_map(Value::as_str) {
        match AgentId::new(name) {
            Ok(id) if roster.agents.contains_key(&id) => {
                if !agents.contains(&id) {
                    agents.push(id);
                }
            }
            _ if version == Version::V2026_3 => {
                warnings.push(format!("{path}: there is no agent `{name}`, so it does not answer"));
            }
            _ => problems.add(path, format!("there is no agent `{name}`")),
        }
    }
    if agents.is_empty() || agents.len() > AGENTS_MAX {
        problems.add(path, format!("found {} agents, expected 1 to {AGENTS_MAX}", agents.len()));
        return None;
    }
    let several = agents.len() > 1;
    let plain = Group::of(agents);
    let number =
        |key: &str| value.get(key).and_then(Value::as_u64).and_then(|it| u8::try_from(it).ok());
    Some(Group {
        by_mention: is_qualified
            && value.get("mentionGating").and_then(Value::as_bool).unwrap_or(true),
        rounds_max: number("maxRounds").unwrap_or(plain.rounds_max),
        turns_max: number("maxTurns").unwrap_or(plain.turns_max),
        // WhatsApp shows answers as they are.
        labelled: is_qualified && several && !path.starts_with("broadcast[whatsapp:"),
        ..plain
    })
}
