//! With whose authority words are said: the owners' or a guest's, and who may give commands.
//!
//! Owners are those whom `commands.ownerAllowFrom` lists; where nobody is listed there, those whom the account's own
//! `allowFrom` lists by id. An entry `*` there lets everybody in and makes nobody an owner.
//!
//! Source: contract, section 4 (batches) and section 9.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    admission::Senders,
    ids::{AccountId, Channel, SenderId},
    origin::Origin,
};

/// With whose authority a piece of work runs. Of two that come together the lesser holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// Anybody who may speak.
    #[default]
    Guest,
    /// Whom the gateway belongs to.
    Owner,
}

/// Who the owners are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owners {
    /// `commands.ownerAllowFrom`: everybody, by `*`. `2026.3` only.
    Everybody,
    /// `commands.ownerAllowFrom`: these, on one channel or on all.
    Listed(BTreeSet<(Option<Channel>, SenderId)>),
    /// Whom each account's `allowFrom` lists by id.
    OfAccounts(BTreeMap<(Channel, AccountId), BTreeSet<SenderId>>),
}

impl Default for Owners {
    /// Nobody.
    fn default() -> Self {
        Self::Listed(BTreeSet::new())
    }
}

impl Owners {
    /// With whose authority a message is said.
    pub fn authority(&self, origin: &Origin) -> Authority {
        let (route, sender) = (&origin.route, &origin.sender);
        let is_owner = match self {
            Self::Everybody => true,
            Self::Listed(listed) => {
                listed.contains(&(Some(route.channel.clone()), sender.clone()))
                    || listed.contains(&(None, sender.clone()))
            }
            Self::OfAccounts(accounts) => {
                let account = accounts.get(&(route.channel.clone(), route.account.clone()));
                account.is_some_and(|it| it.contains(sender))
            }
        };
        if is_owner { Authority::Owner } else { Authority::Guest }
    }
}

/// `commands.allowFrom`: who may give commands. Everybody who is admitted, unless it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commanders(
    /// By channel; none for all channels that are not named.
    pub BTreeMap<Option<Channel>, Senders>,
);

impl Commanders {
    /// Whether a message's sender may give commands.
    pub fn admit(&self, origin: &Origin) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let own = self.0.get(&Some(origin.route.channel.clone()));
        own.or_else(|| self.0.get(&None)).is_some_and(|it| it.admits(&origin.sender))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn sender(id: &str) -> SenderId {
        SenderId::new(id).unwrap()
    }

    #[test]
    fn listed_owners_are_of_one_channel_or_of_all() {
        let telegram = Channel::new("telegram").unwrap();
        let discord = Channel::new("discord").unwrap();
        let listed =
            [(Some(telegram), sender("1")), (None, sender("2")), (Some(discord), sender("3"))];
        let owners = Owners::Listed(listed.into());
        let of = |id| owners.authority(&testing::dm(id));
        assert_eq!(
            (of("1"), of("2"), of("3")),
            (Authority::Owner, Authority::Owner, Authority::Guest)
        );
        assert_eq!(Owners::default().authority(&testing::dm("1")), Authority::Guest);
        assert_eq!(Owners::Everybody.authority(&testing::dm("1")), Authority::Owner);
    }

    #[test]
    fn an_accounts_owners_are_guests_of_another() {
        let route = testing::dm("1").route;
        let biz = AccountId::new("biz").unwrap();
        let owners = |account| {
            Owners::OfAccounts([((route.channel.clone(), account), [sender("1")].into())].into())
        };
        let own = owners(route.account.clone());
        assert_eq!(own.authority(&testing::dm("1")), Authority::Owner);
        assert_eq!(own.authority(&testing::dm("2")), Authority::Guest);
        assert_eq!(owners(biz).authority(&testing::dm("1")), Authority::Guest);
    }

    #[test]
    fn commands_are_for_whom_the_nearest_list_names() {
        let telegram = Channel::new("telegram").unwrap();
        let mut commanders = Commanders::default();
        assert!(commanders.admit(&testing::dm("1")));
        commanders.0.insert(None, Senders::of(["1"]));
        assert!(commanders.admit(&testing::dm("1")));
        assert!(!commanders.admit(&testing::dm("2")));
        commanders.0.insert(Some(telegram), Senders::of(["2"]));
        assert!(!commanders.admit(&testing::dm("1")), "the channel's own list takes its place");
        assert!(commanders.admit(&testing::dm("2")));
    }
}
