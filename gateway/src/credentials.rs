//! Each agent's `auth-profiles.json`: how credentials are doing outlives the gateway, and logins are renewed.
//!
//! A file is its agent's alone. It is read again before it is changed, and only what changed is: what somebody else wrote
//! meanwhile, and what we do not know, stays as it is.

mod health;
mod keeper;
mod login;
mod logins;

use creel_core::ids::AgentId;

pub use self::{
    health::{Stats, edited, moment},
    keeper::Keeper,
    login::{Login, TokenEndpoint},
    logins::{Logins, Renewable},
};

/// Where an agent's credentials are, below the state folder.
pub fn file_of(agent: &AgentId) -> String {
    format!("agents/{agent}/agent/auth-profiles.json")
}
