//! The contract's constants as the judge knows them: written from the contract, not from any gateway.
//!
//! Source: contract, section 0.

/// One version of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// `messages.queue.mode` where it is not configured.
    pub queue_mode: &'static str,
    /// `messages.queue.debounceMs` where it is not configured, in microseconds.
    pub queue_debounce_us: i64,
    /// `messages.queue.drop` where it is not configured.
    pub queue_drop: &'static str,
    /// `agents.defaults.maxConcurrent` where it is not configured: the least that the version promises.
    pub max_concurrent: u64,
    /// I5's bound: how long a free lane may keep a message waiting beyond the debounce, in microseconds. Our choice:
    /// the contract only says that there is one.
    pub liveness_us: i64,
    /// I14's bound: how often one cause may have the same model asked with the same credential, or the same text shown: as
    /// often as a target may declare, or the ten tries of a rate limit, each of which a provider's own library may make three times. Sends
    /// are documented with three.
    pub tries_max: usize,
}

/// Every version, oldest first.
pub const ALL: [Profile; 2] = [
    Profile {
        name: "2026.3",
        queue_mode: "collect",
        queue_debounce_us: 1_000_000,
        queue_drop: "summarize",
        max_concurrent: 4,
        liveness_us: 2_500_000,
        tries_max: 20,
    },
    Profile {
        name: "2026.9",
        queue_mode: "steer",
        queue_debounce_us: 500_000,
        queue_drop: "summarize",
        max_concurrent: 8,
        liveness_us: 2_500_000,
        tries_max: 30,
    },
];

/// The version of this name.
pub fn named(name: &str) -> Option<&'static Profile> {
    ALL.iter().find(|it| it.name == name)
}
