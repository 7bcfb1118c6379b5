//! A channel's accounts: the channel's own keys are those of an account, and hold for accounts that do not say
//! otherwise. For channels without peculiarities.

use std::collections::BTreeMap;

use creel_core::{admission::AccountRules, ids::AccountId, routing};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    channels::push,
    media::MIB,
    server,
    settings::{
        Problems,
        admission::{Policies, SenderIds, account_rules},
        raw::Group,
    },
};

/// The keys of every channel's accounts.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Shared {
    enabled: Option<bool>,
    dm_policy: Option<String>,
    allow_from: Option<Vec<Value>>,
    group_policy: Option<String>,
    group_allow_from: Option<Vec<Value>>,
    groups: Option<BTreeMap<String, Group>>,
}

/// An account that is enabled.
pub(super) struct Account {
    pub(super) id: AccountId,
    /// Its keys, and those of the channel that it does not have itself.
    pub(super) keys: Value,
    /// Where it stands in the file.
    pub(super) path: String,
    pub(super) rules: AccountRules,
    /// The key that decides who may write directly.
    pub(super) policy_path: String,
}

impl Account {
    /// A text that is not blank.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let text = self.keys.get(key)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The largest image, in bytes; `mb` unless the file says otherwise.
    pub(super) fn media_bytes_max(&self, mb: u64) -> usize {
        let mb = self.keys.get("mediaMaxMb").and_then(Value::as_u64).unwrap_or(mb);
        usize::try_from(mb).map_or(usize::MAX, |it| it.saturating_mul(MIB))
    }

    /// A text that must be there.
    pub(super) fn required(
        &self,
        key: &str,
        what: &str,
        problems: &mut Problems<'_>,
    ) -> Option<String> {
        let text = self.text(key);
        if text.is_none() {
            problems.add(&self.path, format!("there is no `{key}`: expected {what}"));
        }
        text
    }

    /// The path of the gateway's port on which the account's platform calls.
    pub(super) fn webhook_path(&self, channel: &str, problems: &mut Problems<'_>) -> String {
        self.webhook_path_or(&push::default_path(channel, self.id.as_str()), problems)
    }

    /// The same, for a platform with a path of its own.
    pub(super) fn webhook_path_or(&self, default: &str, problems: &mut Problems<'_>) -> String {
        let path = self.text("webhookPath").unwrap_or_else(|| default.to_owned());
        let at = format!("{}.webhookPath", self.path);
        if !push::is_path(&path) {
            let expected = "expected one like `/webhooks/mine`: letters, digits, `-`, `_` and `.`";
            problems.add(&at, format!("found the path `{path}`, {expected}"));
        } else if server::PATHS.contains(&path.as_str()) {
            problems.add(&at, format!("the path `{path}` is the gateway's own"));
        }
        path
    }
}

/// The accounts of a channel that are enabled, and the account of bindings that name none. Without `accounts` there is
/// one, `default`.
pub(super) fn read(
    channel: &str,
    value: &Value,
    senders: SenderIds,
    problems: &mut Problems<'_>,
) -> (Vec<Account>, AccountId) {
    let given = value.get("accounts").and_then(Value::as_object);
    let mut named: BTreeMap<String, Value> =
        given.into_iter().flatten().map(|(name, it)| (name.clone(), it.clone())).collect();
    if named.is_empty() {
        named.insert("default".to_owned(), Value::Null);
    }
    let mut found: Vec<Account> = Vec::new();
    let configured: Vec<AccountId> =
        named.keys().filter_map(|it| AccountId::new(it).ok()).collect();
    for (name, own) in named {
        let path = if given.is_some_and(|it| it.contains_key(&name)) {
            format!("channels.{channel}.accounts.{name}")
        } else {
            format!("channels.{channel}")
        };
        let Ok(id) = AccountId::new(&name) else {
            problems.add(&path, "the account's name is empty");
            continue;
        };
        if found.iter().any(|it| it.id == id) {
            problems.add(&path, format!("there are two accounts `{id}`: case does not matter"));
            continue;
        }
        let holder =
            if own.get("dmPolicy").is_some() { &path } else { &format!("channels.{channel}") };
        let policy_path = format!("{holder}.dmPolicy");
        let keys = over(value, own);
        let shared: Shared =
            serde_json::from_value(keys.clone()).expect("a checked document has these types");
        if shared.enabled != Some(false) {
            let rules = shared.rules(senders);
            found.push(Account { id, keys, path, rules, policy_path });
        }
    }
    let declared = value.get("defaultAccount").and_then(Value::as_str);
    let declared = declared.and_then(|it| AccountId::new(it).ok());
    (found, routing::default_account(declared.as_ref(), &configured))
}

impl Shared {
    fn rules(&self, senders: SenderIds) -> AccountRules {
        account_rules(&Policies {
            senders,
            dm_policy: self.dm_policy.as_deref(),
            allow_from: self.allow_from.as_deref(),
            group_policy: self.group_policy.as_deref(),
            group_allow_from: self.group_allow_from.as_deref(),
            groups: self.groups.as_ref(),
        })
    }
}

/// An account's keys with the channel's below them.
fn over(channel: &Value, account: Value) -> Value {
    let mut keys = channel.as_object().cloned().unwrap_or_default();
    keys.remove("accounts");
    if let Value::Object(own) = account {
        keys.extend(own);
    }
    Value::Object(keys)
}
