//! What agents were allowed for good: `exec-approvals.json` in the state folder, as OpenClaw lays it out. What is in it and
//! not ours stays as it is, and a file that cannot be read is left for its owner to mend.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use creel_core::{approval::Grant, ids::AgentId, tools::ServerName};
use creel_document::{edit, json5};
use serde_json::{Value, json};

use crate::{control::device::fingerprint, state::StateFolder};

/// Where it is, below the state folder.
pub const FILE: &str = "exec-approvals.json";

/// What a file says in which nothing was ever written.
const EMPTY: &str = "{\n  \"version\": 1,\n  \"agents\": {}\n}\n";

/// How many tools one agent may be allowed for good.
const GRANTS_MAX: usize = 10_000;

/// Why the file cannot be used. What it says is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system's.
    #[error("`{FILE}` in the state folder: {0}")]
    Io(#[from] std::io::Error),
    /// It has no form, or not that of such a file.
    #[error("`{FILE}` in the state folder is no file of approvals: mend it first")]
    Broken,
}

/// Why the file is not replaced.
#[derive(Debug, thiserror::Error)]
pub enum NotReplaced {
    /// The file cannot be used.
    #[error(transparent)]
    Unusable(#[from] Error),
    /// Whoever wants it replaced does not say what it saw.
    #[error("expected `baseHash`: the `hash` of exec.approvals.get")]
    BaseMissing,
    /// Or saw something else.
    #[error("the approvals have changed since: call exec.approvals.get again, then retry")]
    Changed,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether there is one.
    pub exists: bool,
    /// The SHA-256 of its text, in hexadecimal.
    pub hash: String,
    /// What it says.
    pub says: Value,
}

/// The file. A clone is the same one.
#[derive(Clone)]
pub struct Book {
    folder: StateFolder,
    /// What is still to be written, and when it was allowed.
    waiting: Arc<Mutex<Vec<(Grant, i64)>>>,
    /// It is read and written by one at a time.
    pen: Arc<tokio::sync::Mutex<()>>,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Book").field(&self.folder).finish()
    }
}

impl Book {
    /// The file of a state folder.
    pub fn new(folder: StateFolder) -> Self {
        Self { folder, waiting: Arc::default(), pen: Arc::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Grant, i64)>> {
        self.waiting.lock().expect("no holder of this lock panics")
    }

    /// Where it is, for people.
    pub fn path(&self) -> String {
        match &self.folder {
            StateFolder::Disk(folder) => folder.join(FILE).display().to_string(),
            StateFolder::Memory(_) => FILE.to_owned(),
        }
    }

    /// What was allowed for good by the time the gateway starts.
    ///
    /// # Errors
    ///
    /// When the file cannot be read: then nothing is.
    pub fn grants(&self) -> Result<BTreeSet<Grant>, Error> {
        read(&self.folder).map(|(_, standing)| granted(&standing.says))
    }

    /// Takes a grant, to be written by the next [`Book::flush`].
    pub fn keep(&self, grant: Grant, at_ms: i64) {
        self.waiting().push((grant, at_ms));
    }

    /// What waits to be written.
    pub fn unwritten(&self) -> BTreeSet<Grant> {
        self.waiting().iter().map(|it| it.0.clone()).collect()
    }

    /// Writes what waits.
    pub async fn flush(&self) {
        let (pen, this) = (self.pen.clone().lock_owned().await, self.clone());
        let work = move || {
            let _pen = pen;
            this.write_waiting();
        };
        self.folder.apart(work).await;
    }

    fn write_waiting(&self) {
        let grants = std::mem::take(&mut *self.waiting());
        if grants.is_empty() {
            return;
        }
        if let Err(error) = add(&self.folder, &grants) {
            tracing::error!(%error, "a tool was allowed for good, and the next start will not know it");
        }
    }

    /// What the file says now.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn look(&self) -> Result<Standing, Error> {
        self.flush().await;
        let folder = self.folder.clone();
        self.folder.apart(move || read(&folder).map(|it| it.1)).await
    }

