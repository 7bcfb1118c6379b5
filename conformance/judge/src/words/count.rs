//! Words that count facts: `exactly`, `at_least`, `at_most`, `never`, `unique`.

use std::collections::BTreeMap;

use super::{Filter, matching::Evidence};
use crate::{phrase, trace::Fact, verdict::Verdict};

pub(super) fn exactly(n: u64, of: &Filter, evidence: Evidence) -> Verdict {
    if n == 0 {
        return never(of, evidence);
    }
    let found = evidence.matches(of);
    let wanted = usize::try_from(n).unwrap_or(usize::MAX);
    if found.len() == wanted {
        Verdict::pass(seqs(&found))
    } else {
        miscount(&format!("exactly {n}"), wanted, of, &found)
    }
}

pub(super) fn at_least(n: u64, of: &Filter, evidence: Evidence) -> Verdict {
    let found = evidence.matches(of);
    // None at all does not do, whatever `n`: the word claims that something exists.
    let wanted = usize::try_from(n).unwrap_or(usize::MAX).max(1);
    if found.len() >= wanted {
        Verdict::pass(seqs(&found))
    } else {
        miscount(&format!("at least {n}"), wanted, of, &found)
    }
}

pub(super) fn at_most(n: u64, of: &Filter, evidence: Evidence) -> Verdict {
    let found = evidence.matches(of);
    let wanted = usize::try_from(n).unwrap_or(usize::MAX);
    if found.len() > wanted {
        return miscount(&format!("at most {n}"), wanted, of, &found);
    }
    Verdict::pass_or_vacuous(seqs(&found), &format!("there was no {of}"))
}

pub(super) fn never(of: &Filter, evidence: Evidence) -> Verdict {
    let found = evidence.matches(of);
    if !found.is_empty() {
        return miscount("no", 0, of, &found);
    }
    let why = format!("there was no `{}` at all, so none could match", of.of);
    Verdict::pass_or_vacuous(seqs(&evidence.of_kind(of.of)), &why)
}

pub(super) fn unique(of: &Filter, evidence: Evidence) -> Verdict {
    let found = evidence.matches(of);
    let mut first_with: BTreeMap<&str, &Fact> = BTreeMap::new();
    let mut witnesses = Vec::new();
    for fact in found {
        let Some(text) = evidence.text(fact) else { continue };
        if let Some(first) = first_with.insert(text, fact) {
            let observed =
                format!("{} twice, {}", phrase::quote(text), phrase::times(&[first, fact]));
            return Verdict::fail(
                format!("no two {of} with the same text"),
                observed,
                vec![first.seq, fact.seq],
            );
        }
        witnesses.push(fact.seq);
    }
    Verdict::pass_or_vacuous(witnesses, &format!("there was no {of} with a text"))
}

/// The witnesses are the first one too many, with those before it, or all that there were.
fn miscount(amount: &str, wanted: usize, of: &Filter, found: &[&Fact]) -> Verdict {
    let observed = if found.is_empty() {
        "none".to_owned()
    } else {
        format!("{}: {}", found.len(), phrase::times(found))
    };
    let shown = found.len().min(wanted.saturating_add(1));
    Verdict::fail(format!("{amount} {of}"), observed, seqs(&found[..shown]))
}

fn seqs(facts: &[&Fact]) -> Vec<u64> {
    facts.iter().map(|it| it.seq).collect()
}
