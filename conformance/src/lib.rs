//! Creel: the conformance suite and its command line.
//!
//! - [`catalogue`]: the requirements, and what judges them.
//! - [`corpus`]: the scenarios, built in or from files, and how they are chosen.
//! - [`expectations`]: what is known to fail on a target.
//! - [`suite`]: scenarios × profiles → outcomes, each with its control.
//! - [`report`]: outcomes, for people and for machines.
//! - [`selection`]: as few scenarios as say everything of a target.
//! - [`mutants`]: planted defects, and whether the suite notices them.
//! - [`cli`]: the command line.

pub mod catalogue;
pub mod cli;
pub mod corpus;
pub mod expectations;
pub mod mutants;
pub mod report;
pub mod selection;
pub mod suite;
mod toml_tree;
