//! Outcomes, for people and for machines.

pub mod badge;
pub mod compare;
pub mod console;
pub mod data;
pub mod diagram;
pub mod evidence;
pub mod excerpt;
pub mod failure;
pub mod gather;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod terminal;
pub mod timeline;

use std::collections::BTreeMap;

use crate::suite::{Outcome, Status};

/// How many cases there are of each status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Status, usize>);

impl Counts {
    /// Counts outcomes.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut counts = BTreeMap::new();
        for outcome in outcomes {
            *counts.entry(outcome.status()).or_default() += 1;
        }
        Self(counts)
    }

    /// How many cases have this status.
    pub fn get(&self, status: Status) -> usize {
        self.0.get(&status).copied().unwrap_or_default()
    }

    /// Cases that are not green: what failed, what was not exercised, what could not be judged because of an error.
    pub fn not_green(&self) -> usize {
        [Status::Fail, Status::Stale, Status::Vacuous, Status::Error]
            .map(|it| self.get(it))
            .iter()
            .sum()
    }
}

#[cfg(test)]
mod tests;
