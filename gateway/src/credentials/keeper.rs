//! The keeper: it writes what changes about credentials into their agents' files, one file after the other, in the order
//! of the changes. Changes of one credential that wait are written as one.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use creel_core::{
    approval::Grant,
    gateway::Kept,
    ids::{AgentId, ProfileId},
    time::{Now, Timestamp},
};
use tokio::sync::Notify;

use super::{
    edited, file_of,
    login::{self, Login, stored},
};
use crate::{grants::Book, secret::Secret, state::StateFolder};

/// By how much the wall clock may run beside the monotonic one without having been set anew.
const DRIFT_MAX: Duration = Duration::from_secs(1);

/// What is said of a file that somebody broke.
const NOT_JSON: &str = "it is not JSON any more";

/// The keeper. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Keeper {
    folder: StateFolder,
    /// What agents were allowed for good, which is a file of its own.
    book: Book,
    waiting: Arc<Mutex<Waiting>>,
    more: Arc<Notify>,
    /// One file is read and written at a time.
    pen: Arc<tokio::sync::Mutex<()>>,
}

/// What is still to be written: at most one change a credential.
#[derive(Debug, Default)]
struct Waiting {
    changes: BTreeMap<(AgentId, ProfileId), (Kept, i64)>,
    /// By how much the wall clock was set since the gateway started, in milliseconds.
    set_by_ms: i64,
    /// The files that could not be written last time: one complaint is enough.
    failing: BTreeMap<String, String>,
}

impl Keeper {
    /// A keeper of this folder.
    pub fn new(folder: StateFolder) -> Self {
        let book = Book::new(folder.clone());
        Self { folder, book, waiting: Arc::default(), more: Arc::default(), pen: Arc::default() }
    }

    /// Takes a change, to be written soon.
    pub fn keep(&self, now: Now, kept: Kept) {
        let mut waiting = self.waiting();
        let set_by_ms = waiting.set_by(now);
        let key = (kept.agent.clone(), kept.profile.clone());
        let earlier = waiting.changes.remove(&key).and_then(|(it, _)| it.good_for);
        let good_for = kept.good_for.clone().or(earlier);
        waiting.changes.insert(key, (Kept { good_for, ..kept }, set_by_ms));
        drop(waiting);
        self.more.notify_one();
    }

    /// The file of what agents were allowed for good.
    pub fn book(&self) -> Book {
        self.book.clone()
    }

    /// Takes what an agent was allowed for good, to be written soon.
    pub fn keep_grant(&self, now: Now, grant: Grant) {
        self.book.keep(grant, now.wall.as_unix_ms());
        self.more.notify_one();
    }

    /// Writes what comes, for as long as the future is polled.
    pub async fn run(&self) -> std::convert::Infallible {
        loop {
            self.more.notified().await;
            self.flush().await;
        }
    }

    /// Writes what waits. Whoever waits for it may go away meanwhile: what was begun is done all the same, and whoever calls
    /// it next waits until then.
    pub async fn flush(&self) {
        self.with_pen(Self::write_waiting).await;
        self.book.flush().await;
    }

    fn write_waiting(&self) {
        let changes = std::mem::take(&mut self.waiting().changes);
        let mut files: BTreeMap<String, Vec<(Kept, i64)>> = BTreeMap::new();
        for ((agent, _), change) in changes {
            files.entry(file_of(&agent)).or_default().push(change);
        }
        for (file, changes) in files {
            let written = write(&self.folder, &file, &changes);
            self.tell(file, written);
        }
    }

    /// The login of this name in an agent's file, if there is one.
    pub(super) async fn stored_login(&self, agent: &AgentId, profile: &ProfileId) -> Option<Login> {
        let (folder, file, profile) = (self.folder.clone(), file_of(agent), profile.clone());
        let read = move || stored(&folder.read(&file).ok()??, profile.as_str());
        self.folder.apart(read).await
    }

    /// Writes a renewed login into an agent's file, in the place of one whose refresh token is used up. Whether the file needs
    /// no more: it has the login, or somebody has logged in anew.
    pub(super) async fn keep_login(
        &self,
        (agent, profile): (&AgentId, &ProfileId),
        (gone, new): (Vec<Secret>, Login),
    ) -> bool {
        let (file, profile) = (file_of(agent), profile.clone());
        let work = move |this: &Self| {
            let written = replace_login(&this.folder, &file, (&profile, &gone, &new));
            let is_done = matches!(written, Ok(()) | Err(LoginError::Another));
            this.tell(file, written.map_err(|it| it.to_string()));
            is_done
        };
        self.with_pen(work).await
    }

