//! The configuration's file: what it says, what it could say instead, and the one way to replace it.
//!
//! It is read by the same reader as at the start, so that nothing is written that the gateway would not start with.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use creel_document::{json5, problem::Report};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Loaded;
use crate::{control::device::fingerprint, state::StateFolder};

/// Reads a configuration's text as if it stood in the file.
pub type Reader = dyn Fn(&str) -> Result<Loaded, Report> + Send + Sync;

/// The file. A clone is the same one.
#[derive(Clone)]
pub struct ConfigFile {
    folder: StateFolder,
    name: String,
    /// What it says where there is no such file yet.
    unless: Option<Arc<str>>,
    reader: Arc<Reader>,
    changing: Arc<Mutex<()>>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What it says is wrong.
    #[error("{}", .0.plain().trim_end())]
    Refused(Box<Report>),
}

/// What the file says now.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its text.
    pub text: String,
    /// The SHA-256 of that, in hexadecimal.
    pub hash: String,
    /// What the text says as JSON, with its secrets; none if it has no form.
    pub says: Option<serde_json::Value>,
    /// What is made of it.
    pub loaded: Result<Box<Loaded>, Box<Report>>,
}

impl ConfigFile {
    /// A file on the disk.
    pub fn on_disk(path: &Path, reader: Arc<Reader>) -> Self {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::of(StateFolder::Disk(folder), name, None, reader)
    }

    /// A file of a folder, which says this as long as nobody has replaced it.
    pub fn within(folder: StateFolder, name: &str, unless: &str, reader: Arc<Reader>) -> Self {
        Self::of(folder, name.to_owned(), Some(unless.into()), reader)
    }

    fn of(
        folder: StateFolder,
        name: String,
        unless: Option<Arc<str>>,
        reader: Arc<Reader>,
    ) -> Self {
        Self { folder, name, unless, reader, changing: Arc::default() }
    }

    /// Reads the settings, which know their file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or what it says is wrong.
    pub fn load(&self) -> Result<Loaded, Error> {
        let text = self.text()?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        self.read(&text).map_err(|it| Error::Refused(Box::new(it)))
    }

    /// Reads a text as if it stood in the file.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn read(&self, text: &str) -> Result<Loaded, Report> {
        let mut loaded = (self.reader)(text)?;
        loaded.settings.file = Some(self.clone());
        Ok(loaded)
    }

    /// What the file says now; none if it is gone.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn look(&self) -> io::Result<Option<Standing>> {
        let Some(text) = self.text()? else { return Ok(None) };
        let hash = fingerprint(text.as_bytes());
        let says = json5::parse(&text).ok().map(|it| it.to_json());
        let loaded = self.read(&text).map(Box::new).map_err(Box::new);
        Ok(Some(Standing { text, hash, says, loaded }))
    }

    /// Puts another text into the file.
    ///
    /// # Errors
    ///
    /// The operating system's. The file is then as it was.
    pub fn replace(&self, text: &str) -> io::Result<()> {
        self.folder.replace(&self.name, text)
    }

    /// Nobody else changes the file for as long as this is held.
    pub async fn alone(&self) -> OwnedMutexGuard<()> {
        self.changing.clone().lock_owned().await
    }

    /// Does what waits for the disk where nothing else waits for it.
    pub async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let file = self.clone();
        self.folder.apart(move || work(&file)).await
    }

    fn text(&self) -> io::Result<Option<String>> {
        let found = self.folder.read(&self.name)?;
        Ok(found.or_else(|| self.unless.as_deref().map(str::to_owned)))
    }
}

/// Where it is, and not what is in it.
impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, name, .. } = self;
        f.debug_struct("ConfigFile")
            .field("folder", folder)
            .field("name", name)
            .finish_non_exhaustive()
    }
}
