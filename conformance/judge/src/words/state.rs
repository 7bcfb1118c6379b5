//! The word `state`: what the gateway left in a file of its state folder.

use serde_json::Value;

use super::{Span, matching::Evidence};
use crate::{
    phrase::seconds,
    timing::{Fit, between},
    trace::{Fact, Kind},
    verdict::Verdict,
};

/// What stood in a file. Pointers are JSON's (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The file, by its path below the state folder.
    pub file: String,
    /// At the harness's look of this number, from 1; the last one without.
    pub look: Option<u64>,
    /// What stands at these pointers.
    pub has: Vec<(String, Value)>,
    /// Nothing stands at these.
    pub lacks: Vec<String>,
    /// The dates at these lie between two moments since the scenario's zero.
    pub moments: Vec<(String, Span)>,
}

pub(super) fn state(claim: &State, evidence: Evidence) -> Verdict {
    let State { file, look, has, lacks, moments } = claim;
    let looks: Vec<(&Fact, &Option<String>, i64)> = evidence
        .trace
        .facts
        .iter()
        .filter_map(|fact| match &fact.kind {
            Kind::StateFile { file: found, text, zero_unix_ms } if found == file => {
                Some((fact, text, *zero_unix_ms))
            }
            _ => None,
        })
        .collect();
    let found = match look {
        Some(number) => usize::try_from(*number).ok().and_then(|it| looks.get(it.checked_sub(1)?)),
        None => looks.last(),
    };
    let Some((fact, text, zero_unix_ms)) = found else {
        return Verdict::NotTestable { why: format!("the harness did not look at `{file}`") };
    };
    let fail =
        |expected: String, observed: String| Verdict::fail(expected, observed, vec![fact.seq]);
    let Some(json) = text.as_ref().and_then(|it| serde_json::from_str::<Value>(it).ok()) else {
        let observed = if text.is_some() { "a file that is not JSON" } else { "no such file" };
        return fail(format!("JSON in `{file}`"), observed.to_owned());
    };
    for (pointer, wanted) in has {
        let found = json.pointer(pointer);
        if found != Some(wanted) {
            let expected = format!("`{pointer}` of `{file}` is {wanted}");
            return fail(
                expected,
                found.map_or_else(|| "it is not there".into(), Value::to_string),
            );
        }
    }
    if let Some((pointer, found)) =
        lacks.iter().find_map(|pointer| Some((pointer, json.pointer(pointer)?)))
    {
        return fail(format!("`{file}` has no `{pointer}`"), found.to_string());
    }
    for (pointer, bounds) in moments {
        let expected = format!("`{pointer}` of `{file}` lies {}", between(*bounds));
        let Some(unix_ms) = json.pointer(pointer).and_then(Value::as_i64) else {
            return fail(expected, "it is no date".to_owned());
        };
        let at_us = unix_ms.saturating_sub(*zero_unix_ms).saturating_mul(1_000);
        match evidence.context.clock.fit(at_us, *bounds) {
            Fit::Inside => (),
            Fit::Outside => return fail(expected, seconds(at_us)),
            Fit::Unknown(why) => {
                let why = format!("`{pointer}` is {}, but {why}", seconds(at_us));
                return Verdict::Inconclusive { why };
            }
        }
    }
    Verdict::pass(vec![fact.seq])
}
