//! One connection to the Gateway, from `HELLO` to its end, and what it leaves for the next.
//!
//! ```text
//!   connect ──▶ HELLO ──▶ IDENTIFY ──▶ READY ───▶ events ──▶ broken, closed, RECONNECT, no heartbeat heard
//!                    └──▶ RESUME ────▶ RESUMED ─▶            └──▶ the session is kept: RESUME next
//!                              └─▶ INVALID_SESSION, 4007, 4009 ──▶ the session is gone: IDENTIFY next
//!                                   4004, 4010 to 4014 ──────────▶ down, for good
//! ```

use std::{pin::Pin, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{Sleep, sleep, timeout};

use super::{
    Account, Spread,
    api::Api,
    frame::{self, Frame, Me, Ready},
    message::{self, Message},
    rooms::Rooms,
};
use crate::{
    channels::{Board, State, failure::Failure},
    driver::Inbox,
    http::Http,
    net::Net,
    websocket::{Close, Limits, Received, WebSocket},
};

/// How long the platform may take to say `HELLO`.
const HELLO_WITHIN: Duration = Duration::from_secs(20);

/// The shortest time between two heartbeats that we obey.
const HEARTBEAT_MIN: Duration = Duration::from_secs(1);

/// How long a late answer to a heartbeat is looked for in what came already.
const LATE_MAX: Duration = Duration::from_secs(1);

/// How long an event may wait until its channel is known: heartbeats wait as long.
const ROOM_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait before one logs in again, at the least, when the session is gone; as much again by chance.
const NEW_SESSION_WAIT: Duration = Duration::from_secs(1);

/// The longest wait that the platform may ask for before one logs in, one day.
const LOGIN_WAIT_MAX: Duration = Duration::from_hours(24);

/// A code of ours that leaves the session alive: any but 1000 and 1001.
const CLOSE_AND_KEEP: u16 = 4_000;

/// The normal end, which logs the bot off.
const CLOSE_AND_LEAVE: u16 = 1_000;

/// What can be taken up again on another connection.
#[derive(Debug)]
pub(super) struct Session {
    me: Me,
    id: String,
    /// Where it is taken up.
    address: String,
    /// The last event that is done with.
    seq: u64,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The gateway takes no more messages.
    Closing,
    /// No further attempt would help, for this reason.
    Down(String),
    /// Connect again after this time at the least.
    Again { why: String, wait: Duration },
}

/// How far a connection got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// It ended before the platform took us in.
    Nothing,
    /// Until READY or RESUMED.
    Up,
    /// Until a heartbeat was heard after that.
    Steady,
}

/// What a connection stands on.
pub(super) struct Connection<'a, N: Net> {
    pub(super) http: &'a Http<N>,
    pub(super) api: &'a Api<N>,
    pub(super) account: &'a Account,
    pub(super) name: &'a str,
    pub(super) inbox: &'a Inbox,
    pub(super) board: &'a Arc<Board>,
    pub(super) rooms: &'a mut Rooms,
    pub(super) spread: &'a mut Spread,
}

/// When to send a heartbeat, and what came of the last one.
struct Heart {
    interval: Duration,
    next: Pin<Box<Sleep>>,
    last: Beat,
    reached: Reached,
}

/// A heartbeat of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    Sent,
    Heard,
    /// Its answer is late, and looked for in what came and was not read yet.
    Late,
}

impl Heart {
    fn hear(&mut self) {
        if self.last == Beat::Late {
            // The next one has been due since the answer was looked for.
            self.next = Box::pin(sleep(Duration::ZERO));
        }
        self.last = Beat::Heard;
        if self.reached == Reached::Up {
            self.reached = Reached::Steady;
        }
    }
}

fn again(why: impl Into<String>) -> End {
    End::Again { why: why.into(), wait: Duration::ZERO }
}

fn asked_to_wait(wait: Duration) -> End {
    End::Again { why: "the platform asks to wait".to_owned(), wait: wait.min(LOGIN_WAIT_MAX) }
}

