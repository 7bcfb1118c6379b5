//! The word `visible`: what a person finally sees in a chat, after edits and deletions.

use super::{Visible, matching::Evidence, request::pictures};
use crate::{
    phrase::{self, seconds, texts},
    timing::{Fit, between},
    trace::Place,
    turns::Delivery,
    verdict::Verdict,
};

pub(super) fn visible(claim: &Visible, evidence: Evidence) -> Verdict {
    let Some(chat) = evidence.context.chats.get(&claim.chat) else {
        return Verdict::NotTestable {
            why: format!("the scenario declares no chat `{}`", claim.chat),
        };
    };
    let sends = || evidence.turns.sends.iter().filter(|it| it.place == chat.place);
    let seen: Vec<_> = sends().filter(|it| it.deleted.is_none()).collect();
    if let Some(failure) = misread(claim, &seen) {
        return failure;
    }
    if let Some(verdict) = untimely(claim, &seen, evidence) {
        return verdict;
    }
    if !seen.is_empty() {
        return Verdict::pass(seen.iter().map(|it| it.shown().seq).collect());
    }
    // Only a claim of absence is left. It means something once the gateway had a reason to write there.
    let reasons = sends().map(|it| it.at.seq).chain(stimuli(&chat.place, evidence)).collect();
    let why = format!("nobody wrote in `{}`, and neither did the gateway", claim.chat);
    Verdict::pass_or_vacuous(reasons, &why)
}

fn stimuli<'a>(place: &'a Place, evidence: Evidence<'a>) -> impl Iterator<Item = u64> + 'a {
    let messages = evidence.turns.messages.iter().filter(move |it| it.place == *place);
    messages.flat_map(|it| &it.inbound).map(|it| it.seq)
}

/// The failure if the texts are not as claimed.
fn misread(claim: &Visible, seen: &[&Delivery]) -> Option<Verdict> {
    let found: Vec<&str> = seen.iter().map(|it| it.final_text()).collect();
    let fail = |what: String, seen: &[&Delivery]| {
        let expected = format!("in `{}`: {what}", claim.chat);
        let witnesses = seen.iter().map(|it| it.shown().seq).collect();
        Some(Verdict::fail(expected, texts(&found), witnesses))
    };
    if let Some(wanted) = claim.texts.as_ref().filter(|it| **it != found) {
        let same = wanted.iter().zip(&found).take_while(|(wanted, found)| wanted == *found).count();
        let first_difference = same..seen.len().min(same + 1);
        return fail(format!("exactly {}", texts(wanted)), &seen[first_difference]);
    }
    let shown: Vec<_> = seen.iter().flat_map(|it| it.images.iter().cloned()).collect();
    if claim.images.as_ref().is_some_and(|it| *it != shown) {
        let expected = format!(
            "in `{}`: {}",
            claim.chat,
            pictures(claim.images.as_deref().unwrap_or_default())
        );
        let witnesses = seen.iter().map(|it| it.shown().seq).collect();
        return Some(Verdict::fail(expected, pictures(&shown), witnesses));
    }
    let last = &seen[seen.len().saturating_sub(1)..];
    if let Some(ending) = &claim.ends_with
        && !found.last().is_some_and(|it| it.ends_with(ending))
    {
        return fail(format!("the last text ends with {}", phrase::quote(ending)), last);
    }
    if let Some(missing) =
        claim.contains.iter().find(|wanted| !found.iter().any(|it| it.contains(*wanted)))
    {
        return fail(format!("a text that contains {}", phrase::quote(missing)), last);
    }
    let unwanted = |it: &&&Delivery| claim.lacks.iter().any(|text| it.final_text().contains(text));
    if let Some(fault) = seen.iter().find(unwanted) {
        return fail(format!("no text that contains {}", texts(&claim.lacks)), &[fault]);
    }
    None
}

/// The verdict if the last text came at the wrong time, or not at all.
fn untimely(claim: &Visible, seen: &[&Delivery], evidence: Evidence) -> Option<Verdict> {
    let bounds = claim.between?;
    let expected = format!("in `{}`: the last text {}", claim.chat, between(bounds));
    let Some(last) = seen.last().map(|it| it.shown()) else {
        return Some(Verdict::fail(expected, "no text", Vec::new()));
    };
    let at = seconds(last.at_us);
    match evidence.context.clock.fit(last.at_us, bounds) {
        Fit::Inside => None,
        Fit::Outside => Some(Verdict::fail(expected, format!("at {at}"), vec![last.seq])),
        Fit::Unknown(why) => {
            Some(Verdict::Inconclusive { why: format!("it came at {at}, but {why}") })
        }
    }
}
