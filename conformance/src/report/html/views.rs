//! What the page shows of a report, and in which order.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    SCRIPT, STYLE,
    picture::{self, Picture},
};
use crate::report::{
    console,
    data::{
        Area, Case, Check, CheckVerdict, Control, ControlStatus, Evidence, Fact, Known, LeftOut,
        Level, Light, Report, Requirement, Standing, Status, Support,
    },
    diagram, failure, markdown,
};

/// The most facts of a check that held which are named.
const FACTS_MAX: usize = 8;

#[derive(Serialize)]
pub(super) struct Page<'a> {
    report: Head<'a>,
    name: String,
    headline: String,
    light: Light,
    last_line: String,
    /// How many cases are not as they should be.
    red: usize,
    took: String,
    standings: Vec<&'static str>,
    statuses: Vec<&'static str>,
    areas: Vec<AreaRow<'a>>,
    totals: Vec<usize>,
    cases: Vec<CaseView<'a>>,
    requirements: Vec<RequirementView<'a>>,
    style: &'static str,
    script: &'static str,
}

/// What the template reads of the report itself. Nothing else of it is turned into values, of which there would be too many.
#[derive(Serialize)]
struct Head<'a> {
    nonce: &'a str,
    evidence: &'a Evidence,
    profiles: &'a [String],
    world: &'a str,
    clock: &'a str,
    seed: u64,
    command: &'a [String],
    creel: &'a str,
}

#[derive(Serialize)]
struct AreaRow<'a> {
    name: &'a str,
    title: &'a str,
    counts: Vec<Count>,
}

#[derive(Serialize)]
struct Count {
    word: &'static str,
    count: usize,
}

#[derive(Serialize)]
struct CaseView<'a> {
    number: usize,
    case: Shown<'a>,
    area: &'a str,
    levels: Vec<&'static str>,
    open: bool,
    loud: Vec<CheckView<'a>>,
    held: Vec<HeldView<'a>>,
    control: Option<ControlView<'a>>,
    picture: Option<Picture>,
    facts: Vec<FactView<'a>>,
    again: String,
}

/// What the template reads of a case itself.
#[derive(Serialize)]
struct Shown<'a> {
    scenario: &'a str,
    title: &'a str,
    file: &'a str,
    profile: &'a str,
    status: Status,
    reason: Option<&'a str>,
    left_out: Option<&'static str>,
    known: &'a Option<Known>,
    stale: &'a [String],
    harness_errors: &'a [String],
    excerpt: Vec<u64>,
    facts: usize,
    note: Option<&'a str>,
    trace_hash: Option<&'a str>,
}

#[derive(Serialize)]
struct CheckView<'a> {
    name: String,
    verdict: CheckVerdict,
    line: Option<usize>,
    source: Option<&'a str>,
    requirements: Vec<Promise<'a>>,
    expected: Option<&'a str>,
    observed: Option<&'a str>,
    why: Option<&'a str>,
    facts: String,
}

#[derive(Serialize)]
struct Promise<'a> {
    id: &'a str,
    level: &'static str,
    text: &'a str,
    support: &'a Option<Support>,
    origin: String,
}

#[derive(Serialize)]
struct HeldView<'a> {
    name: String,
    ids: &'a [String],
    facts: String,
}

#[derive(Serialize)]
struct ControlView<'a> {
    words: String,
    labels: &'a [String],
}

#[derive(Serialize)]
struct FactView<'a> {
    seq: u64,
    at: String,
    lane: &'a str,
    words: &'a str,
    marked: bool,
}

#[derive(Serialize)]
struct RequirementView<'a> {
    id: &'a str,
    area: &'a str,
    level: &'static str,
    text: &'a str,
    profiles: &'a [String],
    feature: Option<&'a str>,
    support: &'a Option<Support>,
    origin: String,
    verdict: &'static str,
    why: Option<&'a str>,
    held: usize,
    broken: usize,
    cases: Vec<CitedView<'a>>,
}

#[derive(Serialize)]
struct CitedView<'a> {
    number: Option<usize>,
    scenario: &'a str,
    profile: &'a str,
    check: &'a str,
    verdict: CheckVerdict,
}