    /// Does what reads and writes a file, while nobody else does.
    async fn with_pen<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let pen = self.pen.clone().lock_owned().await;
        let this = self.clone();
        self.folder
            .apart(move || {
                let done = work(&this);
                drop(pen);
                done
            })
            .await
    }

    /// Says once that a file cannot be written, and once that it can be again.
    fn tell(&self, file: String, written: Result<(), String>) {
        let failing = &mut self.waiting().failing;
        match written {
            Ok(()) => {
                if failing.remove(&file).is_some() {
                    tracing::info!(file, "credentials are kept again");
                }
            }
            Err(why) => {
                if failing.get(&file) != Some(&why) {
                    tracing::error!(
                        file,
                        why,
                        "what changed about credentials is not kept: a restart will not know of it"
                    );
                    failing.insert(file, why);
                }
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no holder of this lock panics")
    }
}

impl Waiting {
    /// By how much the wall clock was set since the start. Small differences are none, or every write would move windows.
    fn set_by(&mut self, now: Now) -> i64 {
        let monotonic = i64::try_from(now.monotonic.as_ms()).unwrap_or(i64::MAX);
        let beside = now.wall.as_unix_ms().saturating_sub(monotonic);
        let drift = beside.abs_diff(self.set_by_ms);
        if u128::from(drift) > DRIFT_MAX.as_millis() {
            self.set_by_ms = beside;
        }
        self.set_by_ms
    }
}

/// Why a renewed login is not in its file.
#[derive(Debug, thiserror::Error)]
enum LoginError {
    #[error("read it: {0}")]
    Read(io::Error),
    #[error("write it: {0}")]
    Write(io::Error),
    #[error("{NOT_JSON}")]
    NotJson,
    #[error("it has another login of this name, or none, by now")]
    Another,
}

fn replace_login(
    folder: &StateFolder,
    file: &str,
    (profile, gone, new): (&ProfileId, &[Secret], &Login),
) -> Result<(), LoginError> {
    let text = folder.read(file).map_err(LoginError::Read)?.unwrap_or_default();
    // The problem's own words may quote a token.
    let edited =
        login::edited(&text, profile.as_str(), (gone, new)).map_err(|_| LoginError::NotJson)?;
    folder.replace(file, &edited.ok_or(LoginError::Another)?).map_err(LoginError::Write)
}

/// Reads a file, changes it, and puts it in its place.
fn write(folder: &StateFolder, file: &str, changes: &[(Kept, i64)]) -> Result<(), String> {
    let before = folder.read(file).map_err(|it| format!("read it: {it}"))?;
    let mut text = before.clone();
    for (kept, set_by_ms) in changes {
        let shown = |it: Timestamp| {
            i64::try_from(it.as_ms()).unwrap_or(i64::MAX).saturating_add(*set_by_ms)
        };
        // The problem's own words may quote a key.
        let edited = edited(text.as_deref(), kept, shown);
        text = Some(edited.map_err(|_| NOT_JSON.to_owned())?);
    }
    match text {
        Some(text) if before.as_ref() != Some(&text) => {
            folder.replace(file, &text).map_err(|it| format!("write it: {it}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use creel_core::{failover::ledger::Health, time::WallTime};

    use super::*;

    fn kept(agent: &str, at: u64) -> Kept {
        let health = Health { last_used: Some(Timestamp::from_ms(at)), ..Health::default() };
        Kept {
            agent: AgentId::new(agent).unwrap(),
            profile: ProfileId::new("p:one").unwrap(),
            health,
            good_for: None,
        }
    }

    fn now(ms: u64, set_by: i64) -> Now {
        let wall = WallTime::from_unix_ms(i64::try_from(ms).unwrap() + set_by);
        Now { monotonic: Timestamp::from_ms(ms), wall }
    }

    #[tokio::test]
    async fn each_agents_changes_are_in_its_own_file() {
        let folder = StateFolder::in_memory(BTreeMap::new());
        let keeper = Keeper::new(folder.clone());
        keeper.keep(now(10, 0), kept("a", 10));
        keeper.keep(now(11, 2), kept("a", 11));
        keeper.keep(now(12, 0), kept("b", 12));
        keeper.flush().await;
        for (agent, at) in [("a", "11"), ("b", "12")] {
            let text = folder.read(&format!("agents/{agent}/agent/auth-profiles.json")).unwrap();
            let text = text.unwrap();
            assert!(text.contains(&format!("\"lastUsed\": {at}")), "{text}");
        }
    }

    /// The first of two files is being written when its writer is not waited for any more.
    #[tokio::test]
    async fn what_was_begun_is_written_though_nobody_waits_for_it() {
        let disk = tempfile::tempdir().unwrap();
        let folder = StateFolder::Disk(disk.path().to_owned());
        let keeper = Keeper::new(folder.clone());
        for agent in ["a", "b"] {
            keeper.keep(now(10, 0), kept(agent, 10));
        }
        {
            let mut flush = std::pin::pin!(keeper.flush());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(flush.as_mut().poll(&mut context).is_pending());
        }
        keeper.flush().await;
        for agent in ["a", "b"] {
            let text = folder.read(&format!("agents/{agent}/agent/auth-profiles.json")).unwrap();
            assert!(text.unwrap().contains("\"lastUsed\": 10"), "{agent}");
        }
    }

    #[tokio::test]
    async fn a_clock_that_was_set_moves_what_is_written_and_one_that_drifts_does_not() {
        let folder = StateFolder::in_memory(BTreeMap::new());
        let keeper = Keeper::new(folder.clone());
        for (set_by, expected) in [(0, "1000"), (900, "1000"), (3_600_000, "3601000")] {
            keeper.keep(now(2_000, set_by), kept("a", 1_000));
            keeper.flush().await;
            let text = folder.read("agents/a/agent/auth-profiles.json").unwrap().unwrap();
            assert!(text.contains(&format!("\"lastUsed\": {expected}")), "{text}");
        }
    }

    #[tokio::test]
    async fn a_file_that_somebody_broke_is_not_touched() {
        let file = "agents/a/agent/auth-profiles.json".to_owned();
        let folder = StateFolder::in_memory([(file.clone(), "{ \"profiles\":".to_owned())].into());
        let keeper = Keeper::new(folder.clone());
        keeper.keep(now(1, 0), kept("a", 1));
        keeper.flush().await;
        assert_eq!(folder.read(&file).unwrap().as_deref(), Some("{ \"profiles\":"));
        assert_eq!(keeper.waiting().failing.len(), 1);
        folder.replace(&file, "{}").unwrap();
        keeper.keep(now(2, 0), kept("a", 2));
        keeper.flush().await;
        assert!(keeper.waiting().failing.is_empty());
    }
}
