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

#[cfg(test)]
mod tests;