impl<N: Net> Connection<'_, N> {
    /// Connects and receives until the end; also how far it got.
    pub(super) async fn run(mut self, session: &mut Option<Session>) -> (End, Reached) {
        let inbox = self.inbox.clone();
        let opened = tokio::select! {
            biased;
            () = inbox.closing() => return (End::Closing, Reached::Nothing),
            opened = self.open(session.as_ref()) => opened,
        };
        let (mut socket, mut heart) = match opened {
            Ok(opened) => opened,
            Err(end) => return (end, Reached::Nothing),
        };
        let end = self.listen(&mut socket, &mut heart, session).await;
        let code = match (&end, &session) {
            (End::Closing, _) => CLOSE_AND_LEAVE,
            _ => CLOSE_AND_KEEP,
        };
        socket.close(code).await;
        (end, heart.reached)
    }

    /// Connects, hears `HELLO` and says who we are.
    async fn open(&mut self, session: Option<&Session>) -> Result<(WebSocket<N>, Heart), End> {
        let address = match session {
            Some(session) => session.address.clone(),
            None => self.address().await?,
        };
        let query = format!("{}/?v=10&encoding=json", address.trim_end_matches('/'));
        let connected = WebSocket::connect(self.http, &query, Limits::default()).await;
        let mut socket = connected.map_err(|it| again(it.to_string()))?;
        let hello = timeout(HELLO_WITHIN, socket.receive()).await;
        let interval = match hello {
            Ok(Ok(Received::Text(text))) => match frame::read(&text) {
                Some(Frame::Hello { interval_ms }) => Duration::from_millis(interval_ms),
                _ => return Err(again("the first frame was not HELLO")),
            },
            Ok(Ok(Received::Closed(close))) => return Err(closed(close, &mut None)),
            Ok(Err(error)) => return Err(again(error.to_string())),
            Err(_) => return Err(again(format!("no HELLO within {HELLO_WITHIN:?}"))),
        };
        let interval = interval.max(HEARTBEAT_MIN);
        let token = self.account.token.expose();
        let who = match session {
            Some(Session { id, seq, .. }) => frame::resume(token, id, *seq),
            None => frame::identify(token),
        };
        socket.send(who).await.map_err(|it| again(it.to_string()))?;
        // The first heartbeat comes at a moment of its own, so that not all of a platform's bots send theirs at once.
        let next = Box::pin(sleep(self.spread.part_of(interval)));
        Ok((socket, Heart { interval, next, last: Beat::Heard, reached: Reached::Nothing }))
    }

    /// Where the Gateway is.
    async fn address(&self) -> Result<String, End> {
        match self.api.gateway().await {
            Ok(gateway) => match gateway.session_start_limit {
                Some(limit) if limit.remaining == 0 => {
                    let wait = Duration::from_millis(limit.reset_after).min(LOGIN_WAIT_MAX);
                    Err(End::Again { why: "no login is left for now".to_owned(), wait })
                }
                _ => Ok(gateway.url),
            },
            Err(Failure::Refused { status: 401 | 403, description }) => {
                Err(End::Down(format!("the platform refused the token: {description}")))
            }
            Err(Failure::RetryAfter(wait)) => Err(asked_to_wait(wait)),
            Err(failure) => Err(again(failure.to_string())),
        }
    }

    async fn listen(
        &mut self,
        socket: &mut WebSocket<N>,
        heart: &mut Heart,
        session: &mut Option<Session>,
    ) -> End {
        loop {
            let received = tokio::select! {
                biased;
                () = self.inbox.closing() => return End::Closing,
                () = heart.next.as_mut() => {
                    // Nobody may be at the other end although nothing is broken.
                    match heart.last {
                        Beat::Heard => heart.last = Beat::Sent,
                        // An event may have held us up in front of it.
                        Beat::Sent => {
                            heart.last = Beat::Late;
                            heart.next = Box::pin(sleep(LATE_MAX));
                            continue;
                        }
                        Beat::Late => return again("no heartbeat was answered"),
                    }
                    heart.next = Box::pin(sleep(heart.interval));
                    let beat = frame::heartbeat(session.as_ref().map(|it| it.seq));
                    match socket.send(beat).await {
                        Ok(()) => continue,
                        Err(error) => return again(error.to_string()),
                    }
                }
                received = socket.receive() => received,
            };
            let text = match received {
                Ok(Received::Text(text)) => text,
                Ok(Received::Closed(close)) => return closed(close, session),
                Err(error) => return again(error.to_string()),
            };
            match frame::read(&text) {
                Some(Frame::Event { seq, name, what }) => {
                    match self.take((seq, &name, what), session).await {
                        Ok(true) => heart.reached = Reached::Up,
                        Ok(false) => (),
                        Err(end) => return end,
                    }
                }
                Some(Frame::WantsHeartbeat) => {
                    let beat = frame::heartbeat(session.as_ref().map(|it| it.seq));
                    if let Err(error) = socket.send(beat).await {
                        return again(error.to_string());
                    }
                }
                Some(Frame::HeartbeatHeard) => heart.hear(),
                Some(Frame::Reconnect) => return again("the platform asks to connect again"),
                Some(Frame::InvalidSession { resumable }) => {
                    if !resumable {
                        *session = None;
                    }
                    let wait = NEW_SESSION_WAIT + self.spread.part_of(NEW_SESSION_WAIT);
                    return End::Again { why: "the session is not valid".to_owned(), wait };
                }
                Some(Frame::Hello { .. } | Frame::Other(_)) => (),
                None => tracing::warn!(account = self.name, "a frame is not understood"),
            }
        }
    }

    /// Takes an event in, and says whether it takes us in. It counts as received only when the core has it.
    async fn take(
        &mut self,
        (seq, name, what): (u64, &str, Value),
        session: &mut Option<Session>,
    ) -> Result<bool, End> {
        let up = match name {
            "READY" => {
                let ready: Ready =
                    serde_json::from_value(what).map_err(|_| again("READY is not understood"))?;
                let Ready { user, session_id, resume_gateway_url } = ready;
                tracing::info!(account = self.name, bot = user.username, "receiving");
                *session =
                    Some(Session { me: user, id: session_id, address: resume_gateway_url, seq });
                true
            }
            "RESUMED" => {
                tracing::info!(account = self.name, "receiving again");
                true
            }
            "MESSAGE_CREATE" => {
                if let Some(me) = session.as_ref().map(|it| it.me.clone()) {
                    self.adopt(what, &me).await?;
                }
                false
            }
            other => {
                self.rooms.learn(other, &what);
                false
            }
        };
        if let Some(session) = session {
            session.seq = seq;
        }
        if up {
            self.board.set(self.name, State::Up);
        }
        Ok(up)
    }

    async fn parent(&mut self, channel: &str) -> Result<Option<String>, Failure> {
        let late = || Failure::Ambiguous(format!("no answer about a channel in {ROOM_WITHIN:?}"));
        let asked = timeout(ROOM_WITHIN, self.rooms.parent(self.api, channel)).await;
        asked.unwrap_or_else(|_| Err(late()))
    }

    async fn adopt(&mut self, what: Value, me: &Me) -> Result<(), End> {
        let Ok(message) = serde_json::from_value::<Message>(what) else {
            // Without the error, which would quote the message's words.
            tracing::warn!(account = self.name, "this message is not understood and skipped");
            return Ok(());
        };
        if !message.is_a_persons(me) {
            return Ok(());
        }
        let parent = match message.guild_id {
            None => None,
            Some(_) => match self.parent(&message.channel_id).await {
                Ok(parent) => parent,
                // Who may speak depends on it, so it is not guessed.
                Err(Failure::Refused { status: 400..=499, description }) => {
                    tracing::warn!(
                        account = self.name,
                        description,
                        "a message's channel is not known"
                    );
                    return Ok(());
                }
                // The event is not done with: it is played again.
                Err(Failure::RetryAfter(wait)) => return Err(asked_to_wait(wait)),
                Err(failure) => return Err(again(failure.to_string())),
            },
        };
        let Some(inbound) = message::inbound(message, parent, &self.account.id, me) else {
            return Ok(());
        };
        if self.inbox.adopt(inbound).await { Ok(()) } else { Err(End::Closing) }
    }
}

