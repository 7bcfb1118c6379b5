//! Logins that are renewed: what of it a trace tells.

use super::{Happening, What};
use crate::{
    spec::cast::Cast,
    turns::{Renewal, Request},
};

/// Whoever renewed a login asks with it after so long at the latest, or did not wait for it.
const USED_US_MAX: i64 = 30_000_000;

/// The renewals of an agent's logins. What a gateway makes of one that does not come in time is its own: where one was not
/// granted, or not followed by a request, nothing is foreseen of its credential.
pub(super) fn renewed(cast: &Cast, agent: &str) -> Vec<Happening> {
    let configuration = &cast.context.configuration;
    let is_own = |it: &&Renewal| {
        let holder = configuration.holder(&it.credential);
        configuration.agents.len() < 2 || holder.is_none_or(|it| it.eq_ignore_ascii_case(agent))
    };
    let mut all = Vec::new();
    let mut add = |at_us, seq, what| {
        all.push(Happening { at_us, session: String::new(), seq, what });
    };
    for renewal in cast.turns.renewals.iter().filter(is_own) {
        let (at_us, seq) = (renewal.at.at_us, renewal.at.seq);
        if !is_used(cast, renewal) {
            let own = renewal.credential.rsplit('/').next().unwrap_or_default();
            let (provider, name) = own.split_once(':').unwrap_or_default();
            add(i64::MIN, 0, What::Doubted((provider.to_owned(), name.to_owned())));
        }
        add(at_us, seq, What::Renewed);
    }
    all
}

fn is_used(cast: &Cast, renewal: &Renewal) -> bool {
    let asks = |it: &Request| {
        it.credential == renewal.credential
            && it.start > renewal.at
            && it.start.at_us.saturating_sub(renewal.at.at_us) <= USED_US_MAX
    };
    renewal.outcome == crate::trace::RefreshOutcome::Granted && cast.turns.requests.iter().any(asks)
}
