//! `session`: when a conversation begins anew.

use std::collections::BTreeMap;

use creel_core::{
    ids::Channel,
    life::{ChatType, Hour, LifeRules, ResetPolicy, Zone},
    profile::{Profile, Version},
    time::Millis,
};

use super::{Problems, Source, raw};

/// The idle reset of a policy that asks for one and does not say after how long: an hour.
const IDLE_MINUTES: u64 = 60;

pub(super) fn life(
    source: &Source<'_>,
    document: &raw::Document,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> LifeRules {
    let profile = source.version.profile();
    let session = &document.session;
    check(source.version, session, problems);
    let raw::Session { reset, reset_by_type, reset_by_channel, idle_minutes, .. } = session;
    let explicit = reset.is_some() || reset_by_type.is_some();
    let legacy = raw::Reset {
        mode: idle_minutes.filter(|_| !explicit).map(|_| "idle".to_owned()),
        at_hour: None,
        idle_minutes: *idle_minutes,
    };
    let reset = reset.clone().unwrap_or_default();
    let chat_type = |name: &str| match name {
        "group" => ChatType::Group,
        "thread" => ChatType::Thread,
        _ => ChatType::Direct,
    };
    let by_type: BTreeMap<&String, &raw::Reset> = reset_by_type.iter().flatten().collect();
    // `dm` comes after `direct`, which wins over it.
    let by_type = by_type
        .into_iter()
        .rev()
        .map(|(name, it)| (chat_type(name), policy(&profile, [it, &reset, &legacy])));
    let by_channel = reset_by_channel.iter().filter_map(|(name, it)| {
        let none = raw::Reset::default();
        Some((Channel::new(name).ok()?, policy(&profile, [it, &none, &none])))
    });
    LifeRules {
        zone: zone(source, warnings),
        daily_from: profile.daily_from,
        all: policy(&profile, [&reset, &legacy, &legacy]),
        by_type: by_type.collect(),
        by_channel: by_channel.collect(),
    }
}

/// What the nearest layer says, key by key.
fn policy(profile: &Profile, layers: [&raw::Reset; 3]) -> ResetPolicy {
    let mode = layers.iter().find_map(|it| it.mode.as_deref());
    let hour = layers.iter().find_map(|it| it.at_hour).and_then(Hour::new);
    let minutes = layers.iter().find_map(|it| it.idle_minutes);
    let minutes = minutes.or((mode == Some("idle")).then_some(IDLE_MINUTES));
    let daily = match mode {
        Some("daily") => Some(Hour::DEFAULT),
        Some(_) => None,
        None => profile.daily_reset,
    };
    ResetPolicy {
        daily: daily.map(|default| hour.unwrap_or(default)),
        idle: minutes.map(|it| Millis::from_s(it * 60)).filter(|_| mode != Some("none")),
    }
}

/// Each version has words that the other does not know.
fn check(version: Version, session: &raw::Session, problems: &mut Problems<'_>) {
    let raw::Session { reset, reset_by_type, reset_by_channel, idle_minutes, .. } = session;
    let by_type = reset_by_type.iter().flatten().map(|it| ("resetByType.", it));
    let by_channel = reset_by_channel.iter().map(|it| ("resetByChannel.", it));
    let named = by_type.chain(by_channel).map(|(at, (name, it))| (format!("{at}{name}"), it));
    let all = named.chain(reset.iter().map(|it| ("reset".to_owned(), it)));
    match version {
        Version::V2026_3 => {
            for (at, _) in all.filter(|(_, it)| it.mode.as_deref() == Some("none")) {
                let why = "found `none`, which 2026.3 does not know: expected `daily` or `idle`";
                problems.add(&format!("session.{at}.mode"), why);
            }
        }
        Version::V2026_9 => {
            if idle_minutes.is_some() {
                let why = "2026.9 has no `session.idleMinutes`: use `session.reset` with mode `idle` and `idleMinutes`";
                problems.add("session.idleMinutes", why);
            }
            if reset_by_type.as_ref().is_some_and(|it| it.contains_key("dm")) {
                let why = "2026.9 has no `dm` here: use `direct`";
                problems.add("session.resetByType.dm", why);
            }
        }
    }
}

/// Where the gateway stands: `TZ` of its environment.
fn zone(source: &Source<'_>, warnings: &mut Vec<String>) -> Zone {
    let Some(name) = (source.env)("TZ").filter(|it| !it.trim().is_empty()) else {
        return Zone::UTC;
    };
    Zone::named(&name).unwrap_or_else(|| {
        warnings.push(format!(
            "TZ is `{name}`, which is no zone: the calendar is UTC's (expected a name such as `Europe/Berlin`)"
        ));
        Zone::UTC
    })
}

pub(super) fn reset_triggers(document: &raw::Document) -> Vec<String> {
    let phrases = document.session.reset_triggers.iter();
    phrases.map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty()).collect()
}
