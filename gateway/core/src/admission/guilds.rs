//! Who may speak in the channels of guilds: a guild's list, and its channels' lists over it.
//!
//! Threads stand under their channel, and may have a rule of their own under their own id.

use std::collections::BTreeMap;

use super::{GroupPolicy, Ignored, Senders};
use crate::{
    ids::{GuildId, PeerId, RoleId},
    origin::Origin,
};

/// What an account is configured with about guilds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guilds {
    /// `groupPolicy`.
    pub policy: GroupPolicy,
    /// `guilds` by id. If any are given, here or under `*`, the others are not listened to.
    pub listed: BTreeMap<GuildId, GuildRule>,
    /// `guilds."*"`: for guilds that are not listed.
    pub any: Option<GuildRule>,
}

/// What one guild is configured with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuildRule {
    /// For the whole guild.
    pub chat: RoomRule,
    /// `channels` by id. If any are given, here or under `*`, the others are not listened to.
    pub channels: BTreeMap<PeerId, RoomRule>,
    /// `channels."*"`: for channels that are not listed.
    pub any: Option<RoomRule>,
}

/// What holds in a guild or one of its channels, where it says anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomRule {
    /// Whether it is not listened to: `allow` or `enabled` is false.
    pub closed: bool,
    /// `requireMention`; true where nothing says otherwise.
    pub require_mention: Option<bool>,
    /// `users` and `roles`: if either is given, the others may not speak.
    pub speakers: Option<Speakers>,
}

/// Who may speak: the listed people, and whoever has one of the roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Speakers {
    /// The people.
    pub users: Senders,
    /// The roles.
    pub roles: Vec<RoleId>,
}

impl Speakers {
    fn admits(&self, origin: &Origin) -> bool {
        self.users.admits(&origin.sender) || origin.roles.iter().any(|it| self.roles.contains(it))
    }
}

impl Guilds {
    /// Why a message in a guild is not listened to, if it is not.
    pub(super) fn refuse(&self, origin: &Origin, mentioned: bool) -> Option<Ignored> {
        if self.policy == GroupPolicy::Disabled {
            return Some(Ignored::GroupDisabled);
        }
        let listed = origin.guild.as_ref().and_then(|it| self.listed.get(it));
        let Some(guild) = listed.or(self.any.as_ref()) else {
            let open = self.policy == GroupPolicy::Open && self.listed.is_empty();
            return match (open, mentioned) {
                (false, _) => Some(Ignored::GroupNotListed),
                (true, false) => Some(Ignored::NotMentioned),
                (true, true) => None,
            };
        };
        let room = match guild.room(origin) {
            Ok(room) => room,
            Err(unlisted) => return Some(unlisted),
        };
        let rules = [room, Some(&guild.chat)];
        let first = rules.into_iter().flatten();
        if first.clone().any(|it| it.closed) {
            return Some(Ignored::GroupDisabled);
        }
        let speakers = first.clone().find_map(|it| it.speakers.as_ref());
        if speakers.is_some_and(|it| !it.admits(origin)) {
            return Some(Ignored::GroupSenderNotListed);
        }
        let require_mention = first.clone().find_map(|it| it.require_mention).unwrap_or(true);
        (require_mention && !mentioned).then_some(Ignored::NotMentioned)
    }
}

