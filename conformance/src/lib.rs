//! Creel: the conformance suite and its command line.
//!
//! - [`catalogue`]: the requirements, and what judges them.
//! - [`corpus`]: the scenarios, built in or from files, and how they are chosen.
//! - [`expectations`]: what is known to fail on a target.
//! - [`suite`]: scenarios × profiles → outcomes, each with its control.
//! - [`report`]: outcomes, for people and for machines.
//! - [`mutants`]: planted defects, and whether the suite notices them.
//! - [`cli`]: the command line.

pub mod catalogue;
pub mod cli;
pub mod corpus;
pub mod expectations;
pub mod mutants;
pub mod report;
pub mod suite;
mod toml_tree;
