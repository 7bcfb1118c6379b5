//! Calls that wait for a decision: how they are asked about, and what a decision does.

use std::{collections::BTreeSet, sync::Arc};

use super::{Effect, Gateway, Note, Timer};
use crate::{
    approval::{
        Approval, CALL_WAITS, Call, Decision, Ended, Grant, NotTaken, Past, Subject, Undecided,
        Verdict, WAIT_MAX,
    },
    ids::{AgentId, ApprovalId, RunId},
    message::Inbound,
    operator::is_operators,
    origin::Origin,
    owners::Authority,
    profile::Version,
    run::Phase,
    session_key::SessionKey,
    time::{Millis, Now, Timestamp, WallTime},
    tools::{Consent, ServerName, Ticket, ToolCall, ToolOwner, ToolSpec},
};

/// What a model reads whose call was not allowed.
const DENIED: &str = "Denied: this call was not allowed, and did not run.";

/// What it reads if nobody can be asked.
const UNHEARD: &str =
    "Denied: this call needs an approval, and nobody who may give one is there. It did not run.";

/// What it reads if too much waits.
const TOO_MANY: &str = "Denied: too many calls wait for an approval. It did not run.";

/// What a client wants decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its own name for it, if it has one.
    pub id: Option<ApprovalId>,
    /// For which agent.
    pub agent: Option<AgentId>,
    /// In which session.
    pub session: Option<SessionKey>,
    /// Its words.
    pub words: Arc<str>,
    /// What may be decided.
    pub offers: Vec<Decision>,
    /// How long it may wait.
    pub waits: Millis,
    /// Whether it is over at once where nobody else may decide.
    pub needs_hearer: bool,
}

/// What is known of an approval that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It waits.
    Pending(Box<Approval>),
    /// It is over.
    Past(Past),
}

impl Gateway {
    /// Whose decision a call waits for, if it does.
    pub(super) fn held_by(&self, run: RunId, call: &ToolCall) -> Option<(Arc<ToolSpec>, Arc<str>)> {
        let spec = self.tools.values().flatten().find(|it| it.name == call.name)?;
        let tool = match &spec.consent {
            Consent::Free => return None,
            Consent::Each(tool) => tool,
            Consent::Kept(tool) if self.is_granted(run, spec, tool) => return None,
            Consent::Kept(tool) => tool,
        };
        Some((spec.clone(), tool.clone()))
    }

    fn is_granted(&self, run: RunId, spec: &ToolSpec, tool: &Arc<str>) -> bool {
        let ToolOwner::Server(server) = &spec.owner else { return false };
        let agent = self.sessions[&self.runs[&run].session].agent.clone();
        self.grants.contains(&Grant { agent, server: server.clone(), tool: tool.clone() })
    }

    /// A call waits for a decision from now on, or is denied at once.
    pub(super) fn hold_call(
        &mut self,
        now: Timestamp,
        (ticket, call): (Ticket, ToolCall),
        (spec, tool): (Arc<ToolSpec>, Arc<str>),
        effects: &mut Vec<Effect>,
    ) {
        let ToolOwner::Server(server) = spec.owner.clone() else {
            unreachable!("the gateway's own tools wait for nobody")
        };
        let run = &self.runs[&ticket.run];
        let session = run.session.clone();
        let chat = run.route.clone().filter(|it| {
            self.settings.approve_in_chat && run.authority == Authority::Owner && !is_operators(it)
        });
        let offers = match spec.consent {
            // What asks each time cannot be allowed for good.
            Consent::Each(_) => vec![Decision::AllowOnce, Decision::Deny],
            Consent::Kept(_) | Consent::Free => Decision::ALL.to_vec(),
        };
        let ToolCall { id, name, arguments, asked: _ } = call;
        let approval = Approval {
            id: self.approvals.new_id(now),
            agent: Some(self.sessions[&session].agent.clone()),
            session: Some(session),
            subject: Subject::Call(Call { ticket, id, name, server, tool, arguments }),
            offers,
            created: self.wall,
            expires: after(self.wall, CALL_WAITS),
            chat,
            hearers_min: 1,
        };
        let refused = match self.approvals.add(now, approval.clone()) {
            Ok(()) => None,
            Err(NotTaken::Taken | NotTaken::TooMany) => Some(TOO_MANY),
            Err(NotTaken::Closed) => Some(UNHEARD),
        };
        if let Some(why) = refused {
            return self.refuse_call(ticket, why);
        }
        let run = self.runs.get_mut(&ticket.run);
        if let Some(Phase::Tools(_, round)) = run.map(|it| &mut it.phase) {
            round.hold(ticket.index);
        }
        self.ask_for(now, approval, CALL_WAITS, effects);
    }

