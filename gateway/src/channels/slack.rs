//! Slack: Socket Mode or the Events API in, `chat.postMessage` out.
//!
//! An envelope is acknowledged, and a call of the Events API answered with 200, only after the gateway adopted its
//! message; Slack delivers it again otherwise. One message that mentions the bot comes twice, as `message` and as
//! `app_mention`, in either order: both have one time stamp, which is the message's id, so the second is known. Sends
//! are at least once: Slack has no key that would let an ambiguous send be repeated safely.

mod api;
mod event;
mod events_api;
mod files;
mod markup;
mod memory;
mod socket;

use std::{sync::Arc, time::Duration};

use creel_core::{
    egress::{Outgoing, SendOutcome, Sent},
    ids::{AccountId, MessageId},
    origin::PeerKind,
};

pub use self::memory::Memory;
use self::{
    api::{Api, is_final, is_passing},
    files::is_refused_file,
    socket::Refreshes,
};
use crate::{
    channels::{
        Board, State,
        failure::{self, Failure},
        push,
    },
    driver::Inbox,
    http::Http,
    media::{Picture, Unavailable, without_image},
    net::Net,
    secret::Secret,
};

/// The name of the channel in configuration, bindings and session keys.
pub const CHANNEL: &str = "slack";

/// The path of the gateway's port for an account that the configuration gives none.
pub const WEBHOOK_PATH: &str = "/slack/events";

/// The longest text whose every character may have to be escaped: a message has at most 40,000 characters.
pub const TEXT_CHARS_MAX: u32 = 40_000 / markup::GROWTH_MAX;

/// The wait after the first call that failed; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest wait between two calls that fail.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// The longest wait that Slack may ask for before it is called again, one day.
const ASKED_WAIT_MAX: Duration = Duration::from_hours(24);

/// How often a wait is doubled at the most; [`BACKOFF_MAX`] is reached earlier.
const DOUBLINGS_MAX: u32 = 10;

/// One app in one workspace.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name in the configuration.
    pub id: AccountId,
    /// The token of its bot.
    pub bot_token: Secret,
    /// How messages come in.
    pub mode: Mode,
    /// Where the Web API is, without a slash at the end.
    pub api_root: String,
    /// Which conversations of several people it takes part in.
    pub group_dms: GroupDms,
    /// What it learned since it started.
    pub memory: Memory,
    /// The largest image that it takes, either way, in bytes.
    pub media_bytes_max: usize,
}

/// How messages come in.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Over a connection that we open.
    Socket {
        /// The token of the app.
        app_token: Secret,
    },
    /// By calls of the gateway's own port.
    Http {
        /// What Slack signs its calls with.
        signing_secret: Secret,
        /// Where it calls.
        path: String,
    },
}

/// `dm.groupEnabled` and `dm.groupChannels`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupDms {
    /// None.
    Disabled,
    /// All.
    All,
    /// These.
    Listed(Vec<String>),
}

impl GroupDms {
    fn admit(&self, channel: &str) -> bool {
        match self {
            Self::Disabled => false,
            Self::All => true,
            Self::Listed(ids) => ids.iter().any(|it| it == "*" || it == channel),
        }
    }
}

impl Account {
    /// The account as the log and `/ready` call it.
    pub fn name(&self) -> String {
        format!("{CHANNEL}/{}", self.id)
    }

    /// The path of the gateway's port on which Slack calls, if it does.
    pub fn path(&self) -> Option<&str> {
        match &self.mode {
            Mode::Socket { .. } => None,
            Mode::Http { path, .. } => Some(path),
        }
    }

    /// What it adds to the gateway's port.
    pub fn door<N: Net>(&self, ground: push::Ground<N>) -> Option<push::Door> {
        match &self.mode {
            Mode::Socket { .. } => None,
            Mode::Http { signing_secret, path } => {
                Some(events_api::door(self.clone(), signing_secret.clone(), path, ground))
            }
        }
    }
}

/// Receives for one account until the gateway takes no more messages.
pub async fn receive<N: Net>(http: Http<N>, account: Account, inbox: Inbox, board: Arc<Board>) {
    account.memory.forget();
    let mut patience = Patience {
        name: account.name(),
        board,
        inbox,
        failures: 0,
        refreshes: Refreshes::default(),
    };
    let api = Api::new(http.clone(), &account);
    loop {
        let Some(met) = patience.unless_closing(api.auth_test()).await else { return };
        match met {
            Ok(me) => {
                tracing::info!(account = patience.name, bot = me.user_id, "receiving");
                account.memory.meet(me);
                break;
            }
            Err(failure) if patience.pause(&failure).await => (),
            Err(_) => return,
        }
    }
    patience.failures = 0;
    match &account.mode {
        Mode::Http { .. } => {
            patience.up();
            patience.inbox.closing().await;
        }
        Mode::Socket { app_token } => {
            socket::receive(http, &account, app_token, patience).await;
        }
    }
}

/// How an account waits for its platform, and tells of it.
struct Patience {
    name: String,
    board: Arc<Board>,
    inbox: Inbox,
    /// How many calls failed in a row.
    failures: u32,
    refreshes: Refreshes,
}

impl Patience {
    fn up(&mut self) {
        if !self.refreshes.was_hasty() {
            self.failures = 0;
        }
        self.board.set(&self.name, State::Up);
    }

