//! I3, origin fidelity: an answer goes where the question came from.

use super::{
    answers::{Answers, Origin, origin},
    conversations::Conversations,
    merged,
};
use crate::{
    context::Context,
    phrase::{self, names, quote, seconds},
    trace::{Place, Trace},
    turns::{Delivery, Moment, Request, Turns},
    verdict::Verdict,
};

/// Every text that is a model answer, or a piece of one, is sent where the messages were written that are new in its
/// request or, if none is new, to the request's chat. Messages of several places in one request have no such place.
///
/// Exercised by every such text. Where several requests had the same answer, each of their places is right. Pieces
/// shorter than twelve characters are not judged: they are in many texts by chance.
pub(super) fn check(_trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let conversations = Conversations::of(turns, context);
    let answers = Answers::of(turns);
    let judge = |delivery, (at, text): (Moment, &str)| {
        let origins =
            answers.sources(text, at).into_iter().map(|it| (it, origin(it, turns, &conversations)));
        judge(text, at, delivery, &origins.collect::<Vec<_>>())
    };
    let findings = turns.sends.iter().flat_map(|send| send.texts().map(move |text| (send, text)));
    let findings = findings
        .filter(|(_, (_, text))| !text.trim().is_empty())
        .map(|(send, text)| judge(send, text));
    merged(findings, "no answer of a model was sent")
}

fn judge(text: &str, at: Moment, delivery: &Delivery, sources: &[(&Request, Origin)]) -> Verdict {
    if sources.iter().any(|(_, origin)| *origin == Origin::Place(&delivery.place)) {
        return Verdict::pass(vec![at.seq]);
    }
    let nothing_told =
        || Verdict::Vacuous { why: "nothing tells where the text belongs".to_owned() };
    if sources.iter().any(|(_, origin)| *origin == Origin::Unknown) {
        return nothing_told();
    }
    let Some((request, origin)) = sources.last() else {
        return nothing_told();
    };
    let of =
        if request.new.is_empty() { String::new() } else { format!(" to {}", names(&request.new)) };
    let expected = match origin {
        Origin::Several(places) => {
            let places: Vec<_> = places.iter().map(|it| place(it)).collect();
            format!("no answer to messages of several places at once ({})", places.join(", "))
        }
        Origin::Place(right) => format!("the answer{of} at {}", place(right)),
        Origin::Unknown => return nothing_told(),
    };
    let observed = format!(
        "{}, the answer{of} of request {}, sent to {} at {}",
        quote(text),
        request.number,
        place(&delivery.place),
        seconds(at.at_us)
    );
    Verdict::fail(expected, observed, vec![request.start.seq, at.seq])
}

fn place(place: &Place) -> String {
    format!("`{}`", phrase::place(place))
}
