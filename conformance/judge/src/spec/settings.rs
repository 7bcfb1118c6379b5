//! How messages queue: what is configured, and what `/queue` changes.
//!
//! Source: contract, section 4 and section 0's rows on the queue.

use super::version::Version;
use crate::context::QueueRules;

/// What happens to a message while its session is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It becomes part of one turn with all that wait.
    Collect,
    /// It becomes a turn of its own.
    Followup,
    /// It joins the running turn at the next boundary.
    Steer,
    /// It joins the running turn and becomes a turn of its own as well.
    SteerBacklog,
    /// It ends the run and runs next.
    Interrupt,
}

/// What gives way when more messages wait than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// The oldest.
    Old,
    /// The newest, which is refused visibly.
    New,
    /// The oldest, of which a line is told in the next turn.
    Summarize,
}

/// What is in force for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The mode.
    pub mode: Mode,
    /// How long it must be quiet before what waits may run, in microseconds.
    pub debounce_us: i64,
    /// How many messages may wait.
    pub cap: usize,
    /// What gives way beyond that.
    pub drop: Drop,
}

/// What `/queue` has set for a session. Each field that is set wins over the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// The mode.
    pub mode: Option<Mode>,
    /// The debounce.
    pub debounce_us: Option<i64>,
    /// The cap.
    pub cap: Option<usize>,
    /// The drop policy.
    pub drop: Option<Drop>,
}

/// What a `/queue` command is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// It sets this for the session, from the next message on.
    Set(Override),
    /// It forgets what was set.
    Clear,
    /// It asks, or is not understood: nothing changes.
    Nothing,
    /// The rest is a message, for which alone the mode is in force.
    Inline(Override),
}

/// How many messages may wait where nothing is configured.
const CAP: usize = 20;

impl Override {
    /// This, and what was set before where this sets nothing.
    #[must_use]
    pub fn over(self, before: Self) -> Self {
        Self {
            mode: self.mode.or(before.mode),
            debounce_us: self.debounce_us.or(before.debounce_us),
            cap: self.cap.or(before.cap),
            drop: self.drop.or(before.drop),
        }
    }
}

impl Mode {
    /// The mode of a name, if the version has it.
    pub fn named(name: &str, version: Version) -> Option<Self> {
        match (name.trim().to_lowercase().as_str(), version) {
            ("collect", _) => Some(Self::Collect),
            ("followup", _) => Some(Self::Followup),
            ("steer", _) | ("queue", Version::March) => Some(Self::Steer),
            ("steer-backlog" | "steer+backlog", Version::March) => Some(Self::SteerBacklog),
            ("interrupt", _) => Some(Self::Interrupt),
            _ => None,
        }
    }
}

impl Drop {
    fn named(name: &str) -> Option<Self> {
        match name.trim().to_lowercase().as_str() {
            "old" => Some(Self::Old),
            "new" => Some(Self::New),
            "summarize" => Some(Self::Summarize),
            _ => None,
        }
    }
}

/// What is in force for a message of a channel. `inline` wins over `session`, which wins over the configuration.
pub fn resolve(
    rules: &QueueRules,
    version: Version,
    channel: &str,
    session: Override,
    inline: Override,
) -> Settings {
    let (mode, debounce_us) = match version {
        Version::March => (Mode::Collect, 1_000_000),
        Version::September => (Mode::Steer, 500_000),
    };
    let named = |it: &String| Mode::named(it, version);
    let configured_mode = rules.mode_by_channel.get(channel).or(rules.mode.as_ref());
    let general_us = rules.debounce_us.filter(|_| version == Version::March);
    let configured_us = rules.debounce_us_by_channel.get(channel).copied().or(general_us);
    let cap = rules.cap.and_then(|it| usize::try_from(it).ok()).filter(|it| *it > 0);
    let drop = rules.drop.as_deref().and_then(Drop::named);
    Settings {
        mode: inline.mode.or(session.mode).or(configured_mode.and_then(named)).unwrap_or(mode),
        debounce_us: inline
            .debounce_us
            .or(session.debounce_us)
            .or(configured_us)
            .unwrap_or(debounce_us),
        cap: inline.cap.or(session.cap).or(cap).unwrap_or(CAP),
        drop: inline.drop.or(session.drop).or(drop).unwrap_or(Drop::Summarize),
    }
}

/// How long messages of one sender are gathered before they are queued, in microseconds.
pub fn inbound_us(rules: &QueueRules, channel: &str) -> i64 {
    rules.inbound_us_by_channel.get(channel).copied().or(rules.inbound_us).unwrap_or(0).max(0)
}

/// What a `/queue` command with these arguments is.
pub fn command(arguments: &str, version: Version) -> Command {
    let mut set = Override::default();
    let mut words = arguments.split_whitespace().peekable();
    if words.peek().is_none() {
        return Command::Nothing;
    }
    while let Some(word) = words.next() {
        let lower = word.to_lowercase();
        let is_first = set == Override::default();
        if is_first && matches!(lower.as_str(), "default" | "reset") && words.peek().is_none() {
            return Command::Clear;
        }
        if read_option(&lower, version, &mut set) {
            continue;
        }
        // Words that are no option: after an option they are a message, else the command is not understood.
        return if is_first { Command::Nothing } else { Command::Inline(set) };
    }
    Command::Set(set)
}

/// Reads one option; false if it is none.
fn read_option(word: &str, version: Version, set: &mut Override) -> bool {
    match word.split_once(':') {
        None => {
            let mode = Mode::named(word, version).filter(|_| set.mode.is_none());
            set.mode = mode.or(set.mode);
            mode.is_some()
        }
        Some(("debounce", wait)) => {
            let wait = duration_us(wait);
            set.debounce_us = wait.or(set.debounce_us);
            wait.is_some()
        }
        Some(("cap", cap)) => {
            let cap = cap.parse().ok().filter(|it| *it > 0);
            set.cap = cap.or(set.cap);
            cap.is_some()
        }
        Some(("drop", policy)) => {
            let drop = Drop::named(policy);
            set.drop = drop.or(set.drop);
            drop.is_some()
        }
        Some(_) => false,
    }
}

/// A duration as `/queue` has it, in microseconds: `500`, `500ms`, `2s`, `0.5s`, `1m`, `2h`, `1d`. Bare numbers count
/// milliseconds.
pub fn duration_us(text: &str) -> Option<i64> {
    let unit_at = text.find(|it: char| it.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at)?;
    let unit_us: i64 = match unit {
        "" | "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > 6 {
        return None;
    }
    let scale = 10_i64.pow(u32::try_from(part.len()).ok()?);
    let part: i64 = if part.is_empty() { 0 } else { part.parse().ok()? };
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(unit_us)?.checked_add(part.checked_mul(unit_us)? / scale)
}

#[cfg(test)]
mod tests;
