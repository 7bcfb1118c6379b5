//! Telegram: long polling in, `sendMessage` out.
//!
//! An update is acknowledged (by the next poll's `offset`) only after the gateway adopted it, so that a gateway that
//! dies in between is offered it again. Sends are at least once: the Bot API has no key that would let an ambiguous
//! send be repeated safely.

mod api;
mod update;

use std::{sync::Arc, time::Duration};

use creel_core::{
    egress::{Outgoing, Sent},
    ids::AccountId,
};

use self::api::{Api, Me};
use crate::{
    channels::{
        Board, State,
        failure::{self, Failure},
    },
    driver::Inbox,
    http::Http,
    media::{Picture, Unavailable, without_image},
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
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// How often a wait is doubled at the most; [`BACKOFF_MAX`] is reached earlier.
const DOUBLINGS_MAX: u32 = 10;

/// The least time from one poll to the next if the first brought nothing. One that waits for updates takes longer anyway.
const POLL_FRUITLESS_MIN: Duration = Duration::from_secs(1);

/// One bot.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name in the configuration.
    pub id: AccountId,
    /// Its token.
    pub token: Secret,
    /// Where the Bot API is, without a slash at the end.
    pub api_root: String,
    /// The largest image that it takes, either way, in bytes.
    pub media_bytes_max: usize,
}

impl Account {
    /// The account as the log and `/ready` call it.
    pub fn name(&self) -> String {
        format!("{CHANNEL}/{}", self.id)
    }
}

/// Receives for one account until the gateway takes no more messages.
pub async fn receive<N: Net>(http: Http<N>, account: Account, inbox: Inbox, board: Arc<Board>) {
    let name = account.name();
    let api = Api::new(http, &account);
    let mut receiver =
        Receiver { api, account: account.id, name, inbox, board, failures: 0, offset: None };
    let Some(me) = receiver.meet().await else { return };
    tracing::info!(account = receiver.name, bot = me.username, "receiving");
    receiver.poll(&me).await;
    // What was adopted is acknowledged before the gateway ends, or it would be offered once more to the next one.
    if receiver.offset.is_some() {
        _ = receiver.api.get_updates(receiver.offset, Duration::ZERO).await;
    }
}

struct Receiver<N: Net> {
    api: Api<N>,
    account: AccountId,
    name: String,
    inbox: Inbox,
    board: Arc<Board>,
    /// How many calls failed in a row.
    failures: u32,
    /// The update from which on to ask: all before it are adopted.
    offset: Option<i64>,
}

impl<N: Net> Receiver<N> {
    /// Asks who the bot is; none if the gateway ends first, or the token is refused.
    async fn meet(&mut self) -> Option<Me> {
        loop {
            match unless_closing(&self.inbox, self.api.get_me()).await? {
                Ok(me) => return Some(me),
                Err(failure) if self.pause(&failure).await => (),
                Err(_) => return None,
            }
        }
    }

    async fn poll(&mut self, me: &Me) {
        self.board.set(&self.name, State::Up);
        loop {
            let earliest = tokio::time::sleep(POLL_FRUITLESS_MIN);
            let updates = self.api.get_updates(self.offset, POLL_WAIT);
            match unless_closing(&self.inbox, updates).await {
                Some(Ok(updates)) => {
                    self.failures = 0;
                    self.board.set(&self.name, State::Up);
                    let before = self.offset;
                    if !self.take(updates, me).await {
                        return;
                    }
                    // A platform that does not wait for updates must not make us ask without end.
                    let fruitless = self.offset == before;
                    if fruitless && unless_closing(&self.inbox, earliest).await.is_none() {
                        return;
                    }
                }
                Some(Err(failure)) if self.pause(&failure).await => (),
                Some(Err(_)) | None => return,
            }
        }
    }

    /// Hands the updates in, in order; false when the gateway takes no more. That is asked of the gateway alone: to give
    /// up waiting here would leave an adopted message unacknowledged.
    async fn take(&mut self, updates: Vec<serde_json::Value>, me: &Me) -> bool {
        for raw in updates {
            let (id, inbound) = update::read(raw, &self.account, me);
            if let Some(inbound) = inbound
                && !self.inbox.adopt(inbound).await
            {
                return false;
            }
            self.offset = id.map(|it| it.saturating_add(1)).or(self.offset);
        }
        true
    }

    /// Waits before the next attempt; false when there will be none.
    async fn pause(&mut self, failure: &Failure) -> bool {
        let doublings = self.failures.min(DOUBLINGS_MAX);
        self.failures = self.failures.saturating_add(1);
        let wait = match failure {
            Failure::Refused { status: 401 | 403 | 404, description } => {
                tracing::error!(account = self.name, %failure, "the token is not accepted; this account stops");
                let why = format!("the platform refused the token: {description}");
                self.board.set(&self.name, State::Down(why));
                return false;
            }
            Failure::RetryAfter(wait) => *wait,
            Failure::Refused { .. }
            | Failure::NotThePlatform { .. }
            | Failure::Unreached(_)
            | Failure::Ambiguous(_)
            | Failure::PictureLost(_) => BACKOFF_FIRST * 2_u32.pow(doublings),
        };
        let wait = wait.min(BACKOFF_MAX);
        tracing::warn!(account = self.name, %failure, ?wait, "will try again");
        self.board.set(&self.name, State::Retrying(failure.to_string()));
        unless_closing(&self.inbox, tokio::time::sleep(wait)).await.is_some()
    }
}

/// What comes of `work`, unless the gateway takes no more messages first.
async fn unless_closing<T>(inbox: &Inbox, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = inbox.closing() => None,
        done = work => Some(done),
    }
}

/// Fetches an image that somebody sent.
///
/// # Errors
///
/// Says why it cannot be had.
pub async fn fetch<N: Net>(
    http: Http<N>,
    account: &Account,
    file_id: &str,
    bytes_max: usize,
) -> Result<Picture, Unavailable> {
    let api = Api::new(http, account);
    let content = async {
        let file = api.get_file(file_id).await?;
        let is_larger = |it: u64| usize::try_from(it).map_or(true, |it| it > bytes_max);
        if file.file_size.is_some_and(is_larger) {
            return Ok(None);
        }
        api.download(&file, bytes_max).await
    };
    Picture::fetched(content.await, bytes_max)
}

/// Sends one piece. If the platform does not want its picture, the words are sent without it, and say so.
pub async fn send<N: Net>(
    http: Http<N>,
    account: Account,
    outgoing: &Outgoing,
    picture: Option<&Picture>,
) -> Sent {
    let api = Api::new(http, &account);
    let mut sent = match picture {
        Some(picture) => api.send_photo(outgoing, picture).await,
        None => api.send_message(outgoing).await,
    };
    if let (Some(_), Err(Failure::Refused { status: 400 | 413, description })) = (picture, &sent) {
        tracing::warn!(description, "the image was refused");
        let words = without_image(outgoing, &Unavailable::Refused);
        sent = api.send_message(&words).await;
    }
    failure::sent(sent, Failure::outcome)
}
