//! Who may speak: direct messages by policy, list and pairing; groups by policy, lists and mention.
//!
//! ```text
//!   direct   disabled: no one | open: all | allowlist: the listed | pairing: the listed, and whom the operator approved
//!   group    the group (policy, `groups`), then the sender (`allowFrom` lists), then a mention
//! ```
//!
//! Everything is for one account of one channel; nothing that one account allows holds for another. An approved pairing
//! lets its sender write directly, and not in groups.
//!
//! Source: contract, section 9; the documents on groups and pairing.

mod groups;
mod guilds;
mod pairing;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

pub use self::{
    groups::{ChatRule, GroupPolicy, GroupRule, Groups},
    guilds::{GuildRule, Guilds, RoomRule, Speakers},
    pairing::{PairingCode, PairingError, Pairings, pairing_code},
};
use crate::{
    ids::{AccountId, Channel, SenderId},
    origin::{Origin, PeerKind},
    session_key::DmScope,
    time::Timestamp,
};

/// What becomes of a message before anything else is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Go on.
    Admitted,
    /// Nothing is answered.
    Ignored(Ignored),
    /// The sender is told this code, once; the operator may approve it.
    PairingNeeded {
        /// The code.
        code: PairingCode,
    },
}

/// Why a message is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// No rules are configured for its account.
    UnknownAccount,
    /// The account takes no direct messages.
    DirectDisabled,
    /// The sender is not on the account's list.
    SenderNotListed,
    /// The sender was told a code and is not approved yet.
    PairingPending,
    /// Too many senders of the account wait for approval already.
    TooManyPending,
    /// The account, or the group, takes no group messages.
    GroupDisabled,
    /// The group is not on the account's list.
    GroupNotListed,
    /// The sender is not on the group's list.
    GroupSenderNotListed,
    /// The group requires a mention, and the message has none.
    NotMentioned,
    /// The sender may speak and give no commands.
    CommandNotAllowed,
    /// The conversation is not answered.
    SendDenied,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAccount => "the account is not configured",
            Self::DirectDisabled => "direct messages are disabled",
            Self::SenderNotListed => "the sender is not in allowFrom",
            Self::PairingPending => "the sender's pairing is not approved yet",
            Self::TooManyPending => "too many pairings wait for approval",
            Self::GroupDisabled => "group messages are disabled",
            Self::GroupNotListed => "the group is not in groups",
            Self::GroupSenderNotListed => {
                "the sender is not in the group's allowFrom or groupAllowFrom"
            }
            Self::NotMentioned => "the group requires a mention",
            Self::CommandNotAllowed => "the sender is not in commands.allowFrom",
            Self::SendDenied => "session.sendPolicy or /send denies it",
        })
    }
}

/// Who may write directly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DmPolicy {
    /// The listed, and whom the operator approves.
    #[default]
    Pairing,
    /// The listed.
    Allowlist,
    /// Everybody, which the list has to say too.
    Open,
    /// Nobody.
    Disabled,
}

/// A list of senders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Senders {
    /// Whether `*` is on it.
    pub anyone: bool,
    /// Who else is.
    pub listed: BTreeSet<SenderId>,
}

impl Senders {
    /// The list, with `*` read as everybody. Entries without a character are left out.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a str>) -> Self {
        let mut made = Self::default();
        for entry in entries {
            match entry.trim() {
                "*" => made.anyone = true,
                id => made.listed.extend(SenderId::new(id).ok()),
            }
        }
        made
    }

    pub(crate) fn admits(&self, sender: &SenderId) -> bool {
        self.anyone || self.listed.contains(sender)
    }

    fn is_empty(&self) -> bool {
        !self.anyone && self.listed.is_empty()
    }
}

/// What one account of a channel is configured with. The default pairs with strangers and speaks in no group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountRules {
    /// `dmPolicy`.
    pub dm_policy: DmPolicy,
    /// `allowFrom`.
    pub allow_from: Senders,
    /// Everything about groups.
    pub groups: Groups,
    /// The same about guilds, on a channel that has them instead.
    pub guilds: Option<Guilds>,
}

/// Why rules were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Everybody may write, by policy, and not by list.
    #[error(
        "{channel} account `{account}` has dmPolicy `open` and no `*` in allowFrom (expected allowFrom: [\"*\"] for \
         everybody, or dmPolicy `allowlist` for {count} listed)"
    )]
    OpenToListed {
        /// The channel.
        channel: Channel,
        /// The account.
        account: AccountId,
        /// How many senders are listed.
        count: usize,
    },
    /// The listed may write, and none is.
    #[error(
        "{channel} account `{account}` has dmPolicy `allowlist` and nobody in allowFrom (expected at least one sender \
         id, or dmPolicy `disabled`)"
    )]
    NobodyListed {
        /// The channel.
        channel: Channel,
        /// The account.
        account: AccountId,
    },
}

