//! Reads the catalogue's files.

use creel_document::{
    check, names,
    path::Path,
    problem::{Problem, Report},
    tree::Node,
};

use super::{
    Area, Catalogue, Clock, Evidence, Grade, Judging, Level, Requirement, Source, Standing,
    shape::{AREAS, FILE},
};
use crate::toml_tree;

/// The longest quote, in characters. A quote is a sentence at the most.
const QUOTE_CHARS_MAX: usize = 260;

/// How many digits the number in an id has.
const NUMBER_DIGITS: usize = 3;

/// How many invariants the contract has.
const INVARIANTS: usize = 15;

/// Reads files, each with its name.
///
/// # Errors
///
/// Everything that is wrong, by file.
pub fn read(files: &[(&str, &str)]) -> Result<Catalogue, Vec<Report>> {
    let (mut areas, mut reports) = (Vec::new(), Vec::new());
    for (name, text) in files {
        match area(name, text) {
            Ok(area) => areas.push(area),
            Err(problems) => reports.push(Report::new(*name, *text, problems)),
        }
    }
    areas.sort_by_key(|it: &Area| AREAS.iter().position(|(id, _)| *id == it.id));
    if reports.is_empty() { Ok(Catalogue { areas }) } else { Err(reports) }
}

fn area(file: &str, text: &str) -> Result<Area, Vec<Problem>> {
    let tree = toml_tree::parse(text)?;
    let problems = check(&tree, &FILE).problems;
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut problems = Vec::new();
    let id = text_of(&tree, "area");
    let name = AREAS.iter().find(|(it, _)| *it == id).map_or("", |(_, name)| name);
    if !file.ends_with(&format!("{name}.toml")) {
        let message = format!("found the area `{id}`, whose file is `{name}.toml`");
        problems.push(problem(&tree, "area", message));
    }
    let mut requirements: Vec<Requirement> = Vec::new();
    for node in tree.get("requirement").map(Node::items).unwrap_or_default() {
        let requirement = requirement(node);
        check_id(&id, node, requirements.last(), &mut problems);
        check_words(&requirement, node, &mut problems);
        check_references(&requirement, node, &mut problems);
        check_evidence(&requirement, node, &mut problems);
        requirements.push(requirement);
    }
    let area = Area { id, name: name.to_owned(), title: text_of(&tree, "title"), requirements };
    if problems.is_empty() { Ok(area) } else { Err(problems) }
}

fn requirement(node: &Node) -> Requirement {
    let standing = match node.get("excluded").and_then(Node::text) {
        Some(why) => Standing::Excluded { why: why.to_owned() },
        None => Standing::Judged(Box::new(judging(node))),
    };
    let level = text_of(node, "level");
    let profiles = match texts_of(node, "profiles") {
        named if named.is_empty() => ["2026.3", "2026.9"].map(str::to_owned).to_vec(),
        named => named,
    };
    Requirement {
        id: text_of(node, "id"),
        level: of_word(Level::ALL, Level::word, &level),
        text: text_of(node, "text"),
        contract: texts_of(node, "contract"),
        profiles,
        feature: node.get("feature").and_then(Node::text).map(str::to_owned),
        invariant: node.get("invariant").and_then(Node::text).map(str::to_owned),
        standing,
    }
}

fn judging(node: &Node) -> Judging {
    let evidence = node.get("evidence").map(Node::items).unwrap_or_default();
    Judging {
        observe: texts_of(node, "observe"),
        clock: of_word([Clock::Any, Clock::Virtual], Clock::word, &text_of(node, "clock")),
        outcomes: texts_of(node, "outcomes"),
        control: text_of(node, "control"),
        pending: node.get("pending").and_then(Node::text).map(str::to_owned),
        evidence: evidence.iter().map(one_evidence).collect(),
    }
}

fn one_evidence(node: &Node) -> Evidence {
    let grades = [Grade::A, Grade::B, Grade::C, Grade::D];
    Evidence {
        grade: of_word(grades, Grade::letter, &text_of(node, "grade")),
        source: of_word(Source::ALL, Source::word, &text_of(node, "source")),
        place: text_of(node, "place"),
        quote: node.get("quote").and_then(Node::text).map(str::to_owned),
    }
}

