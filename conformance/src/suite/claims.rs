//! What a target claims, and what follows for cases and checks.

use std::sync::Arc;

use creel_judge::verdict::Verdict;
use creel_sim::{
    scenario::Scenario,
    target::Claims,
    world::{World, needs_virtual_time},
};

use super::{Case, Check, Missing};

/// Why a case is not even begun in this world, if it is not.
pub fn left_out(world: &World, case: &Case) -> Option<Missing> {
    playable(world, case).err()
}

/// A case's scenario as it is played in this world: on the target's channels, as slow as it needs.
pub(super) fn playable(world: &World, case: &Case) -> Result<Arc<Scenario>, Missing> {
    let World::Real(real) = world else { return Ok(case.entry.scenario.clone()) };
    let target = &real.target;
    if !target.profiles.contains(&case.profile) {
        let why = format!("target `{}` does not claim profile {}", target.name, case.profile);
        return Err(Missing::Unclaimed(why));
    }
    let scenario = target.played(&case.entry.scenario).map_err(Missing::Unclaimed)?;
    if let Some(why) = target.claims.lacks(&scenario) {
        return Err(Missing::Unclaimed(why));
    }
    match needs_virtual_time(&scenario, target.clock) {
        Some(why) => Err(Missing::NeedsVirtualTime(why)),
        None => Ok(Arc::new(target.adapted(scenario))),
    }
}

/// What a target does not claim is not held against it: a check that did not hold, all of whose requirements are such. Says
/// what the first failure was that it excused, if there was one.
pub(super) fn excuse(checks: &mut [Check], claims: &Claims) -> Option<String> {
    let mut excused = None;
    for check in checks.iter_mut().filter(|it| !matches!(it.verdict, Verdict::Pass { .. })) {
        let lacks: Option<Vec<String>> =
            check.requirements.iter().map(|it| claims.lacks_requirement(it)).collect();
        let Some(why) = lacks.and_then(|it| it.into_iter().next()) else { continue };
        if matches!(check.verdict, Verdict::Fail(_)) {
            excused.get_or_insert_with(|| why.clone());
        }
        check.verdict = Verdict::NotApplicable { why };
    }
    excused
}
