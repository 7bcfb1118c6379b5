//! The keys that every channel has, read in one way for all of them.

use std::collections::BTreeMap;

use creel_core::{
    ids::{AccountId, Channel},
    overheard::Limits,
};
use serde_json::{Map, Value};

/// One key's values, where they are given: by channel, and by account.
pub(super) struct Given<T> {
    pub(super) by_channel: BTreeMap<Channel, T>,
    pub(super) by_account: BTreeMap<(Channel, AccountId), T>,
}

/// Reads a key of all channels and their accounts. What `read` does not understand, the file's shape has refused.
pub(super) fn given<T>(file: &Value, key: &str, read: impl Fn(&Value) -> Option<T>) -> Given<T> {
    let mut given = Given { by_channel: BTreeMap::new(), by_account: BTreeMap::new() };
    let channels = file.get("channels").and_then(Value::as_object).into_iter().flatten();
    for (name, settings) in channels {
        let Ok(channel) = Channel::new(name) else { continue };
        let accounts = settings.get("accounts").and_then(Value::as_object);
        for (id, account) in accounts.into_iter().flat_map(Map::iter) {
            if let (Ok(id), Some(value)) = (AccountId::new(id), account.get(key).and_then(&read)) {
                given.by_account.insert((channel.clone(), id), value);
            }
        }
        if let Some(value) = settings.get(key).and_then(&read) {
            given.by_channel.insert(channel, value);
        }
    }
    given
}

/// How much of what was said to others a turn is told.
pub(super) fn history(file: &Value) -> Limits {
    let number = |it: &Value| it.as_u64().and_then(|it| u16::try_from(it).ok());
    let all = file.pointer("/messages/groupChat/historyLimit").and_then(number);
    let Given { by_channel, by_account } = given(file, "historyLimit", number);
    Limits { all: all.unwrap_or_else(|| Limits::default().all), by_channel, by_account }
}
