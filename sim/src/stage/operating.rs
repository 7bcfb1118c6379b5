//! Has operators' clients do what a scenario says.

use creel_gateway::net::Net;
use creel_judge::turns;

use super::{Operator, Stage};
use crate::{
    operators::{Clients, Ground, Memory},
    scenario::{Action, Call, Hook, HttpCall, Scenario},
};

/// What numbers the first canary of a client's words; those of the chats are far below.
const CANARY_FIRST: u64 = 1 << 32;

fn calls(scenario: &Scenario) -> impl Iterator<Item = &Call> {
    scenario.steps.iter().filter_map(|step| match &step.action {
        Action::Call(call)
        | Action::Hook(Hook { call, .. })
        | Action::Http(HttpCall { call, .. }) => Some(call),
        _ => None,
    })
}

/// Every text of a client that is said for the first time and has a canary: the call's name, and who answers.
pub(super) fn said(scenario: &Scenario) -> impl Iterator<Item = (&str, &str)> {
    let first = calls(scenario).filter(|it| it.canary && it.origin == it.name);
    first.map(|it| (it.name.as_str(), it.voice.as_str()))
}

/// The canary of what the call `origin` said first. Its number is its place among the calls' names, which no variant
/// of a scenario changes.
pub(super) fn canary(scenario: &Scenario, seed: u64, origin: &str) -> String {
    let earlier = calls(scenario).filter(|it| it.name.as_str() < origin).count();
    turns::canary(seed, CANARY_FIRST + u64::try_from(earlier).expect("a scenario is short"))
}

impl Stage {
    /// The clients of a run, none of which is connected yet.
    pub(super) fn clients<N: Net>(&self, operator: &Operator<N>) -> Clients<N> {
        let ground = Ground {
            gateway: operator.gateway.clone(),
            token: operator.token.clone(),
            hooks: self.configuration.hooks.clone(),
            seed: self.seed,
            protocol: self.protocol,
            memory: Memory::default(),
            recorder: self.recorder.clone(),
        };
        Clients::new(operator.http.clone(), ground)
    }

    /// Has a client do something.
    pub(super) fn operate<N: Net>(&self, action: &Action, clients: &mut Clients<N>) {
        match action {
            Action::Connect(connect) => clients.connect(connect),
            Action::Call(call) => clients.call(call, self.canary_of(call)),
            Action::Hook(hook) => clients.hook(hook, self.canary_of(&hook.call)),
            Action::Http(http) => clients.http(http, self.canary_of(&http.call)),
            Action::Frame { client, name, text } => clients.frame(client, name, text),
            Action::Drop { client } => clients.leave(client),
            Action::Send(_)
            | Action::Redeliver { .. }
            | Action::Disconnect { .. }
            | Action::Restart { .. }
            | Action::ApprovePairing { .. } => unreachable!("nothing of a client's"),
        }
    }

    fn canary_of(&self, call: &Call) -> Option<String> {
        call.canary.then(|| canary(&self.scenario, self.seed, &call.origin))
    }
}
