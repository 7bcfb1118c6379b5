//! `spec-routing`: every message is answered by the agent that routing names, and by no other.

use super::{
    Findings, Rule, Ruling,
    cast::{Cast, Heard},
    routing::Tier,
    version::Version,
};
use crate::{
    phrase::{names, seconds},
    trace::Trace,
    turns::Request,
};

/// Exercised by messages that are new in a request whose agent can be told, and by messages that nobody may answer.
pub(super) fn check(_trace: &Trace, cast: &Cast) -> Ruling {
    let mut findings = Findings::default();
    for (index, request) in cast.turns.requests.iter().enumerate() {
        for name in &cast.served[index].new {
            if let Some(heard) = cast.heard(name) {
                judge(cast, request, heard, &mut findings);
            }
        }
        for heard in request.anywhere.iter().filter_map(|it| cast.heard(it)) {
            if heard.keys.is_empty() {
                let name = &heard.message.name;
                let observed = format!(
                    "it is in request {} at {}",
                    request.number,
                    seconds(request.start.at_us)
                );
                let witnesses = vec![heard.message.inbound[0].seq, request.start.seq];
                let expected = format!(
                    "`{name}` in no request: no binding matches and no agent owns the rest"
                );
                findings.fail(Rule::RoutingNobody, &expected, observed, witnesses);
            }
        }
    }
    for heard in cast.heard.iter().filter(|it| it.keys.is_empty()) {
        if let (Some(_), Some(fetched)) = (&heard.message.canary, heard.message.fetched.first()) {
            findings.hold(Rule::RoutingNobody, fetched.seq);
        }
    }
    broadcasts(cast, &mut findings);
    findings.ruling("no message was in a request whose agent can be told")
}

fn judge(cast: &Cast, request: &Request, heard: &Heard, findings: &mut Findings) {
    let Some(agent) = cast.agent(request) else { return };
    let is_named = |it: &&str| it.trim().eq_ignore_ascii_case(agent.trim());
    let named: Vec<&str> = heard.keys.iter().map(|it| it.agent.as_str()).collect();
    let beyond = heard.fan.iter().flat_map(|it| &it.beyond).map(String::as_str);
    let rule = if beyond.into_iter().any(|it| is_named(&it)) {
        Rule::RoutingBroadcastTurns
    } else {
        rule(cast, heard)
    };
    if named.iter().any(is_named) {
        return findings.hold(rule, request.start.seq);
    }
    if named.is_empty() {
        return;
    }
    let expected = format!("`{}` answered by agent {}", heard.message.name, names(&named));
    let observed = format!(
        "request {} at {} is of agent `{agent}` (model `{}`, credential `{}`)",
        request.number,
        seconds(request.start.at_us),
        request.model,
        request.credential
    );
    findings.fail(rule, &expected, observed, vec![heard.message.inbound[0].seq, request.start.seq]);
}

/// Every agent that a broadcast names is asked and, in sequence, none before the one that goes before it has answered.
fn broadcasts(cast: &Cast, findings: &mut Findings) {
    let may_be_denied = cast.context.configuration.session.denies;
    for heard in &cast.heard {
        let Some(fan) = heard.fan.as_ref().filter(|it| it.is_whole) else { continue };
        let name = heard.message.name.as_str();
        let is_asked = |index: &usize| cast.served[*index].new.contains(&name);
        let asked: Vec<usize> = (0..cast.served.len()).filter(is_asked).collect();
        let Some(&first) = asked.first() else { continue };
        let mut before: Option<usize> = None;
        for key in &heard.keys {
            let own = asked.iter().find(|it| cast.served[**it].key.as_ref() == Some(key)).copied();
            match (own, before) {
                (Some(own), Some(before)) if fan.is_sequential => {
                    in_sequence(cast, heard, (before, own), findings);
                }
                (None, _) if !may_be_denied && !may_be_discarded(cast, heard) => {
                    let request = &cast.turns.requests[first];
                    let expected = format!("`{name}` in a request of agent `{}` too", key.agent);
                    let observed = format!("it is in {} of other agents", asked.len());
                    let witnesses = vec![heard.message.inbound[0].seq, request.start.seq];
                    findings.fail(Rule::RoutingBroadcast, &expected, observed, witnesses);
                }
                _ => (),
            }
            before = own.or(before);
        }
    }
}

/// Whether a later message may have ended what was begun before all were asked.
fn may_be_discarded(cast: &Cast, heard: &Heard) -> bool {
    let written = heard.message.inbound[0];
    let is_later = |it: &&Heard| {
        it.message.inbound[0] > written && it.keys.iter().any(|key| heard.keys.contains(key))
    };
    let modes = &cast.context.queue.modes;
    cast.heard.iter().filter(is_later).any(|it| {
        it.message.text.trim_start().starts_with('/') || modes.iter().any(|it| it == "interrupt")
    }) || cast.context.queue.drops.iter().any(|it| it == "old")
}

fn in_sequence(cast: &Cast, heard: &Heard, (before, own): (usize, usize), findings: &mut Findings) {
    let requests = &cast.turns.requests;
    let second = &requests[own];
    // Its run may have asked more than once: after a failure, and with what its tools brought.
    let is_of = |it: &usize| cast.served[*it].key == cast.served[before].key;
    let later = (before + 1..requests.len())
        .filter(is_of)
        .take_while(|it| cast.turns.continues(*it) && requests[*it].start < second.start);
    let first = &requests[later.last().unwrap_or(before)];
    let few_us = cast.context.configuration.hops.few_us;
    let end = first.end.as_ref().map(|it| it.at);
    if end.is_some_and(|it| it.at_us <= second.start.at_us.saturating_add(few_us)) {
        return findings.hold(Rule::RoutingSequence, second.start.seq);
    }
    let until = end.map_or("the end of the trace".to_owned(), |it| seconds(it.at_us));
    let expected = format!(
        "`{}` to the next agent of its list when the one before is done",
        heard.message.name
    );
    let observed = format!(
        "request {} lasted until {until}, and request {} came at {}",
        first.number,
        second.number,
        seconds(second.start.at_us)
    );
    let witnesses = vec![first.start.seq, second.start.seq];
    findings.fail(Rule::RoutingSequence, &expected, observed, witnesses);
}

fn rule(cast: &Cast, heard: &Heard) -> Rule {
    let agents = &cast.context.configuration.agents;
    if heard.fan.is_some() {
        return Rule::RoutingBroadcast;
    }
    if heard.decision.is_unknown {
        return Rule::RoutingUnknownAgent;
    }
    match (heard.decision.tier, cast.version) {
        (Tier::Peer, _) => Rule::RoutingPeer,
        (Tier::Parent, _) => Rule::RoutingParent,
        (Tier::AnyPeer, _) => Rule::RoutingAnyPeer,
        (Tier::GuildRoles, _) => Rule::RoutingGuildRoles,
        (Tier::Guild, _) => Rule::RoutingGuild,
        (Tier::Team, _) => Rule::RoutingTeam,
        (Tier::Account, _) => Rule::RoutingAccount,
        (Tier::Channel, _) => Rule::RoutingChannel,
        (Tier::Default, _) if agents.is_empty() => Rule::RoutingMain,
        (Tier::Default, _) if agents.iter().any(|it| it.is_default) => Rule::RoutingMarked,
        (Tier::Default, Version::March) => Rule::RoutingFirst,
        (Tier::Default, Version::September) => Rule::RoutingSole,
    }
}