/// Ids are the area's, count upwards and are never given twice.
fn check_id(area: &str, node: &Node, last: Option<&Requirement>, problems: &mut Vec<Problem>) {
    let id = text_of(node, "id");
    let number = id.strip_prefix(area).and_then(|it| it.strip_prefix('-'));
    if !number
        .is_some_and(|it| it.len() == NUMBER_DIGITS && it.bytes().all(|it| it.is_ascii_digit()))
    {
        let message = format!("found the id `{id}`, expected one such as `{area}-003`");
        problems.push(problem(node, "id", message));
    } else if let Some(last) = last.filter(|it| it.id >= id) {
        let message = format!("the id `{id}` stands behind `{}`", last.id);
        let help = "ids count upwards, and none is given twice";
        problems.push(problem(node, "id", message).help(help));
    }
}

/// One sentence, with the level's word in it once and no other level's.
fn check_words(requirement: &Requirement, node: &Node, problems: &mut Vec<Problem>) {
    let text = &requirement.text;
    let words: Vec<&str> = text
        .split(|it: char| !it.is_alphanumeric())
        .filter(|it| Level::ALL.iter().any(|level| level.word() == *it))
        .collect();
    if words != [requirement.level.word()] {
        let found = if words.is_empty() { "none".to_owned() } else { words.join(", ") };
        let level = requirement.level;
        let message = format!("found the level words {found}, expected `{level}` once");
        problems.push(problem(node, "text", message));
    }
    if !text.ends_with('.') || text.contains(". ") {
        problems.push(problem(node, "text", "expected one sentence".to_owned()));
    }
}

/// References have their form.
fn check_references(requirement: &Requirement, node: &Node, problems: &mut Vec<Problem>) {
    let fits = |it: &str| {
        (1..=3).contains(&it.split('.').count())
            && it.split('.').all(|it| it.parse::<u32>().is_ok_and(|_| !it.starts_with('+')))
    };
    if requirement.contract.is_empty() || !requirement.contract.iter().all(|it| fits(it)) {
        let message = "expected places of the contract such as `4.3.1`".to_owned();
        problems.push(problem(node, "contract", message));
    }
    let known = || (1..=INVARIANTS).map(|it| format!("I{it}"));
    if let Some(found) = requirement.invariant.as_ref().filter(|it| !known().any(|id| id == **it)) {
        let all: Vec<String> = known().collect();
        let help = names::hint(found, all.iter().map(String::as_str));
        let found = problem(node, "invariant", format!("no invariant is called `{found}`"));
        problems.push(Problem { help, ..found });
    }
}

/// Evidence is there, with a quote where there is something to quote, and no longer than a sentence.
fn check_evidence(requirement: &Requirement, node: &Node, problems: &mut Vec<Problem>) {
    let Some(judging) = requirement.judging() else { return };
    if judging.evidence.is_empty() {
        problems.push(problem(node, "evidence", "a requirement rests on something".to_owned()));
    }
    if judging.observe.is_empty() {
        problems.push(problem(node, "observe", "somebody must see it".to_owned()));
    }
    for it in &judging.evidence {
        let quoted = !matches!(it.source, Source::Bug | Source::Ours);
        if quoted != it.quote.is_some() {
            let source = it.source.word();
            let expected = if quoted { "a quote" } else { "no quote" };
            let message = format!("found evidence from `{source}`, expected {expected} with it");
            problems.push(problem(node, "evidence", message));
        }
        if it.quote.as_ref().is_some_and(|it| it.chars().count() > QUOTE_CHARS_MAX) {
            let message = format!("a quote is longer than {QUOTE_CHARS_MAX} characters");
            problems.push(problem(node, "evidence", message));
        }
        if (it.grade == Grade::D) != (it.source == Source::Ours) {
            let message = "grade `D` is for what is `ours`, and for nothing else".to_owned();
            problems.push(problem(node, "evidence", message));
        }
    }
}

fn problem(node: &Node, key: &str, message: String) -> Problem {
    let span = node.get(key).map_or(node.span.clone(), |it| it.span.clone());
    let place = node.get("id").and_then(Node::text);
    Problem::new(span, place.map_or_else(Path::default, |it| Path::default().key(it)), message)
}

fn text_of(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::text).unwrap_or_default().to_owned()
}

fn texts_of(node: &Node, key: &str) -> Vec<String> {
    let items = node.get(key).map(Node::items).unwrap_or_default();
    items.iter().filter_map(Node::text).map(str::to_owned).collect()
}

/// The variant that a word stands for. The shape has let no other word through.
fn of_word<T: Copy, const N: usize>(all: [T; N], word: fn(T) -> &'static str, text: &str) -> T {
    all.into_iter().find(|it| word(*it) == text).expect("the shape lets only these words through")
}
