//! Approvals: calls that wait until somebody decides on them.
//!
//! ```text
//!             decided
//!   Pending ───────────▶ Past: what was decided, for as long as it is remembered
//!      ├── nobody did in time ──▶ Past
//!      ├── nobody may who is there ──▶ Past
//!      └── whatever asked is over ──▶ Past
//! ```
//!
//! The first decision stands. Whatever is not a decision that was offered lets nothing run.
//!
//! Source: contract, section 9; OpenClaw's `tools/exec-approvals` and `plugins/plugin-permission-requests`.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    ids::{self, AgentId, ApprovalId, RunId},
    origin::Route,
    profile::Version,
    session_key::SessionKey,
    time::{Millis, Timestamp, WallTime},
    tools::{ServerName, Ticket, ToolName},
};

/// How long a call of a tool waits for a decision.
pub const CALL_WAITS: Millis = Millis::from_s(120);

/// The longest that an approval may wait: a day.
pub const WAIT_MAX: Millis = Millis::from_s(86_400);

/// How many approvals may wait for a decision.
pub const PENDING_MAX: usize = 200;

/// How many that are over are remembered.
pub const REMEMBERED_MAX: usize = 1_000;

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// This call runs.
    AllowOnce,
    /// This call runs, and those like it from now on.
    AllowAlways,
    /// It does not run.
    Deny,
}

impl Decision {
    /// Every decision, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::AllowOnce, Self::AllowAlways, Self::Deny];

    /// The decision of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow-once",
            Self::AllowAlways => "allow-always",
            Self::Deny => "deny",
        }
    }
}

/// What an agent was allowed for good: a server's tool, by the server's own name for it, with any arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Which agent.
    pub agent: AgentId,
    /// Which server.
    pub server: ServerName,
    /// Which of its tools.
    pub tool: Arc<str>,
}

/// What waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// For which agent, if it is known.
    pub agent: Option<AgentId>,
    /// In which session, if it is known.
    pub session: Option<SessionKey>,
    /// What is asked for.
    pub subject: Subject,
    /// What may be decided.
    pub offers: Vec<Decision>,
    /// When it was asked for.
    pub created: WallTime,
    /// When it is too late.
    pub expires: WallTime,
    /// The chat in which those who asked see it, and may decide.
    pub chat: Option<Route>,
    /// How many who may decide have to be told of it, if no chat is.
    pub hearers_min: usize,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A model wants a server's tool to run.
    Call(Call),
    /// A client wants to know whether something may happen: its own words for it, which are nothing to us.
    Foreign(Arc<str>),
}

/// A call that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which one.
    pub ticket: Ticket,
    /// The model's number for it.
    pub id: Arc<str>,
    /// The tool, as the model knows it.
    pub name: ToolName,
    /// Whose tool.
    pub server: ServerName,
    /// The tool, as its server calls it.
    pub tool: Arc<str>,
    /// The arguments, as the model wrote them.
    pub arguments: Arc<str>,
}

/// An approval is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub approval: Approval,
    /// How.
    pub how: Verdict,
}

/// How an approval ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody decided.
    Decided {
        /// What.
        decision: Decision,
        /// Who.
        by: Arc<str>,
    },
    /// Nobody did in time.
    Expired,
    /// Nobody is there who may.
    Unheard,
    /// What asked for it is over.
    Withdrawn,
}

impl Verdict {
    /// What was decided, if anything.
    pub const fn decision(&self) -> Option<Decision> {
        match self {
            Self::Decided { decision, .. } => Some(*decision),
            Self::Expired | Self::Unheard | Self::Withdrawn => None,
        }
    }
}

/// Why a decision is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// There is no such approval, or not any more. OpenClaw's clients look for these words.
    #[error("unknown or expired approval id")]
    Unknown,
    /// The beginning of an id is that of several.
    #[error("several approvals begin so: expected the whole id")]
    Ambiguous,
    /// Somebody was first.
    #[error("somebody decided before: `{}`", .decision.name())]
    Already {
        /// What was decided.
        decision: Decision,
    },
    /// It cannot be decided so.
    #[error("`{}` is not offered for this approval", .0.name())]
    NotOffered(Decision),
}

