//! A profile names one version of the contract; every constant that changed between versions is a field of it.

use crate::{
    failover::ledger::{POLICY_2026_3, POLICY_2026_9, Policy},
    lane::Mode,
    life::Hour,
    time::Millis,
};

/// Which version of the contract the gateway keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `2026.3`, the seeds' version, and the default.
    #[default]
    V2026_3,
    /// `2026.9`.
    V2026_9,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 2] = [Self::V2026_3, Self::V2026_9];

    /// The name that configuration, scenarios and reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2026_3 => "2026.3",
            Self::V2026_9 => "2026.9",
        }
    }

    /// The constants of the version.
    pub const fn profile(self) -> Profile {
        match self {
            Self::V2026_3 => Profile {
                version: self,
                queue_mode: Mode::Collect,
                queue_debounce: Millis::new(1_000),
                steer_batch: SteerBatch::One,
                bare_new: BareNew::GreetingTurn,
                unmatched: Unmatched::DefaultAgent,
                run_timeout: Millis::from_s(600),
                main_lane_width: 4,
                daily_reset: Some(Hour::DEFAULT),
                daily_from: DailyFrom::LastUpdate,
                failover: POLICY_2026_3,
            },
            Self::V2026_9 => Profile {
                version: self,
                queue_mode: Mode::Steer,
                queue_debounce: Millis::new(500),
                steer_batch: SteerBatch::All,
                bare_new: BareNew::Notice,
                unmatched: Unmatched::SoleAgent,
                run_timeout: Millis::from_s(172_800),
                main_lane_width: 8,
                daily_reset: None,
                daily_from: DailyFrom::Start,
                failover: POLICY_2026_9,
            },
        }
    }
}

/// The constants of one version of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which version.
    pub version: Version,
    /// What happens to a message while its session is busy, unless configured.
    pub queue_mode: Mode,
    /// How long the queue waits for quiet, unless configured.
    pub queue_debounce: Millis,
    /// How many steering messages the next model request takes.
    pub steer_batch: SteerBatch,
    /// What `/new` without a text does.
    pub bare_new: BareNew,
    /// Who answers when no binding matches.
    pub unmatched: Unmatched,
    /// The longest that a run may take, unless configured.
    pub run_timeout: Millis,
    /// How many runs may be active at once, unless configured. For `2026.9` it is the least of what the contract
    /// allows (`max(8, 4 x CPUs)`): the shell raises it by the machine's CPUs, the core must not ask for them.
    pub main_lane_width: u32,
    /// When sessions begin anew each day, unless configured.
    pub daily_reset: Option<Hour>,
    /// Which moment the daily reset is measured from.
    pub daily_from: DailyFrom,
    /// What failures of models and credentials lead to, unless configured.
    pub failover: Policy,
}

/// Which moment of a session the daily reset is measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DailyFrom {
    /// When something was last said: a session that is used past the hour goes on until the next day.
    LastUpdate,
    /// When it began: no session goes past the hour.
    Start,
}

/// How many steering messages the next model request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SteerBatch {
    /// One message a model request.
    One,
    /// All that wait.
    All,
}

/// What `/new` without a text does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareNew {
    /// Runs a short turn that greets.
    GreetingTurn,
    /// Answers without the model.
    Notice,
}

/// Who answers when no binding matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// The agent that is marked default, else the first listed, else `main`.
    DefaultAgent,
    /// The only agent, or the one marked default; with several and none marked the message is answered with a notice.
    SoleAgent,
}
