//! When credentials rest, for people to look at: what the contract makes of the failures in a trace.
//!
//! A rest cannot be seen from outside, so it is predicted, by the same model that judges requests. Nothing here judges.

use std::collections::BTreeMap;

use super::{
    Asked, Happening, What,
    health::{Effect, Health},
    observed, provider_of,
};
use crate::{
    context::{Chain, Context},
    spec::{cast::Cast, version::Version},
    trace::Trace,
    turns::Turns,
};

/// A time in which a credential is not to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Whose credential it is.
    pub agent: String,
    /// The provider.
    pub provider: String,
    /// The credential's name at its provider.
    pub credential: String,
    /// The one model, as `provider/model`, that it is about; all of the provider's without.
    pub model: Option<String>,
    /// When it begins: the failure.
    pub from_us: i64,
    /// When it ends, by itself or by an answer.
    pub until_us: i64,
    /// Of which kind it is.
    pub kind: RestKind,
}

/// The kinds of rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestKind {
    /// A step of the ladder, from 1.
    Cooldown(u32),
    /// It was disabled, for want of money or for good.
    Disabled,
}

/// The rests of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rests {
    /// In the order in which they begin.
    pub all: Vec<Rest>,
    /// Whether something happened of which a trace does not tell what follows: there may be other rests than are predicted.
    pub may_differ: bool,
}

/// The rests that a trace's failures lead to. None where a trace does not tell, or the profile has no model.
pub fn rests(trace: &Trace, turns: &Turns, context: &Context) -> Rests {
    let mut rests = Rests::default();
    let Some(cast) = Cast::of(turns, context) else { return rests };
    for (agent, chain) in &context.configuration.chains {
        let happened = observed::happened(trace, &cast, (agent, chain));
        let is_doubted = |it: &Happening| matches!(it.what, What::Doubted(_));
        rests.may_differ |= happened.as_ref().is_none_or(|it| it.iter().any(is_doubted));
        if let Some(happened) = happened {
            rests.all.extend(of_agent(cast.version, (agent, chain), &happened));
        }
    }
    rests.all.sort_by_key(|it| it.from_us);
    rests
}

fn of_agent(version: Version, (agent, chain): (&str, &Chain), happened: &[Happening]) -> Vec<Rest> {
    let mut healths: BTreeMap<(String, String), Health> = BTreeMap::new();
    let mut asking: BTreeMap<&str, &Asked> = BTreeMap::new();
    let mut rests: Vec<Rest> = Vec::new();
    for (index, it) in happened.iter().enumerate() {
        if let What::Asks(asked) = &it.what {
            asking.insert(&it.session, asked);
        }
        let Some(asked) = asking.get(it.session.as_str()).copied() else { continue };
        let provider = provider_of(&asked.model).to_owned();
        let health = healths.entry((provider.clone(), asked.credential.clone())).or_default();
        let is_same = |it: &&mut Rest| it.provider == provider && it.credential == asked.credential;
        match &it.what {
            What::Answered => {
                health.answered(&asked.model, it.at_us);
                let ended = rests.iter_mut().filter(is_same).filter(|rest| {
                    rest.until_us > it.at_us
                        && rest.model.as_ref().is_none_or(|model| *model == asked.model)
                });
                ended.for_each(|rest| rest.until_us = it.at_us);
            }
            What::Failed(reason, rest_us) => {
                let mut later =
                    happened[index + 1..].iter().filter(|next| next.session == it.session);
                let next = later.find(|it| !matches!(it.what, What::Chosen(..)));
                if next.is_some_and(|next| next.what == What::Asks(asked.clone())) {
                    continue;
                }
                let (why, cooldowns) = ((*reason, *rest_us), &chain.cooldowns);
                let effect = health.failed(version, &asked.model, why, (it.at_us, cooldowns));
                let kind = match effect {
                    Effect::Nothing | Effect::Unmoved => continue,
                    Effect::Rests { step, .. } => RestKind::Cooldown(step),
                    Effect::Disabled(_) => RestKind::Disabled,
                };
                let (model, until_us) = health.newest(kind == RestKind::Disabled);
                rests.push(Rest {
                    agent: agent.to_owned(),
                    provider,
                    credential: asked.credential.clone(),
                    model,
                    from_us: it.at_us,
                    until_us,
                    kind,
                });
            }
            What::Chosen(..)
            | What::Reset
            | What::Begins
            | What::Asks(_)
            | What::Over
            | What::Stopped
            | What::Doubted(_)
            | What::Renewed
            | What::Restarted => (),
        }
    }
    rests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::failover::{Reason, SECOND};

    #[test]
    fn a_rest_begins_with_the_failure_and_an_answer_ends_it() {
        let asked = Asked { model: "p/m".to_owned(), credential: "one".to_owned() };
        let at = |second: i64, session: &str, what| Happening {
            at_us: second * SECOND,
            session: session.to_owned(),
            seq: u64::try_from(second).expect("a test has no negative seconds"),
            what,
        };
        let happened = [
            at(0, "a", What::Asks(asked.clone())),
            at(1, "b", What::Asks(asked.clone())),
            at(2, "b", What::Failed(Reason::Auth, 0)),
            at(2, "b", What::Over),
            at(12, "a", What::Answered),
            at(20, "b", What::Asks(asked)),
            at(21, "b", What::Failed(Reason::Billing, 0)),
            at(21, "b", What::Over),
        ];
        let shown = |version| -> Vec<(i64, i64, RestKind)> {
            let rests = of_agent(version, ("main", &Chain::default()), &happened);
            rests.iter().map(|it| (it.from_us / SECOND, it.until_us / SECOND, it.kind)).collect()
        };
        let first = (2, 12, RestKind::Cooldown(1));
        assert_eq!(shown(Version::March), [first, (21, 18_021, RestKind::Disabled)]);
        assert_eq!(shown(Version::September), [first, (21, 621, RestKind::Disabled)]);
    }
}
