//! Which devices may connect: those that were paired, and those that wait for somebody to approve them.
//!
//! ```text
//!             request                 approve
//!   unknown ----------> pending ----------------> paired --remove--> unknown
//!                         | reject, or 5 minutes    ^ |
//!                         v                         | | wants a role or scopes it does not have,
//!                      unknown                      | v or looks different: request
//!                                                 pending (a repair)
//! ```
//!
//! A paired device has one token per role ([`tokens`]). Ids and tokens are given: nothing here is random, and nothing reads a clock.

use std::collections::BTreeMap;

use super::{
    device::plain,
    scope::{Role, Scopes},
};
use crate::secret::Secret;

pub mod disk;
mod pending;
pub mod shelf;
pub mod show;
pub mod tokens;

pub use tokens::Token;

/// How long a request waits for somebody, in ms.
pub const PENDING_MS_MAX: u64 = 300_000;

/// How many devices may wait at a time.
pub const PENDING_MAX: usize = 64;

/// How many devices may be paired.
pub const PAIRED_MAX: usize = 1_024;

/// How much is kept of each thing that a device says about itself, in characters.
const ABOUT_CHARS_MAX: usize = 200;

/// The devices that are paired and that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// By device id.
    paired: BTreeMap<String, Paired>,
    /// By request id.
    pending: BTreeMap<String, Pending>,
}

/// What a device says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it runs on; a paired device may not change it without approval.
    pub platform: Option<String>,
    /// What kind of device it is; the same holds for it.
    pub family: Option<String>,
    /// Which program connects.
    pub client_id: Option<String>,
    /// As what.
    pub client_mode: Option<String>,
    /// From where, if not from here.
    pub remote_ip: Option<String>,
}

/// What a device asks for when it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Its id.
    pub device_id: String,
    /// Its key.
    pub public_key: String,
    /// The role.
    pub role: Role,
    /// The scopes.
    pub scopes: Scopes,
    /// What it says about itself.
    pub about: About,
    /// Whether it is let in without anybody being asked.
    pub consent: Consent,
}

/// Who has to say yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Nobody: the device is on this machine.
    Silent,
    /// A person.
    Asked,
}

/// A device that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The request's id.
    pub request_id: String,
    /// All that was asked for while it waited.
    pub access: Access,
    /// The roles asked for, the first one first.
    pub roles: Vec<Role>,
    /// Whether the device was paired already.
    pub is_repair: bool,
    /// When it last asked, in ms since 1970.
    pub at_ms: u64,
}

/// What came of a device's asking.
#[derive(Debug)]
pub struct Requested<'a> {
    /// What waits now.
    pub pending: &'a Pending,
    /// The id of what it asked before, which is worth nothing any more because it asks for more now.
    pub superseded: Option<String>,
}

/// A device that may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired {
    /// Its id.
    pub device_id: String,
    /// Its key.
    pub public_key: String,
    /// What it said about itself.
    pub about: About,
    /// The roles it may have.
    pub roles: Vec<Role>,
    /// The scopes it may have.
    pub scopes: Scopes,
    /// Its tokens.
    pub tokens: BTreeMap<Role, Token>,
    /// When it was first paired, in ms since 1970.
    pub created_at_ms: u64,
    /// When it was last approved.
    pub approved_at_ms: u64,
}

/// Why a device is not simply let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is not paired.
    Pairing,
    /// It is not the kind of device that was paired.
    Metadata,
    /// It may not have the role.
    Role,
    /// It may not have the scopes.
    Scopes,
}

/// Why a request is not even kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// See [`PENDING_MAX`].
    #[error("too many devices wait for approval")]
    TooManyPending,
    /// See [`PAIRED_MAX`].
    #[error("too many devices are paired")]
    TooManyPaired,
}

impl Need {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pairing => "not-paired",
            Self::Metadata => "metadata-upgrade",
            Self::Role => "role-upgrade",
            Self::Scopes => "scope-upgrade",
        }
    }
}

impl About {
    /// The same with each text cut to a bounded length.
    #[must_use]
    pub fn cut(self) -> Self {
        let cut =
            |it: Option<String>| it.map(|it| it.chars().take(ABOUT_CHARS_MAX).collect::<String>());
        Self {
            display_name: cut(self.display_name),
            platform: cut(self.platform),
            family: cut(self.family),
            client_id: cut(self.client_id),
            client_mode: cut(self.client_mode),
            remote_ip: cut(self.remote_ip),
        }
    }

    /// What is said now, and of the rest what was said before.
    fn over(self, before: Self) -> Self {
        Self {
            display_name: self.display_name.or(before.display_name),
            platform: self.platform.or(before.platform),
            family: self.family.or(before.family),
            client_id: self.client_id.or(before.client_id),
            client_mode: self.client_mode.or(before.client_mode),
            remote_ip: self.remote_ip.or(before.remote_ip),
        }
    }