    /// What comes of `work`, unless the gateway takes no more messages first.
    async fn unless_closing<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.inbox.closing() => None,
            done = work => Some(done),
        }
    }

    fn wait(&mut self, failure: &Failure) -> Duration {
        let doublings = self.failures.min(DOUBLINGS_MAX);
        self.failures = self.failures.saturating_add(1);
        match failure {
            Failure::RetryAfter(wait) => (*wait).min(ASKED_WAIT_MAX),
            Failure::Refused { .. }
            | Failure::NotThePlatform { .. }
            | Failure::Unreached(_)
            | Failure::Ambiguous(_)
            | Failure::PictureLost(_) => (BACKOFF_FIRST * 2_u32.pow(doublings)).min(BACKOFF_MAX),
        }
    }

    /// Waits before the next attempt; false when there will be none.
    async fn pause(&mut self, failure: &Failure) -> bool {
        if is_final(failure) {
            tracing::error!(account = self.name, %failure, "this account stops");
            self.board.set(&self.name, State::Down(format!("the platform refused: {failure}")));
            return false;
        }
        let wait = self.wait(failure);
        tracing::warn!(account = self.name, %failure, ?wait, "will try again");
        self.board.set(&self.name, State::Retrying(failure.to_string()));
        self.unless_closing(tokio::time::sleep(wait)).await.is_some()
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

/// Sends one piece. If the platform does not want its picture, the words are sent without it, and say so.
pub async fn send<N: Net>(
    http: Http<N>,
    account: &Account,
    outgoing: &Outgoing,
    picture: Option<&Picture>,
) -> Sent {
    let api = Api::new(http, account);
    let mut sent = post(&api, account, outgoing, picture).await;
    if let (Some(_), Err(failure)) = (picture, &sent)
        && is_refused_file(failure)
    {
        tracing::warn!(%failure, "the image was refused");
        let words = without_image(outgoing, &Unavailable::Refused);
        sent = post(&api, account, &words, None).await;
    }
    failure::sent(sent, outcome)
}

/// What a send that failed means for the piece.
fn outcome(failure: &Failure) -> SendOutcome {
    if is_passing(failure) { SendOutcome::Transient } else { failure.outcome() }
}

async fn post<N: Net>(
    api: &Api<N>,
    account: &Account,
    outgoing: &Outgoing,
    picture: Option<&Picture>,
) -> Result<Option<MessageId>, Failure> {
    let Outgoing { route, text, .. } = outgoing;
    let peer = route.peer.id.as_str();
    let channel = match route.peer.kind {
        PeerKind::Group | PeerKind::Channel => peer.to_owned(),
        // Sessions and bindings know a direct chat by the person; Slack wants the conversation with her.
        PeerKind::Direct => {
            if let Some(channel) = account.memory.conversation_with(peer) {
                channel
            } else {
                let channel = api.open_conversation(peer).await?;
                account.memory.talk(peer, &channel);
                channel
            }
        }
    };
    let thread = route.thread.as_ref().map(|it| it.id().as_str());
    let text = markup::mrkdwn(text);
    let message = match picture {
        Some(picture) => api.post_picture(&channel, thread, (&text, picture)).await?,
        None => api.post_message(&channel, thread, &text).await?,
    };
    if let Some(thread) = thread {
        account.memory.take_part(&channel, thread);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Failure {
        Failure::Refused { status: 200, description: code.to_owned() }
    }

    #[test]
    fn refusals_tell_whether_to_try_again() {
        for code in ["ratelimited", "internal_error"] {
            assert_eq!(outcome(&refused(code)), SendOutcome::Transient, "{code}");
        }
        for code in ["channel_not_found", "is_archived", "invalid_auth"] {
            assert_eq!(outcome(&refused(code)), SendOutcome::Permanent, "{code}");
        }
        // A page of a network that wants a log-in first is as good as no answer.
        assert_eq!(outcome(&Failure::NotThePlatform { status: 200 }), SendOutcome::Transient);
    }

    #[test]
    fn an_account_stops_where_its_tokens_are_no_good_and_waits_where_they_are() {
        let is_final = |code: &str| is_final(&refused(code));
        assert!(is_final("invalid_auth") && is_final("token_revoked"));
        assert!(!is_final("internal_error") && !is_final("link_disabled"));
        assert!(!super::is_final(&Failure::RetryAfter(Duration::ZERO)));
    }

    #[test]
    fn a_picture_that_does_not_arrive_leaves_its_words() {
        assert!(is_refused_file(&Failure::PictureLost(String::new())));
        assert!(is_refused_file(&refused("file_type_not_allowed")));
        assert!(!is_refused_file(&refused("invalid_auth")));
        assert!(!is_refused_file(&Failure::Ambiguous(String::new())));
    }

    #[test]
    fn conversations_of_several_people_are_listened_to_as_configured() {
        let listed = GroupDms::Listed(vec!["G1".to_owned()]);
        assert!(listed.admit("G1") && !listed.admit("G2"));
        assert!(GroupDms::Listed(vec!["*".to_owned()]).admit("G2"));
        assert!(GroupDms::All.admit("G2") && !GroupDms::Disabled.admit("G1"));
    }

    #[test]
    fn a_gateway_that_starts_remembers_nothing() {
        let memory = Memory::default();
        memory.talk("U1", "D1");
        memory.learn_kind("C1", PeerKind::Channel);
        memory.take_part("C1", "1.0");
        assert_eq!(memory.conversation_with("U1").as_deref(), Some("D1"));
        assert_eq!(memory.kind_of("C1"), Some(PeerKind::Channel));
        assert!(memory.takes_part("C1", "1.0") && !memory.takes_part("C2", "1.0"));
        memory.forget();
        assert_eq!((memory.conversation_with("U1"), memory.kind_of("C1")), (None, None));
        assert!(!memory.takes_part("C1", "1.0"));
    }
}
