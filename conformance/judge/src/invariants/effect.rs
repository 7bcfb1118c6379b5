//! I2, exactly-once effect: one message, one turn; one answer, one text.

use std::collections::BTreeMap;

use super::{conservation, merged};
use crate::{
    context::Context,
    phrase::{count, quote, seconds},
    plain::plain,
    trace::Trace,
    turns::{Delivery, Request, Turns},
    verdict::Verdict,
};

/// A message has one turn, however often the platform delivers it, and a completed answer is visible at most once.
///
/// Exercised by messages that were delivered again, and by completed answers that a person saw. A text counts only if
/// it is a completed answer as a whole, and as often as model requests answered it.
pub(super) fn check(_trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let redelivered =
        turns.messages.iter().filter(|it| it.inbound.len() > 1 || it.fetched.len() > 1);
    let messages = redelivered.filter(|it| it.canary.is_some()).map(|message| {
        let delivered = message.inbound.iter().chain(&message.fetched).map(|it| it.seq);
        conservation::repeated(message, turns, context)
            .unwrap_or_else(|| Verdict::pass(delivered.collect()))
    });
    let why = "no message was delivered again, and no completed answer was seen";
    merged(messages.chain(judge_answers(turns)), why)
}

fn judge_answers(turns: &Turns) -> Vec<Verdict> {
    let mut seen: BTreeMap<String, Vec<&Delivery>> = BTreeMap::new();
    for delivery in turns.sends.iter().filter(|it| it.deleted.is_none()) {
        seen.entry(plain(delivery.final_text()).trim().to_owned()).or_default().push(delivery);
    }
    let mut answered: BTreeMap<String, Vec<&Request>> = BTreeMap::new();
    for request in turns.requests.iter().filter(|it| !it.answer().trim().is_empty()) {
        answered.entry(plain(request.answer()).trim().to_owned()).or_default().push(request);
    }
    let is_completed = |it: &&Request| it.completed_answer().is_some();
    answered
        .iter()
        .filter(|(_, requests)| requests.iter().any(is_completed))
        .filter_map(|(text, requests)| Some((text, requests, seen.get(text.as_str())?)))
        .map(|(text, requests, sends)| {
            // A longer answer that was never seen as a whole was sent in pieces, and this text may be one of them.
            let longer = answered
                .iter()
                .filter(|(it, _)| it.len() > text.len() && !seen.contains_key(it.as_str()));
            let pieces: usize = longer
                .map(|(it, requests)| it.matches(text.as_str()).count() * requests.len())
                .sum();
            judge_answer(text, requests.len() + pieces, sends)
        })
        .collect()
}

fn judge_answer(text: &str, allowed: usize, sends: &[&Delivery]) -> Verdict {
    let witnesses = |sends: &[&Delivery]| sends.iter().map(|it| it.shown().seq).collect();
    if sends.len() <= allowed {
        return Verdict::pass(witnesses(sends));
    }
    let times: Vec<_> = sends.iter().map(|it| seconds(it.shown().at_us)).collect();
    let expected = format!("the answer {} seen {} at most", quote(text), count(allowed, "time"));
    let observed = format!("seen {}: at {}", count(sends.len(), "time"), times.join(", "));
    Verdict::fail(expected, observed, witnesses(&sends[..=allowed]))
}
