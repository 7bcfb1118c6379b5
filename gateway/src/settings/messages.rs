//! `messages`: the queue, and what comes before it.

use creel_core::{
    ids::Channel,
    ingress::BurstConfig,
    lane::{Cap, DropPolicy, Mode, QueueConfig, QueueOverride},
    profile::Version,
    time::Millis,
};

use super::{Problems, raw};

pub(super) fn queue(
    version: Version,
    document: &raw::Document,
    problems: &mut Problems<'_>,
) -> (QueueConfig, BurstConfig) {
    let raw::Messages { queue, inbound, .. } = &document.messages;
    let mut mode = |path: &str, name: &str| {
        let found = Mode::parse(version, name);
        if found.is_none() {
            let known: Vec<&str> = Mode::names(version).iter().map(|(it, _)| *it).collect();
            let names = creel_document::names::list(known.iter().copied());
            let version = version.name();
            problems.add(
                path,
                format!("found `{name}`, expected one of the modes of {version}: {names}"),
            );
        }
        found
    };
    let all_mode = queue.mode.as_ref().and_then(|it| mode("messages.queue.mode", it));
    let mode_by_channel = queue
        .by_channel
        .iter()
        .filter_map(|(channel, name)| {
            let mode = mode(&format!("messages.queue.byChannel.{channel}"), name)?;
            Some((Channel::new(channel).ok()?, mode))
        })
        .collect();
    if version == Version::V2026_9 && queue.debounce_ms.is_some() {
        let why = "2026.9 has no `messages.queue.debounceMs`: use `debounceMsByChannel`, or `/queue debounce:…`";
        problems.add("messages.queue.debounceMs", why);
    }
    let all = QueueOverride {
        mode: all_mode,
        debounce: queue.debounce_ms.map(Millis::new),
        cap: queue.cap.and_then(Cap::new),
        drop: queue.drop.as_deref().and_then(DropPolicy::parse),
    };
    let by_channel = |waits: &std::collections::BTreeMap<String, u64>| {
        let row =
            |(channel, ms): (&String, &u64)| Some((Channel::new(channel).ok()?, Millis::new(*ms)));
        waits.iter().filter_map(row).collect()
    };
    let debounce_by_channel = by_channel(&queue.debounce_ms_by_channel);
    let bursts = BurstConfig {
        all: Millis::new(inbound.debounce_ms.unwrap_or(0)),
        by_channel: by_channel(&inbound.by_channel),
    };
    (QueueConfig { all, mode_by_channel, debounce_by_channel }, bursts)
}
