//! Telegram: long polling in, `sendMessage` out.
//!
//! An update is acknowledged (by the next poll's `offset`) only after the gateway adopted it, so that a gateway that
//! dies in between is offered it again. Sends are at least once: the Bot API has no key that would let an ambiguous
//! send be repeated safely.

mod api;
mod update;

use std::{sync::Arc, time::Duration};

use creel_core::{
    egress::{Outgoing, SendOutcome},
    ids::AccountId,
    time::Millis,
};

use self::api::{Api, Failure};
use crate::{
    channels::{Board, State},
    driver::Inbox,
    http::Http,
    net::Net,
    secret::Secret,
};

/// The name of the channel in configuration, bindings and session keys.
pub const CHANNEL: &str = "telegram";

/// How long a poll waits for an update.
const POLL_WAIT: Duration = Duration::from_secs(30);

/// The wait after the first poll that failed; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest wait between two polls that fail.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// One bot.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name in the configuration.
    pub id: AccountId,
    /// Its token.
    pub token: Secret,
    /// Where the Bot API is, without a slash at the end.
    pub api_root: String,
}

/// Receives for one account until the gateway no longer listens.
pub async fn receive<N: Net>(http: Http<N>, account: Account, inbox: Inbox, board: Arc<Board>) {
    let name = format!("{CHANNEL}/{}", account.id);
    board.set(&name, State::Starting);
    let api = Api::new(http, &account);
    let mut failures = 0_u32;
    let mut offset = None;
    let me = loop {
        match api.get_me().await {
            Ok(me) => break me,
            Err(failure) => {
                if !pause(&name, &board, failure, &mut failures).await {
                    return;
                }
            }
        }
    };
    tracing::info!(account = name, bot = me.username, "receiving");
    board.set(&name, State::Up);
    'receiving: while !inbox.is_closing() {
        let polled = tokio::select! {
            biased;
            () = inbox.closing() => break,
            polled = api.get_updates(offset, POLL_WAIT) => polled,
        };
        match polled {
            Ok(updates) => {
                failures = 0;
                board.set(&name, State::Up);
                for raw in updates {
                    let (id, inbound) = update::read(raw, &account.id, &me);
                    if let Some(inbound) = inbound
                        && !inbox.adopt(inbound).await
                    {
                        break 'receiving;
                    }
                    offset = id.map(|it| it + 1).or(offset);
                }
            }
            Err(failure) => {
                if !pause(&name, &board, failure, &mut failures).await {
                    return;
                }
            }
        }
    }
    // What was adopted is acknowledged before the gateway ends, or it would be offered once more to the next one.
    if offset.is_some() {
        _ = api.get_updates(offset, Duration::ZERO).await;
    }
}

/// Waits before the next attempt; false when there will be none.
async fn pause(name: &str, board: &Board, failure: Failure, failures: &mut u32) -> bool {
    *failures += 1;
    let wait = match failure {
        Failure::Refused { status: 401 | 403 | 404, ref description } => {
            tracing::error!(account = name, %failure, "the token is not accepted; this account stops");
            board.set(name, State::Down(format!("the platform refused the token: {description}")));
            return false;
        }
        Failure::RetryAfter(wait) => wait,
        Failure::Refused { .. } | Failure::Unreached(_) | Failure::Ambiguous(_) => {
            BACKOFF_FIRST * 2_u32.pow((*failures - 1).min(10))
        }
    };
    let wait = wait.min(BACKOFF_MAX);
    tracing::warn!(account = name, %failure, ?wait, "will try again");
    board.set(name, State::Starting);
    tokio::time::sleep(wait).await;
    true
}

/// Sends one piece.
pub async fn send<N: Net>(http: Http<N>, account: Account, outgoing: Outgoing) -> SendOutcome {
    let api = Api::new(http, &account);
    let Err(failure) = api.send_message(&outgoing).await else { return SendOutcome::Delivered };
    tracing::warn!(send = %outgoing.send, %failure, "send");
    match failure {
        Failure::RetryAfter(wait) => {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            SendOutcome::RetryAfter(Millis::new(wait_ms))
        }
        Failure::Refused { status: 500.., .. } | Failure::Unreached(_) | Failure::Ambiguous(_) => {
            SendOutcome::Transient
        }
        Failure::Refused { .. } => SendOutcome::Permanent,
    }
}
