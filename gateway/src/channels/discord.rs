//! Discord: the Gateway's WebSocket in, its REST API out. Version 10 of both.
//!
//! A message is handed to the core before more is read, and only then counts as received: a connection that breaks in
//! between is resumed behind the last message that the core has. What the platform then plays again, the core knows.
//!
//! Sends carry a `nonce` that the platform enforces, so that a send whose answer was lost can be repeated safely for the
//! few minutes in which it remembers nonces. No answer of ours can mention anybody: `allowed_mentions` is empty.

mod api;
mod connection;
mod frame;
mod marks;
mod message;
mod rooms;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use creel_core::{
    egress::{Outgoing, Sent},
    ids::AccountId,
    origin::{PeerKind, Thread},
};

use self::{
    api::{Api, is_refused_file},
    connection::{Connection, End, Reached, Session},
    rooms::Rooms,
};
use crate::{
    channels::{
        Board, State,
        failure::{self, Failure},
    },
    clock::Rest,
    driver::Inbox,
    http::Http,
    media::{Picture, Unavailable, without_image},
    net::Net,
    secret::Secret,
};

/// The name of the channel in configuration, bindings and session keys.
pub const CHANNEL: &str = "discord";

/// The longest text of one message. Discord counts code points; the core's UTF-16 units are never fewer, so a piece that
/// the core finds short enough is so.
pub const TEXT_MAX: u32 = 2_000;

/// The wait after the second connection in a row that failed; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest wait between two connections that fail.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// How often a wait is doubled at the most; [`BACKOFF_MAX`] is reached earlier.
const DOUBLINGS_MAX: u32 = 10;

/// After how many failures in a row a session is given up: whoever kept it may be gone for good.
const RESUMES_MAX: u32 = 8;

/// How many people's direct chats are remembered.
const DIRECT_CHATS_MAX: usize = 10_000;

/// One bot.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name in the configuration.
    pub id: AccountId,
    /// Its token.
    pub token: Secret,
    /// Where Discord is, without a slash at the end.
    pub api_root: String,
    /// The direct chats by person: they have ids of their own.
    pub direct_chats: DirectChats,
    /// When the platform asked to leave it in peace, whatever the method.
    pub rest: Rest,
    /// The largest image that it takes, either way, in bytes.
    pub media_bytes_max: usize,
}

/// Ids of direct chats by person. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct DirectChats(Arc<Mutex<BTreeMap<String, String>>>);

impl DirectChats {
    fn get(&self, person: &str) -> Option<String> {
        self.0.lock().expect("no holder of this lock panics").get(person).cloned()
    }

    fn put(&self, person: &str, chat: String) {
        let mut known = self.0.lock().expect("no holder of this lock panics");
        if known.len() >= DIRECT_CHATS_MAX {
            known.clear();
        }
        known.insert(person.to_owned(), chat);
    }
}

impl Account {
    /// The account as the log and `/ready` call it.
    pub fn name(&self) -> String {
        format!("{CHANNEL}/{}", self.id)
    }
}

/// Receives for one account until the gateway takes no more messages. `seed` spreads what many gateways would otherwise
/// do at one moment.
pub async fn receive<N: Net>(
    http: Http<N>,
    account: Account,
    (inbox, board): (Inbox, Arc<Board>),
    seed: u64,
) {
    let (name, api) = (account.name(), Api::new(http.clone(), &account));
    let mut spread = Spread(seed);
    let mut session: Option<Session> = None;
    let mut rooms = Rooms::default();
    let mut patience = Patience::default();
    loop {
        let connection = Connection {
            http: &http,
            api: &api,
            account: &account,
            name: &name,
            inbox: &inbox,
            board: &board,
            rooms: &mut rooms,
            spread: &mut spread,
        };
        let (end, reached) = connection.run(&mut session).await;
        let (why, least) = match end {
            End::Closing => return,
            End::Down(why) => {
                tracing::error!(account = name, why, "this account stops");
                return board.set(&name, State::Down(why));
            }
            End::Again { why, wait } => (why, wait),
        };
        let wait = least.max(patience.after(reached));
        if patience.failures >= RESUMES_MAX {
            session = None;
        }
        tracing::warn!(account = name, why, ?wait, "will connect again");
        board.set(&name, State::Retrying(why));
        tokio::select! {
            biased;
            () = inbox.closing() => return,
            () = tokio::time::sleep(wait) => (),
        }
    }
}

/// How long connections are waited for, by how the last ones ended.
#[derive(Debug, Default)]
struct Patience {
    /// How many ended in a row before a heartbeat was heard, since the platform last took us in again.
    failures: u32,
    /// Whether the last one was taken in and ended before a heartbeat was heard.
    was_hasty: bool,
}