pub(super) fn page(report: &Report) -> Page<'_> {
    let occurs = |it: &Standing| report.standing(*it) > 0;
    let always = [Standing::Pass, Standing::Fail];
    let standings: Vec<Standing> =
        Standing::ALL.iter().copied().filter(|it| always.contains(it) || occurs(it)).collect();
    let mut statuses: Vec<&str> = standings.iter().map(|it| it.word()).collect();
    for status in report.counts.keys() {
        if !statuses.contains(&status.word()) {
            statuses.push(status.word());
        }
    }
    let order = order(&report.cases);
    let numbers: BTreeMap<(&str, &str), usize> = order
        .iter()
        .enumerate()
        .map(|(index, it)| ((it.scenario.as_str(), it.profile.as_str()), index + 1))
        .collect();
    let cases = order.iter().enumerate().map(|(index, it)| case(report, it, index + 1));
    let head = Head {
        nonce: &report.nonce,
        evidence: &report.evidence,
        profiles: &report.profiles,
        world: &report.world,
        clock: &report.clock,
        seed: report.seed,
        command: &report.command,
        creel: &report.creel,
    };
    Page {
        report: head,
        name: report.target_name(),
        headline: markdown::headline(report),
        light: report.light(),
        last_line: console::last_line(report),
        red: report.cases.iter().filter(|it| !it.is_quiet()).count(),
        took: format!("took {}.{} s", report.took_ms / 1_000, report.took_ms % 1_000 / 100),
        areas: areas(report, &standings),
        totals: standings.iter().map(|it| report.standing(*it)).collect(),
        standings: standings.iter().map(|it| it.word()).collect(),
        statuses,
        cases: cases.collect(),
        requirements: report
            .requirements
            .iter()
            .map(|it| requirement(report, it, &numbers))
            .collect(),
        style: STYLE,
        script: SCRIPT,
    }
}

/// The order of the cases: what is not green first.
fn order(cases: &[Case]) -> Vec<&Case> {
    let mut order: Vec<&Case> = cases.iter().collect();
    order.sort_by_key(|it| rank(it));
    order
}

/// How much a case wants to be read: what is wrong first, then what is known or could not be told.
fn rank(case: &Case) -> u8 {
    match case.status {
        Status::Fail | Status::Stale | Status::Error | Status::Vacuous => 0,
        Status::KnownFailing | Status::Inconclusive => 1,
        Status::Pass | Status::Skipped => 2,
    }
}

fn areas<'a>(report: &'a Report, standings: &[Standing]) -> Vec<AreaRow<'a>> {
    let row = |area: &'a Area| {
        let of = |standing: &Standing| {
            let is_it = |it: &&Requirement| it.area == area.id && it.verdict == *standing;
            Count { word: standing.word(), count: report.requirements.iter().filter(is_it).count() }
        };
        AreaRow { name: &area.name, title: &area.title, counts: standings.iter().map(of).collect() }
    };
    report.areas.iter().map(row).collect()
}

/// What a case shows. A variant that is as it should be shows its line alone.
fn case<'a>(report: &'a Report, case: &'a Case, number: usize) -> CaseView<'a> {
    let is_brief = case.variant && case.is_quiet();
    let levels = case.covers.iter().filter_map(|it| report.requirement(it));
    let mut levels: Vec<_> = levels.map(|it| it.level).collect();
    levels.sort_unstable();
    levels.dedup();
    let is_held = |it: &&Check| it.verdict == CheckVerdict::Pass && it.line.is_some();
    let held = case.checks.iter().filter(is_held).filter(|_| !is_brief).map(|it| HeldView {
        name: it.name(),
        ids: &it.requirements,
        facts: named(&it.witnesses),
    });
    CaseView {
        number,
        case: Shown {
            scenario: &case.scenario,
            title: &case.title,
            file: &case.file,
            profile: &case.profile,
            status: case.status,
            reason: case.reason.as_deref(),
            left_out: case.left_out.map(LeftOut::word),
            known: &case.known,
            stale: &case.stale,
            harness_errors: &case.harness_errors,
            excerpt: case.excerpt.iter().filter(|_| !is_brief).map(|it| it.seq).collect(),
            facts: case.facts,
            note: case.note.as_deref(),
            trace_hash: case.trace_hash.as_deref(),
        },
        area: case.area(),
        levels: levels.into_iter().map(Level::word).collect(),
        open: rank(case) == 0,
        loud: case.checks.iter().filter(|it| it.is_loud()).map(|it| check(report, it)).collect(),
        held: held.collect(),
        control: case.control.as_ref().filter(|_| !is_brief).map(control),
        picture: (!case.is_quiet()).then(|| picture::of(&case.excerpt, case.facts)).flatten(),
        facts: case.excerpt.iter().filter(|_| !is_brief).map(fact).collect(),
        again: case.again.join("\n"),
    }
}

