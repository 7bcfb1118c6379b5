//! Which requests belong together, and what people wrote between them.
//!
//! A recorder sees prompts alone. A conversation is what carries on: a request whose messages begin with those of an
//! earlier one belongs to the same, and what it has beyond them was written meanwhile. The same messages once more are a
//! retry, unless they were answered: then somebody else says the same.

use std::time::Duration;

use super::{answer, tape::Exchange};

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conversation {
    /// What people wrote.
    pub(super) arrivals: Vec<Arrival>,
    /// Its requests, as indices of all.
    pub(super) exchanges: Vec<usize>,
    session: Option<String>,
    /// What the latest request carries.
    said: Vec<String>,
}

/// Something that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// When the request came in which it is new: nothing tells when it was written.
    pub(super) at: Duration,
    /// The text.
    pub(super) text: String,
}

/// The conversations of all requests that carry a person's words.
pub(super) fn group(exchanges: &[Exchange]) -> Vec<Conversation> {
    let mut found: Vec<Conversation> = Vec::new();
    let answered: Vec<bool> = exchanges.iter().map(|it| answer::did(it).0.is_answer()).collect();
    for (index, exchange) in exchanges.iter().enumerate() {
        if exchange.said.is_empty() {
            continue;
        }
        let own = found
            .iter()
            .enumerate()
            .filter_map(|(own, it)| Some((it.fits(exchange, &answered)?, own)))
            .max();
        let own = own.map_or(found.len(), |(_, own)| own);
        if own == found.len() {
            found.push(Conversation {
                arrivals: Vec::new(),
                exchanges: Vec::new(),
                session: exchange.session.clone(),
                said: Vec::new(),
            });
        }
        let conversation = &mut found[own];
        let new = new_in(&conversation.said, &exchange.said);
        let arrive = |text: &String| Arrival { at: exchange.at, text: text.clone() };
        conversation.arrivals.extend(new.iter().map(arrive));
        conversation.exchanges.push(index);
        conversation.said.clone_from(&exchange.said);
    }
    found
}

/// What a prompt says beyond an earlier one: behind the last message that both have.
fn new_in<'a>(before: &[String], now: &'a [String]) -> &'a [String] {
    if let Some(rest) = now.get(before.len()..).filter(|_| now.starts_with(before)) {
        return rest;
    }
    let last = before.last().and_then(|last| now.iter().rposition(|it| it == last));
    now.get(last.map_or(now.len() - 1, |it| it + 1)..).unwrap_or_default()
}

impl Conversation {
    /// How well a request carries this conversation on, if it may.
    fn fits(&self, exchange: &Exchange, answered: &[bool]) -> Option<usize> {
        if let (Some(own), Some(its)) = (&self.session, &exchange.session)
            && own != its
        {
            return None;
        }
        let is_answered = answered[*self.exchanges.last()?];
        if self.said == exchange.said {
            return (!is_answered).then_some(usize::MAX);
        }
        if exchange.said.starts_with(&self.said) {
            return Some(self.said.len());
        }
        // An older part may have been left out, or summed up.
        let shared = self.said.iter().filter(|it| exchange.said.contains(it)).count();
        (shared * 2 > self.said.len()).then_some(shared)
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;
    use crate::{record::tape::Ending, twins::openai::dialect::Dialect};

    fn exchange(at: u64, said: &str, status: u16) -> Exchange {
        let took = Duration::from_millis(5);
        Exchange {
            number: 1,
            at: Duration::from_secs(at),
            provider: "p".to_owned(),
            dialect: Dialect::ChatCompletions,
            key: 0,
            model: "m".to_owned(),
            session: None,
            said: said.split_whitespace().map(str::to_owned).collect(),
            head: Some((took, status, HeaderMap::new())),
            pieces: vec![(took, "{}".into())],
            is_cut: false,
            end: Some((took, Ending::Complete)),
        }
    }

    /// Each conversation as its requests and, after a stroke, what arrived when.
    #[track_caller]
    fn check(rows: &[(u64, &str, u16)], expected: &[&str]) {
        let exchanges: Vec<Exchange> =
            rows.iter().map(|(at, said, status)| exchange(*at, said, *status)).collect();
        let found = group(&exchanges);
        let shown: Vec<String> = found
            .iter()
            .map(|it| {
                let arrivals =
                    it.arrivals.iter().map(|it| format!("{}@{}", it.text, it.at.as_secs()));
                let requests = it.exchanges.iter().map(usize::to_string).collect::<Vec<_>>();
                format!("{} | {}", requests.join(" "), arrivals.collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_begins_alike_goes_on() {
        check(
            &[(0, "a", 200), (1, "x", 200), (2, "a b", 200), (3, "x y z", 200)],
            &["0 2 | a@0 b@2", "1 3 | x@1 y@3 z@3"],
        );
    }

    #[test]
    fn the_same_again_is_a_retry_if_it_failed_and_another_person_if_not() {
        check(&[(0, "hi", 429), (1, "hi", 200)], &["0 1 | hi@0"]);
        check(&[(0, "hi", 200), (1, "hi", 200)], &["0 | hi@0", "1 | hi@1"]);
    }

    #[test]
    fn the_same_again_after_an_answer_that_was_spoiled_is_a_retry() {
        let spoiled = |kind: &str, body: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", kind.parse().expect("a kind"));
            let took = Duration::from_millis(5);
            Exchange {
                head: Some((took, 200, headers)),
                pieces: vec![(took, body.into())],
                ..exchange(0, "hi", 200)
            }
        };
        let stream = "text/event-stream";
        for first in [
            spoiled("application/json", "{\"cho"),
            spoiled(stream, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"),
            spoiled(stream, "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"),
        ] {
            assert_eq!(group(&[first, exchange(1, "hi", 200)]).len(), 1);
        }
    }

    #[test]
    fn a_history_that_was_cut_is_still_the_same() {
        check(
            &[(0, "a b c d", 200), (1, "c d e", 200)],
            &["0 | a@0 b@0 c@0 d@0", "1 | c@1 d@1 e@1"],
        );
        check(&[(0, "a b c d", 200), (1, "b c d e", 200)], &["0 1 | a@0 b@0 c@0 d@0 e@1"]);
    }

    #[test]
    fn what_a_gateway_names_its_conversations_by_tells_them_apart() {
        let of = |session: &str| Exchange {
            session: Some(session.to_owned()),
            ..exchange(0, "hi", 429)
        };
        assert_eq!(group(&[of("a"), of("b"), of("a")]).len(), 2);
    }
}
