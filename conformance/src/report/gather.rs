//! From what a run found to its report.

mod cases;
mod requirements;

use std::{collections::BTreeMap, time::Duration};

use creel_judge::profile;
use creel_sim::world::{RealClock, World};

use super::{
    data::{Area, Case, Check, CheckVerdict, Evidence, Report, Status, VERSION},
    evidence,
};
use crate::{
    catalogue,
    suite::{Extent, Plan},
};

pub use self::cases::case;

/// What a report tells of its run beside what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occasion {
    /// A text of this run alone.
    pub nonce: String,
    /// The command line.
    pub command: Vec<String>,
    /// How long all took.
    pub took: Duration,
}

/// The report of a run, from its cases in order.
pub fn report(plan: &Plan, cases: Vec<Case>, occasion: Occasion) -> Report {
    let catalogue = catalogue::built_in();
    let profiles = profiles(plan);
    let mut counts: BTreeMap<Status, usize> = Status::ALL.iter().map(|it| (*it, 0)).collect();
    for case in &cases {
        *counts.entry(case.status).or_default() += 1;
    }
    let held = |it: &&Check| it.verdict == CheckVerdict::Pass && !it.witnesses.is_empty();
    let evidence = Evidence {
        facts: cases.iter().map(|it| it.facts).sum(),
        witnessed: cases.iter().flat_map(|it| &it.checks).filter(held).count(),
        digest: String::new(),
    };
    let area = |it: &catalogue::Area| Area {
        id: it.id.clone(),
        name: it.name.clone(),
        title: it.title.clone(),
    };
    let (target_version, claims) = match &plan.world {
        World::Turmoil | World::Events => (Some(env!("CARGO_PKG_VERSION").to_owned()), None),
        World::Fake(_) => (None, None),
        World::Real(real) => (real.target.version.clone(), Some(&real.target.claims)),
    };
    let lacks = |id: &str| claims.and_then(|it| it.lacks_requirement(id));
    let mut report = Report {
        creel_report: VERSION,
        creel: env!("CARGO_PKG_VERSION").to_owned(),
        target: plan.world.target().to_owned(),
        target_version,
        world: plan.world.name().to_owned(),
        clock: clock(&plan.world).to_owned(),
        requirements: requirements::all(catalogue, &cases, &profiles, lacks),
        profiles,
        whole: plan.extent == Extent::Whole,
        seed: plan.seed,
        command: occasion.command,
        nonce: occasion.nonce,
        took_ms: ms(occasion.took),
        evidence,
        counts,
        areas: catalogue.areas.iter().map(area).collect(),
        cases,
    };
    report.evidence.digest = evidence::digest(&report);
    report
}

/// Whose time a world's is.
fn clock(world: &World) -> &'static str {
    match world {
        World::Turmoil | World::Events | World::Fake(_) => "virtual",
        World::Real(real) => match real.target.clock {
            RealClock::Wall => "the machine's",
            RealClock::Jump => "the machine's, with the target's date moved",
        },
    }
}

/// The profiles that were asked for and that the target claims.
fn profiles(plan: &Plan) -> Vec<String> {
    let claims = |profile: &str| match &plan.world {
        World::Real(real) => real.target.profiles.iter().any(|it| it == profile),
        World::Turmoil | World::Events | World::Fake(_) => true,
    };
    let asked = |profile: &str| plan.profile.as_ref().is_none_or(|it| it == profile);
    let names = profile::ALL.iter().map(|it| it.name);
    names.filter(|it| asked(it) && claims(it)).map(str::to_owned).collect()
}

fn ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