/// Something that the operator should hear about when the rules are made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Strangers are to pair, by policy, and may write anyway, by list.
    #[error(
        "{channel} account `{account}` has dmPolicy `pairing` and `*` in allowFrom: strangers have to pair (expected \
         dmPolicy `open` if everybody may write)"
    )]
    PairingOfAnyone {
        /// The channel.
        channel: Channel,
        /// The account.
        account: AccountId,
    },
    /// Several people share one conversation.
    #[error(
        "session.dmScope is `main` and {who} may write directly on {channel}: they share one conversation, and each can \
         ask what another said (expected dmScope `per-channel-peer`, or one sender)"
    )]
    SharedConversation {
        /// The channel.
        channel: Channel,
        /// `everybody`, or how many.
        who: Several,
    },
}

/// More than one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Several {
    /// Any number.
    Everybody,
    /// This many, listed or approved.
    Senders(usize),
}

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("everybody"),
            Self::Senders(count) => write!(f, "{count} senders"),
        }
    }
}

/// The rules of every account.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    accounts: BTreeMap<(Channel, AccountId), AccountRules>,
}

impl Rules {
    /// Takes each account's rules.
    ///
    /// # Errors
    ///
    /// Refuses policies that their own lists contradict so far that a reader could not tell who may write.
    pub fn new(
        accounts: BTreeMap<(Channel, AccountId), AccountRules>,
    ) -> Result<(Self, Vec<Warning>), Error> {
        let mut warnings = Vec::new();
        for ((channel, account), rules) in &accounts {
            let (channel, account) = (channel.clone(), account.clone());
            let allow_from = &rules.allow_from;
            match rules.dm_policy {
                DmPolicy::Open if !allow_from.anyone => {
                    let count = allow_from.listed.len();
                    return Err(Error::OpenToListed { channel, account, count });
                }
                DmPolicy::Allowlist if allow_from.is_empty() => {
                    return Err(Error::NobodyListed { channel, account });
                }
                DmPolicy::Pairing if allow_from.anyone => {
                    warnings.push(Warning::PairingOfAnyone { channel, account });
                }
                DmPolicy::Open | DmPolicy::Allowlist | DmPolicy::Pairing | DmPolicy::Disabled => (),
            }
        }
        Ok((Self { accounts }, warnings))
    }

    /// Whether a message from `origin` may come in. `mentioned` says whether it speaks to the bot.
    pub fn admit(
        &self,
        now: Timestamp,
        origin: &Origin,
        mentioned: bool,
        pairings: &mut Pairings,
    ) -> Admission {
        let route = &origin.route;
        let Some(rules) = self.accounts.get(&(route.channel.clone(), route.account.clone())) else {
            return Admission::Ignored(Ignored::UnknownAccount);
        };
        match route.peer.kind {
            PeerKind::Direct => rules.admit_direct(now, origin, pairings),
            PeerKind::Group | PeerKind::Channel => {
                let refused = match &rules.guilds {
                    Some(guilds) => guilds.refuse(origin, mentioned),
                    None => rules.groups.refuse(origin, &rules.allow_from, mentioned),
                };
                match refused {
                    Some(reason) => Admission::Ignored(reason),
                    None => Admission::Admitted,
                }
            }
        }
    }

    /// Where several senders share the main conversation. Accounts of one channel count together; channels do not, since
    /// one person on two of them is whom the main conversation is for.
    pub fn shared_conversations(&self, scope: DmScope, pairings: &Pairings) -> Vec<Warning> {
        if scope != DmScope::Main {
            return Vec::new();
        }
        let mut channels = BTreeMap::<&Channel, Senders>::new();
        for ((channel, account), rules) in &self.accounts {
            let senders = channels.entry(channel).or_default();
            match rules.dm_policy {
                DmPolicy::Disabled => continue,
                DmPolicy::Open | DmPolicy::Allowlist => senders.anyone |= rules.allow_from.anyone,
                DmPolicy::Pairing => {
                    senders.listed.extend(pairings.approved(channel, account).cloned());
                }
            }
            senders.listed.extend(rules.allow_from.listed.iter().cloned());
        }
        let several = channels.into_iter().filter_map(|(channel, senders)| {
            let who = match senders.listed.len() {
                _ if senders.anyone => Several::Everybody,
                0 | 1 => return None,
                count => Several::Senders(count),
            };
            Some(Warning::SharedConversation { channel: channel.clone(), who })
        });
        several.collect()
    }
}

impl AccountRules {
    /// Under pairing a `*` on the list admits nobody: of two contradicting settings the one that keeps out holds.
    fn admit_direct(&self, now: Timestamp, origin: &Origin, pairings: &mut Pairings) -> Admission {
        let sender = &origin.sender;
        match self.dm_policy {
            DmPolicy::Disabled => Admission::Ignored(Ignored::DirectDisabled),
            DmPolicy::Open | DmPolicy::Allowlist if self.allow_from.admits(sender) => {
                Admission::Admitted
            }
            DmPolicy::Open | DmPolicy::Allowlist => Admission::Ignored(Ignored::SenderNotListed),
            DmPolicy::Pairing if self.allow_from.listed.contains(sender) => Admission::Admitted,
            DmPolicy::Pairing => pairings.ask(now, origin),
        }
    }
}

#[cfg(test)]
mod tests;
