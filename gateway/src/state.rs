//! The state folder: the one place through which the gateway changes a file of it.
//!
//! A file is replaced as a whole, so that whoever reads it, and a gateway that died in between, finds the old one or the
//! new one and never a part. What is in these files is for their owner's eyes only.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// Who may read and write a file: its owner.
const FILE_MODE: u32 = 0o600;

/// Who may look into a folder: its owner.
const FOLDER_MODE: u32 = 0o700;

/// The folder. A clone is the same one.
#[derive(Clone)]
pub enum StateFolder {
    /// On the disk.
    Disk(PathBuf),
    /// In memory, where a simulation has it.
    Memory(Arc<Mutex<BTreeMap<String, String>>>),
}

impl StateFolder {
    /// A folder in memory that holds these files.
    pub fn in_memory(files: BTreeMap<String, String>) -> Self {
        Self::Memory(Arc::new(Mutex::new(files)))
    }

    /// A file's text, by its path below the folder; none if there is no such file.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn read(&self, file: &str) -> io::Result<Option<String>> {
        match self {
            Self::Disk(folder) => match fs::read_to_string(folder.join(file)) {
                Ok(text) => Ok(Some(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
            Self::Memory(files) => Ok(held(files).get(file).cloned()),
        }
    }

    /// Puts a text in the place of a file that stands anywhere on the disk, or makes it.
    ///
    /// # Errors
    ///
    /// The operating system's. The old file is then as it was.
    pub fn replace_file(path: &Path, text: &str) -> io::Result<()> {
        replace(path, text)
    }

    /// Puts a text in the place of a file, or makes it.
    ///
    /// # Errors
    ///
    /// The operating system's. The old file is then as it was.
    pub fn replace(&self, file: &str, text: &str) -> io::Result<()> {
        match self {
            Self::Disk(folder) => replace(&folder.join(file), text),
            Self::Memory(files) => {
                held(files).insert(file.to_owned(), text.to_owned());
                Ok(())
            }
        }
    }
}

impl StateFolder {
    /// Does what waits for the folder's disk where nothing else waits for it.
    ///
    /// # Panics
    ///
    /// When `work` does.
    #[expect(clippy::disallowed_methods, reason = "a simulation's folder is in memory")]
    pub async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self {
            Self::Memory(_) => work(),
            Self::Disk(_) => match tokio::task::spawn_blocking(work).await {
                Ok(done) => done,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
        }
    }
}

/// Where it is, and not what is in it.
impl fmt::Debug for StateFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(folder) => f.debug_tuple("Disk").field(folder).finish(),
            Self::Memory(_) => f.write_str("Memory"),
        }
    }
}

fn held(
    files: &Mutex<BTreeMap<String, String>>,
) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
    files.lock().expect("no holder of this lock panics")
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    // Somebody's link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder_of(&path);
    fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}.new", std::process::id()));
    let done = write_through(&beside, text).and_then(|()| fs::rename(&beside, &path));
    if done.is_err() {
        // The new one only: the old one is as it was.
        _ = fs::remove_file(&beside);
    }
    done?;
    fs::File::open(folder)?.sync_all()
}

/// The folder that a file is in; a bare name is in this one.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write_through(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    // A part that an earlier life left is of no use to anybody.
    let mut file = options.write(true).create(true).truncate(true).mode(FILE_MODE).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::Disk(folder.path().to_owned());
        assert_eq!(state.read("a/b.json").unwrap(), None);
        for text in ["one", "two"] {
            state.replace("a/b.json", text).unwrap();
            assert_eq!(state.read("a/b.json").unwrap().as_deref(), Some(text));
        }
        let mode =
            |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode("a/b.json") & 0o777, FILE_MODE);
        assert_eq!(mode("a") & 0o777, FOLDER_MODE);
        let names: Vec<_> = fs::read_dir(folder.path().join("a")).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_bare_name_is_in_this_folder() {
        for (path, folder) in [("a.json", "."), ("./a.json", "."), ("b/a.json", "b"), ("/a", "/")] {
            assert_eq!(folder_of(Path::new(path)), Path::new(folder), "{path}");
        }
    }

    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::Disk(folder.path().to_owned());
        fs::write(folder.path().join("far.json"), "old").unwrap();
        std::os::unix::fs::symlink("far.json", folder.path().join("near.json")).unwrap();
        state.replace("near.json", "new").unwrap();
        assert!(fs::symlink_metadata(folder.path().join("near.json")).unwrap().is_symlink());
        assert_eq!(state.read("far.json").unwrap().as_deref(), Some("new"));
    }

    #[test]
    fn what_cannot_be_replaced_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "a file, no folder").unwrap();
        let state = StateFolder::Disk(folder.path().to_owned());
        assert!(state.replace("a/b.json", "x").is_err());
        assert_eq!(state.read("a").unwrap().as_deref(), Some("a file, no folder"));
    }
}
