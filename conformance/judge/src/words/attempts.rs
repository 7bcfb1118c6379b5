//! The words `attempts` and `backoff`: who was asked for an answer, in which order, and how long lay between.

use super::{Attempts, Backoff, Span, matching::Evidence};
use crate::{
    phrase::{count, names, seconds},
    timing::{Fit, between},
    turns::Request,
    verdict::Verdict,
};

impl Request {
    /// Who was asked, as `provider/model@credential`: of the credential `p:one`, the provider knows `one`.
    pub fn asked(&self) -> String {
        let own = format!("{}:", self.provider);
        let credential = self.credential.replacen(&own, "", 1);
        format!("{}/{}@{credential}", self.provider, self.model)
    }
}

fn requests<'a>(chat: Option<&str>, evidence: Evidence<'a>) -> Vec<&'a Request> {
    let all = evidence.turns.requests.iter();
    all.filter(|it| chat.is_none_or(|chat| it.chat.as_deref() == Some(chat))).collect()
}

pub(super) fn attempts(claim: &Attempts, evidence: Evidence) -> Verdict {
    let mut found = requests(claim.chat.as_deref(), evidence);
    if let Some(span) = claim.between {
        found.retain(|it| evidence.context.clock.fit(it.start.at_us, span) == Fit::Inside);
    }
    if claim.more {
        found.truncate(claim.are.len());
    }
    let expected: Vec<&String> = claim.are.iter().map(|it| &it.asked).collect();
    let asked: Vec<String> = found.iter().map(|it| it.asked()).collect();
    let agrees = |(index, asked): (usize, &String)| expected.get(index) == Some(&asked);
    let same = asked.iter().enumerate().take_while(|it| agrees(*it)).count();
    if same < asked.len() || same < expected.len() {
        // The one that should not be there, or the last before the one that is missing.
        let witness = found.get(same).or(found.last()).map(|it| it.start.seq);
        let expected = match claim.between {
            Some(span) => format!("{} {}", list(&expected), between(span)),
            None => list(&expected),
        };
        return Verdict::fail(expected, list(&asked), witness.into_iter().collect());
    }
    let mut doubt = None;
    let mut before: Option<&Request> = None;
    for (attempt, request) in claim.are.iter().zip(&found) {
        let since = before.map_or(0, |it| it.start.at_us);
        let after = attempt.after.map(|bounds| (request.start.at_us - since, bounds));
        let at = attempt.between.map(|bounds| (request.start.at_us, bounds));
        for (time_us, bounds) in at.into_iter().chain(after) {
            match evidence.context.clock.fit(time_us, bounds) {
                Fit::Inside => (),
                Fit::Outside => {
                    let what = format!("`{}` {}", attempt.asked, between(bounds));
                    let seqs = before.iter().map(|it| it.start.seq).chain([request.start.seq]);
                    return Verdict::fail(what, seconds(time_us), seqs.collect());
                }
                Fit::Unknown(why) => {
                    doubt = Some(format!("it came at {}, but {why}", seconds(time_us)));
                }
            }
        }
        before = Some(request);
    }
    let witnesses = found.iter().map(|it| it.start.seq).collect();
    match doubt {
        Some(why) => Verdict::Inconclusive { why },
        None if claim.are.is_empty() => vacuous_unless_over(claim, evidence),
        None => Verdict::pass(witnesses),
    }
}

/// That nobody was asked means something only where the trace goes on behind it, or somebody was asked elsewhere.
fn vacuous_unless_over(claim: &Attempts, evidence: Evidence) -> Verdict {
    let to_us = claim.between.map_or(i64::MIN, |it| it.to_us);
    let beyond = evidence.trace.facts.iter().find(|it| it.at_us > to_us).map(|it| it.seq);
    let beyond = beyond.filter(|_| !evidence.turns.requests.is_empty());
    let why = "nobody was asked at all, or the trace may have ended before";
    Verdict::pass_or_vacuous(beyond.into_iter().collect(), why)
}

fn list<T: AsRef<str>>(asked: &[T]) -> String {
    if asked.is_empty() {
        "no attempts".to_owned()
    } else {
        format!("the attempts {}", names(asked))
    }
}

pub(super) fn backoff(claim: &Backoff, evidence: Evidence) -> Verdict {
    let mut found = requests(claim.chat.as_deref(), evidence);
    found.retain(|it| it.asked() == claim.asked);
    let witnesses: Vec<u64> = found.iter().map(|it| it.start.seq).collect();
    let title = |gaps: &[Span]| {
        let gaps: Vec<String> = gaps.iter().map(|it| between(*it)).collect();
        format!(
            "`{}` asked {} with gaps {}",
            claim.asked,
            count(gaps.len() + 1, "time"),
            gaps.join(", ")
        )
    };
    let mut gaps = Vec::new();
    let mut doubt = None;
    for pair in found.windows(2) {
        let from_us = pair[0].end.as_ref().map_or(pair[0].start.at_us, |it| it.at.at_us);
        gaps.push(pair[1].start.at_us.saturating_sub(from_us));
    }
    let told = gaps.iter().map(|it| seconds(*it)).collect::<Vec<_>>().join(", ");
    if gaps.len() != claim.gaps.len() {
        let observed = format!("asked {}, with gaps {told}", count(found.len(), "time"));
        return Verdict::fail(title(&claim.gaps), observed, witnesses);
    }
    for (gap, bounds) in gaps.iter().zip(&claim.gaps) {
        match evidence.context.clock.fit(*gap, *bounds) {
            Fit::Inside => (),
            Fit::Outside => {
                return Verdict::fail(title(&claim.gaps), format!("gaps {told}"), witnesses);
            }
            Fit::Unknown(why) => doubt = Some(format!("gaps {told}, but {why}")),
        }
    }
    match doubt {
        Some(why) => Verdict::Inconclusive { why },
        None => Verdict::pass(witnesses),
    }
}