    fn ask_for(
        &mut self,
        now: Timestamp,
        approval: Approval,
        waits: Millis,
        effects: &mut Vec<Effect>,
    ) {
        self.deadlines.set(&Timer::Approval(approval.id.clone()), Some(now + waits));
        effects.push(Effect::Note(Note::ApprovalAsked(approval.id.clone())));
        effects.push(Effect::ApprovalAsked(Box::new(approval)));
    }

    /// A client wants something decided.
    ///
    /// # Errors
    ///
    /// Refuses an id that is known, and more than may wait.
    pub fn ask_as_operator(
        &mut self,
        now: Now,
        question: Question,
        effects: &mut Vec<Effect>,
    ) -> Result<Approval, NotTaken> {
        self.wall = now.wall;
        let Question { id, agent, session, words, offers, waits, needs_hearer } = question;
        let waits = waits.min(WAIT_MAX);
        let approval = Approval {
            id: id.unwrap_or_else(|| self.approvals.new_id(now.monotonic)),
            agent,
            session,
            subject: Subject::Foreign(words),
            offers,
            created: self.wall,
            expires: after(self.wall, waits),
            chat: None,
            // Who asks is one of them in 2026.9, and cannot be the one who decides.
            hearers_min: match self.settings.profile.version {
                _ if !needs_hearer => 0,
                Version::V2026_3 => 1,
                Version::V2026_9 => 2,
            },
        };
        self.approvals.add(now.monotonic, approval.clone())?;
        self.ask_for(now.monotonic, approval.clone(), waits, effects);
        Ok(approval)
    }

    /// Those that wait for a decision, oldest first.
    pub fn approvals(&self) -> &[Approval] {
        self.approvals.pending()
    }

    /// One that waits, as somebody calls it who would decide on it.
    ///
    /// # Errors
    ///
    /// If there is none, or more than one, or it is over.
    pub fn approval_called(&self, called: &str) -> Result<&Approval, Undecided> {
        self.approvals.find(called)
    }

    /// What is known of an approval of this very id.
    pub fn approval(&mut self, now: Now, id: &str) -> Option<Known> {
        self.approvals.forget_old(now.monotonic);
        let pending = self.approvals.pending().iter().find(|it| it.id.as_str() == id);
        let pending = pending.map(|it| Known::Pending(Box::new(it.clone())));
        pending.or_else(|| self.approvals.past(id).cloned().map(Known::Past))
    }

    /// Somebody decides. The first decision stands.
    ///
    /// # Errors
    ///
    /// If there is nothing to decide, or not so.
    pub fn decide(
        &mut self,
        now: Now,
        (called, decision): (&str, Decision),
        by: &str,
        effects: &mut Vec<Effect>,
    ) -> Result<ApprovalId, Undecided> {
        self.wall = now.wall;
        let now = now.monotonic;
        self.approvals.forget_old(now);
        let found = self.approvals.find(called)?;
        if !found.offers.contains(&decision) {
            return Err(Undecided::NotOffered(decision));
        }
        let id = found.id.clone();
        self.end_approval(now, &id, Verdict::Decided { decision, by: by.into() }, effects);
        self.wake(now, effects);
        Ok(id)
    }

    /// The same by a command, and what is answered to it.
    pub(super) fn approve_in_chat(
        &mut self,
        now: Timestamp,
        (called, decision): (&str, Decision),
        inbound: &Inbound,
        effects: &mut Vec<Effect>,
    ) -> String {
        let now = Now { monotonic: now, wall: self.wall };
        let Origin { route, sender, .. } = &inbound.origin;
        let by = format!("{}:{sender}", route.channel);
        match self.decide(now, (called, decision), &by, effects) {
            Ok(id) => format!("{}: {id}.", past(decision)),
            Err(Undecided::Unknown) => {
                "There is no such approval, or not any more: it may have expired.".to_owned()
            }
            Err(Undecided::Ambiguous) => {
                "Several approvals begin so: give the whole id.".to_owned()
            }
            Err(Undecided::Already { decision }) => {
                format!("Somebody was first. {}.", past(decision))
            }
            Err(Undecided::NotOffered(_)) => {
                "This cannot be allowed for good: its server asks each time.".to_owned()
            }
        }
    }

    /// What was allowed for good: this, and nothing else.
    pub fn set_grants(&mut self, grants: BTreeSet<Grant>) {
        self.grants = grants;
    }

    /// Nobody did in time.
    pub(super) fn expire_approval(
        &mut self,
        now: Timestamp,
        id: &ApprovalId,
        effects: &mut Vec<Effect>,
    ) {
        self.end_approval(now, id, Verdict::Expired, effects);
    }

