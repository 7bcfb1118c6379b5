//! Which agents answer a message together, where a broadcast list names them.
//!
//! Source: contract, section 2; the documents on broadcast groups.

use super::{
    routing::{Address, normal, same_name},
    version::Version,
};
use crate::context::{Broadcast, Configuration};

/// Those who answer one message together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fan {
    /// Who may begin, in order.
    pub agents: Vec<String>,
    /// Who is listed, and the bound of turns keeps out.
    pub beyond: Vec<String>,
    /// Whether each waits for the one before.
    pub is_sequential: bool,
    /// Whether the model has all of it: everybody begins, once. It does not have whom a mention chooses, nor rounds in
    /// which agents answer one another.
    pub is_whole: bool,
}

/// Who answers a text written there together, if a list names them. A key with the channel's name goes before one without,
/// which is for `WhatsApp` and knows neither mentions nor bounds.
pub fn fan(
    configuration: &Configuration,
    version: Version,
    address: &Address,
    text: &str,
) -> Option<Fan> {
    let (list, is_qualified) = list(configuration, version, address)?;
    let is_known =
        |name: &&String| configuration.agents.iter().any(|it| same_name(&it.id, name.as_str()));
    let mut agents: Vec<String> = Vec::new();
    for name in list.agents.iter().filter(is_known).map(|it| normal(it)) {
        if !agents.contains(&name) {
            agents.push(name);
        }
    }
    if agents.is_empty() {
        return None;
    }
    let is_sequential = configuration.broadcast_strategy.as_deref() == Some("sequential");
    if !is_qualified {
        return Some(Fan { agents, beyond: Vec::new(), is_sequential, is_whole: true });
    }
    let turns_max = list.max_turns.and_then(|it| usize::try_from(it).ok()).unwrap_or(agents.len());
    let may_choose = list.mention_gating.unwrap_or(true) && text.contains('@');
    if may_choose {
        return Some(Fan { agents, beyond: Vec::new(), is_sequential, is_whole: false });
    }
    let beyond = agents.split_off(turns_max.min(agents.len()));
    let is_whole = list.max_rounds.unwrap_or(1) == 1;
    Some(Fan { agents, beyond, is_sequential, is_whole })
}

fn list<'a>(
    configuration: &'a Configuration,
    version: Version,
    address: &Address,
) -> Option<(&'a Broadcast, bool)> {
    let channel = normal(&address.channel);
    let peers = [address.peer.as_ref(), address.parent.as_ref()];
    peers.into_iter().flatten().find_map(|peer| {
        let id = peer.id.trim();
        let find = |key: &str| {
            configuration.broadcast.iter().find(|(name, _)| name.trim() == key).map(|(_, it)| it)
        };
        let qualified = || match version {
            Version::March => None,
            Version::September => Some((find(&format!("{channel}:{id}"))?, true)),
        };
        let plain = || (channel == "whatsapp").then(|| find(id)).flatten().map(|it| (it, false));
        qualified().or_else(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Agent, Peer, PeerKind};

    /// Who begins and who does not, of a text in a chat of two lists.
    fn check(version: Version, channel: &str, id: &str, text: &str) -> String {
        let agent = |id: &str| Agent { id: id.to_owned(), ..Agent::default() };
        let list = |agents: &[&str], max_turns| Broadcast {
            agents: agents.iter().map(|it| (*it).to_owned()).collect(),
            max_turns,
            ..Broadcast::default()
        };
        let configuration = Configuration {
            agents: ["a", "b", "c"].map(agent).into(),
            broadcast: [
                ("1".to_owned(), list(&["a", "b", "a", "nobody"], None)),
                ("telegram:1".to_owned(), list(&["c", "B", "a"], Some(2))),
            ]
            .into(),
            ..Configuration::default()
        };
        let address = Address {
            channel: channel.to_owned(),
            account: "default".to_owned(),
            peer: Some(Peer { kind: PeerKind::Direct, id: id.to_owned() }),
            parent: None,
            guild: None,
            team: None,
            roles: Vec::new(),
        };
        let Some(fan) = fan(&configuration, version, &address, text) else {
            return "-".to_owned();
        };
        let (agents, beyond) = (fan.agents.join(" "), fan.beyond.join(" "));
        format!("{agents} / {beyond}{}", if fan.is_whole { "" } else { " ?" })
    }

    #[test]
    fn lists_are_for_whatsapp_or_for_the_channel_that_they_name() {
        assert_eq!(check(Version::March, "whatsapp", "1", "hi"), "a b / ");
        assert_eq!(check(Version::March, "telegram", "1", "hi"), "-");
        assert_eq!(check(Version::March, "whatsapp", "2", "hi"), "-");
        assert_eq!(check(Version::September, "whatsapp", "1", "hi @c"), "a b / ");
        assert_eq!(check(Version::September, "telegram", "1", "hi"), "c b / a");
        assert_eq!(check(Version::September, "telegram", "1", "hi @c"), "c b a /  ?");
    }
}
