//! A device that waits: what asking again makes of it, and what approval does.

use super::{Access, Consent, Paired, Pending, Token};
use crate::{control::scope::Scopes, secret::Secret};

impl Pending {
    /// Whether somebody who approves it approves this, too.
    pub(super) fn covers(&self, access: &Access) -> bool {
        self.access.public_key == access.public_key
            && self.roles.contains(&access.role)
            && access.scopes.iter().all(|it| self.access.scopes.iter().any(|had| had == it))
    }

    pub(super) fn and(self, access: Access, is_repair: bool, now_ms: u64) -> Self {
        let silent = [self.access.consent, access.consent] == [Consent::Silent; 2];
        let mut roles = self.roles;
        if !roles.contains(&access.role) {
            roles.push(access.role);
        }
        Self {
            request_id: self.request_id,
            roles,
            is_repair: self.is_repair || is_repair,
            at_ms: now_ms,
            access: Access {
                device_id: access.device_id,
                public_key: access.public_key,
                role: self.access.role,
                scopes: self.access.scopes.with(&access.scopes),
                about: access.about.over(self.access.about),
                consent: if silent { Consent::Silent } else { Consent::Asked },
            },
        }
    }

    pub(super) fn into_paired(self, before: Option<Paired>, token: Secret, now_ms: u64) -> Paired {
        let Access { device_id, public_key, role, scopes, about, consent: _ } = self.access;
        // Another key under the same id cannot be; should it, nothing of the old device is inherited.
        let before = before.filter(|it| it.public_key == public_key);
        let mut roles = before.as_ref().map(|it| it.roles.clone()).unwrap_or_default();
        roles.extend(self.roles);
        roles.sort_unstable();
        roles.dedup();
        let old_scopes = before.as_ref().map_or(Scopes::NONE, |it| it.scopes.clone());
        let old_about = before.as_ref().map(|it| it.about.clone()).unwrap_or_default();
        let created_at_ms = before.as_ref().map_or(now_ms, |it| it.created_at_ms);
        let all = old_scopes.with(&scopes);
        let mut tokens = before.map(|it| it.tokens).unwrap_or_default();
        let old = tokens.remove(&role);
        let granted = if scopes.is_empty() {
            old.as_ref().map_or_else(|| all.clone(), |it| it.scopes.clone())
        } else {
            scopes
        };
        tokens.insert(role, Token::after(old.as_ref(), token, &granted, now_ms));
        Paired {
            device_id,
            public_key,
            about: about.over(old_about),
            roles,
            scopes: all,
            tokens,
            created_at_ms,
            approved_at_ms: now_ms,
        }
    }
}
