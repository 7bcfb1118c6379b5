//! The files of defects: `conformance/defects/<area>.toml`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// Where the files are, from the workspace's root.
pub const FOLDER: &str = "conformance/defects";

/// One defect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// Its name, for example `lane-order-lifo`.
    pub id: String,
    /// The id of the requirement that it breaks.
    pub requirement: String,
    /// Others that the same line keeps, and that it breaks as directly.
    #[serde(default)]
    pub also: Vec<String>,
    /// The source file, from the workspace's root.
    pub file: String,
    /// A text that stands in the file once, around `find`, where that alone stands there more than once.
    #[serde(default)]
    pub within: Option<String>,
    /// The expression that is replaced. White space does not matter.
    pub find: String,
    /// What it is replaced by.
    pub replace: String,
    /// The bug that it imitates, in one line.
    pub why: String,
}

impl Defect {
    /// Whether it was planted for a requirement.
    pub fn breaks(&self, requirement: &str) -> bool {
        self.requirement == requirement || self.also.iter().any(|it| it == requirement)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    defect: Vec<Defect>,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such folder where the workspace should be.
    #[error(
        "no `{FOLDER}` in or above {from}: expected a checkout of Creel there, or `--source FOLDER`"
    )]
    NoCheckout {
        /// Where the search began.
        from: PathBuf,
    },
    /// A file cannot be read.
    #[error("read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is not one of defects.
    #[error("{path}: {source}")]
    Invalid {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<toml::de::Error>,
    },
    /// Two defects have one id.
    #[error("{path}: there are two defects `{id}`: expected an id of its own for each")]
    Twice {
        /// The file of the second.
        path: PathBuf,
        /// The id.
        id: String,
    },
    /// An id that was asked for is not there.
    #[error("`{selector}` chooses no defect: expected an id, a glob over ids or a requirement's id{}", hint(.nearest.as_deref()))]
    Nothing {
        /// What was asked for.
        selector: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|it| format!(" (did you mean `{it}`?)")).unwrap_or_default()
}

/// The workspace's root: the folder of defects is in it, and it is `from` or above it.
///
/// # Errors
///
/// [`Error::NoCheckout`].
pub fn root(from: &Path) -> Result<PathBuf, Error> {
    let holds = |it: &&Path| it.join(FOLDER).is_dir();
    let found = from.ancestors().find(holds).map(Path::to_owned);
    found.ok_or_else(|| Error::NoCheckout { from: from.to_owned() })
}

/// Every defect, by file and then as written.
///
/// # Errors
///
/// The first file that cannot be used.
pub fn load(root: &Path) -> Result<Vec<Defect>, Error> {
    let folder = root.join(FOLDER);
    let read = |path: &Path, source| Error::Read { path: path.to_owned(), source };
    let entries = fs::read_dir(&folder).map_err(|it| read(&folder, it))?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry.map_err(|it| read(&folder, it))?.path());
    }
    files.retain(|it| it.extension().is_some_and(|it| it == "toml"));
    files.sort();
    let mut defects = Vec::<Defect>::new();
    let mut ids = BTreeSet::new();
    for path in files {
        let text = fs::read_to_string(&path).map_err(|it| read(&path, it))?;
        let file: File = toml::from_str(&text)
            .map_err(|it| Error::Invalid { path: path.clone(), source: Box::new(it) })?;
        for defect in file.defect {
            if !ids.insert(defect.id.clone()) {
                return Err(Error::Twice { path, id: defect.id });
            }
            defects.push(defect);
        }
    }
    Ok(defects)
}

/// Those that any of the selectors chooses; all without selectors.
///
/// # Errors
///
/// The first selector that chooses nothing.
pub fn choose(defects: &[Defect], selectors: &[String]) -> Result<Vec<Defect>, Error> {
    let mut chosen = BTreeSet::new();
    for selector in selectors {
        let glob = glob::Pattern::new(selector).ok();
        let matches = |it: &Defect| {
            it.id == *selector
                || it.breaks(selector)
                || glob.as_ref().is_some_and(|glob| glob.matches(&it.id))
        };
        let found: Vec<&Defect> = defects.iter().filter(|it| matches(it)).collect();
        if found.is_empty() {
            let ids = defects.iter().map(|it| it.id.as_str());
            let nearest = creel_document::names::nearest(selector, ids).map(str::to_owned);
            return Err(Error::Nothing { selector: selector.clone(), nearest });
        }
        chosen.extend(found.into_iter().map(|it| it.id.clone()));
    }
    let wanted = |it: &&Defect| selectors.is_empty() || chosen.contains(&it.id);
    Ok(defects.iter().filter(wanted).cloned().collect())
}
