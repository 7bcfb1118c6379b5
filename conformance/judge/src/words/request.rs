//! The word `request`: what one model request carried, and when it came.

mod tools;

use super::{Request as Claim, matching::Evidence};
use crate::{
    phrase::{self, names, seconds},
    timing::{Fit, between},
    turns::Request,
    verdict::Verdict,
};

/// What was claimed and what was seen instead.
type Difference = (String, String);

pub(super) fn request(claim: &Claim, evidence: Evidence) -> Verdict {
    let of_chat =
        || evidence.turns.requests.iter().filter(|it| it.chat.as_ref() == Some(&claim.chat));
    let Some(found) = of_chat().find(|it| it.call == Some(claim.call)) else {
        let observed =
            format!("`{}` had {}", claim.chat, phrase::count(of_chat().count(), "request"));
        let last = of_chat().next_back().map(|it| it.start.seq);
        return Verdict::fail(title(claim), observed, last.into_iter().collect());
    };
    let differences = differences(claim, found, evidence);
    if !differences.is_empty() {
        let (expected, observed): (Vec<_>, Vec<_>) = differences.into_iter().unzip();
        let expected = format!("{} with {}", title(claim), expected.join("; "));
        let observed = format!("at {} with {}", seconds(found.start.at_us), observed.join("; "));
        return Verdict::fail(expected, observed, vec![found.start.seq]);
    }
    if let Some(verdict) = untimely(claim, found, evidence) {
        return verdict;
    }
    if claims_absence_only(claim) && !claim.lacks.iter().any(|it| could_be_in(it, found, evidence))
    {
        let why = format!(
            "none of {} had been written with a canary before the request",
            names(&claim.lacks)
        );
        return Verdict::Vacuous { why };
    }
    Verdict::pass(vec![found.start.seq])
}

fn title(claim: &Claim) -> String {
    format!("request {} of `{}`", claim.call, claim.chat)
}

fn differences(claim: &Claim, found: &Request, evidence: Evidence) -> Vec<Difference> {
    let mut differences = Vec::new();
    if let Some(new) = claim.new.as_ref().filter(|it| **it != found.new) {
        differences
            .push((format!("exactly {} new", names(new)), format!("{} new", names(&found.new))));
    }
    let before = |name: &&String| found.before_new.contains(*name);
    if let Some(history) = claim.history.as_ref().filter(|it| !it.iter().all(|it| before(&it))) {
        let expected = format!("{} before what is new", names(history));
        differences.push((expected, format!("{} before what is new", names(&found.before_new))));
    }
    let kept: Vec<_> = claim.lacks.iter().filter(|it| found.anywhere.contains(*it)).collect();
    if !kept.is_empty() {
        differences.push((
            format!("nothing of {}", names(&claim.lacks)),
            format!("{} in it", names(kept)),
        ));
    }
    let prompt = found.prompt(evidence.trace);
    differences.extend(tools::differences(claim, found, evidence));
    let shown: Vec<_> = prompt.iter().flat_map(|it| it.images.iter().cloned()).collect();
    if let Some(images) = claim.images.as_ref().filter(|it| **it != shown) {
        differences.push((pictures(images), pictures(&shown)));
    }
    for text in
        claim.contains.iter().filter(|text| !prompt.iter().any(|it| it.text.contains(*text)))
    {
        differences.push((
            format!("{} in its prompt", phrase::quote(text)),
            "a prompt without it".to_owned(),
        ));
    }
    let mut compare = |what: &str, wanted: &Option<String>, found: &str| {
        if let Some(wanted) = wanted.as_ref().filter(|it| *it != found) {
            differences.push((format!("{what} `{wanted}`"), format!("{what} `{found}`")));
        }
    };
    compare("model", &claim.model, &found.model);
    compare("credential", &claim.credential, &found.credential);
    differences
}

/// Pictures, for a person to read.
pub(super) fn pictures(images: &[String]) -> String {
    if images.is_empty() {
        "no pictures".to_owned()
    } else {
        format!("the pictures {}", names(images))
    }
}

/// The verdict if the request came at the wrong time.
fn untimely(claim: &Claim, found: &Request, evidence: Evidence) -> Option<Verdict> {
    let bounds = claim.between?;
    let at = seconds(found.start.at_us);
    match evidence.context.clock.fit(found.start.at_us, bounds) {
        Fit::Inside => None,
        Fit::Outside => {
            let expected = format!("{} {}", title(claim), between(bounds));
            Some(Verdict::fail(expected, format!("at {at}"), vec![found.start.seq]))
        }
        Fit::Unknown(why) => {
            Some(Verdict::Inconclusive { why: format!("it came at {at}, but {why}") })
        }
    }
}

fn claims_absence_only(claim: &Claim) -> bool {
    let Claim { new, history, lacks, contains, model, credential, between, .. } = claim;
    let claims_more = new.is_some()
        || history.is_some()
        || !contains.is_empty()
        || model.is_some()
        || credential.is_some()
        || !claim.offers.is_empty()
        || !claim.withholds.is_empty()
        || claim.results.is_some()
        || claim.images.is_some()
        || between.is_some();
    !lacks.is_empty() && !claims_more
}

fn could_be_in(message: &str, request: &Request, evidence: Evidence) -> bool {
    let message = evidence.turns.message(message).filter(|it| it.canary.is_some());
    message.is_some_and(|it| it.inbound.first() < Some(&request.start))
}
