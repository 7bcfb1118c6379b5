//! The one way in which a client changes the configuration: one at a time, on what it has seen, and nothing that the gateway
//! would not start with.

use std::time::Duration;

use creel_core::profile::Version;
use serde_json::{Value, json};

use super::{
    Caller,
    config::{unreadable, wrong},
};
use crate::{
    control::{frame::ErrorShape, plane::Plane},
    restart::Asked,
    settings::{
        Loaded,
        change::{self, Wanted},
        file::{ConfigFile, Standing},
    },
};

/// What a client wants beside the change itself.
#[expect(clippy::option_option, reason = "whether to start again, and whether it said when")]
pub(super) struct Wish {
    /// What it called.
    pub(super) method: &'static str,
    /// What it has seen.
    pub(super) base_hash: Base,
    /// Whether the gateway shall start again, and after how many ms.
    pub(super) restart: Option<Option<u64>>,
}

/// What a change was made from.
pub(super) enum Base {
    /// From the file with this hash.
    Of(Option<String>),
    /// From whatever stands there: the change says all that it needs to.
    Anything,
}

/// What was written.
pub(super) struct Written {
    /// What is made of it.
    pub(super) loaded: Box<Loaded>,
    /// The ways to what has changed.
    pub(super) changed: Vec<String>,
    /// The SHA-256 of the file now.
    hash: String,
    restart: Option<(&'static str, Asked)>,
}

/// How often a method may be called in a minute; none for those that have no limit.
fn calls_max(version: Version, method: &str) -> Option<usize> {
    let is_limited = matches!(method, "config.apply" | "config.patch");
    is_limited.then_some(match version {
        Version::V2026_3 => 3,
        Version::V2026_9 => 30,
    })
}

/// Changes the file. What stands there already is not written again.
///
/// # Errors
///
/// When nothing was changed, why not.
pub(super) async fn write(
    plane: &Plane,
    caller: &Caller,
    wish: Wish,
    want: impl FnOnce(Option<&Standing>) -> Result<Wanted, ErrorShape> + Send + 'static,
) -> Result<Written, ErrorShape> {
    let Wish { method, base_hash, restart } = wish;
    let Some(file) = &plane.file else {
        return Err(ErrorShape::unavailable("this gateway was not started from a file"));
    };
    if let Some(most) = calls_max(plane.facts.version, method) {
        let who = caller.device_id.as_deref().unwrap_or_default();
        plane.changes.count(method, who, most).map_err(|wait| {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            ErrorShape::unavailable(format!("too many calls of {method}"))
                .retry_after_ms(wait_ms.max(1))
        })?;
    }
    let alone = file.alone().await;
    let (loaded, changed, hash) = file.apart(move |it| change_file(it, &base_hash, want)).await?;
    drop(alone);
    let connection = &caller.connection;
    if changed.is_empty() {
        tracing::info!(method, connection, "the configuration is that already");
    } else {
        tracing::info!(method, connection, values = changed.len(), "the configuration was changed");
    }
    // What asks for a start alone has one, also without a change.
    let is_due = !changed.is_empty() || method == "config.apply";
    let restart = restart
        .filter(|_| is_due)
        .map(|delay_ms| (method, plane.restart.ask(delay_ms.map(Duration::from_millis))));
    Ok(Written { loaded, changed, hash, restart })
}

type Changed = (Box<Loaded>, Vec<String>, String);

fn change_file(
    file: &ConfigFile,
    base: &Base,
    want: impl FnOnce(Option<&Standing>) -> Result<Wanted, ErrorShape>,
) -> Result<Changed, ErrorShape> {
    let standing = file.look().map_err(|it| unreadable(&it))?;
    if let Some(standing) = &standing {
        check_base(standing, base)?;
    }
    let wanted = want(standing.as_ref())?;
    // By the lines of what was given.
    file.read(&wanted.given).map_err(|it| wrong(&it))?;
    let text = wanted.text(standing.as_ref());
    let loaded = Box::new(file.read(&text).map_err(|it| wrong(&it))?);
    let before = standing.as_ref().and_then(|it| it.says.clone()).unwrap_or_default();
    let changed = change::changed(&before, &wanted.says);
    if standing.is_none_or(|it| it.text != text) {
        file.replace(&text).map_err(|it| unreadable(&it))?;
    }
    let hash = loaded.settings.shown.hash.clone();
    Ok((loaded, changed, hash))
}

/// Whoever changes a file has to have seen what stands there.
fn check_base(standing: &Standing, base: &Base) -> Result<(), ErrorShape> {
    let Base::Of(seen) = base else { return Ok(()) };
    let seen = seen.as_deref().map(str::trim).filter(|it| !it.is_empty());
    match seen {
        None => Err(ErrorShape::invalid("expected `baseHash`: the `hash` of config.get")),
        Some(seen) if seen == standing.hash => Ok(()),
        Some(_) => {
            let why = "the configuration has changed since: call config.get again, then retry";
            Err(ErrorShape::invalid(why))
        }
    }
}

impl Written {
    /// What a client is told of it.
    pub(super) fn answer(&self, plane: &Plane) -> Value {
        let Self { loaded, changed, hash, .. } = self;
        let mut answer = json!({
            "ok": true, "path": plane.facts.shown.path, "hash": hash,
            "config": loaded.settings.shown.json, "changedPaths": changed,
        });
        if let Some(restart) = self.restart() {
            answer["restart"] = restart;
        }
        answer
    }

    /// What a client is told of the start that follows, if one does.
    pub(super) fn restart(&self) -> Option<Value> {
        let (reason, Asked { delay, cooldown, coalesced }) = self.restart?;
        let ms = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        Some(json!({
            "ok": true, "reason": reason, "mode": "emit", "delayMs": ms(delay),
            "coalesced": coalesced, "cooldownMsApplied": ms(cooldown),
        }))
    }
}