/// What to do after the platform closed the connection.
fn closed(close: Option<Close>, session: &mut Option<Session>) -> End {
    let Some(Close { code, reason }) = close else { return again("the connection was closed") };
    let why = format!("the platform closed the connection with {code} `{reason}`");
    match code {
        4_004 | 4_010..=4_014 => End::Down(why),
        1_000 | 1_001 | 4_003 | 4_007 | 4_009 => {
            *session = None;
            again(why)
        }
        _ => again(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How we go on after a close with this code: `down`, `resume` or `identify`.
    fn check(code: Option<u16>) -> &'static str {
        let me = Me { id: "99".into(), username: "creel".into() };
        let mut session = Some(Session { me, id: "s".into(), address: "ws://x".into(), seq: 3 });
        let close = code.map(|code| Close { code, reason: "why".into() });
        match (closed(close, &mut session), session) {
            (End::Down(_), _) => "down",
            (End::Again { .. }, Some(_)) => "resume",
            (End::Again { .. } | End::Closing, _) => "identify",
        }
    }

    #[test]
    fn close_codes_say_how_to_go_on() {
        for code in [4_004, 4_010, 4_011, 4_012, 4_013, 4_014] {
            assert_eq!(check(Some(code)), "down", "{code}");
        }
        for code in [1_000, 1_001, 4_003, 4_007, 4_009] {
            assert_eq!(check(Some(code)), "identify", "{code}");
        }
        for code in [1_006, 4_000, 4_001, 4_002, 4_005, 4_008] {
            assert_eq!(check(Some(code)), "resume", "{code}");
        }
        assert_eq!(check(None), "resume");
    }
}
