//! An app in a workspace: its secrets, its connection of Socket Mode, and what that has to carry.
//!
//! ```text
//!   waits ──▶ on a connection ──▶ acknowledged
//!     ▲              │
//!     └──────────────┘ the connection ends, or the envelope is not acknowledged in time
//! ```

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use serde_json::{Value, json};

use super::{APP_TOKEN, BOT_TOKEN, SIGNING_SECRET};
use crate::base::Credentials;

/// How long each attempt to deliver an envelope on one connection may go without an acknowledgement. After the last, it
/// waits for another connection.
const RETRIES: [Duration; 3] =
    [Duration::from_secs(3), Duration::from_mins(1), Duration::from_mins(5)];

/// An app in a workspace, with its bot.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) bot: String,
    pub(super) app: String,
    pub(super) bot_token: String,
    pub(super) app_token: String,
    pub(super) signing_secret: String,
    /// Whether the gateway asked who the bot is.
    pub(super) met: bool,
    /// The number of its open connection.
    pub(super) connection: Option<u64>,
    /// The tickets of connections that are not opened yet.
    tickets: BTreeSet<String>,
    /// What its connection has to carry, until it is acknowledged.
    envelopes: VecDeque<Envelope>,
    /// The ids of those that were.
    acknowledged: BTreeSet<String>,
}

/// What Socket Mode carries.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) id: String,
    /// The message's name in the scenario.
    pub(super) message: String,
    pub(super) callback: Value,
    /// How often it was sent.
    pub(super) attempts: u32,
    /// The connection that has it, since when, and how often it was sent there.
    sent: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    connection: u64,
    at_us: i64,
    times: usize,
}