impl GuildRule {
    /// The rule of the message's thread, else of its channel; none where the guild lists no channels.
    fn room(&self, origin: &Origin) -> Result<Option<&RoomRule>, Ignored> {
        let route = &origin.route;
        let thread = route.thread.as_ref().and_then(|it| PeerId::new(it.id().as_str()).ok());
        let own = thread.and_then(|it| self.channels.get(&it));
        let found = own.or_else(|| self.channels.get(&route.peer.id)).or(self.any.as_ref());
        match found {
            None if self.channels.is_empty() => Ok(None),
            None => Err(Ignored::GroupNotListed),
            Some(room) => Ok(Some(room)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{SenderId, ThreadId},
        origin::{Peer, PeerKind, Thread},
        testing::dm,
    };

    fn rule(users: &[&str], roles: &[&str], mention: Option<bool>) -> RoomRule {
        let roles: Vec<RoleId> = roles.iter().map(|it| RoleId::new(it).unwrap()).collect();
        let users = Senders::of(users.iter().copied());
        let speakers =
            (users != Senders::default() || !roles.is_empty()).then_some(Speakers { users, roles });
        RoomRule { closed: false, require_mention: mention, speakers }
    }

    /// Guild 900: user 1 and role 42 may speak, without a mention; channel 7 takes everybody who mentions, channel 8
    /// nobody. Guild 901 lists nothing.
    fn guilds(policy: GroupPolicy) -> Guilds {
        let mut guild =
            GuildRule { chat: rule(&["1"], &["42"], Some(false)), ..GuildRule::default() };
        let channel = |it: &str| PeerId::new(it).unwrap();
        guild.channels.insert(channel("6"), RoomRule::default());
        guild.channels.insert(channel("7"), rule(&["*"], &[], Some(true)));
        guild.channels.insert(channel("8"), RoomRule { closed: true, ..RoomRule::default() });
        let id = |it: &str| GuildId::new(it).unwrap();
        let listed = [(id("900"), guild), (id("901"), GuildRule::default())];
        Guilds { policy, listed: listed.into(), any: None }
    }

    /// Asks for `<guild>/<channel>[/<thread>] <sender> [@]` and a list of roles.
    fn check(policy: GroupPolicy, place: &str, roles: &[&str]) -> String {
        let (place, speaker) = place.split_once(' ').unwrap();
        let mut parts = place.split('/');
        let mut origin = dm("3001");
        origin.guild = GuildId::new(parts.next().unwrap()).ok();
        let id = PeerId::new(parts.next().unwrap()).unwrap();
        origin.route.peer = Peer { kind: PeerKind::Channel, id };
        origin.route.thread = parts.next().map(|it| Thread::Thread(ThreadId::new(it).unwrap()));
        origin.roles = roles.iter().map(|it| RoleId::new(it).unwrap()).collect();
        let (sender, mentioned) = match speaker.strip_suffix('@') {
            Some(sender) => (sender, true),
            None => (speaker, false),
        };
        origin.sender = SenderId::new(sender).unwrap();
        let refused = guilds(policy).refuse(&origin, mentioned);
        refused.map_or("-".to_owned(), |it| format!("{it:?}"))
    }

    #[test]
    fn users_or_roles_are_enough_and_a_channels_list_goes_before_its_guilds() {
        let check = |place, roles: &[&str]| check(GroupPolicy::Allowlist, place, roles);
        assert_eq!(check("900/6 1", &[]), "-");
        assert_eq!(check("900/6 2", &["41", "42"]), "-");
        assert_eq!(check("900/6 2", &["41"]), "GroupSenderNotListed");
        assert_eq!(check("900/7 2@", &[]), "-");
        assert_eq!(check("900/7 1", &[]), "NotMentioned");
        assert_eq!(check("900/8 1@", &[]), "GroupDisabled");
    }

    #[test]
    fn what_is_not_listed_is_not_listened_to() {
        let check = |place| check(GroupPolicy::Allowlist, place, &[]);
        assert_eq!(check("900/9 1"), "GroupNotListed");
        assert_eq!(check("902/6 1@"), "GroupNotListed");
        assert_eq!(check("901/6 5@"), "-");
        assert_eq!(check("901/6 5"), "NotMentioned");
    }

    #[test]
    fn a_thread_has_its_channels_rule_unless_it_has_its_own() {
        let check = |place| check(GroupPolicy::Allowlist, place, &[]);
        assert_eq!(check("900/6/66 1"), "-");
        assert_eq!(check("900/9/6 1"), "-");
        assert_eq!(check("900/6/8 1"), "GroupDisabled");
    }

    #[test]
    fn a_policy_for_everybody_or_nobody() {
        assert_eq!(check(GroupPolicy::Disabled, "901/6 5@", &[]), "GroupDisabled");
        assert_eq!(check(GroupPolicy::Open, "902/6 5@", &[]), "GroupNotListed");
        let open = Guilds { policy: GroupPolicy::Open, ..Guilds::default() };
        let mut origin = dm("5");
        origin.route.peer.kind = PeerKind::Channel;
        assert_eq!(
            (open.refuse(&origin, true), open.refuse(&origin, false)),
            (None, Some(Ignored::NotMentioned))
        );
    }
}
