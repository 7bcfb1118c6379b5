//! Socket Mode: a WebSocket that we open, on which Slack brings envelopes and waits for us to acknowledge each.
//!
//! ```text
//!   apps.connections.open ──▶ connect ──▶ `hello` ──▶ envelopes … ──▶ `disconnect`, or the connection breaks
//!           ▲                                                                        │
//!           └────────────────────────────────────────────────────────────────────────┘
//! ```

use std::time::Duration;

use serde::Deserialize;

use super::{
    Account, Patience,
    api::Api,
    event::{self, Callback, Unclear},
};
use crate::{
    channels::failure::Failure,
    clock::Rest,
    http::Http,
    net::Net,
    secret::Secret,
    websocket::{Close, Error, Limits, Received, WebSocket},
};

/// How long Slack may take to say `hello`.
const HELLO_WITHIN: Duration = Duration::from_secs(20);

/// How long nothing may come on a connection that is whole, not even an answer to our ping: Slack pings more often.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long a connection stands before it is no part of a loop any more.
const SETTLED_AFTER: Duration = Duration::from_secs(5);

/// The code with which we end a connection that is whole.
const GOING_AWAY: u16 = 1_001;

/// What Slack says on the connection.
#[derive(Deserialize)]
struct Envelope {
    r#type: String,
    #[serde(rename = "envelope_id")]
    id: Option<String>,
    payload: Option<serde_json::Value>,
    reason: Option<String>,
}

/// How a connection ended.
enum End {
    /// The gateway takes no more messages.
    Closing,
    /// Slack asks us to connect anew.
    Refresh,
    /// Slack ended it for a reason that may pass.
    Broken(Failure),
}

/// Whether Slack may have another connection at once: it asks for one every few hours, and not again and again.
#[derive(Debug, Default)]
pub(super) struct Refreshes {
    /// Lasts until the connection has settled, from Slack's `hello` on.
    settling: Option<Rest>,
    /// Whether the last refresh came before that.
    was_hasty: bool,
}

impl Refreshes {
    fn connect(&mut self) {
        self.settling = None;
    }

    fn greeted(&mut self) {
        self.settling.insert(Rest::default()).begin(SETTLED_AFTER);
    }

    pub(super) fn was_hasty(&self) -> bool {
        self.was_hasty
    }

    fn is_settled(&self) -> bool {
        self.settling.as_ref().is_some_and(|it| it.left().is_none())
    }

    /// Takes a refresh, and says whether to follow it at once.
    fn may_hurry(&mut self) -> bool {
        let is_hasty = !self.is_settled();
        !(std::mem::replace(&mut self.was_hasty, is_hasty) && is_hasty)
    }
}

/// Receives until the gateway takes no more messages, or Slack will not have us.
pub(super) async fn receive<N: Net>(
    http: Http<N>,
    account: &Account,
    app_token: &Secret,
    mut patience: Patience,
) {
    let app = Api::of_app(http.clone(), account, app_token);
    loop {
        patience.refreshes.connect();
        let Some(opened) = patience.unless_closing(app.open_connection()).await else { return };
        let end = match opened {
            Ok(address) => listen(&http, account, &address, &mut patience).await,
            Err(failure) => End::Broken(failure),
        };
        if patience.refreshes.is_settled() {
            patience.failures = 0;
        }
        let end = match end {
            End::Refresh if !patience.refreshes.may_hurry() => {
                let why = "Slack asks for another connection again and again";
                End::Broken(Failure::Ambiguous(why.to_owned()))
            }
            end => end,
        };
        match end {
            End::Closing => return,
            End::Refresh => tracing::info!(account = patience.name, "connecting anew"),
            End::Broken(failure) if patience.pause(&failure).await => (),
            End::Broken(_) => return,
        }
    }
}