/// Why an approval is not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Another one has this id.
    #[error("found the `id` of another approval, expected a new one or none")]
    Taken,
    /// Too many wait.
    #[error("{PENDING_MAX} approvals wait for a decision already")]
    TooMany,
    /// Nothing is decided any more.
    #[error("the gateway is ending")]
    Closed,
}

/// An approval that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its name.
    pub id: ApprovalId,
    /// When it was asked for.
    pub created: WallTime,
    /// When it would have been too late.
    pub expires: WallTime,
    /// What was decided, if anything.
    pub decision: Option<Decision>,
    ended: Timestamp,
}

/// The approvals that wait, and those that ended lately.
#[derive(Clone, Debug)]
pub struct Approvals {
    seed: u64,
    made: u64,
    remembered_for: Millis,
    is_closed: bool,
    /// Oldest first.
    pending: Vec<Approval>,
    /// The same.
    past: VecDeque<Past>,
}

impl Approvals {
    /// None yet. `seed` decides the ids.
    pub fn new(seed: u64, version: Version) -> Self {
        let remembered_for = match version {
            Version::V2026_3 => Millis::from_s(15),
            Version::V2026_9 => Millis::from_s(3_600),
        };
        let (pending, past) = (Vec::new(), VecDeque::new());
        Self { seed, made: 0, remembered_for, is_closed: false, pending, past }
    }

    /// Takes nothing more in.
    pub const fn close(&mut self) {
        self.is_closed = true;
    }

    /// A name that no approval had, in an earlier life with the same seed neither. It is no secret: those who may decide are told
    /// it, and what decides is who says it.
    pub fn new_id(&mut self, now: Timestamp) -> ApprovalId {
        self.made += 1;
        let seed = ids::word(self.seed, now.as_ms());
        let (one, other) = (ids::word(seed, 2 * self.made), ids::word(seed, 2 * self.made + 1));
        ApprovalId::new(&format!("{one:016x}{other:016x}")).expect("it has letters")
    }

    /// Takes an approval in.
    ///
    /// # Errors
    ///
    /// Refuses an id that is known, more than may wait, and everything once nothing is decided any more.
    pub fn add(&mut self, now: Timestamp, approval: Approval) -> Result<(), NotTaken> {
        self.forget_old(now);
        if self.is_closed {
            return Err(NotTaken::Closed);
        }
        let is_known = self.pending.iter().map(|it| &it.id).any(|it| *it == approval.id)
            || self.past.iter().any(|it| it.id == approval.id);
        if is_known {
            return Err(NotTaken::Taken);
        }
        if self.pending.len() >= PENDING_MAX {
            return Err(NotTaken::TooMany);
        }
        self.pending.push(approval);
        Ok(())
    }

    /// Those that wait, oldest first.
    pub fn pending(&self) -> &[Approval] {
        &self.pending
    }

    /// Those that a run waits for, oldest first.
    pub fn of_run(&self, run: RunId) -> Vec<ApprovalId> {
        let is_its =
            |it: &&Approval| matches!(&it.subject, Subject::Call(call) if call.ticket.run == run);
        self.pending.iter().filter(is_its).map(|it| it.id.clone()).collect()
    }

    /// The one that somebody calls so who decides on it: by its id, or by as much of it as no other one begins with.
    ///
    /// # Errors
    ///
    /// If there is none, or more than one, or it is over.
    pub fn find(&self, called: &str) -> Result<&Approval, Undecided> {
        let called = called.trim();
        if let Some(found) = self.pending.iter().find(|it| it.id.as_str() == called) {
            return Ok(found);
        }
        if let Some(past) = self.past(called) {
            let already = |decision| Undecided::Already { decision };
            return Err(past.decision.map_or(Undecided::Unknown, already));
        }
        let begins = |it: &&Approval| {
            let id = it.id.as_str().as_bytes();
            id.get(..called.len()).is_some_and(|it| it.eq_ignore_ascii_case(called.as_bytes()))
        };
        let mut found = self.pending.iter().filter(|_| !called.is_empty()).filter(begins);
        match (found.next(), found.next()) {
            (Some(found), None) => Ok(found),
            (Some(_), Some(_)) => Err(Undecided::Ambiguous),
            (None, _) => Err(Undecided::Unknown),
        }
    }

