//! Reads what must be seen.

use std::collections::BTreeMap;

use creel_document::{problem::Position, tree::Key};
use creel_judge::words::{
    Attempt, Attempts, Backoff, Filter, Operating, Refuses, Request, Span, State, Visible, Word,
};

use super::{Expectation, at::At, context::Context, covers, shape::FACTS};
use crate::picture::Picture;

/// How a model request, a tool or the renewal of a login can end, as filters write it.
pub(super) const OUTCOMES: &[&str] =
    &["completed", "failed", "spoiled", "abandoned", "granted", "refused", "reused", "unanswered"];

/// The facts of operators' clients.
const OPERATORS: &[&str] = &[
    "operator-connected",
    "operator-refused",
    "operator-asked",
    "operator-answered",
    "operator-part",
    "operator-event",
    "operator-closed",
];

/// The words, as scenarios write them.
const WORDS: [&str; 14] = [
    "exactly", "at_least", "at_most", "never", "order", "request", "visible", "gap", "quiet",
    "unique", "attempts", "backoff", "state", "refuses",
];

/// Whether the labels of all items are known. If a word is misspelt, they are not.
pub(super) fn knows_labels(items: &[At<'_>]) -> bool {
    items.iter().flat_map(words_of).all(|(name, _)| WORDS.contains(&name))
}

/// What an item says. There is one word, unless the item has not its shape.
fn words_of<'a>(item: &At<'a>) -> impl Iterator<Item = (&'a str, At<'a>)> + use<'a> {
    let entries = item.entries().into_iter();
    entries.map(|(key, at)| (key.name.as_str(), at)).filter(|(name, _)| *name != covers::KEY)
}

/// The expectations, with their labels.
pub(super) fn read(root: &At<'_>, context: &mut Context<'_>) -> Vec<Expectation> {
    let items = root.items_of("expect");
    if items.is_empty() && root.get("expect").is_some() {
        context.push(root.problem("a scenario needs at least one expectation"));
    }
    let labels = labels(&items);
    let of_all = covers::read(root, context);
    let mut expectations = Vec::new();
    for (at, label) in items.iter().zip(labels) {
        let own = covers::read(at, context);
        let Some((name, inner)) = words_of(at).next() else { continue };
        let Some(word) = word(name, &inner, context) else { continue };
        let span = at.node.span.clone();
        let line = Position::of(context.text, span.start).line;
        let covers = own.unwrap_or_else(|| of_all.clone().unwrap_or_default());
        expectations.push(Expectation { label, word, covers, span, line });
    }
    covers::require_use(root, &items, context);
    expectations
}

