//! Who may speak in a group.

use std::collections::BTreeMap;

use super::{Ignored, Senders};
use crate::{
    ids::{PeerId, SenderId, ThreadId},
    origin::{Origin, Thread},
};

/// Who may speak in groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupPolicy {
    /// The listed, in the listed groups.
    #[default]
    Allowlist,
    /// Everybody; in the listed groups, if any are.
    Open,
    /// Nobody.
    Disabled,
}

/// What an account is configured with about groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// `groupPolicy`.
    pub policy: GroupPolicy,
    /// `groupAllowFrom`; where it is left out, `allowFrom` stands for it.
    pub allow_from: Option<Senders>,
    /// `groups` by id. If any are given, here or under `*`, the others are not listened to.
    pub listed: BTreeMap<PeerId, GroupRule>,
    /// `groups."*"`: every group is listened to, and this holds where a group says nothing of its own.
    pub any: Option<ChatRule>,
}

/// What one group is configured with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRule {
    /// For the whole group.
    pub chat: ChatRule,
    /// `topics` by id: for one topic; the group's rule holds where a topic says nothing of its own.
    pub topics: BTreeMap<ThreadId, ChatRule>,
}

/// What holds in a group or topic, where it says anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatRule {
    /// `groupPolicy`.
    pub policy: Option<GroupPolicy>,
    /// `requireMention`; true where nothing says otherwise.
    pub require_mention: Option<bool>,
    /// `allowFrom`: who may speak here, whatever the policy.
    pub allow_from: Option<Senders>,
}

impl Groups {
    /// Why a message in a group is not listened to, if it is not.
    pub(super) fn refuse(
        &self,
        origin: &Origin,
        account: &Senders,
        mentioned: bool,
    ) -> Option<Ignored> {
        let group = self.listed.get(&origin.route.peer.id);
        let topic = group.and_then(|it| match &origin.route.thread {
            Some(Thread::Topic(id)) => it.topics.get(id),
            Some(Thread::Thread(_)) | None => None,
        });
        let rules = [topic, group.map(|it| &it.chat), self.any.as_ref()];
        let first = rules.into_iter().flatten();
        let policy = first.clone().find_map(|it| it.policy).unwrap_or(self.policy);
        let here = first.clone().find_map(|it| it.allow_from.as_ref());
        if policy == GroupPolicy::Disabled {
            return Some(Ignored::GroupDisabled);
        }
        if group.is_none() && self.any.is_none() && !self.listens_to_unlisted(policy) {
            return Some(Ignored::GroupNotListed);
        }
        if !self.admits(policy, here, account, &origin.sender) {
            return Some(Ignored::GroupSenderNotListed);
        }
        let require_mention = first.clone().find_map(|it| it.require_mention).unwrap_or(true);
        (require_mention && !mentioned).then_some(Ignored::NotMentioned)
    }

    /// Without `groups`, an open policy listens everywhere, and `groupAllowFrom` is list enough of its own.
    fn listens_to_unlisted(&self, policy: GroupPolicy) -> bool {
        let by_sender = policy == GroupPolicy::Allowlist && self.allow_from.is_some();
        self.listed.is_empty() && (policy == GroupPolicy::Open || by_sender)
    }

    fn admits(
        &self,
        policy: GroupPolicy,
        here: Option<&Senders>,
        account: &Senders,
        sender: &SenderId,
    ) -> bool {
        match (here, policy) {
            (Some(here), _) => here.admits(sender),
            (None, GroupPolicy::Open) => true,
            (None, GroupPolicy::Allowlist) => {
                self.allow_from.as_ref().unwrap_or(account).admits(sender)
            }
            (None, GroupPolicy::Disabled) => false,
        }
    }
}
