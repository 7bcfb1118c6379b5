//! The last stage: answers leave in order, one at a time per route, in pieces that the channel takes.
//!
//! Source: contract, sections 4 and 5.

pub mod attached;
pub mod chunk;
pub mod silence;
pub mod stream;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    ids::{MessageId, SendId},
    media::Presented,
    origin::Route,
    time::{Millis, Timestamp},
};

/// How often one piece is tried before it is given up.
pub const ATTEMPTS_MAX: u32 = 8;

/// The wait after the first attempt that failed in passing; it doubles with each further one.
const BACKOFF_FIRST: Millis = Millis::from_s(1);

/// The longest wait between two attempts, also when a platform asks for more.
const BACKOFF_MAX: Millis = Millis::from_s(10 * 60);

/// How many pieces may wait on one route. The oldest is not dropped for a newer one: the newer is refused.
pub const PIECES_MAX: usize = 1_000;

/// The longest text that is an image's caption, in UTF-16 code units: what Telegram and WhatsApp take. A longer one follows
/// the image as messages of its own.
pub const CAPTION_UNITS_MAX: usize = 1_024;

/// What the shell shall send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Which send.
    pub send: SendId,
    /// Counts the pieces of one gateway's life, from 1: each attempt at a piece has the same.
    pub piece: u64,
    /// Where to.
    pub route: Route,
    /// The piece's text; beside an image its caption, which may be empty.
    pub text: String,
    /// The image that is shown. If it cannot be had, the text is sent and says so.
    pub image: Option<Presented>,
    /// The message that it quotes.
    pub reply_to: Option<MessageId>,
}

/// How a send ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The platform accepted it.
    Delivered,
    /// The platform asks to wait.
    RetryAfter(Millis),
    /// It failed in passing and was certainly not accepted, or the platform cannot be reached.
    Transient,
    /// The platform refused it for good.
    Permanent,
}

/// How a send ended, and what its platform said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What it means for the piece.
    pub outcome: SendOutcome,
    /// What the platform calls the message that it took, if it says so.
    pub message: Option<MessageId>,
    /// Why it did not take it, without a secret.
    pub why: Option<Arc<str>>,
}

impl Sent {
    /// The platform accepted it, and calls it so.
    pub const fn delivered(message: Option<MessageId>) -> Self {
        Self { outcome: SendOutcome::Delivered, message, why: None }
    }

    /// The platform did not, for this reason.
    pub fn failed(outcome: SendOutcome, why: &str) -> Self {
        Self { outcome, message: None, why: Some(why.into()) }
    }
}

impl From<SendOutcome> for Sent {
    fn from(outcome: SendOutcome) -> Self {
        Self { outcome, message: None, why: None }
    }
}

/// A piece that will never be visible, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// The platform refused it for good.
    Refused,
    /// [`ATTEMPTS_MAX`] attempts failed.
    AttemptsExhausted,
}

/// What waits to be sent, by route.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    routes: BTreeMap<Route, Queue>,
    flying: BTreeMap<SendId, Route>,
    sends: u64,
    pieces: u64,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    /// The first one flies if `flying` is set.
    pieces: VecDeque<Piece>,
    flying: bool,
    not_before: Timestamp,
}

#[derive(Clone, Debug)]
struct Piece {
    number: u64,
    text: String,
    image: Option<Presented>,
    reply_to: Option<MessageId>,
    /// The request whose text it is a piece of, if somebody waits to hear of it.
    asked: Option<MessageId>,
    attempts: u32,
}

/// What the end of a send means for its piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Where it was for.
    pub route: Route,
    /// Why it will never be visible, if so.
    pub given_up: Option<GivenUp>,
    /// The request that is over: its last piece was accepted, or one was given up and with it those behind it.
    pub ends: Option<MessageId>,
}

impl Outbox {
    /// Puts a text in line. False if the route's line is full.
    pub fn push(&mut self, route: &Route, text: String, reply_to: Option<MessageId>) -> bool {
        self.push_piece(route, (text, None), reply_to)
    }

