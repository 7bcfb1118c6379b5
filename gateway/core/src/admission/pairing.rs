//! Strangers wait for the operator's approval.
//!
//! ```text
//!             asks: told a code              approve
//!   Stranger ───────────────────▶ Pending ─────────────▶ Approved
//!      ▲   │ three wait already:     │ │ asks: ignored
//!      │   │ ignored                 │ └──▶ Pending
//!      └───┴─────────────────────────┘
//!                an hour passed
//! ```
//!
//! Source: the document on pairing; bug X-04.

use std::{collections::BTreeMap, collections::BTreeSet, fmt};

use super::{Admission, Ignored};
use crate::{
    ids::{self, AccountId, Channel, SenderId},
    origin::Origin,
    time::{Millis, Timestamp},
};

/// How long a code can be approved.
const CODE_LIFE: Millis = Millis::from_s(60 * 60);

/// How many senders of one account may wait for approval at once.
const PENDING_MAX: usize = 3;

/// How many characters a code has.
const CODE_CHARS: usize = 8;

/// What codes are made of: no `0` or `O`, no `1` or `I`.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// What a stranger is told and the operator types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairingCode(String);

impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The `counter`th code of a gateway that was started with `seed`.
///
/// It is 40 bits of a word that one seed repeats nowhere. A code is a name for a request, not a secret: it admits nobody until the operator types it.
pub fn pairing_code(seed: u64, counter: u64) -> PairingCode {
    let word = ids::word(seed, counter.wrapping_add(1));
    let letters = word.to_be_bytes().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    PairingCode(letters.iter().take(CODE_CHARS).collect())
}

/// Why a code was not approved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// No sender of the channel waits with this code, or does not wait any more.
    #[error(
        "no pairing request on {channel} has code `{code}` (codes that wait: {}; a code is valid for {CODE_LIFE})",
        list(pending)
    )]
    UnknownCode {
        /// The channel.
        channel: Channel,
        /// What was typed.
        code: String,
        /// The codes that can be approved.
        pending: Vec<PairingCode>,
    },
}

/// A request that waits for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pending {
    /// The channel.
    channel: Channel,
    /// The account that was written to.
    account: AccountId,
    /// Who wrote.
    sender: SenderId,
    /// What they were told.
    code: PairingCode,
    /// When the code stops to be valid.
    until: Timestamp,
}

/// Who waits and who was approved, by account.
#[derive(Clone, Debug)]
pub struct Pairings {
    seed: u64,
    codes_made: u64,
    /// Oldest first.
    pending: Vec<Pending>,
    approved: BTreeMap<(Channel, AccountId), BTreeSet<SenderId>>,
}

impl Pairings {
    /// Nobody waits, nobody is approved. `seed` decides the codes.
    pub fn new(seed: u64) -> Self {
        Self { seed, codes_made: 0, pending: Vec::new(), approved: BTreeMap::new() }
    }

    /// Approves the sender who was told `code`, for the account that they wrote to and no other.
    ///
    /// # Errors
    ///
    /// Refuses a code that nobody of the channel waits with. Case and the space around it do not matter.
    pub fn approve(
        &mut self,
        now: Timestamp,
        channel: &Channel,
        code: &str,
    ) -> Result<(AccountId, SenderId), PairingError> {
        self.forget_expired(now);
        let typed = code.trim().to_uppercase();
        let found = self.pending.iter().position(|it| it.channel == *channel && it.code.0 == typed);
        let Some(found) = found else {
            let here = self.pending.iter().filter(|it| it.channel == *channel);
            let pending = here.map(|it| it.code.clone()).collect();
            let (channel, code) = (channel.clone(), code.trim().to_owned());
            return Err(PairingError::UnknownCode { channel, code, pending });
        };
        let Pending { channel, account, sender, code: _, until: _ } = self.pending.remove(found);
        self.allow(channel, account.clone(), sender.clone());
        Ok((account, sender))
    }

    /// Takes in an approval that was given earlier: the shell keeps them over a restart.
    pub fn allow(&mut self, channel: Channel, account: AccountId, sender: SenderId) {
        self.approved.entry((channel, account)).or_default().insert(sender);
    }

    /// Who was approved for an account, in order.
    pub fn approved(
        &self,
        channel: &Channel,
        account: &AccountId,
    ) -> impl Iterator<Item = &SenderId> {
        self.approved.get(&(channel.clone(), account.clone())).into_iter().flatten()
    }

    /// A sender who is on no list wrote directly.
    pub(super) fn ask(&mut self, now: Timestamp, origin: &Origin) -> Admission {
        let (channel, account) = (&origin.route.channel, &origin.route.account);
        if self.approved(channel, account).any(|it| *it == origin.sender) {
            return Admission::Admitted;
        }
        self.forget_expired(now);
        let here =
            self.pending.iter().filter(|it| it.channel == *channel && it.account == *account);
        if here.clone().any(|it| it.sender == origin.sender) {
            return Admission::Ignored(Ignored::PairingPending);
        }
        if here.count() >= PENDING_MAX {
            return Admission::Ignored(Ignored::TooManyPending);
        }
        let code = self.next_code();
        self.pending.push(Pending {
            channel: channel.clone(),
            account: account.clone(),
            sender: origin.sender.clone(),
            code: code.clone(),
            until: now + CODE_LIFE,
        });
        Admission::PairingNeeded { code }
    }

    /// A code that nobody waits with.
    fn next_code(&mut self) -> PairingCode {
        loop {
            let code = pairing_code(self.seed, self.codes_made);
            self.codes_made += 1;
            if self.pending.iter().all(|it| it.code != code) {
                return code;
            }
        }
    }

    fn forget_expired(&mut self, now: Timestamp) {
        self.pending.retain(|it| now < it.until);
    }
}

fn list(codes: &[PairingCode]) -> String {
    match codes {
        [] => "none".to_owned(),
        some => some.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "),
    }
}
