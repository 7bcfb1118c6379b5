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
    let rule = rule(cast, heard);
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

/// In 2026.3 every agent of a broadcast answers. In 2026.9 mentions choose among them.
fn broadcasts(cast: &Cast, findings: &mut Findings) {
    if cast.version == Version::September {
        return;
    }
    for heard in cast.heard.iter().filter(|it| it.is_broadcast) {
        let name = heard.message.name.as_str();
        let is_asked = |index: &usize| cast.served[*index].new.contains(&name);
        let asked: Vec<usize> = (0..cast.served.len()).filter(is_asked).collect();
        let Some(&first) = asked.first() else { continue };
        for key in &heard.keys {
            if !asked.iter().any(|it| cast.served[*it].key.as_ref() == Some(key)) {
                let request = &cast.turns.requests[first];
                let expected = format!("`{name}` in a request of agent `{}` too", key.agent);
                let observed = format!("it is in {} of other agents", asked.len());
                let witnesses = vec![heard.message.inbound[0].seq, request.start.seq];
                findings.fail(Rule::RoutingBroadcast, &expected, observed, witnesses);
            }
        }
    }
}

fn rule(cast: &Cast, heard: &Heard) -> Rule {
    let agents = &cast.context.configuration.agents;
    if heard.is_broadcast {
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