impl Patience {
    /// The wait behind a connection that got this far. The first end after an outage is mended at once, since the platform asks
    /// for that when it moves us elsewhere; one after another without a heartbeat heard are not.
    fn after(&mut self, reached: Reached) -> Duration {
        match reached {
            Reached::Steady => self.failures = 0,
            Reached::Up if !self.was_hasty => self.failures = 0,
            Reached::Up | Reached::Nothing => (),
        }
        self.was_hasty = reached == Reached::Up;
        let wait = backoff(self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

fn backoff(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => {
            (BACKOFF_FIRST * 2_u32.pow(doublings.min(DOUBLINGS_MAX))).min(BACKOFF_MAX)
        }
    }
}

/// Moments between two bounds, the same for the same seed.
struct Spread(u64);

impl Spread {
    /// A part of `whole`, from nothing to all of it.
    fn part_of(&mut self, whole: Duration) -> Duration {
        // The steps of SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let per_mille = u32::try_from((mixed ^ (mixed >> 31)) % 1_000).expect("below 1,000");
        whole / 1_000 * per_mille
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
    address: &str,
    bytes_max: usize,
) -> Result<Picture, Unavailable> {
    Picture::fetched(Api::new(http, account).file(address, bytes_max).await, bytes_max)
}

/// Sends one piece. If the platform does not want its picture, the words are sent without it, and say so. `life` tells its
/// nonce from those of other lives of the gateway.
pub async fn send<N: Net>(
    http: Http<N>,
    account: &Account,
    (outgoing, picture): (&Outgoing, Option<&Picture>),
    life: u64,
) -> Sent {
    let api = Api::new(http, account);
    let sent = async {
        let route = &outgoing.route;
        let channel = match (route.peer.kind, &route.thread) {
            (PeerKind::Direct, _) => direct_chat(&api, account, route.peer.id.as_str()).await?,
            (_, Some(thread)) => Thread::id(thread).as_str().to_owned(),
            (_, None) => route.peer.id.as_str().to_owned(),
        };
        // At most 25 characters.
        let nonce = format!("{life:016x}{:09x}", outgoing.piece & 0xf_ffff_ffff);
        let sent = api.create_message(&channel, (outgoing, picture), &nonce).await;
        match sent {
            Err(failure) if picture.is_some() && is_refused_file(&failure) => {
                tracing::warn!(%failure, "the image was refused");
                let words = without_image(outgoing, &Unavailable::Refused);
                api.create_message(&channel, (&words, None), &nonce).await
            }
            sent => sent,
        }
    };
    failure::sent(sent.await, Failure::outcome)
}

async fn direct_chat<N: Net>(
    api: &Api<N>,
    account: &Account,
    person: &str,
) -> Result<String, Failure> {
    if let Some(known) = account.direct_chats.get(person) {
        return Ok(known);
    }
    let chat = api.create_direct_chat(person).await?;
    account.direct_chats.put(person, chat.clone());
    Ok(chat)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits behind these ends, in seconds, and whether a session would be left.
    fn check(ends: &[Reached], waits_s: &[u64], has_session: bool) {
        let mut patience = Patience::default();
        let waits: Vec<u64> = ends.iter().map(|it| patience.after(*it).as_secs()).collect();
        assert_eq!(waits, waits_s, "{ends:?}");
        assert_eq!(patience.failures < RESUMES_MAX, has_session, "{ends:?}");
    }

    #[test]
    fn the_first_end_is_mended_at_once_and_further_ones_wait_ever_longer() {
        check(&[Reached::Nothing; 9], &[0, 1, 2, 4, 8, 16, 32, 60, 60], false);
        check(&[Reached::Steady; 3], &[0, 0, 0], true);
        // Whoever takes us in only to send us away is no hotter a loop than whoever does not.
        check(&[Reached::Up; 9], &[0, 1, 2, 4, 8, 16, 32, 60, 60], false);
        assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
    }

    #[test]
    fn an_outage_that_is_over_is_forgotten_before_a_heartbeat_is_heard() {
        let mut ends = [Reached::Nothing; 9];
        ends[8] = Reached::Up;
        check(&ends, &[0, 1, 2, 4, 8, 16, 32, 60, 0], true);
    }

    #[test]
    fn a_part_is_within_the_whole_and_the_same_for_the_same_seed() {
        let whole = Duration::from_secs(40);
        let parts = |seed| {
            let mut spread = Spread(seed);
            (0..100).map(|_| spread.part_of(whole)).collect::<Vec<_>>()
        };
        assert!(parts(7).iter().all(|it| *it < whole));
        assert_eq!(parts(7), parts(7));
        assert_ne!(parts(7), parts(8));
    }
}