/// The word of each item, with its number where the scenario uses it more than once.
pub(super) fn labels(items: &[At<'_>]) -> Vec<String> {
    let words: Vec<&str> =
        items.iter().map(|it| words_of(it).next().map_or("", |(name, _)| name)).collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut labels = Vec::new();
    for word in &words {
        let number = seen.entry(word).or_default();
        *number += 1;
        let is_only = words.iter().filter(|it| *it == word).count() == 1;
        labels.push(if is_only { (*word).to_owned() } else { format!("{word}#{number}") });
    }
    labels
}

fn word(name: &str, at: &At<'_>, context: &mut Context<'_>) -> Option<Word> {
    match name {
        "exactly" => counted(at, context).map(|(n, of)| Word::Exactly { n, of }),
        "at_least" => counted(at, context).map(|(n, of)| Word::AtLeast { n, of }),
        "at_most" => counted(at, context).map(|(n, of)| Word::AtMost { n, of }),
        "never" => filter(at, context).map(|of| Word::Never { of }),
        "unique" => filter(at, context).map(|of| Word::Unique { of }),
        "order" => order(at, context),
        "request" => request(at, context),
        "visible" => visible(at, context),
        "gap" => {
            let from = at.get("from").and_then(|it| filter(&it, context));
            let to = at.get("to").and_then(|it| filter(&it, context));
            let between = between(at, context);
            Some(Word::Gap { from: from?, to: to?, between: between? })
        }
        "quiet" => {
            let (of, between) = (filter(at, context), between(at, context));
            Some(Word::Quiet { of: of?, between: between? })
        }
        "attempts" => attempts(at, context),
        "backoff" => backoff(at, context),
        "state" => state(at, context),
        "refuses" => Some(Word::Refuses(Refuses { says: at.texts_of("says")? })),
        _ => None,
    }
}

fn attempts(at: &At<'_>, context: &mut Context<'_>) -> Option<Word> {
    let chat = context.chat_of(at, "chat");
    let span = between(at, context);
    let mut are = Vec::new();
    for item in at.items_of("are") {
        let asked = item.text().or_else(|| item.text_of("asked"))?;
        require_asked(&item, &asked, context);
        let (between, after) = (between(&item, context), span_of(&item, "after", context));
        let times = item.number_of::<usize>("times").unwrap_or(1);
        are.extend(std::iter::repeat_n(Attempt { asked, between, after }, times));
    }
    let more = at.flag_of("more").unwrap_or(false);
    Some(Word::Attempts(Attempts { chat, between: span, are, more }))
}

fn backoff(at: &At<'_>, context: &mut Context<'_>) -> Option<Word> {
    let chat = context.chat_of(at, "chat");
    let asked = at.text_of("asked")?;
    require_asked(at, &asked, context);
    let gaps = at.items_of("gaps");
    let gaps = gaps.iter().map(|it| span(it, context)).collect::<Option<_>>();
    Some(Word::Backoff(Backoff { chat, asked, gaps: gaps? }))
}

fn state(at: &At<'_>, context: &mut Context<'_>) -> Option<Word> {
    let value = |(key, at): (&Key, At<'_>)| (key.name.clone(), at.node.to_json());
    let mut moments = Vec::new();
    for (key, at) in at.entries_of("moments") {
        moments.push((key.name.clone(), span(&at, context)?));
    }
    Some(Word::State(State {
        file: at.text_of("file")?,
        look: at.number_of("look"),
        has: at.entries_of("has").into_iter().map(value).collect(),
        lacks: at.texts_of("lacks").unwrap_or_default(),
        moments,
    }))
}

fn require_asked(at: &At<'_>, asked: &str, context: &mut Context<'_>) {
    if !asked.split_once('/').is_some_and(|(_, it)| it.contains('@')) {
        let what = format!("found `{asked}`, expected `<provider>/<model>@<credential>`");
        context.push(at.problem(what));
    }
}

fn counted(at: &At<'_>, context: &mut Context<'_>) -> Option<(u64, Filter)> {
    let of = filter(at, context);
    Some((at.number_of("n")?, of?))
}

fn order(at: &At<'_>, context: &mut Context<'_>) -> Option<Word> {
    let items = at.items();
    if items.len() < 2 {
        context.push(at.problem("expected two facts or more to be in order"));
    }
    let filters: Vec<Option<Filter>> = items.iter().map(|it| filter(it, context)).collect();
    filters.into_iter().collect::<Option<_>>().map(Word::Order)
}

fn request(at: &At<'_>, context: &mut Context<'_>) -> Option<Word> {
    let chat = context.voice_of(at, "chat");
    for name in ["new", "history", "lacks"] {
        for item in at.items_of(name) {
            if let Some(message) = item.text() {
                context.require_message(&item, &message);
            }
        }
    }
    let between = between(at, context);
    Some(Word::Request(Request {
        chat: chat?,
        call: at.number_of("call")?,
        new: at.texts_of("new"),
        history: at.texts_of("history"),
        lacks: at.texts_of("lacks").unwrap_or_default(),
        contains: at.texts_of("contains").unwrap_or_default(),
        model: at.text_of("model"),
        credential: at.text_of("credential"),
        offers: at.texts_of("offers").unwrap_or_default(),
        withholds: at.texts_of("withholds").unwrap_or_default(),
        results: at.texts_of("results"),
        images: images(at),
        between,
    }))
}

fn visible(at: &At<'_>, context: &mut Context<'_>) -> Option<Word> {
    let chat = context.chat_of(at, "chat");
    let between = between(at, context);
    if at.entries().iter().all(|(key, _)| key.name == "chat") {
        let problem = at.problem("`visible` says nothing about the chat");
        context.push(
            problem
                .help("add one of `texts`, `images`, `ends_with`, `contains`, `lacks`, `between`"),
        );
    }
    Some(Word::Visible(Visible {
        chat: chat?,
        texts: at.texts_of("texts"),
        images: images(at),
        ends_with: at.text_of("ends_with"),
        contains: at.texts_of("contains").unwrap_or_default(),
        lacks: at.texts_of("lacks").unwrap_or_default(),
        between,
    }))
}

/// Pictures, as a trace has them.
fn images(at: &At<'_>) -> Option<Vec<String>> {
    let names = at.texts_of("images")?;
    Some(names.iter().map(|it| Picture::new(it, 0, false).seen()).collect())
}

fn filter(at: &At<'_>, context: &mut Context<'_>) -> Option<Filter> {
    let chat = context.voice_of(at, "chat");
    let message = at.get("message").and_then(|it| Some((it.text()?, it)));
    if let Some((name, at)) = &message {
        context.require_message(at, name);
    }
    let of = at.text_of("of")?;
    let mut only_for = |key: &str, facts: &[&str]| {
        if let Some(at) = at.get(key).filter(|_| !facts.contains(&of.as_str())) {
            let kinds = creel_document::names::list(facts.iter().copied());
            context.push(
                at.problem(format!("`{key}` does not go with `of: {of}`"))
                    .help(format!("it goes with {kinds}")),
            );
        }
    };
    only_for("anywhere", &["model-request"]);
    only_for("call", &["model-request", "model-end"]);
    only_for("model", &["model-request"]);
    only_for("credential", &["model-request", "refresh"]);
    only_for("outcome", &["model-end", "tool-ended", "refresh", "operator-answered"]);
    only_for("client", OPERATORS);
    only_for("event", &["operator-event"]);
    only_for("code", &["operator-refused", "operator-answered", "operator-closed"]);
    only_for("state", &["operator-event", "operator-answered"]);
    let (_, of) = FACTS.into_iter().find(|(name, _)| *name == of)?;
    Some(Filter {
        of,
        chat,
        message: message.map(|(name, _)| name),
        contains: at.text_of("contains"),
        anywhere: at.text_of("anywhere"),
        call: at.number_of("call"),
        model: at.text_of("model"),
        credential: at.text_of("credential"),
        outcome: at.text_of("outcome"),
        operator: Operating {
            client: at.text_of("client"),
            event: at.text_of("event"),
            code: at.text_of("code"),
            state: at.text_of("state"),
        },
    })
}

/// `between`, which is two durations in order.
fn between(at: &At<'_>, context: &mut Context<'_>) -> Option<Span> {
    span_of(at, "between", context)
}

fn span_of(at: &At<'_>, name: &str, context: &mut Context<'_>) -> Option<Span> {
    span(&at.get(name)?, context)
}

fn span(at: &At<'_>, context: &mut Context<'_>) -> Option<Span> {
    let items = at.items();
    let [from, to] = items.as_slice() else {
        context.push(at.problem("expected two durations, such as `[5s, 5.1s]`"));
        return None;
    };
    let us = |it: &At<'_>| i64::try_from(it.duration()?.as_micros()).ok();
    let (from_us, to_us) = (us(from)?, us(to)?);
    if from_us > to_us {
        context.push(at.problem("the second bound lies before the first"));
    }
    Some(Span { from_us, to_us })
}
