//! Device tokens: with one, a paired device connects in a role without the gateway's own token.
//!
//! A token never grants more than its device was approved for, and revoking one leaves the device paired.

use super::{Devices, Paired};
use crate::{
    control::scope::{Role, Scopes},
    secret::Secret,
    signature::is_same,
};

/// A device's token for one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// What it grants, by name.
    pub scopes: Scopes,
    /// When the first one for the role was made, in ms since 1970.
    pub created_at_ms: u64,
    /// When this one replaced another.
    pub rotated_at_ms: Option<u64>,
    /// Since when it is worth nothing.
    pub revoked_at_ms: Option<u64>,
    /// When it last let the device in.
    pub last_used_at_ms: Option<u64>,
}

/// Whether a token is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is: it has to be kept, and the one before it is worth nothing.
    Now,
    /// It is not.
    Before,
}

/// Why a token does not let a device in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not the device's token for the role, or no longer.
    #[error("not the device's token")]
    Mismatch,
    /// It is, but does not grant all that is asked for.
    #[error("the token does not grant the scopes")]
    Scopes,
}

impl Token {
    /// A new token in place of an old one.
    pub(super) fn after(old: Option<&Self>, secret: Secret, scopes: &Scopes, now_ms: u64) -> Self {
        Self {
            secret,
            scopes: scopes.sorted(),
            created_at_ms: old.map_or(now_ms, |it| it.created_at_ms),
            rotated_at_ms: old.map(|_| now_ms),
            revoked_at_ms: None,
            last_used_at_ms: old.and_then(|it| it.last_used_at_ms),
        }
    }

    /// When this token was made.
    pub fn issued_at_ms(&self) -> u64 {
        self.rotated_at_ms.unwrap_or(self.created_at_ms)
    }
}

impl Paired {
    fn may_have(&self, role: Role, scopes: &Scopes) -> bool {
        self.roles.contains(&role) && self.scopes.cover(role, scopes)
    }

    fn replace(&mut self, role: Role, scopes: &Scopes, new: Secret, now_ms: u64) -> &Token {
        let token = Token::after(self.tokens.get(&role), new, scopes, now_ms);
        self.tokens.entry(role).insert_entry(token).into_mut()
    }
}

impl Devices {
    /// Whether a token lets a device in, with these scopes.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn use_token(
        &mut self,
        device_id: &str,
        (role, scopes): (Role, &Scopes),
        given: &str,
        now_ms: u64,
    ) -> Result<(), Error> {
        let paired = self.paired.get_mut(device_id).ok_or(Error::Mismatch)?;
        let token = paired.tokens.get(&role).ok_or(Error::Mismatch)?;
        if !is_same(&token.secret, given) || token.revoked_at_ms.is_some() {
            return Err(Error::Mismatch);
        }
        if !paired.may_have(role, &token.scopes) || !token.scopes.cover(role, scopes) {
            return Err(Error::Scopes);
        }
        if let Some(token) = paired.tokens.get_mut(&role) {
            token.last_used_at_ms = Some(now_ms);
        }
        Ok(())
    }

    /// The device's token for a role, if it is paired and may have the scopes: the one it has if that is enough, else `new`.
    pub fn ensure_token(
        &mut self,
        device_id: &str,
        (role, scopes): (Role, &Scopes),
        new: Secret,
        now_ms: u64,
    ) -> Option<(&Token, Made)> {
        let paired = self.paired.get_mut(device_id).filter(|it| it.may_have(role, scopes))?;
        let is_enough = paired.tokens.get(&role).is_some_and(|it| {
            it.revoked_at_ms.is_none()
                && paired.may_have(role, &it.scopes)
                && it.scopes.cover(role, scopes)
        });
        if is_enough {
            return paired.tokens.get(&role).map(|it| (it, Made::Before));
        }
        Some((paired.replace(role, scopes, new, now_ms), Made::Now))
    }

    /// Replaces a token, with the scopes asked for or those that the device had. Nothing happens if the device may not have them.
    pub fn rotate_token(
        &mut self,
        device_id: &str,
        (role, scopes): (Role, Option<&Scopes>),
        new: Secret,
        now_ms: u64,
    ) -> Option<&Token> {
        let paired = self.paired.get_mut(device_id)?;
        let had = paired.tokens.get(&role).map_or(&paired.scopes, |it| &it.scopes);
        let scopes = scopes.unwrap_or(had).clone();
        if !paired.may_have(role, &scopes) {
            return None;
        }
        Some(paired.replace(role, &scopes, new, now_ms))
    }

    /// Makes a token worthless. The device gets another when it connects with the gateway's own token.
    pub fn revoke_token(&mut self, device_id: &str, role: Role, now_ms: u64) -> Option<&Token> {
        let token = self.paired.get_mut(device_id)?.tokens.get_mut(&role)?;
        token.revoked_at_ms = Some(now_ms);
        Some(token)
    }
}
