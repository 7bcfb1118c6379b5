//! The scenarios: built in, or from files that the user names, and how they are chosen.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use creel_document::problem::Report;
use creel_sim::scenario::{self, Scenario};

use crate::catalogue::{self, covers};

include!(concat!(env!("OUT_DIR"), "/corpus.rs"));

/// A scenario and where its text is.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The file, as a person would open it.
    pub file: String,
    /// Its text, to quote lines of.
    pub text: Arc<str>,
}

impl Entry {
    /// A line of the file, counted from 1.
    pub fn line(&self, line: usize) -> &str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim_end()
    }
}

/// Why scenarios could not be chosen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("read {path}: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Files are not scenarios. Every problem of every file is in here.
    #[error("{} of the chosen scenario files cannot be used", .0.len())]
    Invalid(Vec<Report>),
    /// Nothing was chosen.
    #[error("`{selector}` chooses no scenario: expected an id, an area, a glob over ids, or a path{}", hint(.nearest.as_deref()))]
    Nothing {
        /// What was asked for.
        selector: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A glob is not one.
    #[error("`{selector}` is not a glob: {source}")]
    Glob {
        /// What was asked for.
        selector: String,
        /// What is wrong with it.
        source: glob::PatternError,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|it| format!(" (did you mean `{it}`?)")).unwrap_or_default()
}

/// The scenarios that any of the selectors chooses; the whole built-in corpus without selectors. A selector that is the
/// path of a file or folder chooses from there instead. One that ends in `@` and a variant's name chooses that alone.
///
/// # Errors
///
/// All problems of all chosen files, or the first selector that chooses nothing.
pub fn choose(selectors: &[String]) -> Result<Vec<Entry>, Error> {
    let mut sources: Vec<(String, String, String)> = Vec::new();
    if selectors.is_empty() {
        sources.extend(CORPUS.iter().map(built_in));
    }
    let mut variants = BTreeMap::new();
    for selector in selectors {
        let whole = Path::new(selector).exists();
        let (base, variant) = if whole { (selector.as_str(), None) } else { split(selector) };
        let path = Path::new(base);
        let found =
            if path.exists() || is_file_name(path) { from_path(path)? } else { from_corpus(base)? };
        for (_, file, _) in &found {
            variants.extend(variant.map(|it| (file.clone(), it)));
        }
        sources.extend(found);
    }
    let mut seen = std::collections::BTreeSet::new();
    sources.retain(|(_, file, _)| seen.insert(file.clone()));
    let mut entries = parse(sources)?;
    for entry in &mut entries {
        if let Some(wanted) = variants.get(&entry.file) {
            let all = entry.scenario.variants.clone();
            let found = all.iter().find(|it| it.variant.as_deref() == Some(*wanted));
            entry.scenario = found.cloned().ok_or_else(|| {
                let names = all.iter().filter_map(|it| it.variant.as_deref());
                let nearest = creel_document::names::nearest(wanted, names);
                let selector = format!("{}@{wanted}", entry.scenario.id);
                let name = |it| format!("{}@{it}", entry.scenario.id);
                Error::Nothing { selector, nearest: nearest.map(name) }
            })?;
        }
    }
    Ok(entries)
}

/// A selector's id or path, and the variant's name behind an `@`.
fn split(selector: &str) -> (&str, Option<&str>) {
    match selector.split_once('@') {
        Some((base, variant)) => (base, Some(variant)),
        None => (selector, None),
    }
}

/// Whether a selector can only be meant as a file: ids have no extension.
fn is_file_name(selector: &Path) -> bool {
    selector.extension().is_some_and(|it| it == "yaml" || it == "yml")
}

fn parse(sources: Vec<(String, String, String)>) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let mut reports = Vec::new();
    for (id, file, text) in sources {
        match scenario::parse(&id, &text) {
            Ok(scenario) => {
                let problems = covers::check(catalogue::built_in(), &scenario, &text);
                if !problems.is_empty() {
                    reports.push(Report::new(file, text, problems));
                    continue;
                }
                entries.push(Entry { scenario: Arc::new(scenario), file, text: text.into() });
            }
            Err(problems) => reports.push(Report::new(file, text, problems)),
        }
    }
    if reports.is_empty() { Ok(entries) } else { Err(Error::Invalid(reports)) }
}

fn built_in((id, text): &(&str, &str)) -> (String, String, String) {
    ((*id).to_owned(), format!("scenarios/{id}.yaml"), (*text).to_owned())
}

fn from_corpus(selector: &str) -> Result<Vec<(String, String, String)>, Error> {
    let wanted = selector.trim_end_matches('/');
    let glob = glob::Pattern::new(wanted)
        .map_err(|source| Error::Glob { selector: selector.to_owned(), source })?;
    let matches = |id: &str| {
        let area = id.split('/').next().unwrap_or_default();
        id == wanted || area == wanted || glob.matches(id)
    };
    let found: Vec<_> = CORPUS.iter().filter(|(id, _)| matches(id)).map(built_in).collect();
    if found.is_empty() {
        let areas = CORPUS.iter().filter_map(|(id, _)| id.split('/').next());
        let names = areas.chain(CORPUS.iter().map(|(id, _)| *id));
        let nearest = creel_document::names::nearest(wanted, names).map(str::to_owned);
        return Err(Error::Nothing { selector: selector.to_owned(), nearest });
    }
    Ok(found)
}

/// A file, or every `.yaml` below a folder.
fn from_path(path: &Path) -> Result<Vec<(String, String, String)>, Error> {
    let io = |source| Error::Read { path: path.display().to_string(), source };
    let mut files = Vec::new();
    if path.is_dir() {
        collect(path, &mut files).map_err(io)?;
    } else {
        files.push(path.to_owned());
    }
    if files.is_empty() {
        return Err(Error::Nothing { selector: path.display().to_string(), nearest: None });
    }
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file)
            .map_err(|source| Error::Read { path: file.display().to_string(), source })?;
        Ok((id_of(&file), file.display().to_string(), text))
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|it| it.map(|it| it.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|it| it == "yaml") {
            files.push(path);
        }
    }
    Ok(())
}

/// The id of the scenario in a file: the last two parts of its path. In a folder that is no area, it is one of
/// `regressions`, so that what was recorded can lie anywhere.
pub fn id_of(file: &Path) -> String {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let absolute = absolute.canonicalize().unwrap_or(absolute);
    let name = absolute.file_stem().unwrap_or_default().to_string_lossy();
    let area = absolute.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let area = if scenario::is_area(&area) { &area } else { "regressions" };
    format!("{area}/{name}")
}
