//! What a session's queue is asked to do: modes, drop policies, and where each setting comes from.

use std::collections::BTreeMap;

use crate::{
    ids::Channel,
    profile::{Profile, Version},
    time::Millis,
};

/// What happens to a message while its session is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// All that wait become one turn.
    Collect,
    /// Each that waits becomes its own turn.
    Followup,
    /// It joins the running turn at the next boundary.
    Steer,
    /// It joins the running turn, and is also kept as a followup. `2026.3` only.
    SteerBacklog,
    /// It ends the running turn and takes its place.
    Interrupt,
}

impl Mode {
    /// The names that a version accepts, aliases last.
    pub const fn names(version: Version) -> &'static [(&'static str, Self)] {
        const ALL: &[(&str, Mode)] = &[
            ("collect", Mode::Collect),
            ("followup", Mode::Followup),
            ("steer", Mode::Steer),
            ("interrupt", Mode::Interrupt),
            ("steer-backlog", Mode::SteerBacklog),
            ("steer+backlog", Mode::SteerBacklog),
            ("queue", Mode::Steer),
        ];
        match version {
            Version::V2026_3 => ALL,
            Version::V2026_9 => ALL.split_at(4).0,
        }
    }

    /// The mode of this name in a version.
    pub fn parse(version: Version, name: &str) -> Option<Self> {
        Self::names(version).iter().find(|(it, _)| *it == name).map(|(_, mode)| *mode)
    }

    /// The mode's own name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Followup => "followup",
            Self::Steer => "steer",
            Self::SteerBacklog => "steer-backlog",
            Self::Interrupt => "interrupt",
        }
    }
}

/// What gives way when a queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropPolicy {
    /// The message that has waited longest.
    Old,
    /// The message that has just arrived, visibly.
    New,
    /// The message that has waited longest, and the next turn is told of it in one line.
    Summarize,
}

impl DropPolicy {
    /// Every policy by name.
    pub const NAMES: [(&str, Self); 3] =
        [("old", Self::Old), ("new", Self::New), ("summarize", Self::Summarize)];

    /// The policy of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(it, _)| *it == name).map(|(_, policy)| *policy)
    }

    /// The policy's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Summarize => "summarize",
        }
    }
}

/// How many messages may wait in one queue: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap(u16);

impl Cap {
    /// The least cap.
    pub const MIN: u64 = 1;
    /// The greatest cap.
    pub const MAX: u64 = 1_000;
    /// The contract's default.
    pub const DEFAULT: Self = Self(20);

    /// A cap inside the range, if it is.
    pub fn new(messages: u64) -> Option<Self> {
        let inside = (Self::MIN..=Self::MAX).contains(&messages);
        u16::try_from(messages).ok().filter(|_| inside).map(Self)
    }

    /// The cap, as a length to compare with.
    pub fn get(self) -> usize {
        self.0.into()
    }
}

/// The settings that one message is queued by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// What happens to it while its session is busy.
    pub mode: Mode,
    /// How long the queue waits for quiet after it.
    pub debounce: Millis,
    /// How many may wait.
    pub cap: Cap,
    /// What gives way beyond that.
    pub drop: DropPolicy,
}

/// What an inline `/queue` or a session override sets; the rest is left as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueOverride {
    /// The mode, if set.
    pub mode: Option<Mode>,
    /// The debounce, if set.
    pub debounce: Option<Millis>,
    /// The cap, if set.
    pub cap: Option<Cap>,
    /// The drop policy, if set.
    pub drop: Option<DropPolicy>,
}

/// `messages.queue` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueConfig {
    /// What it sets for all channels.
    pub all: QueueOverride,
    /// `byChannel`: modes.
    pub mode_by_channel: BTreeMap<Channel, Mode>,
    /// `debounceMsByChannel`.
    pub debounce_by_channel: BTreeMap<Channel, Millis>,
}

impl QueueConfig {
    /// Resolves what a message is queued by: inline, else session, else channel, else all channels, else profile.
    ///
    /// Source: contract, section 4.
    pub fn resolve(
        &self,
        profile: &Profile,
        channel: &Channel,
        session: QueueOverride,
        inline: QueueOverride,
    ) -> QueueSettings {
        let by_channel = QueueOverride {
            mode: self.mode_by_channel.get(channel).copied(),
            debounce: self.debounce_by_channel.get(channel).copied(),
            cap: None,
            drop: None,
        };
        let layers = [inline, session, by_channel, self.all];
        QueueSettings {
            mode: layers.iter().find_map(|it| it.mode).unwrap_or(profile.queue_mode),
            debounce: layers.iter().find_map(|it| it.debounce).unwrap_or(profile.queue_debounce),
            cap: layers.iter().find_map(|it| it.cap).unwrap_or(Cap::DEFAULT),
            drop: layers.iter().find_map(|it| it.drop).unwrap_or(DropPolicy::Summarize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_mode(mode: Mode) -> QueueOverride {
        QueueOverride { mode: Some(mode), ..QueueOverride::default() }
    }

    #[test]
    fn the_nearest_layer_wins() {
        let profile = Version::V2026_3.profile();
        let telegram = Channel::new("telegram").unwrap();
        let none = QueueOverride::default();
        let mut config = QueueConfig::default();
        let mode = |config: &QueueConfig, session, inline| {
            config.resolve(&profile, &telegram, session, inline).mode
        };
        assert_eq!(mode(&config, none, none), Mode::Collect);
        config.all.mode = Some(Mode::Followup);
        assert_eq!(mode(&config, none, none), Mode::Followup);
        config.mode_by_channel.insert(telegram.clone(), Mode::Interrupt);
        assert_eq!(mode(&config, none, none), Mode::Interrupt);
        assert_eq!(mode(&config, only_mode(Mode::Steer), none), Mode::Steer);
        let (session, inline) = (only_mode(Mode::Steer), only_mode(Mode::SteerBacklog));
        assert_eq!(mode(&config, session, inline), Mode::SteerBacklog);
    }

    #[test]
    fn the_newer_version_knows_four_modes() {
        assert_eq!(Mode::parse(Version::V2026_3, "steer+backlog"), Some(Mode::SteerBacklog));
        assert_eq!(Mode::parse(Version::V2026_3, "queue"), Some(Mode::Steer));
        assert_eq!(Mode::parse(Version::V2026_9, "steer-backlog"), None);
        assert_eq!(Mode::parse(Version::V2026_9, "interrupt"), Some(Mode::Interrupt));
    }

    #[test]
    fn a_cap_has_bounds() {
        assert_eq!(
            [0, 1, 1_000, 1_001].map(|it| Cap::new(it).is_some()),
            [false, true, true, false]
        );
    }
}
