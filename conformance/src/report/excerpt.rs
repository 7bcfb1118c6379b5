//! The facts of a trace that a report shows, in words, without secrets.

use std::collections::{BTreeMap, BTreeSet};

use creel_judge::{
    context::Context,
    phrase,
    trace::{self, Kind, Operation, Saw, Trace},
};

use super::{
    data::{Fact, Track, Way},
    diagram, timeline,
};

/// The most facts that are kept of a case which is not green.
const AROUND_MAX: usize = 200;

/// How many facts are kept before the first one that is marked.
pub(super) const BEFORE: usize = 10;

/// The most facts that are kept to show that something held.
const PROOF_MAX: usize = 12;

/// How many characters of a text are shown, where there is room.
const MORE_CHARS_MAX: usize = 400;

/// The facts `marked` and those around them.
pub fn around(trace: &Trace, context: &Context, marked: &[u64]) -> Vec<Fact> {
    let facts = &trace.facts;
    let position = |seq: &u64| facts.iter().position(|it| it.seq == *seq);
    let first = marked.iter().filter_map(position).min().unwrap_or(0);
    let start = if facts.len() <= AROUND_MAX { 0 } else { first.saturating_sub(BEFORE) };
    let end = facts.len().min(start + AROUND_MAX);
    let lanes = Lanes::of(trace, context);
    let shown = facts.get(start..end).unwrap_or_default();
    shown.iter().map(|it| lanes.fact(it, marked.contains(&it.seq))).collect()
}

/// Some of the facts `witnesses`, which show that something held.
pub fn proof<'a>(
    trace: &Trace,
    context: &Context,
    witnesses: impl Iterator<Item = &'a u64>,
) -> Vec<Fact> {
    let wanted: BTreeSet<u64> = witnesses.copied().collect();
    let lanes = Lanes::of(trace, context);
    let named = trace.facts.iter().filter(|it| wanted.contains(&it.seq));
    named.take(PROOF_MAX).map(|it| lanes.fact(it, false)).collect()
}

/// Where facts happened that do not say so themselves.
struct Lanes<'a> {
    context: &'a Context,
    chats: BTreeMap<&'a str, &'a str>,
    /// Who was asked, by the request's number.
    asked: BTreeMap<u64, String>,
    servers: BTreeMap<u64, &'a str>,
}

impl<'a> Lanes<'a> {
    fn of(trace: &'a Trace, context: &'a Context) -> Self {
        let (mut chats, mut servers) = (BTreeMap::new(), BTreeMap::new());
        for fact in &trace.facts {
            match &fact.kind {
                Kind::Inbound { message, chat, .. } => {
                    chats.insert(message.as_str(), chat.as_str());
                }
                Kind::ToolCalled { call, server, .. } => {
                    servers.insert(*call, server.as_str());
                }
                _ => (),
            }
        }
        Self { context, chats, asked: asked(trace), servers }
    }

    fn fact(&self, fact: &trace::Fact, marked: bool) -> Fact {
        let text = |chars| diagram::words(&fact.kind, &self.clean(), chars);
        let (words, more) = (text(diagram::TEXT_CHARS_MAX), text(MORE_CHARS_MAX));
        Fact {
            seq: fact.seq,
            at_us: fact.at_us,
            track: track(fact.kind.track()),
            lane: self.lane(&fact.kind),
            way: way(&fact.kind),
            more: (more != words).then_some(more),
            words,
            marked,
        }
    }

    /// Takes secrets out of a text, before anything of it is cut.
    fn clean(&self) -> impl Fn(&str) -> String {
        |text| phrase::redacted(text.to_owned(), self.context)
    }

    fn lane(&self, kind: &Kind) -> String {
        let known = |found: Option<&&str>| found.map_or("?".to_owned(), |it| (*it).to_owned());
        match kind {
            Kind::Inbound { chat, .. } => chat.clone(),
            Kind::Fetched { message } | Kind::Acknowledged { message } => {
                known(self.chats.get(message.as_str()))
            }
            Kind::Sent { place, .. }
            | Kind::Edited { place, .. }
            | Kind::Deleted { place, .. }
            | Kind::Refused { place: Some(place), .. } => timeline::chat(place, self.context),
            Kind::Refused { place: None, .. } => "?".to_owned(),
            Kind::Refresh { provider, .. } => provider.clone(),
            Kind::ModelRequest { request, .. } | Kind::ModelEnd { request, .. } => {
                self.asked.get(request).cloned().unwrap_or_else(|| "?".to_owned())
            }
            Kind::ToolCalled { server, .. } => server.clone(),
            Kind::ToolEnded { call, .. } => known(self.servers.get(call)),
            Kind::GatewayStarted
            | Kind::GatewayReady
            | Kind::GatewayRefused { .. }
            | Kind::GatewayExited { .. }
            | Kind::StateFile { .. } => "gateway".to_owned(),
            Kind::OperatorCalled { .. } => "operator".to_owned(),
            Kind::Operator(Operation { client, .. }) => client.clone(),
            Kind::HarnessError { .. } => "harness".to_owned(),
        }
    }
}

/// Who was asked by each request: the provider, or which model with which credential, where that is not always the same.
fn asked(trace: &Trace) -> BTreeMap<u64, String> {
    let mut requests = BTreeMap::new();
    for fact in &trace.facts {
        if let Kind::ModelRequest { request, provider, model, credential, .. } = &fact.kind {
            // Of the credential `p:one`, the provider `p` knows `one`.
            let own = credential.replacen(&format!("{provider}:"), "", 1);
            requests.insert(*request, (provider, format!("{provider}/{model}@{own}")));
        }
    }
    let all: BTreeSet<&String> = requests.values().map(|(_, it)| it).collect();
    let is_one = all.len() == 1;
    let name = |(provider, whole): &(&String, String)| {
        if is_one { (*provider).clone() } else { whole.clone() }
    };
    requests.iter().map(|(request, it)| (*request, name(it))).collect()
}

fn track(track: trace::Track) -> Track {
    match track {
        trace::Track::Channel => Track::Channel,
        trace::Track::Provider => Track::Provider,
        trace::Track::Tools => Track::Tools,
        trace::Track::Process => Track::Process,
        trace::Track::Operator => Track::Operator,
        trace::Track::Harness => Track::Harness,
    }
}

fn way(kind: &Kind) -> Way {
    match kind {
        Kind::Fetched { .. }
        | Kind::ModelEnd { .. }
        | Kind::ToolEnded { .. }
        | Kind::OperatorCalled { .. } => Way::In,
        Kind::Acknowledged { .. }
        | Kind::Sent { .. }
        | Kind::Edited { .. }
        | Kind::Deleted { .. }
        | Kind::Refused { .. }
        | Kind::ModelRequest { .. }
        | Kind::ToolCalled { .. }
        | Kind::Refresh { .. } => Way::Out,
        Kind::Operator(Operation { saw, .. }) => match saw {
            Saw::Connected { .. } | Saw::Asked { .. } => Way::In,
            Saw::Refused { .. }
            | Saw::Answered { .. }
            | Saw::Part { .. }
            | Saw::Event { .. }
            | Saw::Garbled { .. }
            | Saw::Closed { .. } => Way::Out,
            Saw::Left => Way::Here,
        },
        Kind::Inbound { .. }
        | Kind::GatewayStarted
        | Kind::GatewayReady
        | Kind::GatewayRefused { .. }
        | Kind::GatewayExited { .. }
        | Kind::StateFile { .. }
        | Kind::HarnessError { .. } => Way::Here,
    }
}
