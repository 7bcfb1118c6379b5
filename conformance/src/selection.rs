//! As few scenarios as say everything of a target: each requirement that can be judged on its clock is judged by some of
//! them, in each profile that it claims.
//!
//! The choice depends on the corpus and the target alone, so it is the same on every machine. It is greedy: the scenario
//! that judges most for the time that it takes comes first; what turns out superfluous goes again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use creel_sim::{
    scenario::Scenario,
    world::{self, RealClock, World},
};

use crate::{
    catalogue::{self, Level, Requirement, coverage},
    corpus::Entry,
    expectations::Expectations,
    suite::{Case, Missing, left_out},
};

/// How much is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Each requirement is judged by so many scenarios, if there are so many.
    Each(usize),
    /// Each by one, but so many scenarios at the most: those that judge most of what the target must do.
    Most(usize),
    /// Everything that can run.
    All,
}

/// What was chosen, and what was not.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The cases that run, in the corpus's order.
    pub cases: Vec<Case>,
    /// How many cases are left out, by reason.
    pub left_out: BTreeMap<Reason, usize>,
    /// What is judged: requirements, each with a profile.
    pub judged: BTreeSet<Goal>,
    /// What is in the catalogue and claimed, and is judged by no case that can run: with the reason.
    pub unreached: BTreeMap<Goal, Reason>,
}

/// A requirement under a profile.
pub type Goal = (String, String);

/// Why a case is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The target does not claim its profile.
    Profile,
    /// The target does not claim what it needs.
    Unclaimed,
    /// The target's clock cannot show it.
    Clock,
    /// Others judge the same.
    Superfluous,
    /// The target takes too long to start for all of them.
    Budget,
    /// No scenario judges it.
    Nobody,
}

impl Reason {
    /// The reason, for what is left out.
    pub fn words(self) -> &'static str {
        match self {
            Self::Profile => "the target does not claim their profile",
            Self::Unclaimed => "what they need is not claimed",
            Self::Clock => "they need virtual time",
            Self::Superfluous => "others judge the same: `--all` runs them",
            Self::Budget => "the target takes long to start: `--each 1` runs them, too",
            Self::Nobody => "no scenario judges them",
        }
    }
}

/// A case that can run, and what it judges.
struct Candidate {
    case: Case,
    goals: BTreeSet<Goal>,
    takes_ms: u128,
    /// It is listed as known to fail, so whether it still does is to be seen.
    is_listed: bool,
}

/// Chooses among all cases.
pub fn choose(
    cases: Vec<Case>,
    (world, expectations): (&World, Option<&Expectations>),
    depth: Depth,
) -> Selection {
    let mut selection = Selection::default();
    let profiles: BTreeSet<String> = cases.iter().map(|it| it.profile.clone()).collect();
    let mut elsewhere: BTreeMap<Goal, Reason> = BTreeMap::new();
    let mut candidates = Vec::new();
    for case in cases {
        let goals = goals(&case, world);
        let is_listed = expectations.is_some_and(|it| it.lists(&case));
        let reason = match left_out(world, &case) {
            Some(missing) => Some(reason(world, &case, &missing)),
            None => goals.is_empty().then_some(Reason::Unclaimed),
        };
        match reason {
            Some(reason) if !is_listed => {
                *selection.left_out.entry(reason).or_default() += 1;
                for goal in goals {
                    let known = elsewhere.entry(goal).or_insert(reason);
                    *known = (*known).max(reason);
                }
            }
            _ => {
                let takes_ms = takes(&case, world).as_millis();
                // A variant judges nothing that its scenario does not.
                let is_variant = case.entry.scenario.variant.is_some();
                let goals = if is_variant { BTreeSet::new() } else { goals };
                candidates.push(Candidate { case, goals, takes_ms, is_listed });
            }
        }
    }
    let chosen = match depth {
        Depth::All => vec![true; candidates.len()],
        Depth::Each(times) => cover(&candidates, times, candidates.len()),
        Depth::Most(cases) => cover(&candidates, 1, cases),
    };
    let judged = candidates.iter().zip(&chosen).filter(|it| *it.1).flat_map(|it| &it.0.goals);
    selection.judged = judged.cloned().collect();
    for (candidate, is_chosen) in candidates.into_iter().zip(chosen) {
        if is_chosen {
            selection.cases.push(candidate.case);
            continue;
        }
        let is_needed = candidate.goals.iter().any(|it| !selection.judged.contains(it));
        let reason = if is_needed { Reason::Budget } else { Reason::Superfluous };
        *selection.left_out.entry(reason).or_default() += 1;
        elsewhere.extend(candidate.goals.into_iter().map(|it| (it, reason)));
    }
    selection.unreached = unreached((world, &profiles), &selection.judged, &elsewhere);
    selection
}