    /// Puts the pieces of a text in line whose sender waits to hear of it. False, and none is, if the route's line has no
    /// room for all of them.
    pub fn push_asked(&mut self, route: &Route, pieces: Vec<String>, asked: &MessageId) -> bool {
        let waiting = self.routes.get(route).map_or(0, |it| it.pieces.len());
        if pieces.is_empty() || waiting + pieces.len() > PIECES_MAX {
            return false;
        }
        for text in pieces {
            self.push_piece(route, (text, None), None);
            let queue = self.routes.get_mut(route).expect("it was just pushed to");
            queue.pieces.back_mut().expect("it was just pushed").asked = Some(asked.clone());
        }
        true
    }

    /// Puts an image with its caption in line. False if the route's line is full.
    pub fn push_image(&mut self, route: &Route, caption: String, image: Presented) -> bool {
        self.push_piece(route, (caption, Some(image)), None)
    }

    fn push_piece(
        &mut self,
        route: &Route,
        (text, image): (String, Option<Presented>),
        reply_to: Option<MessageId>,
    ) -> bool {
        let queue = self.routes.entry(route.clone()).or_default();
        let room = queue.pieces.len() < PIECES_MAX;
        if room {
            self.pieces += 1;
            let number = self.pieces;
            let piece = Piece { number, text, image, reply_to, asked: None, attempts: 0 };
            queue.pieces.push_back(piece);
        }
        room
    }

    /// The next send on a route, if one may leave now.
    pub fn next(&mut self, now: Timestamp, route: &Route) -> Option<Outgoing> {
        let queue = self.routes.get_mut(route)?;
        if queue.flying || now < queue.not_before {
            return None;
        }
        let Some(piece) = queue.pieces.front_mut() else {
            self.routes.remove(route);
            return None;
        };
        self.sends += 1;
        let send = SendId(self.sends);
        queue.flying = true;
        piece.attempts += 1;
        let Piece { number, text, image, reply_to, asked: _, attempts: _ } = piece.clone();
        self.flying.insert(send, route.clone());
        Some(Outgoing { send, piece: number, route: route.clone(), text, image, reply_to })
    }

    /// When [`Outbox::next`] may have something for the route again, if that depends on time alone.
    pub fn next_deadline(&self, route: &Route) -> Option<Timestamp> {
        self.routes
            .get(route)
            .filter(|it| !it.flying && !it.pieces.is_empty())
            .map(|it| it.not_before)
    }

    /// Takes a send's outcome in.
    pub fn ended(&mut self, now: Timestamp, send: SendId, outcome: SendOutcome) -> Option<Settled> {
        let route = self.flying.remove(&send)?;
        let queue = self.routes.get_mut(&route).expect("a flying piece keeps its queue");
        queue.flying = false;
        let attempts = queue.pieces.front().expect("a flying piece is its queue's first").attempts;
        let wait = match outcome {
            SendOutcome::Delivered | SendOutcome::Permanent => None,
            SendOutcome::RetryAfter(wait) => Some(wait.min(BACKOFF_MAX)),
            SendOutcome::Transient => Some(backoff(attempts)),
        };
        let given_up = match (outcome, wait) {
            (SendOutcome::Permanent, _) => Some(GivenUp::Refused),
            (_, Some(_)) if attempts >= ATTEMPTS_MAX => Some(GivenUp::AttemptsExhausted),
            (_, Some(wait)) => {
                queue.not_before = now + wait;
                return Some(Settled { route, given_up: None, ends: None });
            }
            (_, None) => None,
        };
        let asked = queue.pieces.pop_front().and_then(|it| it.asked);
        let is_next = |it: &VecDeque<Piece>| it.front().is_some_and(|it| it.asked == asked);
        // Nobody wants the end of a text whose beginning is not there.
        while asked.is_some() && given_up.is_some() && is_next(&queue.pieces) {
            queue.pieces.pop_front();
        }
        let ends = asked.clone().filter(|_| !is_next(&queue.pieces));
        Some(Settled { route, given_up, ends })
    }

    /// How many pieces wait or fly.
    pub fn depth(&self) -> usize {
        self.routes.values().map(|it| it.pieces.len()).sum()
    }
}