    /// One that is over and still remembered.
    pub fn past(&self, id: &str) -> Option<&Past> {
        self.past.iter().find(|it| it.id.as_str() == id)
    }

    /// It is over: none if it was already.
    pub fn end(&mut self, now: Timestamp, id: &ApprovalId, how: Verdict) -> Option<Ended> {
        let index = self.pending.iter().position(|it| it.id == *id)?;
        let approval = self.pending.remove(index);
        let Approval { created, expires, .. } = approval;
        let decision = how.decision();
        self.past.push_back(Past { id: id.clone(), created, expires, decision, ended: now });
        self.forget_old(now);
        Some(Ended { approval, how })
    }

    /// Forgets those that ended too long ago.
    pub fn forget_old(&mut self, now: Timestamp) {
        while let Some(oldest) = self.past.front() {
            let is_fresh = oldest.ended + self.remembered_for > now;
            if is_fresh && self.past.len() <= REMEMBERED_MAX {
                return;
            }
            self.past.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(approvals: &mut Approvals) -> Approval {
        Approval {
            id: approvals.new_id(at(0)),
            agent: None,
            session: None,
            subject: Subject::Foreign("{}".into()),
            offers: Decision::ALL.to_vec(),
            created: WallTime::from_unix_ms(0),
            expires: WallTime::from_unix_ms(1_000),
            chat: None,
            hearers_min: 1,
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn an_approval_is_found_by_the_beginning_of_its_id_until_it_is_over() {
        let mut approvals = Approvals::new(1, Version::V2026_3);
        let (one, other) = (approval(&mut approvals), approval(&mut approvals));
        for it in [&one, &other] {
            approvals.add(at(0), it.clone()).unwrap();
        }
        let found = |it: &Approvals, called: &str| it.find(called).map(|it| it.id.clone());
        let id = one.id.as_str();
        let beginning: String = id.chars().take(8).collect();
        assert_eq!(found(&approvals, id), Ok(one.id.clone()));
        assert_eq!(found(&approvals, &beginning.to_uppercase()), Ok(one.id.clone()));
        assert_eq!(found(&approvals, ""), Err(Undecided::Unknown));
        assert_eq!(found(&approvals, "none of them"), Err(Undecided::Unknown));
        let decided = Verdict::Decided { decision: Decision::Deny, by: "me".into() };
        assert!(approvals.end(at(1), &one.id, decided.clone()).is_some());
        assert_eq!(approvals.end(at(1), &one.id, decided), None, "it ends once");
        let already = Undecided::Already { decision: Decision::Deny };
        assert_eq!(found(&approvals, id), Err(already));
        assert_eq!(found(&approvals, &beginning), Err(Undecided::Unknown));
        assert_eq!(approvals.add(at(2), one.clone()), Err(NotTaken::Taken));
        approvals.forget_old(at(15_001));
        assert_eq!(found(&approvals, id), Err(Undecided::Unknown));
        assert_eq!(approvals.pending(), [other]);
    }

    #[test]
    fn what_waits_and_what_is_remembered_is_bounded() {
        let mut approvals = Approvals::new(1, Version::V2026_9);
        for round in 0..2 * REMEMBERED_MAX / PENDING_MAX {
            for _ in 0..PENDING_MAX {
                let new = approval(&mut approvals);
                approvals.add(at(0), new).unwrap();
            }
            let more = approval(&mut approvals);
            assert_eq!(approvals.add(at(0), more), Err(NotTaken::TooMany), "round {round}");
            for it in approvals.pending.clone() {
                assert!(approvals.end(at(0), &it.id, Verdict::Expired).is_some());
            }
        }
        assert_eq!(approvals.past.len(), REMEMBERED_MAX);
    }
}
