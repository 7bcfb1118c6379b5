//! Which channels are threads, and of which channel: messages do not say so themselves.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::api::{Api, Channel};
use crate::{channels::failure::Failure, net::Net};

/// How many channels are remembered.
const ROOMS_MAX: usize = 100_000;

/// How often a channel is asked for before its message is passed over.
const ATTEMPTS_MAX: u32 = 4;

/// The wait after an attempt that failed.
const WAIT: Duration = Duration::from_millis(500);

/// The longest wait for a channel that the platform may ask for and that is waited here.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The channels by id, and the channel that each is a thread of, if it is one.
#[derive(Debug, Default)]
pub(super) struct Rooms(BTreeMap<String, Option<String>>);

impl Rooms {
    /// Learns from an event, if it speaks of channels.
    pub(super) fn learn(&mut self, event: &str, what: &Value) {
        match event {
            "GUILD_CREATE" => {
                self.list(what.get("channels"));
                self.list(what.get("threads"));
            }
            "THREAD_LIST_SYNC" => self.list(what.get("threads")),
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                self.put(what);
            }
            _ => (),
        }
    }

    fn list(&mut self, channels: Option<&Value>) {
        channels.and_then(Value::as_array).into_iter().flatten().for_each(|it| self.put(it));
    }

    fn put(&mut self, channel: &Value) {
        if let Ok(channel) = serde_json::from_value::<Channel>(channel.clone()) {
            self.keep(channel);
        }
    }

    fn keep(&mut self, Channel { id, r#type, parent_id }: Channel) -> Option<String> {
        if self.0.len() >= ROOMS_MAX {
            self.0.clear();
        }
        // 10 to 12 are threads; the parent of others is the category that they are listed under.
        let parent = parent_id.filter(|_| matches!(r#type, 10..=12));
        self.0.insert(id, parent.clone());
        parent
    }

    /// The channel that this one is a thread of. Asks the platform if nothing has told of it yet.
    pub(super) async fn parent<N: Net>(
        &mut self,
        api: &Api<N>,
        id: &str,
    ) -> Result<Option<String>, Failure> {
        if let Some(known) = self.0.get(id) {
            return Ok(known.clone());
        }
        let mut attempt = 1;
        loop {
            let wait = match api.channel(id).await {
                Ok(channel) => return Ok(self.keep(channel)),
                Err(Failure::RetryAfter(wait)) if attempt < ATTEMPTS_MAX && wait <= WAIT_MAX => {
                    wait
                }
                Err(
                    failure @ (Failure::Refused { status: 400..=499, .. } | Failure::RetryAfter(_)),
                ) => return Err(failure),
                Err(_) if attempt < ATTEMPTS_MAX => WAIT,
                Err(failure) => return Err(failure),
            };
            attempt += 1;
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_thread_has_a_parent_and_a_channel_in_a_category_has_none() {
        let mut rooms = Rooms::default();
        let guild = json!({
            "channels": [{ "id": "800", "type": 0, "parent_id": "700" }],
            "threads": [{ "id": "801", "type": 11, "parent_id": "800" }],
        });
        rooms.learn("GUILD_CREATE", &guild);
        rooms.learn("THREAD_CREATE", &json!({ "id": "802", "type": 12, "parent_id": "800" }));
        rooms.learn("MESSAGE_CREATE", &json!({ "id": "803", "type": 12, "parent_id": "800" }));
        let parent = |it: &str| rooms.0.get(it).cloned();
        assert_eq!(parent("800"), Some(None));
        assert_eq!(parent("801"), Some(Some("800".to_owned())));
        assert_eq!(parent("802"), Some(Some("800".to_owned())));
        assert_eq!(parent("803"), None);
    }
}
