//! What may stand in `expect`.

use creel_document::shape::{Case, Field, Shape};

use super::{COUNT, DURATIONS, FACT_NAMES, TEXT_OR_TEXTS, TEXTS};

/// A record with the fields of a filter, and some more before them.
macro_rules! filter {
    ($($field:expr),*) => {
        Shape::record(&[
            $($field,)*
            Field::required("of", &Shape::OneOf(&FACT_NAMES), "The kind of fact."),
            Field::optional("chat", &Shape::Text, "In this chat."),
            Field::optional("message", &Shape::Text, "About this message; for a `model-request`, it is new in it."),
            Field::optional("contains", &Shape::Text, "Whose text holds this; for a `model-request`, its newest text."),
            Field::optional("anywhere", &Shape::Text, "In whose prompt this is, however long ago it was said."),
            Field::optional("call", &COUNT, "The chat's model request of this number, from 1."),
            Field::optional("model", &Shape::Text, "To this model."),
            Field::optional("credential", &Shape::Text, "With this credential."),
            Field::optional("outcome", &Shape::OneOf(crate::scenario::expect::OUTCOMES), "Ended so."),
            Field::optional("client", &Shape::Text, "Of this client of an operator."),
            Field::optional("event", &Shape::Text, "Of this name; for an `operator-event`."),
            Field::optional("code", &Shape::Text, "With this error code or code of its details; of a close, its number in quotes; of a hook's answer, its status in quotes."),
            Field::optional("state", &Shape::Text, "The `state` of an event, `<stream>-<phase>` of one about an agent, or the `status` of an answer; of a hook's, its `eventOutcome`.")
        ])
    };
}

static FILTER: Shape = filter!();
static COUNTED: Shape = filter!(Field::required("n", &COUNT, "How many facts."));
static QUIET: Shape =
    filter!(Field::required("between", &DURATIONS, "Two moments, since the scenario's zero."));

pub(super) static WORD: Shape = Shape::Choice {
    common: &[Field::optional(
        "covers",
        &TEXT_OR_TEXTS,
        "The requirements that it judges, instead of the scenario's `covers`.",
    )],
    cases: WORDS,
};

static WORDS: &[Case] = &[
    Case::new("exactly", &COUNTED, "So many facts match."),
    Case::new("at_least", &COUNTED, "So many facts match, or more."),
    Case::new("at_most", &COUNTED, "So many facts match, or fewer, but one."),
    Case::new("never", &FILTER, "No fact matches."),
    Case::new("order", &Shape::ListOf(&FILTER), "The first matches come in this order."),
    Case::new("request", &REQUEST, "What one model request carried."),
    Case::new("visible", &VISIBLE, "What a person finally sees in a chat."),
    Case::new("gap", &GAP, "The time from one fact to another."),
    Case::new("quiet", &QUIET, "No fact matches between two moments."),
    Case::new("unique", &FILTER, "No two matching facts carry the same text."),
    Case::new("attempts", &ATTEMPTS, "Who was asked for an answer, in which order and when."),
    Case::new("backoff", &BACKOFF, "How long lay between the attempts with one credential."),
    Case::new("state", &STATE, "What stands in a file of the state folder."),
    Case::new("refuses", &REFUSES, "The gateway ends before it is ready: it refuses to begin."),
];

static REQUEST: Shape = Shape::record(&[
    Field::required("chat", &Shape::Text, "The chat."),
    Field::required("call", &COUNT, "The chat's model request of this number, from 1."),
    Field::optional("new", &TEXTS, "Exactly these messages are new in it, in this order."),
    Field::optional("history", &TEXTS, "At least these messages stand before the new ones."),
    Field::optional("lacks", &TEXTS, "None of these messages is anywhere in it."),
    Field::optional("contains", &TEXT_OR_TEXTS, "Each of these texts is somewhere in its prompt."),
    Field::optional("images", &TEXTS, "Exactly these pictures are in its prompt, in this order."),
    Field::optional("model", &Shape::Text, "To this model."),
    Field::optional("credential", &Shape::Text, "With this credential."),
    Field::optional("offers", &TEXT_OR_TEXTS, "Each of these tools is offered in it."),
    Field::optional("withholds", &TEXT_OR_TEXTS, "None of these tools is offered in it."),
    Field::optional(
        "results",
        &TEXTS,
        "So many results of tools stand behind the model's last answer, and each holds its text.",
    ),
    Field::optional(
        "between",
        &DURATIONS,
        "It came between these two moments, since the scenario's zero.",
    ),
]);

