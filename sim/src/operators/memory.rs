//! What clients were told that later steps speak of.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::Value;

/// What all clients of a run were told. A clone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    /// The latest challenge of each client.
    challenges: BTreeMap<String, String>,
    /// Under which id each client waits to be let in.
    requests: BTreeMap<String, String>,
    /// The tokens of each device, by its id, in the order in which they were told.
    tokens: BTreeMap<String, Vec<String>>,
}

impl Memory {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// A client, as this device, was told something.
    pub(super) fn hear(&self, (client, device): (&str, &str), text: &str) {
        let Ok(frame) = serde_json::from_str::<Value>(text) else { return };
        let mut heard = self.heard();
        if frame["event"] == "connect.challenge"
            && let Some(nonce) = frame["payload"]["nonce"].as_str()
        {
            heard.challenges.insert(client.to_owned(), nonce.to_owned());
        }
        if let Some(request) = frame["error"]["details"]["requestId"].as_str() {
            heard.requests.insert(client.to_owned(), request.to_owned());
        }
        let payload = &frame["payload"];
        let own = payload["auth"]["deviceToken"].as_str().map(|it| (device, it));
        let rotated = payload["deviceId"].as_str().zip(payload["token"].as_str());
        for (device, token) in own.into_iter().chain(rotated) {
            let tokens = heard.tokens.entry(device.to_owned()).or_default();
            if tokens.last().is_none_or(|it| it != token) {
                tokens.push(token.to_owned());
            }
        }
    }

    /// A challenge that another client was sent, if any was.
    pub(super) fn challenge_of_another(&self, client: &str) -> Option<String> {
        let heard = self.heard();
        let others = heard.challenges.iter().filter(|(whose, _)| *whose != client);
        others.map(|(_, nonce)| nonce.clone()).next()
    }

    /// Under which id a client waits to be let in.
    pub(super) fn request_of(&self, client: &str) -> Option<String> {
        self.heard().requests.get(client).cloned()
    }

    /// The first token that a device was given.
    pub(super) fn first_token(&self, device: &str) -> Option<String> {
        self.heard().tokens.get(device)?.first().cloned()
    }

    /// The last one.
    pub(super) fn last_token(&self, device: &str) -> Option<String> {
        self.heard().tokens.get(device)?.last().cloned()
    }
}
