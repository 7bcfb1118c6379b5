//! I12, as far as transcripts go: however a turn ended, its tool calls have their results.

use super::merged;
use crate::{
    context::Context,
    phrase::{names, seconds},
    trace::{PromptMessage, Trace},
    turns::{Request, Turns},
    verdict::Verdict,
};

/// In every model request, each tool call is followed by its one result before anything else, and each result follows
/// its call.
///
/// Exercised by requests that carry a call or a result. Whether the tool ran is not judged.
pub(super) fn check(trace: &Trace, turns: &Turns, _context: &Context) -> Verdict {
    let judged = turns.requests.iter().filter_map(|it| judge(it, it.prompt(trace)));
    merged(judged, "no request carried a tool call or a result")
}

fn judge(request: &Request, prompt: &[PromptMessage]) -> Option<Verdict> {
    let is_one = |it: &PromptMessage| !it.calls.is_empty() || it.role == "tool";
    if !prompt.iter().any(is_one) {
        return None;
    }
    let fail = |expected: &str, ids: &[&str]| {
        let at = seconds(request.start.at_us);
        let observed = format!("not so for {} in request {} at {at}", names(ids), request.number);
        Some(Verdict::fail(expected.to_owned(), observed, vec![request.start.seq]))
    };
    let mut open: Vec<&str> = Vec::new();
    for message in prompt {
        if message.role == "tool" {
            let id = message.result_of.as_deref().unwrap_or("?");
            let Some(found) = open.iter().position(|it| *it == id) else {
                return fail("each result of a tool behind its call", &[id]);
            };
            open.remove(found);
            continue;
        }
        if !open.is_empty() {
            break;
        }
        open = message.calls.iter().map(String::as_str).collect();
    }
    if open.is_empty() {
        return Some(Verdict::pass(vec![request.start.seq]));
    }
    fail("a result for each tool call, before anything else", &open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        tests::context_with,
        trace::{Fact, Header, Kind, VERSION},
    };

    /// Judges one request whose prompt is these words: `u` for a person's message, `a:1,2` for an answer with calls,
    /// `t:1` for a result.
    #[track_caller]
    fn check_prompt(prompt: &str, expected: &str) {
        let prompt = prompt.split_whitespace().map(|word| {
            let (role, ids) = word.split_once(':').unwrap_or((word, ""));
            let ids: Vec<String> =
                ids.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect();
            match role {
                "a" => PromptMessage { role: "assistant".into(), calls: ids, ..Default::default() },
                "t" => PromptMessage {
                    role: "tool".into(),
                    result_of: ids.first().cloned(),
                    ..Default::default()
                },
                _ => PromptMessage { role: "user".into(), ..Default::default() },
            }
        });
        let kind = Kind::ModelRequest {
            request: 1,
            chat: None,
            call: None,
            provider: "openai".to_owned(),
            model: "m".to_owned(),
            credential: "main".to_owned(),
            prompt: prompt.collect(),
            tools: Vec::new(),
        };
        let header = Header {
            creel_trace: VERSION,
            scenario: "x/y".to_owned(),
            profile: "2026.3".to_owned(),
            seed: 1,
            world: "turmoil".to_owned(),
            target: "reference".to_owned(),
            choices: crate::context::Choices::default(),
            lateness: None,
        };
        let trace = Trace { header, facts: vec![Fact { seq: 1, at_us: 0, kind }] };
        let context = context_with(|_| ());
        let verdict = check(&trace, &Turns::of(&trace, &context), &context);
        let shown = match verdict {
            Verdict::Pass { .. } => "pass".to_owned(),
            Verdict::Fail(failure) => failure.observed.clone(),
            Verdict::Vacuous { .. } => "vacuous".to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn calls_and_results_come_in_pairs() {
        check_prompt("u a:1,2 t:2 t:1 u a", "pass");
        check_prompt("u a", "vacuous");
    }

    #[test]
    fn a_call_without_its_result_is_found() {
        let at = "in request 1 at 0.000 s";
        check_prompt("u a:1", &format!("not so for `1` {at}"));
        check_prompt("u a:1,2 t:1 u t:2", &format!("not so for `2` {at}"));
        check_prompt("u t:1", &format!("not so for `1` {at}"));
        check_prompt("u a:1 t:1 t:1", &format!("not so for `1` {at}"));
    }
}
