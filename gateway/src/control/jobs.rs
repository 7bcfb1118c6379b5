//! The file of cron jobs, as operators change it. What is in it and not ours stays as it is.

use std::sync::Arc;

use creel_document::{edit, json5};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::frame::ErrorShape;
use crate::{
    settings::cron::{FILE, Ground},
    state::StateFolder,
};

/// What a file says in which no job was ever written.
const EMPTY: &str = "{\n  \"version\": 1,\n  \"jobs\": []\n}\n";

/// How many jobs a file may have for another one to be added.
pub const JOBS_MAX: usize = 1_000;

/// The file. A clone is the same.
#[derive(Clone, Debug)]
pub struct Jobs {
    folder: StateFolder,
    ground: Arc<Ground>,
    changing: Arc<Mutex<()>>,
}

impl Jobs {
    /// The file of a state folder, and what its jobs may name.
    pub fn new(folder: StateFolder, ground: Ground) -> Self {
        Self { folder, ground: Arc::new(ground), changing: Arc::default() }
    }

    /// What jobs may name.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Nobody else changes the jobs for as long as this is held.
    pub async fn alone(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Every job as it stands in the file, in its order.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn look(&self) -> Result<Vec<Value>, ErrorShape> {
        let folder = self.folder.clone();
        self.folder.apart(move || read(&folder).map(|it| listed(&it.1))).await
    }

    /// Changes the jobs. A file that says the same afterwards is not written.
    ///
    /// # Errors
    ///
    /// Those of `change`, and when the file cannot be read or written. It is then as it was.
    pub async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Vec<Value>) -> Result<T, ErrorShape> + Send + 'static,
    ) -> Result<T, ErrorShape> {
        let folder = self.folder.clone();
        let work = move || {
            let (text, mut says) = read(&folder)?;
            let mut jobs = listed(&says);
            let done = change(&mut jobs)?;
            says["jobs"] = Value::from(jobs);
            let edited = edit::reshape(&text, &says).map_err(|_| broken())?;
            if edited != text {
                folder.replace(FILE, &edited).map_err(|it| unusable(&it))?;
            }
            Ok(done)
        };
        self.folder.apart(work).await
    }
}

fn read(folder: &StateFolder) -> Result<(String, Value), ErrorShape> {
    let text = folder.read(FILE).map_err(|it| unusable(&it))?;
    let text = text.unwrap_or_else(|| EMPTY.to_owned());
    let says = json5::parse(&text).map_err(|_| broken())?.to_json();
    // A file without a list would be made another one.
    let is_ours = says.is_object() && says.get("jobs").unwrap_or(&json!([])).is_array();
    if is_ours { Ok((text, says)) } else { Err(broken()) }
}

fn listed(says: &Value) -> Vec<Value> {
    says.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn unusable(error: &std::io::Error) -> ErrorShape {
    ErrorShape::unavailable(format!("`{FILE}` in the state folder: {error}"))
}

fn broken() -> ErrorShape {
    ErrorShape::unavailable(format!(
        "`{FILE}` in the state folder is no file of jobs: mend it first"
    ))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::*;
    use crate::control::tests;

    fn jobs(text: Option<&str>) -> (Jobs, StateFolder) {
        let files = text.map(|it| (FILE.to_owned(), it.to_owned()));
        let folder = StateFolder::in_memory(files.into_iter().collect::<BTreeMap<_, _>>());
        let ground = tests::plane().0.jobs.ground().clone();
        (Jobs::new(folder.clone(), ground), folder)
    }

    #[tokio::test]
    async fn what_is_not_ours_stays() {
        let text = "{\n  // Mine.\n  version: 1, x: 1,\n  jobs: [ { id: 'a', y: 2 } ],\n}\n";
        let (jobs, folder) = jobs(Some(text));
        let added = jobs.change(|it| {
            it.push(json!({ "id": "b" }));
            Ok(it.len())
        });
        assert_eq!(added.await.unwrap(), 2);
        let expected = text.replace(" } ]", " }, {\"id\":\"b\"} ]");
        assert_eq!(folder.read(FILE).unwrap().as_deref(), Some(&*expected));
        assert_eq!(jobs.look().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_file_is_made_where_there_is_none_and_a_broken_one_is_left() {
        let (new, folder) = jobs(None);
        assert_eq!(new.look().await.unwrap(), Vec::<Value>::new());
        assert_eq!(folder.read(FILE).unwrap(), None);
        let add = |it: &mut Vec<Value>| {
            it.push(json!({ "id": "a" }));
            Ok(())
        };
        new.change(add).await.unwrap();
        let text = folder.read(FILE).unwrap().unwrap();
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written, json!({ "version": 1, "jobs": [{ "id": "a" }] }));
        for text in ["{ jobs: ", "[]", "{ jobs: 1 }"] {
            let (broken, folder) = jobs(Some(text));
            assert!(broken.look().await.is_err(), "{text}");
            let clear = |it: &mut Vec<Value>| {
                it.clear();
                Ok(())
            };
            assert!(broken.change(clear).await.is_err(), "{text}");
            assert_eq!(folder.read(FILE).unwrap().as_deref(), Some(text));
        }
        assert!(!Path::new("cron").exists(), "nothing is written to the disk");
    }
}