fn backoff(attempts: u32) -> Millis {
    let doubled = BACKOFF_FIRST.as_ms() << (attempts - 1).min(20);
    Millis::new(doubled).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dm;

    /// Plays `<ms> next | <ms> <outcome>` into one route's queue of pieces `a`, `b`, and shows what leaves and why
    /// anything is given up.
    fn check(script: &str, expected: &str) {
        let route = dm("3001").route;
        let mut outbox = Outbox::default();
        assert!(outbox.push(&route, "a".into(), None));
        assert!(outbox.push(&route, "b".into(), None));
        let mut log = Vec::new();
        for line in script.split('|').map(str::trim) {
            let (ms, event) = line.split_once(' ').unwrap();
            let now = Timestamp::from_ms(ms.parse().unwrap());
            let outcome = match event {
                "next" => {
                    let sent = outbox.next(now, &route).map_or("-".to_owned(), |it| it.text);
                    log.push(sent);
                    continue;
                }
                "ok" => SendOutcome::Delivered,
                "wait" => SendOutcome::RetryAfter(Millis::from_s(2)),
                "fail" => SendOutcome::Transient,
                other => {
                    assert_eq!(other, "refused");
                    SendOutcome::Permanent
                }
            };
            let ended = outbox.ended(now, SendId(outbox.sends), outcome);
            if let Some(Settled { given_up: Some(why), .. }) = ended {
                log.push(format!("{why:?}"));
            }
        }
        assert_eq!(log.join(" "), expected);
    }

    #[test]
    fn one_piece_flies_at_a_time_in_order() {
        check("0 next | 0 next | 5 ok | 5 next | 6 ok | 6 next", "a - b -");
    }

    #[test]
    fn a_wait_that_the_platform_asks_for_is_kept_to_the_millisecond() {
        check("0 next | 0 wait | 1999 next | 2000 next | 2000 ok | 2000 next", "a - a b");
    }

    #[test]
    fn a_piece_that_fails_in_passing_is_tried_again_with_doubling_waits() {
        check("0 next | 0 fail | 1000 next | 1000 fail | 2999 next | 3000 next", "a a - a");
    }

    #[test]
    fn a_refused_piece_does_not_hold_up_the_next() {
        check("0 next | 1 refused | 1 next", "a Refused b");
    }

    #[test]
    fn a_text_that_was_asked_for_ends_with_its_last_piece_or_the_first_that_is_given_up() {
        let route = dm("3001").route;
        let name = MessageId::new("r").unwrap();
        let end = |outcomes: &[SendOutcome]| {
            let mut outbox = Outbox::default();
            let pieces = vec!["a".to_owned(), "b".to_owned()];
            assert!(outbox.push_asked(&route, pieces, &name));
            assert!(outbox.push(&route, "other".into(), None));
            let mut ends = Vec::new();
            for outcome in outcomes {
                let sent = outbox.next(Timestamp::from_ms(0), &route).expect("something waits");
                let settled = outbox.ended(Timestamp::from_ms(0), sent.send, *outcome).unwrap();
                ends.push(settled.ends.is_some());
            }
            (ends, outbox.next(Timestamp::from_ms(0), &route).map(|it| it.text))
        };
        let (delivered, refused) = (SendOutcome::Delivered, SendOutcome::Permanent);
        let other = Some("other".to_owned());
        assert_eq!(end(&[delivered, delivered]), (vec![false, true], other.clone()));
        assert_eq!(end(&[delivered, refused]), (vec![false, true], other.clone()));
        assert_eq!(end(&[refused]), (vec![true], other));
    }

    #[test]
    fn a_text_that_was_asked_for_is_taken_whole_or_not_at_all() {
        let (route, mut outbox) = (dm("3001").route, Outbox::default());
        let name = MessageId::new("r").unwrap();
        for _ in 1..PIECES_MAX {
            assert!(outbox.push(&route, "x".into(), None));
        }
        assert!(!outbox.push_asked(&route, vec!["a".into(), "b".into()], &name));
        assert_eq!(outbox.depth(), PIECES_MAX - 1);
        assert!(outbox.push_asked(&route, vec!["a".into()], &name));
    }

    #[test]
    fn attempts_end() {
        let tries = "0 next | 0 wait | 2000 next | 2000 wait | 4000 next | 4000 wait | 6000 next | 6000 wait | \
                     8000 next | 8000 wait | 10000 next | 10000 wait | 12000 next | 12000 wait | 14000 next | \
                     14000 wait | 14000 next";
        check(tries, "a a a a a a a a AttemptsExhausted b");
    }
}
