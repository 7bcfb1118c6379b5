//! Whether a conversation is answered at all: `session.sendPolicy`, and what an owner said with `/send`.
//!
//! The first denying rule that matches wins, whatever stands before it; an allowing one wins over the default. What is
//! denied does not reach the model. Commands are answered all the same, or nobody could allow it again.
//!
//! Source: contract, section 7; the documents on sessions.

use crate::{
    ids::Channel,
    origin::{PeerKind, Route},
    session_key::SessionKey,
};

/// What a rule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    #[default]
    Allow,
    /// It is not.
    Deny,
}

/// Which conversations a rule is about. Everything that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The channel.
    pub channel: Option<Channel>,
    /// What kind of chat.
    pub chat: Option<PeerKind>,
    /// What the key begins with, with `agent:<id>:` before it or without, lower-cased.
    pub key_prefix: Option<String>,
    /// What the key begins with, with `agent:<id>:`, lower-cased.
    pub raw_key_prefix: Option<String>,
}

/// `session.sendPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendPolicy {
    /// The rules, in configuration order.
    pub rules: Vec<(Match, Verdict)>,
    /// Where no rule matches.
    pub default: Verdict,
}

impl SendPolicy {
    /// Whether a message from this place, in this conversation, is answered.
    pub fn decide(&self, key: &SessionKey, route: &Route) -> Verdict {
        let mut decided = self.default;
        for (rule, verdict) in &self.rules {
            if rule.fits(key, route) {
                match verdict {
                    Verdict::Deny => return Verdict::Deny,
                    Verdict::Allow => decided = Verdict::Allow,
                }
            }
        }
        decided
    }
}

impl Match {
    fn fits(&self, key: &SessionKey, route: &Route) -> bool {
        let key = key.as_str();
        // `agent:<id>:` has two colons; ids hold none in a key.
        let bare = key.strip_prefix("agent:").and_then(|it| it.split_once(':'));
        let bare = bare.map_or(key, |(_, rest)| rest);
        self.channel.as_ref().is_none_or(|it| *it == route.channel)
            && self.chat.is_none_or(|it| it == route.peer.kind)
            && self.raw_key_prefix.as_ref().is_none_or(|it| key.starts_with(it))
            && self.key_prefix.as_ref().is_none_or(|it| key.starts_with(it) || bare.starts_with(it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// What the rules (`deny channel=telegram`, `allow key=direct:`) say of a direct chat on Telegram.
    fn check(rules: &[&str], default: Verdict, expected: Verdict) {
        let rules = rules.iter().map(|rule| {
            let mut words = rule.split(' ');
            let verdict = if words.next() == Some("deny") { Verdict::Deny } else { Verdict::Allow };
            let mut matched = Match::default();
            for word in words {
                let (name, value) = word.split_once('=').unwrap();
                match name {
                    "channel" => matched.channel = Channel::new(value).ok(),
                    "chat" if value == "group" => matched.chat = Some(PeerKind::Group),
                    "chat" => matched.chat = Some(PeerKind::Direct),
                    "key" => matched.key_prefix = Some(value.to_owned()),
                    _ => matched.raw_key_prefix = Some(value.to_owned()),
                }
            }
            (matched, verdict)
        });
        let policy = SendPolicy { rules: rules.clone().collect(), default };
        let key = SessionKey::canonical("agent:main:telegram:direct:3001").unwrap();
        assert_eq!(policy.decide(&key, &testing::dm("3001").route), expected, "{policy:?}");
    }

    #[test]
    fn the_first_denial_wins_and_then_any_permission() {
        use Verdict::{Allow, Deny};
        check(&[], Allow, Allow);
        check(&[], Deny, Deny);
        check(&["allow channel=telegram", "deny chat=direct"], Allow, Deny);
        check(&["allow channel=telegram"], Deny, Allow);
        check(&["deny channel=discord"], Allow, Allow);
        check(&["deny channel=telegram chat=group"], Allow, Allow);
    }

    #[test]
    fn a_prefix_may_leave_the_agent_out_and_a_raw_one_may_not() {
        use Verdict::{Allow, Deny};
        check(&["deny key=telegram:direct:"], Allow, Deny);
        check(&["deny key=agent:main:telegram:"], Allow, Deny);
        check(&["deny raw=agent:main:"], Allow, Deny);
        check(&["deny raw=telegram:"], Allow, Allow);
        check(&["deny key=direct:"], Allow, Allow);
    }
}
