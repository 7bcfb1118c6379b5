//! What several commands are given: a target, and the list of what is known to fail on it.

use std::{collections::BTreeSet, fs, path::Path};

use creel_judge::profile;
use creel_sim::{
    target::Target,
    world::{self, World, real::Keep},
};

use super::{
    Exit, complain, refuse,
    target::installing::{self, Missing},
};
use crate::{
    catalogue,
    corpus::{self, Entry},
    expectations::{
        self, Expectations,
        read::{self, Universe},
    },
    report::evidence,
};

/// A target in the real world.
pub(super) fn real(target: &str, keep: Option<&Path>, missing: Missing) -> Result<World, Exit> {
    let target = self::target(target)?;
    installing::ensure(&target, missing)?;
    let creel = std::env::current_exe().map_err(|it| usage(&format!("find creel: {it}")))?;
    let keep = keep.map_or(Keep::No, |it| Keep::In(it.to_owned()));
    Ok(world::real(target, creel, keep))
}

/// A target whose claims mean something.
pub(super) fn target(name_or_path: &str) -> Result<Target, Exit> {
    let target = Target::load(name_or_path).map_err(|it| usage(&it.to_string()))?;
    match misclaimed(&target) {
        Some(why) => Err(usage(&why)),
        None => Ok(target),
    }
}

/// What a target claims that there is not: a profile, or requirements.
pub(super) fn misclaimed(target: &Target) -> Option<String> {
    let name = &target.name;
    if let Some(found) = target.profiles.iter().find(|it| profile::named(it).is_none()) {
        let known = profile::ALL.map(|it| format!("`{}`", it.name)).join(" or ");
        return Some(format!(
            "target `{name}` claims the unknown profile `{found}`: expected {known}"
        ));
    }
    let ids: Vec<&str> = catalogue::built_in().requirements().map(|it| it.id.as_str()).collect();
    let found = target.claims.meaningless(&ids)?;
    Some(format!(
        "target `{name}` claims or excludes `{found}`, which no requirement is called: expected an id such as `QUE-003`, or a beginning with a star such as `QUE-*` (`creel list --requirements`)"
    ))
}

/// The list of a file, or else the target's own, if there is one. It may be about every built-in scenario and those chosen.
pub(super) fn expectations(
    file: Option<&Path>,
    target: Option<&str>,
    (world, chosen): (&World, &[Entry]),
) -> Result<Option<Expectations>, Exit> {
    let found = match (file, target) {
        (Some(file), _) => {
            let name = file.display().to_string();
            let text =
                fs::read_to_string(file).map_err(|it| usage(&format!("read {name}: {it}")))?;
            Some((name, text))
        }
        (None, Some(target)) => expectations::of_target(target)
            .map_err(|it| usage(&format!("read the known failures of `{target}`: {it}")))?,
        (None, None) => None,
    };
    let Some((name, text)) = found else { return Ok(None) };
    let mut entries = corpus::choose(&[]).map_err(refuse)?;
    let known: BTreeSet<String> = entries.iter().map(|it| it.file.clone()).collect();
    entries.extend(chosen.iter().filter(|it| !known.contains(&it.file)).cloned());
    let claims = match world {
        World::Real(real) => Some(&real.target),
        World::Turmoil | World::Events | World::Fake(_) => None,
    };
    let (profiles, today) = (expectations::profiles(claims), read::today());
    let universe = Universe { entries: &entries, profiles: &profiles, today: &today };
    match read::read(&name, &text, universe) {
        Ok(list) => Ok(Some(list)),
        Err(report) => {
            complain(&format!("{:?}", miette::Report::new(report)));
            Err(usage(&format!("`{name}` is no list of known failures")))
        }
    }
}

/// A text of this run alone: the one that is given, or a new one.
pub(super) fn nonce(given: Option<&str>) -> Result<String, Exit> {
    let chance = || {
        evidence::nonce().map_err(|it| {
            complain(&format!("error: the system has no chance for a nonce: {it}"));
            Exit::Bug
        })
    };
    given.map_or_else(chance, |it| Ok(it.to_owned()))
}

/// The command line.
pub(super) fn command() -> Vec<String> {
    let arguments = std::env::args_os().skip(1).map(|it| it.display().to_string());
    std::iter::once("creel".to_owned()).chain(arguments).collect()
}

/// Says why what was asked for cannot be done.
pub(super) fn usage(why: &str) -> Exit {
    complain(&format!("error: {why}"));
    Exit::Usage
}
