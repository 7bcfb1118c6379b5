//! What makes a report hard to mistake for another one: a text of its run alone, and a digest over what it says.
//!
//! This guards against mix-ups, cut files and edits by hand, not against forgers: whoever can write a report can hash it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::data::Report;

/// How many random bytes a nonce has, unless it is given.
const NONCE_BYTES: usize = 8;

/// A text that no other run has.
///
/// # Errors
///
/// If the system has no chance to give.
pub fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; NONCE_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// The digest over what a report says. Texts are told apart by their lengths, so that none can be moved into the next.
pub fn digest(report: &Report) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| hasher.update(format!("{}:{text}\n", text.len()));
    let Report { nonce, target, seed, .. } = report;
    let (witnessed, whole) = (report.evidence.witnessed, report.whole);
    for text in [nonce, target, &seed.to_string(), &witnessed.to_string(), &whole.to_string()] {
        add(text);
    }
    for case in &report.cases {
        let trace = case.trace_hash.as_deref().unwrap_or_default();
        for text in [&case.scenario, &case.profile, case.status.word(), trace] {
            add(text);
        }
    }
    for requirement in &report.requirements {
        add(&requirement.id);
        add(requirement.verdict.word());
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}