    /// Puts something else in its place, on what was seen of it. What the file has to say to the socket of OpenClaw's own
    /// companion, and was not shown, stays.
    ///
    /// # Errors
    ///
    /// When somebody changed it since, or it cannot be read or written. It is then as it was.
    pub async fn replace(
        &self,
        base: Option<String>,
        mut says: Value,
    ) -> Result<(Standing, BTreeSet<Grant>), NotReplaced> {
        let (pen, this) = (self.pen.clone().lock_owned().await, self.clone());
        let work = move || {
            let _pen = pen;
            this.write_waiting();
            let (text, before) = read(&this.folder)?;
            match base {
                None if before.exists => return Err(NotReplaced::BaseMissing),
                Some(base) if base != before.hash => return Err(NotReplaced::Changed),
                None | Some(_) => {}
            }
            keep_socket(&mut says, &before.says);
            let text = edit::reshape(&text, &says).map_err(|_| Error::Broken)?;
            this.folder.replace(FILE, &text).map_err(Error::from)?;
            let after = read(&this.folder)?.1;
            let grants = granted(&after.says);
            Ok((after, grants))
        };
        self.folder.apart(work).await
    }
}

/// Whether this is what such a file says.
pub fn is_ours(says: &Value) -> bool {
    let map = |it: Option<&Value>| it.is_none_or(Value::is_object);
    let agents = says.get("agents").and_then(Value::as_object).into_iter().flatten();
    let grant = |it: &Value| text(it, "server").is_some() && text(it, "tool").is_some();
    let list =
        |it: &Value| it.as_array().is_some_and(|it| it.len() <= GRANTS_MAX && it.iter().all(grant));
    says.get("version") == Some(&json!(1))
        && map(says.get("socket"))
        && map(says.get("defaults"))
        && map(says.get("agents"))
        && agents.map(|it| it.1).all(|it| it.is_object() && it.get("mcpTools").is_none_or(list))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().filter(|it| !it.is_empty())
}

fn read(folder: &StateFolder) -> Result<(String, Standing), Error> {
    let found = folder.read(FILE)?;
    let exists = found.is_some();
    let hash = fingerprint(found.as_deref().unwrap_or_default().as_bytes());
    let text = found.unwrap_or_else(|| EMPTY.to_owned());
    let says = json5::parse(&text).map_err(|_| Error::Broken)?.to_json();
    if is_ours(&says) { Ok((text, Standing { exists, hash, says })) } else { Err(Error::Broken) }
}

fn granted(says: &Value) -> BTreeSet<Grant> {
    let agents = says["agents"].as_object().into_iter().flatten();
    let tools =
        agents.filter_map(|(id, it)| Some((AgentId::new(id).ok()?, it["mcpTools"].as_array()?)));
    let grant = |agent: &AgentId, it: &Value| {
        let (server, tool) = (ServerName(text(it, "server")?.into()), text(it, "tool")?.into());
        Some(Grant { agent: agent.clone(), server, tool })
    };
    tools.flat_map(|(agent, all)| all.iter().filter_map(move |it| grant(&agent, it))).collect()
}

fn add(folder: &StateFolder, grants: &[(Grant, i64)]) -> Result<(), Error> {
    let (text, Standing { mut says, .. }) = read(folder)?;
    let known = granted(&says);
    for (Grant { agent, server, tool }, at_ms) in grants.iter().filter(|it| !known.contains(&it.0))
    {
        let agents = says
            .as_object_mut()
            .expect("it is a file of ours")
            .entry("agents")
            .or_insert(json!({}));
        // An agent may be there under its name in other letters.
        let own = agents.as_object().into_iter().flatten().map(|it| it.0.clone());
        let own = own.into_iter().find(|it| it.to_lowercase() == agent.as_str());
        let own = own.unwrap_or_else(|| agent.to_string());
        let tools = &mut agents[own]["mcpTools"];
        if tools.is_null() {
            *tools = json!([]);
        }
        if let Some(tools) = tools.as_array_mut().filter(|it| it.len() < GRANTS_MAX) {
            tools.push(json!({
                "server": server.0, "tool": tool, "source": "allow-always", "addedAt": at_ms,
            }));
        }
    }
    let edited = edit::reshape(&text, &says).map_err(|_| Error::Broken)?;
    if edited != text {
        folder.replace(FILE, &edited)?;
    }
    Ok(())
}