fn reason(world: &World, case: &Case, missing: &Missing) -> Reason {
    match missing {
        Missing::Unclaimed(_) if !claims(world, &case.profile) => Reason::Profile,
        Missing::NeedsVirtualTime(_) => Reason::Clock,
        Missing::Unclaimed(_) | Missing::Unforeseen(_) => Reason::Unclaimed,
        Missing::Unmoved(_)
        | Missing::Target(_)
        | Missing::Manifest(_)
        | Missing::Scenario(_)
        | Missing::Broken(_)
        | Missing::Interrupted(_) => Reason::Nobody,
    }
}

/// What a case judges by a check of its own.
fn goals(case: &Case, world: &World) -> BTreeSet<Goal> {
    let scenario: &Scenario = &case.entry.scenario;
    let named = scenario.expect.iter().flat_map(|it| &it.covers);
    let catalogue = catalogue::built_in();
    let by_flips = scenario.control.iter().flat_map(|it| &it.flips);
    let by_flips = by_flips.flat_map(|it| catalogue.of_invariant(it)).map(|it| &it.id);
    let ids: BTreeSet<&String> = named.chain(by_flips).collect();
    let found = ids.into_iter().filter_map(|it| catalogue.find(it));
    found
        .filter(|it| {
            is_held_to(world, it, &case.profile) && !coverage::of(it, [scenario]).is_empty()
        })
        .map(|it| (it.id.clone(), case.profile.clone()))
        .collect()
}

/// Whether the target is held to a requirement under a profile.
fn is_held_to(world: &World, requirement: &Requirement, profile: &str) -> bool {
    let is_excluded = match world {
        World::Real(real) => real.target.claims.lacks_requirement(&requirement.id).is_some(),
        World::Turmoil | World::Events | World::Fake(_) => false,
    };
    !is_excluded
        && claims(world, profile)
        && requirement.judging().is_some()
        && requirement.is_of(profile)
}

fn claims(world: &World, profile: &str) -> bool {
    match world {
        World::Real(real) => real.target.profiles.iter().any(|it| it == profile),
        World::Turmoil | World::Events | World::Fake(_) => true,
    }
}

/// About how long a case takes, if nothing else runs.
fn takes(case: &Case, world: &World) -> Duration {
    let clock = match world {
        World::Real(real) => real.target.clock,
        World::Turmoil | World::Events | World::Fake(_) => RealClock::Wall,
    };
    cpu(world, case) + world::lasts(&case.entry.scenario, clock)
}

/// What a case costs.
fn cpu(world: &World, case: &Case) -> Duration {
    match world {
        World::Real(real) => real.target.cpu_for(&case.entry.scenario),
        World::Turmoil | World::Events | World::Fake(_) => Duration::ZERO,
    }
}

/// What judging a requirement is worth.
fn worth(id: &str) -> u128 {
    match catalogue::built_in().find(id).map(|it| it.level) {
        Some(Level::Must) => 3,
        Some(Level::Should | Level::May) | None => 1,
    }
}

/// Which candidates are needed: as few as judge each goal so many times, or so many cases at the most.
fn cover(candidates: &[Candidate], times: usize, cases: usize) -> Vec<bool> {
    let all: BTreeSet<&Goal> = candidates.iter().flat_map(|it| &it.goals).collect();
    let numbers: BTreeMap<&Goal, usize> =
        all.into_iter().enumerate().map(|(number, it)| (it, number)).collect();
    let worths: Vec<u128> = numbers.keys().map(|it| worth(&it.0)).collect();
    let goals: Vec<Vec<usize>> =
        candidates.iter().map(|it| it.goals.iter().map(|it| numbers[it]).collect()).collect();
    let mut have = vec![0; numbers.len()];
    let mut chosen: Vec<bool> = candidates.iter().map(|it| it.is_listed).collect();
    for (index, _) in candidates.iter().enumerate().filter(|it| it.1.is_listed) {
        goals[index].iter().for_each(|it| have[*it] += 1);
    }
    loop {
        let gain = |index: usize| {
            let open = goals[index].iter().filter(|it| have[**it] < times);
            open.map(|it| worths[*it]).sum::<u128>()
        };
        if chosen.iter().filter(|it| **it).count() >= cases {
            break;
        }
        let open = (0..candidates.len()).filter(|it| !chosen[*it]);
        let gains = open.map(|it| (it, gain(it)));
        // The first of equally good ones: `max_by` would take the last.
        let best = gains.filter(|it| it.1 > 0).reduce(|a, b| {
            let (takes_a, takes_b) = (candidates[a.0].takes_ms, candidates[b.0].takes_ms);
            if b.1 * takes_a > a.1 * takes_b { b } else { a }
        });
        let Some((index, _)) = best else { break };
        chosen[index] = true;
        goals[index].iter().for_each(|it| have[*it] += 1);
    }
    // The longest first: it saves most.
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|index| (std::cmp::Reverse(candidates[*index].takes_ms), *index));
    for index in order {
        let is_spare = goals[index].iter().all(|it| have[*it] > times);
        if chosen[index] && !candidates[index].is_listed && is_spare {
            chosen[index] = false;
            goals[index].iter().for_each(|it| have[*it] -= 1);
        }
    }
    chosen
}

