//! The files of the checkout, and the rules about where they are and what they know.

use std::{fmt, fs, path::Path, process::Command};

/// The folders that were agreed on. Files may stand beside them.
const FOLDERS: [&str; 8] =
    ["benches", "conformance", "gateway", "scenarios", "sim", ".cargo", ".ci", ".github"];

/// A text file of the checkout.
pub(crate) struct File {
    /// Its path from the root, with slashes.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// A place where a rule is broken.
pub(crate) struct Breach {
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// What is wrong, as the end of a sentence that begins with the place.
    pub(crate) what: String,
    pub(crate) to_do: &'static str,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.what, self.to_do)
    }
}

impl File {
    pub(crate) fn breach(&self, line: usize, what: String, to_do: &'static str) -> Breach {
        Breach { file: self.name.clone(), line, what, to_do }
    }

    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.name).extension().is_some_and(|it| it == extension)
    }

    /// Its lines, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Every text file that git knows or would take.
pub(crate) fn files(root: &Path) -> Vec<File> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .current_dir(root)
        .output()
        .expect("git is there: the rules are about the files that it knows");
    let complaint = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "the rules are about a checkout's files: {complaint}");
    let names = String::from_utf8(listed.stdout).expect("our file names are UTF-8");
    // A file that is being moved away is listed and not there; what is not UTF-8 is no text.
    let read = |name: &str| {
        let text = fs::read_to_string(root.join(name)).ok()?;
        Some(File { name: name.to_owned(), text })
    };
    let files: Vec<File> = names.lines().filter_map(read).collect();
    assert!(files.len() > 100, "only {} files were found", files.len());
    files
}

/// A top-level folder is a decision about the architecture.
pub(crate) fn is_in_an_agreed_folder(files: &[File]) -> Vec<Breach> {
    let stray = |file: &&File| {
        file.name.split_once('/').is_some_and(|(folder, _)| !FOLDERS.contains(&folder))
    };
    let breach = |file: &File| {
        let what = format!("is in none of the agreed folders ({})", FOLDERS.join(", "));
        file.breach(1, what, "move it, or agree on the folder in ARCHITECTURE.md and here")
    };
    files.iter().filter(stray).map(breach).collect()
}

/// A file that holds the path of one machine works on that machine only.
pub(crate) fn names_no_machine(files: &[File]) -> Vec<Breach> {
    // Put together here, so that this file does not hold them.
    let homes =
        [["/ro", "ot/"], ["/ho", "me/"], ["/wo", "rk/"], ["/Us", "ers/"]].map(|it| it.concat());
    let known = |line: &str| {
        homes.iter().find(|home| {
            line.match_indices(home.as_str()).any(|(at, _)| begins_a_path(line.get(..at)))
        })
    };
    let mut breaches = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            if let Some(home) = known(line) {
                let what = format!("knows a machine, by a path below `{home}`");
                breaches.push(file.breach(number, what, "make it relative, or make it up"));
            }
        }
    }
    breaches
}

/// Whether what stands before a slash leaves it the first of a path, unlike in `telegram/work/dm` or `https://a/home/`.
fn begins_a_path(before: Option<&str>) -> bool {
    let last = before.and_then(|it| it.chars().next_back());
    last.is_none_or(|it| !it.is_alphanumeric() && !"_.-}>~/".contains(it))
}

/// A file that the corpus does not hold is never run.
pub(crate) fn is_in_the_corpus(files: &[File], holds: impl Fn(&str) -> bool) -> Vec<Breach> {
    let id = |file: &File| {
        let id = file.name.strip_prefix("scenarios/")?;
        Some(id.strip_suffix(".yaml").unwrap_or(id).to_owned())
    };
    let stray = |file: &&File| id(file).is_some_and(|id| !holds(&id));
    let breach = |file: &File| {
        let what = "is not in the built-in corpus".to_owned();
        file.breach(1, what, "name it `scenarios/<area>/<fact-it-shows>.yaml`")
    };
    files.iter().filter(stray).map(breach).collect()
}