impl Sent {
    /// When it is sent once more on the same connection.
    fn again_at_us(self) -> Option<i64> {
        let wait = RETRIES.get(self.times.checked_sub(1)?)?;
        Some(self.at_us.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// What came of an acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// This was the last envelope of this message.
    Last(String),
    /// There are more of its message, or it had been acknowledged before.
    Yes,
    /// No envelope has this id.
    No,
}

impl Envelope {
    pub(super) fn new(id: String, message: &str, callback: Value, attempts: u32) -> Self {
        Self { id, message: message.to_owned(), callback, attempts, sent: None }
    }

    fn is_due(&self, connection: u64, now_us: i64) -> bool {
        match self.sent {
            Some(sent) if sent.connection == connection => {
                sent.again_at_us().is_some_and(|it| it <= now_us)
            }
            Some(_) | None => true,
        }
    }

    fn text(&self, attempt: u32) -> String {
        json!({
            "type": "events_api",
            "envelope_id": self.id,
            "payload": self.callback,
            "accepts_response_payload": false,
            "retry_attempt": attempt,
            "retry_reason": if attempt == 0 { "" } else { "timeout" },
        })
        .to_string()
    }
}

impl Account {
    pub(super) fn new(index: usize, secrets: &Credentials) -> Self {
        Self {
            bot: format!("UBOT{index}"),
            app: format!("A{index:05}"),
            bot_token: secrets[BOT_TOKEN].clone(),
            app_token: secrets[APP_TOKEN].clone(),
            signing_secret: secrets[SIGNING_SECRET].clone(),
            met: false,
            connection: None,
            tickets: BTreeSet::new(),
            envelopes: VecDeque::new(),
            acknowledged: BTreeSet::new(),
        }
    }

    /// A ticket for one connection.
    pub(super) fn ticket(&mut self, number: u64) -> String {
        let ticket = format!("{}-{number}", self.app);
        self.tickets.insert(ticket.clone());
        ticket
    }

    /// Opens a connection with a ticket, which is then used up. Any earlier connection gets nothing more.
    pub(super) fn connect(&mut self, ticket: &str, number: u64) -> bool {
        let is_valid = self.tickets.remove(ticket);
        if is_valid {
            self.connection = Some(number);
        }
        is_valid
    }

    /// Puts an envelope in line for the connection, open or not.
    pub(super) fn carry(&mut self, envelope: Envelope) {
        self.envelopes.push_back(envelope);
    }

    /// The next envelope for this connection, as it goes over the wire, and its message.
    pub(super) fn next_envelope(
        &mut self,
        connection: u64,
        now_us: i64,
    ) -> Option<(String, String)> {
        if self.connection != Some(connection) {
            return None;
        }
        let envelope = self.envelopes.iter_mut().find(|it| it.is_due(connection, now_us))?;
        let before =
            envelope.sent.filter(|it| it.connection == connection).map_or(0, |it| it.times);
        envelope.sent = Some(Sent { connection, at_us: now_us, times: before + 1 });
        let text = envelope.text(envelope.attempts);
        envelope.attempts += 1;
        Some((text, envelope.message.clone()))
    }

    /// When an envelope is sent once more on the connection that has it.
    pub(super) fn again_at_us(&self) -> Option<i64> {
        let here = |it: &Sent| Some(it.connection) == self.connection;
        self.envelopes.iter().filter_map(|it| it.sent.filter(here)?.again_at_us()).min()
    }

    pub(super) fn acknowledge(&mut self, id: &str) -> Known {
        let Some(at) = self.envelopes.iter().position(|it| it.id == id) else {
            return if self.acknowledged.contains(id) { Known::Yes } else { Known::No };
        };
        let Some(envelope) = self.envelopes.remove(at) else { return Known::No };
        self.acknowledged.insert(envelope.id);
        if self.envelopes.iter().any(|it| it.message == envelope.message) {
            Known::Yes
        } else {
            Known::Last(envelope.message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let secret = |key: &'static str| (key, key.to_owned());
        let mut account =
            Account::new(0, &[secret(BOT_TOKEN), secret(APP_TOKEN), secret(SIGNING_SECRET)].into());
        let ticket = account.ticket(1);
        assert!(account.connect(&ticket, 1));
        assert!(!account.connect(&ticket, 2), "a ticket is good for one connection");
        account.carry(Envelope::new("e1".to_owned(), "m1", json!({}), 0));
        account
    }

    #[test]
    fn an_envelope_comes_until_it_is_acknowledged() {
        let mut account = account();
        let s = 1_000_000;
        let mut sent = Vec::new();
        for now_s in [0, 1, 3, 4, 62, 63, 300, 363, 364, 10_000] {
            if account.next_envelope(1, now_s * s).is_some() {
                sent.push(now_s);
            }
        }
        assert_eq!(sent, [0, 3, 63, 363], "3 s, a minute and five minutes after it was sent");
        assert_eq!(account.again_at_us(), None);
        assert_eq!(account.acknowledge("e1"), Known::Last("m1".to_owned()));
        assert_eq!(account.acknowledge("e1"), Known::Yes, "Slack does not mind");
        assert_eq!(account.acknowledge("e2"), Known::No);
        assert_eq!(account.next_envelope(1, 20_000 * s), None);
    }

    #[test]
    fn another_connection_gets_what_the_last_one_did_not_acknowledge() {
        let mut account = account();
        let (first, _) = account.next_envelope(1, 0).unwrap();
        assert!(first.contains("\"retry_attempt\":0"), "{first}");
        let ticket = account.ticket(2);
        assert!(account.connect(&ticket, 2));
        assert_eq!(account.next_envelope(1, 1), None, "an old connection gets nothing");
        let (second, _) = account.next_envelope(2, 1).unwrap();
        assert!(second.contains("\"retry_attempt\":1"), "{second}");
        assert_eq!(account.next_envelope(2, 2), None);
    }

    #[test]
    fn a_message_is_acknowledged_with_the_last_of_its_envelopes() {
        let mut account = account();
        account.carry(Envelope::new("e2".to_owned(), "m1", json!({}), 0));
        while account.next_envelope(1, 0).is_some() {}
        assert_eq!(account.acknowledge("e2"), Known::Yes);
        assert_eq!(account.acknowledge("e1"), Known::Last("m1".to_owned()));
    }
}