static VISIBLE: Shape = Shape::record(&[
    Field::required("chat", &Shape::Text, "The chat."),
    Field::optional("texts", &TEXTS, "Exactly these texts."),
    Field::optional("images", &TEXTS, "Exactly these pictures, in this order."),
    Field::optional("ends_with", &Shape::Text, "The last text ends so."),
    Field::optional("contains", &TEXT_OR_TEXTS, "Some text holds each of these."),
    Field::optional("lacks", &TEXT_OR_TEXTS, "No text holds any of these."),
    Field::optional(
        "between",
        &DURATIONS,
        "The last text appeared between these two moments, since the scenario's zero.",
    ),
]);

static GAP: Shape = Shape::record(&[
    Field::required("from", &FILTER, "The first match starts the clock."),
    Field::required("to", &FILTER, "The first match after that stops it."),
    Field::required("between", &DURATIONS, "The two bounds."),
]);

static ATTEMPTS: Shape = Shape::record(&[
    Field::optional("chat", &Shape::Text, "For this chat. Default: for all."),
    Field::optional(
        "between",
        &DURATIONS,
        "Those that began between these two moments, since the scenario's zero.",
    ),
    Field::required("are", &Shape::ListOf(&ATTEMPT), "Exactly these."),
    Field::optional("more", &Shape::Bool, "Whether others may follow. Default: no."),
]);

const ASKED: &str = "`<provider>/<model>@<credential>`.";

static ATTEMPT: Shape = Shape::Either(&[
    Shape::Text,
    Shape::record(&[
        Field::required("asked", &Shape::Text, ASKED),
        Field::optional(
            "between",
            &DURATIONS,
            "It began between these two moments, since the scenario's zero.",
        ),
        Field::optional(
            "after",
            &DURATIONS,
            "It began so long after the attempt before it: two bounds.",
        ),
        Field::optional("times", &COUNT, "So often, one after the other. Default: 1."),
    ]),
]);

static STATE: Shape = Shape::record(&[
    Field::required("file", &Shape::Text, "The file, by its path below the state folder."),
    Field::optional(
        "look",
        &COUNT,
        "At which look: the harness looks whenever the gateway was ended by `restart`, and at the end. Default: the last.",
    ),
    Field::optional(
        "has",
        &Shape::MapOf(&Shape::Any),
        "What stands at these JSON pointers, such as `/usageStats/p:one/errorCount`. Secrets are written by their names, such as `<p:one>`.",
    ),
    Field::optional("lacks", &TEXT_OR_TEXTS, "Nothing stands at these."),
    Field::optional(
        "moments",
        &Shape::MapOf(&DURATIONS),
        "The dates at these, in milliseconds since 1970, lie between two moments since the scenario's zero.",
    ),
]);

static REFUSES: Shape = Shape::record(&[Field::required(
    "says",
    &TEXT_OR_TEXTS,
    "What it says last holds each of these, such as the name that is wrong.",
)]);

static BACKOFF: Shape = Shape::record(&[
    Field::optional("chat", &Shape::Text, "For this chat. Default: for all."),
    Field::required("asked", &Shape::Text, ASKED),
    Field::required(
        "gaps",
        &Shape::ListOf(&DURATIONS),
        "The time from each attempt's end to the next one's beginning: so many, each between two bounds.",
    ),
]);