/// Serves one connection to its end.
async fn listen<N: Net>(
    http: &Http<N>,
    account: &Account,
    address: &str,
    patience: &mut Patience,
) -> End {
    let limits = Limits { silence_max: Some(SILENCE_MAX), ..Limits::default() };
    let connecting = WebSocket::connect(http, address, limits);
    let mut socket = match patience.unless_closing(connecting).await {
        None => return End::Closing,
        Some(Err(error)) => return End::Broken(broken(&error)),
        Some(Ok(socket)) => socket,
    };
    let api = Api::new(http.clone(), account);
    let greeting = tokio::time::timeout(HELLO_WITHIN, socket.receive());
    let mut said = match patience.unless_closing(greeting).await {
        None => return close(socket).await,
        Some(Err(_)) => {
            return End::Broken(Failure::Ambiguous("Slack does not say `hello`".to_owned()));
        }
        Some(Ok(said)) => said,
    };
    loop {
        let text = match said {
            Ok(Received::Text(text)) => text,
            Ok(Received::Closed(why)) => return End::Broken(closed(why)),
            Err(error) => return End::Broken(broken(&error)),
        };
        if let Some(end) = hear(&text, &mut socket, (account, &api), patience).await {
            return match end {
                End::Closing => close(socket).await,
                other => other,
            };
        }
        said = match patience.unless_closing(socket.receive()).await {
            None => return close(socket).await,
            Some(said) => said,
        };
    }
}

async fn close<N: Net>(socket: WebSocket<N>) -> End {
    socket.close(GOING_AWAY).await;
    End::Closing
}

/// Takes one message of Slack's; says how the connection ends, if it does.
async fn hear<N: Net>(
    text: &str,
    socket: &mut WebSocket<N>,
    (account, api): (&Account, &Api<N>),
    patience: &mut Patience,
) -> Option<End> {
    let Ok(envelope) = serde_json::from_str::<Envelope>(text) else {
        tracing::warn!(account = patience.name, "a message of Slack's is not understood");
        return None;
    };
    match envelope.r#type.as_str() {
        "hello" => {
            patience.refreshes.greeted();
            patience.up();
            return None;
        }
        "disconnect" => {
            return Some(match envelope.reason.as_deref() {
                // Nobody switched this back on since: asking again and again would be of no use, but slowly may be.
                Some("link_disabled") => {
                    End::Broken(Failure::Ambiguous("Slack says `link_disabled`".to_owned()))
                }
                _ => End::Refresh,
            });
        }
        _ => (),
    }
    let id = envelope.id?;
    if envelope.r#type == "events_api"
        && let Some(callback) = envelope.payload.and_then(|it| Callback::deserialize(it).ok())
        && let Some(me) = account.memory.me()
    {
        match event::read(callback, account, &me, api).await {
            Ok(None) => (),
            Ok(Some(inbound)) => {
                if !patience.inbox.adopt(inbound).await {
                    return Some(End::Closing);
                }
            }
            // Without an acknowledgement it comes again.
            Err(Unclear) => return None,
        }
    }
    // Of what is not for us, Slack need not keep anything either.
    let acknowledgement = serde_json::json!({ "envelope_id": id }).to_string();
    socket.send(acknowledgement).await.err().map(|error| End::Broken(broken(&error)))
}

fn broken(error: &Error) -> Failure {
    match error {
        Error::Refused(status) => Failure::NotThePlatform { status: *status },
        other => Failure::Ambiguous(other.to_string()),
    }
}

fn closed(why: Option<Close>) -> Failure {
    let why = why.map_or_else(String::new, |it| format!(" with {}", it.code));
    Failure::Ambiguous(format!("Slack closed the connection{why}"))
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refresh_is_followed_at_once_and_a_loop_of_them_is_not() {
        let mut refreshes = Refreshes::default();
        let mut hurries = Vec::new();
        // How long each connection stands after `hello`, in seconds; none for one without.
        for stands_s in [Some(9_000), Some(1), Some(1), None, None, Some(9_000), Some(9_000), None]
        {
            refreshes.connect();
            if let Some(stands_s) = stands_s {
                refreshes.greeted();
                sleep(Duration::from_secs(stands_s)).await;
            }
            hurries.push(refreshes.may_hurry());
        }
        assert_eq!(hurries, [true, true, false, false, false, true, true, true]);
    }
}