fn check<'a>(report: &'a Report, check: &'a Check) -> CheckView<'a> {
    let promise = |it: &'a Requirement| Promise {
        id: &it.id,
        level: it.level.word(),
        text: &it.text,
        support: &it.support,
        origin: it.support.as_ref().map(Support::origin).unwrap_or_default(),
    };
    CheckView {
        name: check.name(),
        verdict: check.verdict,
        line: check.line,
        source: check.source.as_deref(),
        requirements: check
            .requirements
            .iter()
            .filter_map(|it| report.requirement(it))
            .map(promise)
            .collect(),
        expected: check.expected.as_deref(),
        observed: check.observed.as_deref(),
        why: check.why.as_deref(),
        facts: failure::witnesses(check),
    }
}

fn control(control: &Control) -> ControlView<'_> {
    let words = match control.status {
        ControlStatus::Absent => "The scenario has none.".to_owned(),
        ControlStatus::LeftOut => "It was left out, as was asked for.".to_owned(),
        ControlStatus::Flipped => {
            format!("With one edit of the scenario, {} of these checks fail.", control.checks)
        }
        ControlStatus::Stuck => "With its edit, these checks should fail and did not:".to_owned(),
        ControlStatus::Unclear => {
            "With its edit, these checks should fail, and it cannot be told:".to_owned()
        }
        ControlStatus::NotRun => {
            format!("It could not be run: {}", control.why.as_deref().unwrap_or_default())
        }
    };
    ControlView { words, labels: &control.labels }
}

fn fact(fact: &Fact) -> FactView<'_> {
    FactView {
        seq: fact.seq,
        at: diagram::seconds(fact.at_us),
        lane: &fact.lane,
        words: fact.more.as_ref().unwrap_or(&fact.words),
        marked: fact.marked,
    }
}

fn requirement<'a>(
    report: &'a Report,
    requirement: &'a Requirement,
    numbers: &BTreeMap<(&str, &str), usize>,
) -> RequirementView<'a> {
    let area = report.areas.iter().find(|it| it.id == requirement.area);
    let cited = requirement.cases.iter().map(|it| CitedView {
        number: numbers.get(&(it.scenario.as_str(), it.profile.as_str())).copied(),
        scenario: &it.scenario,
        profile: &it.profile,
        check: &it.check,
        verdict: it.verdict,
    });
    RequirementView {
        id: &requirement.id,
        area: area.map_or("", |it| &it.name),
        level: requirement.level.word(),
        text: &requirement.text,
        profiles: &requirement.profiles,
        feature: requirement.feature.as_deref(),
        support: &requirement.support,
        origin: requirement.support.as_ref().map(Support::origin).unwrap_or_default(),
        verdict: requirement.verdict.word(),
        why: requirement.why.as_deref(),
        held: requirement.held,
        broken: requirement.broken,
        cases: cited.collect(),
    }
}

/// The first facts of a check that held, and how many more there are.
fn named(witnesses: &[u64]) -> String {
    let first: Vec<String> = witnesses.iter().take(FACTS_MAX).map(|it| format!("#{it}")).collect();
    match witnesses.len().saturating_sub(FACTS_MAX) {
        0 => first.join(" "),
        more => format!("{} and {more} more", first.join(" ")),
    }
}