fn unreached(
    (world, profiles): (&World, &BTreeSet<String>),
    judged: &BTreeSet<Goal>,
    elsewhere: &BTreeMap<Goal, Reason>,
) -> BTreeMap<Goal, Reason> {
    let mut unreached = BTreeMap::new();
    for requirement in catalogue::built_in().requirements() {
        for profile in requirement.profiles.iter().filter(|it| profiles.contains(*it)) {
            let goal = (requirement.id.clone(), profile.clone());
            if is_held_to(world, requirement, profile) && !judged.contains(&goal) {
                let reason = elsewhere.get(&goal).copied().unwrap_or(Reason::Nobody);
                unreached.insert(goal, reason);
            }
        }
    }
    unreached
}

impl Selection {
    /// The cases as entries: each scenario with its one profile, and no variant that was not chosen.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |case: &Case| {
            let scenario = Scenario {
                profiles: vec![case.profile.clone()],
                variants: Vec::new(),
                ..(*case.entry.scenario).clone()
            };
            Entry { scenario: Arc::new(scenario), ..case.entry.clone() }
        };
        self.cases.iter().map(entry).collect()
    }

    /// About how long it takes with so many at once, on a machine with so many cores.
    pub fn takes(&self, world: &World, jobs: usize, cores: usize) -> Duration {
        let parts = |of: usize| u32::try_from(of.max(1)).unwrap_or(u32::MAX);
        let all: Duration = self.cases.iter().map(|it| takes(it, world)).sum();
        let works: Duration = self.cases.iter().map(|it| cpu(world, it)).sum();
        (all / parts(jobs)).max(works / parts(cores))
    }
}

#[cfg(test)]
mod tests {
    use creel_sim::target::Target;

    use super::*;
    use crate::{corpus, suite};

    fn all() -> Vec<Case> {
        suite::cases_of(&corpus::choose(&[]).unwrap(), None)
    }

    fn real(edit: impl FnOnce(&mut Target)) -> World {
        let mut target = Target::load("reference").unwrap();
        edit(&mut target);
        world::real(target, "creel".into(), world::real::Keep::No)
    }

    #[test]
    fn where_there_is_room_for_few_they_judge_most_of_what_must_be() {
        let world = real(|_| ());
        let few = choose(all(), (&world, None), Depth::Most(20));
        let whole = choose(all(), (&world, None), Depth::Each(1));
        assert_eq!(few.cases.len(), 20);
        assert!(few.judged.len() >= 20 && few.judged.is_subset(&whole.judged));
        let reached: Vec<&Reason> =
            whole.judged.difference(&few.judged).map(|it| &few.unreached[it]).collect();
        assert!(!reached.is_empty() && reached.iter().all(|it| **it == Reason::Budget));
    }

    fn names(selection: &Selection) -> Vec<(String, String)> {
        selection.cases.iter().map(|it| (it.entry.scenario.name(), it.profile.clone())).collect()
    }

    #[test]
    fn few_scenarios_judge_all_that_many_judge() {
        let world = real(|_| ());
        let whole = choose(all(), (&world, None), Depth::All);
        let few = choose(all(), (&world, None), Depth::Each(1));
        assert_eq!(few.judged, whole.judged);
        assert!(
            few.cases.len() * 2 < whole.cases.len(),
            "{} of {}",
            few.cases.len(),
            whole.cases.len()
        );
        assert!(few.judged.len() > 300, "only {}", few.judged.len());
        assert!(few.cases.iter().all(|it| left_out(&world, it).is_none()));
        assert_eq!(names(&few), names(&choose(all(), (&world, None), Depth::Each(1))));
        // None of them can go.
        let own: Vec<BTreeSet<Goal>> = few.cases.iter().map(|it| goals(it, &world)).collect();
        let mut count: BTreeMap<&Goal, usize> = BTreeMap::new();
        own.iter().flatten().for_each(|it| *count.entry(it).or_default() += 1);
        for (case, own) in few.cases.iter().zip(&own) {
            let is_needed = own.iter().any(|it| count[it] == 1);
            assert!(is_needed, "{} is superfluous", case.entry.scenario.name());
        }
        let twice = choose(all(), (&world, None), Depth::Each(2));
        assert!(twice.cases.len() > few.cases.len() && twice.judged == whole.judged);
    }

    #[test]
    fn what_is_not_claimed_is_no_goal() {
        let world = real(|it| {
            it.profiles = vec!["2026.3".to_owned()];
            it.claims.requirements = Some(vec!["QUE-*".to_owned()]);
            it.claims.features = Some(["telegram".to_owned()].into());
        });
        let few = choose(all(), (&world, None), Depth::Each(1));
        assert!(few.judged.iter().all(|(id, of)| id.starts_with("QUE-") && of == "2026.3"));
        assert!(few.left_out[&Reason::Profile] > 100 && few.left_out[&Reason::Unclaimed] > 100);
        assert!(few.unreached.values().any(|it| *it == Reason::Clock), "{:?}", few.unreached);
    }
}
