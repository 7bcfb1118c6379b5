//! Writes a list of known failures anew, as a whole run saw them.
//!
//! What still fails in the listed words stays as it stands, with its comments. What fails in other words gets those; what
//! passed goes; what is new comes at the end. Flaky entries are people's to decide on and stay.

use std::collections::{BTreeMap, BTreeSet};

use creel_document::problem::{Problem, Report};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::{ANYTHING, Kind, Listed, read};

/// The longest message that is written, in characters.
const MESSAGE_CHARS_MAX: usize = 160;

/// A case of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Its profile.
    pub profile: String,
    /// Its checks.
    pub checks: Vec<SeenCheck>,
}

/// A check of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCheck {
    /// Its label.
    pub label: String,
    /// The requirements that it judges.
    pub requirements: Vec<String>,
    /// The words in which it was broken, if it was.
    pub broken: Option<String>,
}

/// A list that was written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The text.
    pub text: String,
    /// How many entries stay as they were.
    pub kept: usize,
    /// The cases and checks whose words are others now.
    pub reworded: Vec<String>,
    /// Those that are listed no more.
    pub removed: Vec<String>,
    /// Those that are new.
    pub added: Vec<String>,
}

/// Why a list could not be written anew.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is none.
    #[error("{}", .0.plain().trim_end())]
    Form(Box<Report>),
    /// It writes its entries in a form that cannot be edited one by one.
    #[error("`{key}` is an inline list, expected `[[{key}]]` for each entry")]
    Inline {
        /// Which list.
        key: &'static str,
    },
    /// There are new failures, and nothing says where they are reported.
    #[error(
        "{count} failures are new, the first is `{first}`: say where they are reported with `--link https://…`"
    )]
    NoLink {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
}

/// One broken check of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Broken<'a> {
    case: &'a Seen,
    check: &'a SeenCheck,
    observed: &'a str,
}

/// What is to become of an entry.
enum Fate {
    Stays,
    Reworded(String),
    Goes,
}

/// Writes the list `text` of the file `name` anew. New failures get `link`.
///
/// # Errors
///
/// See [`Error`].
pub fn update(name: &str, text: &str, seen: &[Seen], link: Option<&str>) -> Result<Updated, Error> {
    let form = |problems: Vec<Problem>| Error::Form(Box::new(Report::new(name, text, problems)));
    let listed = read::listed(text).map_err(form)?;
    let mut document: DocumentMut = text.parse().expect("it was just read as TOML");
    let mut tables = take(&mut document)?;
    let (failing, flaky): (Vec<&Listed>, Vec<&Listed>) =
        listed.iter().partition(|it| it.kind == Kind::Failing);
    let mut open = broken(seen);
    open.retain(|it| !flaky.iter().any(|listed| is_fit(listed, it)));
    let mut updated = Updated {
        text: String::new(),
        kept: flaky.len(),
        reworded: Vec::new(),
        removed: Vec::new(),
        added: Vec::new(),
    };
    let mut links: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut kept = ArrayOfTables::new();
    let mut comments = String::new();
    for (listed, table) in failing.iter().zip(tables.iter_mut()) {
        let title = format!("{} {}", listed.case, listed.check);
        match fate(listed, seen, &open) {
            Fate::Stays => updated.kept += 1,
            Fate::Reworded(message) => {
                table["message"] = value(message);
                updated.reworded.push(title);
            }
            Fate::Goes => {
                comments.push_str(detached(table));
                for it in open.iter().filter(|it| is_about(listed, it)) {
                    links.insert(it.key(), listed.link.clone());
                }
                updated.removed.push(title);
                continue;
            }
        }
        open.retain(|it| !is_fit(&reread(listed, table), it));
        let before = format!("{comments}{}", prefix(table));
        table.decor_mut().set_prefix(before);
        comments.clear();
        kept.push(table.clone());
    }
    let added = new_tables(&open, seen, (&links, link))?;
    for (title, mut table) in added {
        let before = if kept.is_empty() && document.is_empty() { "" } else { "\n" };
        table.decor_mut().set_prefix(format!("{comments}{before}"));
        comments.clear();
        kept.push(table);
        updated.added.push(title);
    }
    if !kept.is_empty() {
        document.insert(Kind::Failing.key(), Item::ArrayOfTables(kept));
    }
    updated.text = format!("{document}{comments}");
    Ok(updated)
}

