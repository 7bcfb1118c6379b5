//! Planted defects: does the suite notice each requirement broken?
//!
//! A defect is an expression of the gateway's source and what a real-life bug would have there (`conformance/defects`).
//! A scratch copy of the workspace gets all of them at once, each behind a switch, is built once, and runs the corpus
//! once for each defect. The gateway's own source holds nothing of it.
//!
//! - [`defects`]: the files.
//! - [`plant`]: a source text with its defects behind switches.
//! - [`workshop`]: the scratch copy and its build.
//! - [`hunt`]: the corpus against one defect.
//! - [`liars`]: whole gateways that lie, and one that does not.
//! - [`processes`]: the same as processes, over loopback sockets.
//! - [`blame`]: which requirement a failing run speaks of first.
//! - [`table`]: what came of all, for people and for machines.

pub mod blame;
pub mod defects;
pub mod earlier;
pub mod hunt;
pub mod liars;
pub mod plant;
pub mod processes;
pub mod table;
pub mod workshop;
