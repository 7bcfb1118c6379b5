//! The scratch copy of the workspace: planted, and built once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{defects::Defect, plant};

/// What is not copied: what was built, and what a tool keeps for itself.
const LEFT_OUT: [&str; 2] = ["target", "node_modules"];

/// Hidden folders that the build needs.
const HIDDEN_KEPT: &str = ".cargo";

/// Why there is no planted build.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A defect does not fit the source.
    #[error(transparent)]
    Plant(#[from] plant::Error),
    /// A defect names a file that is not there.
    #[error("defect `{id}`: there is no file {file}")]
    NoFile {
        /// The defect.
        id: String,
        /// The file.
        file: String,
    },
    /// A file is in no crate.
    #[error("{file} is in no crate: expected a `Cargo.toml` and a `src/lib.rs` above it")]
    NoCrate {
        /// The file.
        file: String,
    },
    /// Something could not be read or written.
    #[error("{what} {path}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The copy does not build: a replacement is not Rust, or not of the expression's type.
    #[error("build the planted copy in {path}: cargo ended with {status}")]
    Build {
        /// Where it is.
        path: PathBuf,
        /// How cargo ended.
        status: String,
    },
}

/// A planted copy of the workspace.
#[derive(Clone, Debug)]
pub struct Workshop {
    source: PathBuf,
    /// The copy and what is built of it.
    work: PathBuf,
}

impl Workshop {
    /// A workshop in the folder `work` for the workspace at `source`.
    pub fn new(source: PathBuf, work: PathBuf) -> Self {
        Self { source, work }
    }

    fn copy(&self) -> PathBuf {
        self.work.join("copy")
    }

    /// Brings the copy up to date, with every defect planted. Files that have not changed keep their times, so that
    /// little is built again.
    ///
    /// # Errors
    ///
    /// The first defect that does not fit, or what could not be read or written.
    pub fn plant(&self, defects: &[Defect]) -> Result<(), Error> {
        let mut files = BTreeSet::new();
        collect(&self.source, Path::new(""), &mut files)?;
        let mut planted = planted(&self.source, &files, defects)?;
        let mut before = BTreeSet::new();
        if self.copy().is_dir() {
            collect(&self.copy(), Path::new(""), &mut before)?;
        }
        let kept: BTreeSet<PathBuf> = files.iter().chain(planted.keys()).cloned().collect();
        for stale in before.difference(&kept) {
            let path = self.copy().join(stale);
            fs::remove_file(&path).map_err(|source| Error::Io { what: "remove", path, source })?;
        }
        for file in kept {
            let content = match planted.remove(&file) {
                Some(text) => text.into_bytes(),
                None => read(&self.source.join(&file))?,
            };
            write(&self.copy().join(file), &content)?;
        }
        Ok(())
    }

    /// Builds the copy under a profile of cargo's, and says where the program is. Cargo's progress goes where ours goes.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started or does not succeed.
    pub fn build(&self, profile: &str) -> Result<PathBuf, Error> {
        let target = self.work.join("target");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--package", "creel", "--bin", "creel", "--locked", "--quiet"]);
        cargo.args(["--profile", profile]);
        let status = cargo.arg("--target-dir").arg(&target).current_dir(self.copy()).status();
        let io = |source| Error::Io { what: "start cargo in", path: self.copy(), source };
        let status = status.map_err(io)?;
        if !status.success() {
            return Err(Error::Build { path: self.copy(), status: status.to_string() });
        }
        let folder = if profile == "dev" { "debug" } else { profile };
        Ok(target.join(folder).join("creel"))
    }
}

/// The files that differ from the source: those with defects, and those that bring in the switch.
fn planted(
    source: &Path,
    files: &BTreeSet<PathBuf>,
    defects: &[Defect],
) -> Result<BTreeMap<PathBuf, String>, Error> {
    let mut by_file = BTreeMap::<&str, Vec<&Defect>>::new();
    for defect in defects {
        by_file.entry(&defect.file).or_default().push(defect);
    }
    let mut planted = BTreeMap::new();
    let mut crates = BTreeSet::new();
    for (file, defects) in by_file {
        let path = PathBuf::from(file);
        if !files.contains(&path) {
            let id = defects[0].id.clone();
            return Err(Error::NoFile { id, file: file.to_owned() });
        }
        let home = path.ancestors().skip(1).find(|it| files.contains(&it.join("Cargo.toml")));
        let library = home.map(|it| it.join("src/lib.rs")).filter(|it| files.contains(it));
        crates.insert(library.ok_or_else(|| Error::NoCrate { file: file.to_owned() })?);
        planted.insert(path, plant::plant(file, &text(&source.join(file))?, &defects)?);
    }
    for library in crates {
        let before = planted.remove(&library);
        let before = before.map_or_else(|| text(&source.join(&library)), Ok)?;
        planted.insert(library.with_file_name("defect.rs"), plant::MODULE.to_owned());
        planted.insert(library, format!("{}{before}\nmod defect;\n", plant::HEAD));
    }
    Ok(planted)
}

/// Every file below a folder, by its path from there.
fn collect(root: &Path, below: &Path, files: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    let folder = root.join(below);
    let io = |source| Error::Io { what: "read", path: folder.clone(), source };
    for entry in fs::read_dir(&folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let hidden = text.starts_with('.') && text != HIDDEN_KEPT;
        if hidden || LEFT_OUT.contains(&text.as_ref()) {
            continue;
        }
        if entry.path().is_dir() {
            collect(root, &below.join(&name), files)?;
        } else {
            files.insert(below.join(&name));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io { what: "read", path: path.to_owned(), source })
}

fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Io {
        what: "read",
        path: path.to_owned(),
        source,
    })
}

/// Writes a file unless it holds that already.
fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|it| it == content) {
        return Ok(());
    }
    let io = |source| Error::Io { what: "write", path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    fs::write(path, content).map_err(io)
}

/// The folder for copies, unless one is named: below the user's cache.
///
/// # Errors
///
/// When there is no home folder.
pub fn cache() -> Result<PathBuf, etcetera::HomeDirError> {
    use etcetera::BaseStrategy as _;
    Ok(etcetera::choose_base_strategy()?.cache_dir().join("creel/mutants"))
}