/// The entries of known failures, out of the document.
fn take(document: &mut DocumentMut) -> Result<ArrayOfTables, Error> {
    let key = Kind::Failing.key();
    match document.remove(key) {
        None => Ok(ArrayOfTables::new()),
        Some(Item::ArrayOfTables(tables)) => Ok(tables),
        Some(_) => Err(Error::Inline { key }),
    }
}

fn broken(seen: &[Seen]) -> Vec<Broken<'_>> {
    let of = |case| {
        let case: &Seen = case;
        case.checks.iter().filter_map(move |check| {
            check.broken.as_deref().map(|observed| Broken { case, check, observed })
        })
    };
    seen.iter().flat_map(of).collect()
}

impl Broken<'_> {
    fn key(&self) -> (String, String) {
        (self.case.name.clone(), self.check.label.clone())
    }
}

fn is_about(listed: &Listed, broken: &Broken<'_>) -> bool {
    let Broken { case, check, .. } = broken;
    listed.is_about(&case.name, &case.profile)
        && (check.label == listed.check || check.requirements.contains(&listed.check))
}

fn is_fit(listed: &Listed, broken: &Broken<'_>) -> bool {
    is_about(listed, broken) && listed.fits(broken.observed)
}

/// An entry stays if each case that it is about fails in its words. One about a single case gets that one's words.
fn fate(listed: &Listed, seen: &[Seen], open: &[Broken<'_>]) -> Fate {
    let about: Vec<&Seen> =
        seen.iter().filter(|it| listed.is_about(&it.name, &it.profile)).collect();
    let has_fit = |case: &&Seen| open.iter().any(|it| it.case == *case && is_fit(listed, it));
    if !about.is_empty() && about.iter().all(has_fit) {
        return Fate::Stays;
    }
    match (about.as_slice(), open.iter().find(|it| is_about(listed, it))) {
        ([_], Some(broken)) => Fate::Reworded(message(broken.observed)),
        _ => Fate::Goes,
    }
}

/// An entry with the words that its table has now.
fn reread(listed: &Listed, table: &Table) -> Listed {
    let message = table.get("message").and_then(Item::as_str).unwrap_or_default();
    Listed { message: message.to_owned(), ..listed.clone() }
}

fn prefix(table: &Table) -> &str {
    table.decor().prefix().and_then(|it| it.as_str()).unwrap_or_default()
}

/// The comments before an entry that are not its own: those with an empty line behind them.
fn detached(table: &Table) -> &str {
    let before = prefix(table);
    before.rfind("\n\n").and_then(|at| before.get(..=at)).unwrap_or_default()
}

/// An entry for each check that is broken and not listed; one for all profiles where they agree.
fn new_tables(
    open: &[Broken<'_>],
    seen: &[Seen],
    (links, link): (&BTreeMap<(String, String), String>, Option<&str>),
) -> Result<Vec<(String, Table)>, Error> {
    let mut grouped: BTreeMap<(String, String), BTreeMap<String, BTreeSet<&str>>> = BTreeMap::new();
    for it in open {
        let words = grouped.entry(it.key()).or_default();
        words.entry(message(it.observed)).or_default().insert(&it.case.profile);
    }
    let unlinked: Vec<_> = grouped.keys().filter(|it| !links.contains_key(it)).collect();
    if let (Some((case, check)), None) = (unlinked.first(), link) {
        let first = format!("{case} {check}");
        return Err(Error::NoLink { count: unlinked.len(), first });
    }
    let mut tables = Vec::new();
    for (key, words) in &grouped {
        let (case, check) = key;
        let all = seen.iter().filter(|it| it.name == *case).count();
        for (message, profiles) in words {
            let profiles: Vec<Option<&str>> = if profiles.len() == all {
                vec![None]
            } else {
                profiles.iter().map(|it| Some(*it)).collect()
            };
            for profile in profiles {
                let mut table = Table::new();
                table["case"] = value(case);
                if let Some(profile) = profile {
                    table["profile"] = value(profile);
                }
                table["check"] = value(check);
                table["message"] = value(message);
                table["link"] =
                    value(links.get(key).map_or(link.unwrap_or_default(), String::as_str));
                tables.push((format!("{case} {check}"), table));
            }
        }
    }
    Ok(tables)
}

/// Observed words as a list has them: the first line, with [`ANYTHING`] for what a clock or a port measured.
pub fn message(observed: &str) -> String {
    let line = observed.lines().next().unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
    let mut kept = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let unit = words.get(index + 1).map(|it| it.trim_end_matches([',', ';', '.', ')', ':']));
        let is_measured = word.trim_start_matches('(').parse::<f64>().is_ok()
            && unit.is_some_and(|it| ["s", "ms", "µs"].contains(&it));
        kept.push(if is_measured || word.contains("127.0.0.1:") { ANYTHING } else { word });
    }
    let whole = kept.join(" ");
    let short: String = whole.chars().take(MESSAGE_CHARS_MAX).collect();
    short.trim_matches([' ', '…']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, profile: &str, broken: &[(&str, &str)]) -> Seen {
        let check = |label: &str, broken: Option<&str>| SeenCheck {
            label: label.to_owned(),
            requirements: vec!["QUE-003".to_owned()],
            broken: broken.map(str::to_owned),
        };
        let mut checks = vec![check("fine", None)];
        checks.extend(broken.iter().map(|(label, words)| check(label, Some(words))));
        Seen { name: name.to_owned(), profile: profile.to_owned(), checks }
    }

    const LIST: &str = "\
# About this file.

# It merges in the wrong order.
[[known-failing]]
case = \"queue/a\"   # the first
check = \"request\"
message = \"with `m2`, `m3` new\"
link = \"https://example.org/1\"

# Mended some time ago.
[[known-failing]]
case = \"queue/b\"
check = \"visible\"
message = \"nothing was shown\"
link = \"https://example.org/2\"

# Now and then.
[[known-flaky]]
case = \"queue/c\"
check = \"I5\"
reason = \"its timer is coarse\"
link = \"https://example.org/3\"
expires = \"2027-01-31\"
";

    #[test]
    fn what_still_fails_stays_with_its_comments_and_the_rest_follows_the_run() {
        let run = [
            seen("queue/a", "2026.3", &[("request", "at 2.802 s with `m2`, `m3` new")]),
            seen("queue/b", "2026.3", &[]),
            seen("queue/c", "2026.3", &[("I5", "it came 3.1 s late")]),
            seen("queue/d", "2026.3", &[("exactly", "2 of them, at 1.5 s and 2.25 s")]),
        ];
        let updated = update("x.toml", LIST, &run, Some("https://example.org/4")).unwrap();
        insta::assert_snapshot!(updated.text);
        assert_eq!((updated.kept, updated.reworded.len()), (2, 0));
        assert_eq!(updated.removed, ["queue/b visible"]);
        assert_eq!(updated.added, ["queue/d exactly"]);
        let again = update("x.toml", &updated.text, &run, None).unwrap();
        assert_eq!(again.text, updated.text, "a second time changes nothing");
    }

    #[test]
    fn new_failures_need_a_place_where_they_are_reported() {
        let run = [seen("queue/a", "2026.3", &[("request", "other words"), ("I4", "a new one")])];
        let refused = update("x.toml", LIST, &run, None).unwrap_err().to_string();
        assert!(refused.contains("1 failures are new, the first is `queue/a I4`"), "{refused}");
        let updated = update("x.toml", LIST, &run, Some("https://example.org/4")).unwrap();
        assert_eq!(updated.reworded, ["queue/a request"]);
        assert!(updated.text.contains("message = \"other words\""), "{}", updated.text);
    }

    #[test]
    fn profiles_are_named_where_they_differ() {
        let both = [
            seen("queue/a", "2026.3", &[("I4", "in order")]),
            seen("queue/a", "2026.9", &[("I4", "in order")]),
            seen("queue/b", "2026.3", &[("I4", "of a kind")]),
            seen("queue/b", "2026.9", &[]),
        ];
        let updated = update("x.toml", "", &both, Some("https://example.org/4")).unwrap();
        insta::assert_snapshot!(updated.text);
    }
}