    /// So many who may decide were told of an approval, in these words. Where those who asked can see it, they are told too;
    /// with nobody to decide it is over.
    pub(super) fn approval_shown(
        &mut self,
        now: Timestamp,
        (id, heard_by, words): (&ApprovalId, usize, &str),
        effects: &mut Vec<Effect>,
    ) {
        let pending = self.approvals.pending().iter().find(|it| it.id == *id);
        let Some(Approval { chat, hearers_min, offers, .. }) = pending else { return };
        if let Some(chat) = chat.clone() {
            let text = question((id, offers), words);
            self.say(now, &chat, &text, effects);
        } else if heard_by < *hearers_min {
            self.end_approval(now, id, Verdict::Unheard, effects);
        }
    }

    /// Nothing is decided any more.
    pub(super) fn close_approvals(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.approvals.close();
        while let Some(id) = self.approvals.pending().first().map(|it| it.id.clone()) {
            self.end_approval(now, &id, Verdict::Unheard, effects);
        }
    }

    /// What a run waited for is not decided any more.
    pub(super) fn withdraw_approvals(
        &mut self,
        now: Timestamp,
        run: RunId,
        effects: &mut Vec<Effect>,
    ) {
        for id in self.approvals.of_run(run) {
            self.end_approval(now, &id, Verdict::Withdrawn, effects);
        }
    }

    fn end_approval(
        &mut self,
        now: Timestamp,
        id: &ApprovalId,
        how: Verdict,
        effects: &mut Vec<Effect>,
    ) {
        self.deadlines.set(&Timer::Approval(id.clone()), None);
        let Some(ended) = self.approvals.end(now, id, how) else { return };
        let Ended { approval, how } = ended.clone();
        effects.push(Effect::Note(Note::ApprovalEnded(id.clone(), how.decision())));
        effects.push(Effect::ApprovalEnded(Box::new(ended)));
        let Subject::Call(call) = approval.subject else { return };
        let ticket = call.ticket;
        match how {
            Verdict::Withdrawn => return,
            Verdict::Expired => {
                let why = format!("Denied: nobody decided within {CALL_WAITS}. It did not run.");
                self.refuse_call(ticket, &why);
            }
            Verdict::Unheard => self.refuse_call(ticket, UNHEARD),
            Verdict::Decided { decision: Decision::Deny, .. } => self.refuse_call(ticket, DENIED),
            Verdict::Decided { decision: Decision::AllowOnce, .. } => {
                self.release_call(now, ticket, effects);
            }
            Verdict::Decided { decision: Decision::AllowAlways, .. } => {
                let agent = approval.agent.expect("a call has an agent");
                self.grant(agent, (call.server, call.tool), effects);
                self.release_call(now, ticket, effects);
            }
        }
        self.go_on(now, ticket.run, effects);
    }

    fn grant(
        &mut self,
        agent: AgentId,
        (server, tool): (ServerName, Arc<str>),
        effects: &mut Vec<Effect>,
    ) {
        let grant = Grant { agent, server, tool };
        if self.grants.insert(grant.clone()) {
            effects.push(Effect::KeepGrant(grant));
        }
    }

    fn refuse_call(&mut self, ticket: Ticket, why: &str) {
        if let Some(Phase::Tools(_, round)) = self.runs.get_mut(&ticket.run).map(|it| &mut it.phase)
        {
            round.deny(ticket.index, why);
        }
    }

    fn release_call(&mut self, now: Timestamp, ticket: Ticket, effects: &mut Vec<Effect>) {
        let Some(Phase::Tools(_, round)) = self.runs.get_mut(&ticket.run).map(|it| &mut it.phase)
        else {
            return;
        };
        if round.release(ticket.index) {
            let call = round.call(ticket.index).clone();
            self.start_call(now, ticket, call, effects);
        }
    }

    /// A message came in that the model is to read before anything else starts: what waits for a decision will not.
    pub(super) fn steered(&mut self, now: Timestamp, key: &SessionKey, effects: &mut Vec<Effect>) {
        let lane = &self.sessions[key].lane;
        let Some(run) = lane.active().filter(|_| lane.has_steering()) else { return };
        if !self.approvals.of_run(run).is_empty() {
            self.go_on(now, run, effects);
        }
    }
}

const fn past(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "Allowed once",
        Decision::AllowAlways => "Allowed for good",
        Decision::Deny => "Denied",
    }
}

fn after(wall: WallTime, wait: Millis) -> WallTime {
    let ms = i64::try_from(wait.as_ms()).unwrap_or(i64::MAX);
    WallTime::from_unix_ms(wall.as_unix_ms().saturating_add(ms))
}

/// How those who asked are asked.
fn question((id, offers): (&ApprovalId, &[Decision]), words: &str) -> String {
    let lines = offers.iter().map(|it| format!("\n/approve {id} {}", it.name()));
    let lines = lines.collect::<Vec<_>>().concat();
    format!("This waits for an approval, for {CALL_WAITS} at most: {words}{lines}")
}
