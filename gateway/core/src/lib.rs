//! The pure core of the reference gateway: events in, effects and the next deadline out.
//!
//! No IO, clock, randomness, async, lock or log line is in this crate; its manifest cannot name them. The modules, in
//! the order of a message's life:
//!
//! - [`message`], [`media`], [`untrusted`] and [`origin`]: what a channel hands in, and where it stood.
//! - [`ingress`]: an id is taken once; rapid words become one message.
//! - [`mention`]: to whom, in a group.
//! - [`admission`]: who may speak.
//! - [`overheard`]: what a group said to others.
//! - [`owners`]: with whose authority.
//! - [`command`]: what is not for the model.
//! - [`routing`]: which agent answers.
//! - [`broadcast`]: or which agents, together.
//! - [`session_key`] and [`session`]: which conversation it is, and what was said in it.
//! - [`send_policy`]: whether the conversation is answered at all.
//! - [`life`]: when the conversation begins anew.
//! - [`cron`]: what begins by the clock, without a message.
//! - [`lane`]: what happens while the conversation is busy.
//! - [`run`]: the turn's way through the model.
//! - [`failover`]: which model and credential, and what a failure means.
//! - [`tools`]: what the model may ask for meanwhile.
//! - [`approval`]: which of it waits until somebody decides.
//! - [`egress`]: answers leave, in order and in pieces.
//! - [`operator`]: what operators ask for, and what whoever watches is told.
//! - [`gateway`]: all of it on one page; read it first.
//!
//! Beside them [`profile`] holds what changed between versions of the contract, and [`deadlines`] who wants to be woken.

pub mod admission;
pub mod approval;
pub mod broadcast;
pub mod command;
pub mod cron;
pub mod deadlines;
pub mod egress;
pub mod failover;
pub mod gateway;
pub mod ids;
pub mod ingress;
pub mod lane;
pub mod life;
pub mod media;
pub mod mention;
pub mod message;
pub mod operator;
pub mod origin;
pub mod overheard;
pub mod owners;
pub mod profile;
pub mod routing;
pub mod run;
pub mod send_policy;
pub mod session;
pub mod session_key;
pub mod time;
pub mod tools;
pub mod untrusted;

#[cfg(test)]
mod testing;