    /// Whether the device still looks as it did when it was paired.
    fn is_like(&self, paired: &Self) -> bool {
        let same = |now: &Option<String>, then: &Option<String>| {
            let [now, then] = [now, then].map(|it| plain(it.as_deref().unwrap_or_default()));
            then.is_empty() || now == then
        };
        same(&self.platform, &paired.platform) && same(&self.family, &paired.family)
    }
}

impl Devices {
    /// Why the device is not simply let in, if so.
    pub fn need(&self, access: &Access) -> Option<Need> {
        let Some(paired) = self.paired.get(&access.device_id) else { return Some(Need::Pairing) };
        if paired.public_key != access.public_key {
            return Some(Need::Pairing);
        }
        if !access.about.is_like(&paired.about) {
            return Some(Need::Metadata);
        }
        if !paired.roles.contains(&access.role) {
            return Some(Need::Role);
        }
        (!paired.scopes.cover(access.role, &access.scopes)).then_some(Need::Scopes)
    }

    /// Lets a device wait, under a new id unless it waits already for all that it asks. Asking for more adds to what it asked for,
    /// and whoever approves the old id does not approve that. It is let in silently only if all of it would be.
    ///
    /// # Errors
    ///
    /// If too many wait.
    pub fn request(
        &mut self,
        access: Access,
        new_id: &str,
        now_ms: u64,
    ) -> Result<Requested<'_>, Error> {
        self.forget_expired(now_ms);
        let is_repair = self.paired.contains_key(&access.device_id);
        let same = |it: &&Pending| it.access.device_id == access.device_id;
        let before = self.pending.values().find(same).map(|it| it.request_id.clone());
        let before = before.and_then(|it| self.pending.remove(&it));
        let mut superseded = None;
        let pending = match before {
            Some(before) => {
                let is_covered = before.covers(&access);
                let both = before.and(access, is_repair, now_ms);
                if is_covered {
                    both
                } else {
                    superseded = Some(both.request_id);
                    Pending { request_id: new_id.to_owned(), ..both }
                }
            }
            None if self.pending.len() >= PENDING_MAX => return Err(Error::TooManyPending),
            None => Pending {
                request_id: new_id.to_owned(),
                roles: vec![access.role],
                access,
                is_repair,
                at_ms: now_ms,
            },
        };
        let id = pending.request_id.clone();
        let pending = &*self.pending.entry(id).insert_entry(pending).into_mut();
        Ok(Requested { pending, superseded })
    }

    /// Lets a waiting device in; it gets a new token for the role that it asked for.
    ///
    /// # Errors
    ///
    /// If too many are paired; the request goes on waiting.
    pub fn approve(
        &mut self,
        request_id: &str,
        token: Secret,
        now_ms: u64,
    ) -> Result<Option<&Paired>, Error> {
        self.forget_expired(now_ms);
        let Some(pending) = self.pending.get(request_id) else { return Ok(None) };
        let id = pending.access.device_id.clone();
        if self.paired.len() >= PAIRED_MAX && !self.paired.contains_key(&id) {
            return Err(Error::TooManyPaired);
        }
        let pending = self.pending.remove(request_id).expect("it was just there");
        let paired = pending.into_paired(self.paired.remove(&id), token, now_ms);
        Ok(Some(self.paired.entry(id).insert_entry(paired).into_mut()))
    }

    /// Sends a waiting device away.
    pub fn reject(&mut self, request_id: &str) -> Option<Pending> {
        self.pending.remove(request_id)
    }

    /// Forgets a paired device and its tokens.
    pub fn remove(&mut self, device_id: &str) -> Option<Paired> {
        self.paired.remove(device_id)
    }

    /// A paired device says about itself what may change without approval; what it is stays as it was approved.
    pub fn update(&mut self, device_id: &str, about: About) {
        let Some(paired) = self.paired.get_mut(device_id) else { return };
        let About { platform, family, .. } = paired.about.clone();
        paired.about = About { platform, family, ..about.over(paired.about.clone()) };
    }

    /// Forgets who has waited for too long.
    pub fn forget_expired(&mut self, now_ms: u64) {
        self.pending.retain(|_, it| now_ms.saturating_sub(it.at_ms) <= PENDING_MS_MAX);
    }

    /// A paired device.
    pub fn paired(&self, device_id: &str) -> Option<&Paired> {
        self.paired.get(device_id)
    }

    /// A waiting one.
    pub fn pending(&self, request_id: &str) -> Option<&Pending> {
        self.pending.get(request_id)
    }

    /// Everybody who is paired, the last approved first.
    pub fn all_paired(&self) -> Vec<&Paired> {
        let mut all: Vec<&Paired> = self.paired.values().collect();
        all.sort_by_key(|it| std::cmp::Reverse(it.approved_at_ms));
        all
    }

    /// Everybody who waits, the last one first.
    pub fn all_pending(&self) -> Vec<&Pending> {
        let mut all: Vec<&Pending> = self.pending.values().collect();
        all.sort_by_key(|it| std::cmp::Reverse(it.at_ms));
        all
    }
}

#[cfg(test)]
mod tests;
