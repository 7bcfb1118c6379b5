//! The rows: each chat, then whoever was asked or could have been.

use creel_judge::{
    context::Context,
    spec::failover::Rest,
    trace::{Kind, Place, Trace},
    turns::Turns,
};

/// The most rows for those who could have been asked and never were.
const UNASKED_MAX: usize = 12;

/// The lane of what the gateway's process did.
pub(super) const GATEWAY: &str = "gateway";

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name: a chat, or `provider/model@credential`.
    pub name: String,
    /// Who is asked in it; nobody in a chat's.
    pub asked: Option<Asked>,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    agent: String,
    provider: String,
    /// The credential's name at its provider.
    credential: String,
    /// `provider/model`.
    model: String,
}

impl Lane {
    /// Whether a rest keeps this lane from being asked.
    pub(super) fn rests_in(&self, rest: &Rest) -> bool {
        self.asked.as_ref().is_some_and(|it| {
            it.agent == rest.agent
                && it.provider == rest.provider
                && it.credential == rest.credential
                && rest.model.as_ref().is_none_or(|model| *model == it.model)
        })
    }
}

/// The rows of a trace. A chat without a message and without a word to it has none.
pub(super) fn of(trace: &Trace, turns: &Turns, context: &Context) -> Vec<Lane> {
    let mut names: Vec<String> = turns.messages.iter().map(|it| it.chat.clone()).collect();
    names.extend(turns.sends.iter().map(|it| chat(&it.place, context)));
    let is_restart = |kind: &Kind| matches!(kind, Kind::GatewayStarted);
    if trace.facts.iter().filter(|it| is_restart(&it.kind)).count() > 1 {
        names.push(GATEWAY.to_owned());
    }
    let mut lanes: Vec<Lane> = Vec::new();
    for name in names {
        if lanes.iter().all(|it| it.name != name) {
            lanes.push(Lane { name, asked: None });
        }
    }
    let chats = lanes.len();
    for request in &turns.requests {
        let name = request.asked();
        if lanes.iter().skip(chats).any(|it| it.name == name) {
            continue;
        }
        let (agent, own) = match request.credential.split_once('/') {
            Some((agent, own)) => (agent.to_owned(), own),
            None => (only_agent(context), request.credential.as_str()),
        };
        let credential = own.split_once(':').map_or(own, |(_, it)| it).to_owned();
        let model = format!("{}/{}", request.provider, request.model);
        let asked = Asked { agent, provider: request.provider.clone(), credential, model };
        lanes.push(Lane { name, asked: Some(asked) });
    }
    let unasked = unasked(lanes.get(chats..).unwrap_or_default(), context);
    lanes.extend(unasked);
    lanes
}

/// The credentials and models that agents could ask and did not.
fn unasked(asked: &[Lane], context: &Context) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (agent, chain) in &context.configuration.chains {
        let is_of = |it: &&Lane| it.asked.as_ref().is_some_and(|it| it.agent == *agent);
        let Some(own) = asked.iter().find(is_of) else { continue };
        let prefix = if own.name.contains(&format!("@{agent}/")) {
            format!("{agent}/")
        } else {
            String::new()
        };
        for model in &chain.models {
            let Some((provider, _)) = model.split_once('/') else { continue };
            for it in chain.credentials.iter().filter(|it| it.provider == provider) {
                let name = format!("{model}@{prefix}{}", it.name);
                if asked.iter().chain(&lanes).all(|it| it.name != name) {
                    let asked = Asked {
                        agent: agent.clone(),
                        provider: provider.to_owned(),
                        credential: it.name.clone(),
                        model: model.clone(),
                    };
                    lanes.push(Lane { name, asked: Some(asked) });
                }
            }
        }
    }
    if lanes.len() > UNASKED_MAX { Vec::new() } else { lanes }
}

fn only_agent(context: &Context) -> String {
    context.configuration.chains.keys().next().cloned().unwrap_or_default()
}

/// The name of the chat at a place.
pub(in crate::report) fn chat(place: &Place, context: &Context) -> String {
    let found = context.chats.iter().find(|(_, it)| it.place == *place);
    found.map_or_else(|| format!("{}:{}", place.channel, place.peer), |(name, _)| name.clone())
}