fn keep_socket(says: &mut Value, before: &Value) {
    let Some(old) = before.get("socket").and_then(Value::as_object) else { return };
    if says.get("socket").is_none() {
        says["socket"] = json!({});
    }
    for (key, value) in old {
        if says["socket"].get(key).is_none() {
            says["socket"][key.as_str()] = value.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn book(text: Option<&str>) -> (Book, StateFolder) {
        let files = text.map(|it| (FILE.to_owned(), it.to_owned()));
        let folder = StateFolder::in_memory(files.into_iter().collect::<BTreeMap<_, _>>());
        (Book::new(folder.clone()), folder)
    }

    fn grant(agent: &str, tool: &str) -> Grant {
        let agent = AgentId::new(agent).unwrap();
        Grant { agent, server: ServerName("notes".into()), tool: tool.into() }
    }

    #[tokio::test]
    async fn a_grant_is_added_once_and_what_is_not_ours_stays() {
        let text =
            "{\n  // Mine.\n  version: 1,\n  agents: { Main: { ask: 'off', mcpTools: [] } },\n}\n";
        let (book, folder) = book(Some(text));
        for (tool, at_ms) in [("read", 5), ("read", 6), ("write", 7)] {
            book.keep(grant("main", tool), at_ms);
            book.flush().await;
        }
        assert_eq!(book.grants().unwrap(), [grant("main", "read"), grant("main", "write")].into());
        let written = folder.read(FILE).unwrap().unwrap();
        assert!(written.contains("// Mine.") && written.contains("ask: 'off'"), "{written}");
        assert_eq!(written.matches("\"read\"").count(), 1, "{written}");
    }

    #[tokio::test]
    async fn a_file_is_made_where_there_is_none_and_a_broken_one_is_left() {
        let (new, _) = book(None);
        assert!(!new.look().await.unwrap().exists);
        new.keep(grant("main", "read"), 5);
        let standing = new.look().await.unwrap();
        let expected = json!({ "version": 1, "agents": { "main": { "mcpTools": [
            { "server": "notes", "tool": "read", "source": "allow-always", "addedAt": 5 },
        ] } } });
        assert_eq!((standing.exists, standing.says), (true, expected));
        for text in
            ["{", "{}", "{ version: 2 }", "{ version: 1, agents: { a: { mcpTools: [{}] } } }"]
        {
            let (broken, folder) = book(Some(text));
            assert!(broken.grants().is_err(), "{text}");
            broken.keep(grant("main", "read"), 5);
            assert!(broken.look().await.is_err(), "{text}");
            assert!(broken.replace(None, json!({ "version": 1 })).await.is_err(), "{text}");
            assert_eq!(folder.read(FILE).unwrap().as_deref(), Some(text));
        }
    }

    #[tokio::test]
    async fn it_is_replaced_on_what_was_seen_and_keeps_what_was_not_shown() {
        let (book, _) = book(Some("{ version: 1, socket: { path: 'p', token: 't' }, agents: {} }"));
        let seen = book.look().await.unwrap().hash;
        let new = json!({ "version": 1, "agents": { "a": { "mcpTools": [{ "server": "notes", "tool": "x" }] } } });
        let refused = book.replace(None, new.clone()).await;
        assert!(matches!(refused, Err(NotReplaced::BaseMissing)), "{refused:?}");
        let refused = book.replace(Some("0".to_owned()), new.clone()).await;
        assert!(matches!(refused, Err(NotReplaced::Changed)), "{refused:?}");
        let (after, grants) = book.replace(Some(seen), new).await.unwrap();
        assert_eq!(grants, [grant("a", "x")].into());
        assert_eq!(after.says["socket"], json!({ "path": "p", "token": "t" }));
    }
}
