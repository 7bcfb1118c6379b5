//! The chat that a job's `delivery.to` means.

use creel_core::{
    ids::{AccountId, Channel, PeerId, ThreadId},
    origin::{Peer, PeerKind, Route, Thread},
};

const KINDS: [(&str, PeerKind); 5] = [
    ("channel:", PeerKind::Channel),
    ("group:", PeerKind::Group),
    ("user:", PeerKind::Direct),
    ("direct:", PeerKind::Direct),
    ("dm:", PeerKind::Direct),
];

/// Reads a target, with or without the channel's name before it.
///
/// # Errors
///
/// Says what would be accepted.
pub(super) fn read(channel: Channel, account: AccountId, to: &str) -> Result<Route, &'static str> {
    let to = to.trim();
    let to = to.strip_prefix(&format!("{channel}:")).unwrap_or(to);
    let kind = KINDS.into_iter().find_map(|(prefix, kind)| Some((kind, to.strip_prefix(prefix)?)));
    let (kind, id) = match (channel.as_str(), kind) {
        (_, Some(found)) => found,
        ("slack" | "discord", None) => return Err("`channel:<id>` or `user:<id>`"),
        ("telegram", None) if to.starts_with('-') => (PeerKind::Group, to),
        (_, None) => (PeerKind::Direct, to),
    };
    let (id, topic) = match channel.as_str() {
        "telegram" => split_topic(id),
        "whatsapp" => (id.trim_start_matches('+'), None),
        _ => (id, None),
    };
    let is_number =
        |it: &str| it.strip_prefix('-').unwrap_or(it).chars().all(|it| it.is_ascii_digit());
    if channel.as_str() == "telegram" && !is_number(id) {
        return Err("a chat's number, with `:topic:<number>` for a topic");
    }
    let id = PeerId::new(id).map_err(|_| "a chat")?;
    let thread = topic.map(ThreadId::new).transpose().map_err(|_| "a topic behind `:topic:`")?;
    Ok(Route { channel, account, peer: Peer { kind, id }, thread: thread.map(Thread::Topic) })
}

/// A chat and the topic in it: `<chat>:topic:<topic>` or `<chat>:<topic>`.
fn split_topic(id: &str) -> (&str, Option<&str>) {
    let found = id.split_once(":topic:").or_else(|| id.split_once(':'));
    found.map_or((id, None), |(chat, topic)| (chat, Some(topic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(channel: &str, to: &str, expected: &str) {
        let channel = Channel::new(channel).unwrap();
        let found = read(channel, AccountId::new("default").unwrap(), to);
        let shown = found.map(|Route { peer, thread, .. }| {
            let thread = thread.map_or(String::new(), |it| format!(" topic {}", it.id()));
            format!("{:?} {}{thread}", peer.kind, peer.id)
        });
        assert_eq!(shown.unwrap_or_else(|it| format!("expected {it}")), expected);
    }

    #[test]
    fn targets_are_as_each_channel_has_them() {
        check("telegram", "3001", "Direct 3001");
        check("telegram", "-1001:topic:7", "Group -1001 topic 7");
        check("telegram", "telegram:group:-1001:7", "Group -1001 topic 7");
        check("slack", "channel:C1", "Channel C1");
        check("discord", "user:42", "Direct 42");
        check("whatsapp", "+49151", "Direct 49151");
        check("webhook", "group:kitchen", "Group kitchen");
    }

    #[test]
    fn what_is_no_target_says_what_would_be() {
        check("slack", "C1", "expected `channel:<id>` or `user:<id>`");
        check(
            "telegram",
            "@someone",
            "expected a chat's number, with `:topic:<number>` for a topic",
        );
        check("webhook", " ", "expected a chat");
    }
}
