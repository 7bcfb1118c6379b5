//! Who saw a fact.

use super::Kind;

/// Who saw a fact. A *track* is a column of a trace; a *lane* is a gateway's per-session queue, nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Track {
    /// The channel twins.
    Channel,
    /// The provider twins.
    Provider,
    /// The servers of tools.
    Tools,
    /// The gateway's process.
    Process,
    /// The operator.
    Operator,
    /// The harness itself.
    Harness,
}

impl Kind {
    /// Who saw it.
    pub fn track(&self) -> Track {
        match self {
            Self::Inbound { .. }
            | Self::Fetched { .. }
            | Self::Acknowledged { .. }
            | Self::Sent { .. }
            | Self::Edited { .. }
            | Self::Deleted { .. }
            | Self::Refused { .. } => Track::Channel,
            Self::ModelRequest { .. } | Self::ModelEnd { .. } | Self::Refresh { .. } => {
                Track::Provider
            }
            Self::ToolCalled { .. } | Self::ToolEnded { .. } => Track::Tools,
            Self::GatewayStarted
            | Self::GatewayReady
            | Self::GatewayRefused { .. }
            | Self::GatewayExited { .. }
            | Self::StateFile { .. } => Track::Process,
            Self::OperatorCalled { .. } | Self::Operator(_) => Track::Operator,
            Self::HarnessError { .. } => Track::Harness,
        }
    }
}
