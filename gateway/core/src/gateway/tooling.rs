//! A run's tools: which are offered, how the calls of an answer run, and the boundaries between them.

use std::sync::Arc;

use super::{Effect, Gateway, Note, RunFailure};
use crate::{
    ids::{AgentId, RunId},
    run::{Answer, Phase, Run},
    session::Entry,
    time::Timestamp,
    tools::{
        Asked, Builtin, Job, Round, ServerName, TOOLS_MAX, Ticket, ToolCall, ToolOutcome, ToolSpec,
    },
};

impl Gateway {
    /// A server's tools are these from now on.
    pub(super) fn list_tools(
        &mut self,
        server: ServerName,
        tools: Vec<ToolSpec>,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Note(Note::ToolsListed(server.clone(), tools.len())));
        self.tools.insert(server, tools.into_iter().map(Arc::new).collect());
    }

    /// The tools that a run's model may ask for, the gateway's own first.
    pub(super) fn offered(&self, id: RunId) -> Vec<Arc<ToolSpec>> {
        let run = &self.runs[&id];
        let known = self.builtins.iter().chain(self.tools.values().flatten());
        known.filter(|it| self.may_use(run, it)).take(TOOLS_MAX).cloned().collect()
    }

    /// The tools that an agent's turns are offered, if an owner asked for them.
    pub fn tools_of(&self, agent: &AgentId) -> Vec<Arc<ToolSpec>> {
        let Some(agent) = self.settings.agents.get(agent) else { return Vec::new() };
        let known = self.builtins.iter().chain(self.tools.values().flatten());
        known.filter(|it| agent.tools.allows(it)).take(TOOLS_MAX).cloned().collect()
    }

    fn may_use(&self, run: &Run, tool: &ToolSpec) -> bool {
        let session = &self.sessions[&run.session];
        let is_free = match session.parent {
            None => true,
            Some(_) => self.settings.tools.subagents.allow(tool),
        };
        is_free && run.authority >= tool.least && self.agent(&session.agent).tools.allows(tool)
    }

    /// A model asked for tools. What it may not have, it is told so at once.
    pub(super) fn begin_round(
        &mut self,
        now: Timestamp,
        (id, request): (RunId, u32),
        answer: Answer,
        effects: &mut Vec<Effect>,
    ) {
        let offered = self.offered(id);
        let named = |call: &ToolCall| offered.iter().find(|it| it.name == call.name);
        let refusals: Vec<_> =
            answer.calls.iter().map(|call| refusal(call, named(call).map(Arc::as_ref))).collect();
        let may_run_beside = |call: &ToolCall| named(call).is_some_and(|it| it.parallel);
        let mut round = Round::new(answer.text.into(), answer.calls, may_run_beside);
        for (index, why) in refusals.into_iter().enumerate() {
            if let Some(why) = why {
                round.refuse(index, &why);
            }
        }
        let run = self.runs.get_mut(&id).expect("the run that was just answered");
        let asked = u32::try_from(round.calls().count()).unwrap_or(u32::MAX);
        run.tool_calls = run.tool_calls.saturating_add(asked);
        let is_too_many = run.tool_calls > self.settings.tools.calls_max;
        run.phase = Phase::Tools(request, round);
        if is_too_many {
            let why = RunFailure::TooManyTools(self.settings.tools.calls_max);
            return self.fail(now, id, why, effects);
        }
        self.go_on(now, id, effects);
    }

    /// Runs a round as far as it goes without waiting: up to a tool that takes its time, or to the next request.
    pub(super) fn go_on(&mut self, now: Timestamp, id: RunId, effects: &mut Vec<Effect>) {
        loop {
            let Some(Run { session, phase: Phase::Tools(request, round), .. }) =
                self.runs.get_mut(&id)
            else {
                return;
            };
            if round.is_running() {
                return;
            }
            let (key, request) = (session.clone(), *request);
            // A boundary: whoever wrote meanwhile is read before anything else starts.
            let is_steered = self.sessions[&key].lane.has_steering();
            if is_steered {
                round.skip_held();
            }
            if round.is_held() {
                return;
            }
            if is_steered {
                round.skip();
            }
            let is_settled = round.is_settled();
            // Nothing is held any more.
            self.withdraw_approvals(now, id, effects);
            if is_settled {
                let run = self.runs.get_mut(&id).expect("found above");
                let phase = std::mem::replace(&mut run.phase, Phase::Calling(request));
                let Phase::Tools(_, round) = phase else { unreachable!("found above") };
                let by = self.runs[&id].model();
                self.remember(&key, Entry::Tools(Arc::new(round.settle())), by);
                self.join_steering(id, &key);
                return self.call_again(now, (id, request), &key, effects);
            }
            for (ticket, call) in self.launch(id) {
                match self.held_by(id, &call) {
                    Some(tool) => self.hold_call(now, (ticket, call), tool, effects),
                    None => self.start_call(now, ticket, call, effects),
                }
            }
        }
    }

    /// The calls of a run's round that start next.
    fn launch(&mut self, run: RunId) -> Vec<(Ticket, ToolCall)> {
        let phase = self.runs.get_mut(&run).map(|it| &mut it.phase);
        let Some(Phase::Tools(request, round)) = phase else { return Vec::new() };
        let request = *request;
        let ticket = |index| Ticket { run, request, index };
        let started = round.launch();
        started.into_iter().map(|it| (ticket(it), round.call(it).clone())).collect()
    }

    pub(super) fn start_call(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        call: ToolCall,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Note(Note::ToolCalled(ticket, call.name.clone())));
        match call.asked {
            Asked::Builtin(Builtin::SessionsSend(send)) => {
                if let Some(outcome) = self.send_to_session(now, ticket, send, effects) {
                    self.take_result(ticket, outcome);
                }
            }
            Asked::Builtin(asked) => {
                let outcome = self.perform_builtin(now, ticket.run, asked, effects);
                self.take_result(ticket, outcome);
            }
            Asked::Other => {
                if let Some(server) = self.server_of(&call) {
                    let ToolCall { name, arguments, .. } = call;
                    effects.push(Effect::CallTool(Job { ticket, server, name, arguments }));
                } else {
                    let why = "this tool is gone".to_owned();
                    self.take_result(ticket, ToolOutcome::Failed(why));
                }
            }
            Asked::Malformed(_) => unreachable!("such a call was refused"),
        }
    }

    fn server_of(&self, call: &ToolCall) -> Option<ServerName> {
        let has_it = |tools: &Vec<Arc<ToolSpec>>| tools.iter().any(|it| it.name == call.name);
        self.tools.iter().find(|(_, tools)| has_it(tools)).map(|(server, _)| server.clone())
    }

    /// A tool ended. Whatever a run that has gone on had asked for changes nothing.
    pub(super) fn tool_ended(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        outcome: ToolOutcome,
        effects: &mut Vec<Effect>,
    ) {
        if self.take_result(ticket, outcome) {
            self.go_on(now, ticket.run, effects);
        }
    }

    fn take_result(&mut self, ticket: Ticket, outcome: ToolOutcome) -> bool {
        let run = self.runs.get_mut(&ticket.run).map(|it| &mut it.phase);
        match run {
            Some(Phase::Tools(request, round)) if *request == ticket.request => {
                round.finish(ticket.index, outcome.told())
            }
            Some(Phase::Tools(..) | Phase::Pending(_) | Phase::Calling(_) | Phase::Waiting(_))
            | None => false,
        }
    }
}

/// Why a call does not start, if it does not: the tool was not offered, or its arguments cannot be read.
fn refusal(call: &ToolCall, tool: Option<&ToolSpec>) -> Option<String> {
    match (&call.asked, tool) {
        (_, None) => Some(format!("Refused: the tool `{}` is not available here.", call.name)),
        (Asked::Malformed(why), Some(_)) => Some(format!("Refused: {why}.")),
        (Asked::Builtin(_) | Asked::Other, Some(_)) => None,
    }
}
