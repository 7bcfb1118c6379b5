//! The file: what happened, in the scenario language, without secrets.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{
    Options, Summary, Texts,
    answer::{self, Did, What},
    conversation::{self, Conversation},
    notation::{chat, forms, key, part_of, quoted, shaped, time},
    redact::Secrets,
    tape::Exchange,
};
use crate::{
    scenario::{Part, StreamEnd},
    twins::openai::dialect::Dialect,
};

/// How long the run goes on behind the last thing that happened.
const TAIL: Duration = Duration::from_secs(1);

/// What the clock of a replay may be off by, beside a part of the wait itself: gateways add chance to their waits.
const SLACK: Duration = Duration::from_millis(600);

/// What is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) exchanges: &'a [Exchange],
    pub(super) secrets: &'a Secrets,
    /// How many requests are not among them.
    pub(super) left_out: u64,
}

/// The most of an error's words that is written where texts are replaced, in characters. What gateways heed stands at its
/// beginning.
const MESSAGE_CHARS_MAX: usize = 200;

/// The shortest text of a person's that is looked for in an error, in bytes: shorter ones are in many by chance.
const SAID_BYTES_MIN: usize = 4;

/// The file's text, and what the parts of each answer say together; nothing if nobody said anything.
pub(super) fn text(facts: &Facts<'_>, options: &Options) -> Option<(String, Vec<String>, Summary)> {
    let conversations = conversation::group(facts.exchanges);
    if conversations.is_empty() {
        return None;
    }
    let mut writer = Writer {
        facts,
        options,
        text: String::new(),
        said: BTreeMap::new(),
        answered: BTreeMap::new(),
        spoken: Vec::new(),
        has_tools: false,
    };
    writer.head(&conversations);
    writer.providers();
    writer.conversations(&conversations);
    let requests = conversations.iter().map(|it| it.exchanges.len()).sum();
    let summary = Summary { requests, conversations: conversations.len() };
    Some((writer.text, writer.spoken, summary))
}

struct Writer<'a> {
    facts: &'a Facts<'a>,
    options: &'a Options,
    text: String,
    /// The numbers of people's texts.
    said: BTreeMap<String, usize>,
    /// The conversations of answers that are kept: two must not say the same.
    answered: BTreeMap<String, usize>,
    /// What the parts of answers say together: a secret may stand across two of them.
    spoken: Vec<String>,
    has_tools: bool,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("writing to a string");
    }

    /// A text that the recording has: without secrets, as YAML.
    fn quoted(&self, text: &str) -> String {
        quoted(&self.facts.secrets.redact(text))
    }

    /// A name that the recording has: without secrets, as YAML.
    fn name(&self, name: &str) -> String {
        quoted(&self.facts.secrets.redact_name(name))
    }

    fn head(&mut self, conversations: &[Conversation]) {
        let requests: usize = conversations.iter().map(|it| it.exchanges.len()).sum();
        let last =
            self.facts.exchanges.iter().filter_map(|it| it.end.map(|(took, _)| it.at + took));
        let lasts = last.max().unwrap_or_default().saturating_sub(self.zero());
        let seconds = lasts.as_secs();
        let of = |count: usize, noun: &str| {
            format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
        };
        let (requests, count) = (of(requests, "request"), of(conversations.len(), "conversation"));
        self.line("# Recorded by `creel record`. When people wrote cannot be seen in prompts: a message's time is that of the");
        self.line("# first request that has it.");
        if self.facts.left_out > 0 {
            let left_out =
                of(usize::try_from(self.facts.left_out).unwrap_or(usize::MAX), "later request");
            self.line(&format!("# There was no room for {left_out}."));
        }
        for it in self.facts.exchanges.iter().filter(|it| it.is_cut) {
            let number = it.number;
            self.line(&format!(
                "# The answer to request {number} was too long: what is missing is its end."
            ));
        }
        self.line(&format!("id: {}", self.options.id));
        self.line(&format!("title: \"Recorded: {requests} of {count} in {seconds} s\""));
        if let Some(profile) = &self.options.profile {
            self.line(&format!("profiles: [\"{profile}\"]"));
        }
        self.line(&format!("lasts: {}", time(lasts + TAIL)));
    }

    /// The first request is the scenario's zero.
    fn zero(&self) -> Duration {
        self.facts.exchanges.first().map_or(Duration::ZERO, |it| it.at)
    }

    /// The models in the order of their first use: the wanted one, then its fallbacks.
    fn providers(&mut self) {
        let mut chain: Vec<String> = Vec::new();
        let mut models: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
        let mut dialects: BTreeMap<&str, Dialect> = BTreeMap::new();
        for it in self.facts.exchanges {
            let name = format!("{}/{}", it.provider, it.model);
            if !chain.contains(&name) {
                chain.push(name);
                models.entry(&it.provider).or_default().push(&it.model);
            }
            let most = keys.entry(&it.provider).or_default();
            *most = (*most).max(it.key);
            dialects.entry(&it.provider).or_insert(it.dialect);
        }
        let chain: Vec<String> = chain.iter().map(|it| self.name(it)).collect();
        let (primary, fallbacks) = chain.split_first().expect("something was recorded");
        self.line("gateway:");
        self.line(&format!(
            "  agents: {{ defaults: {{ model: {{ primary: {primary}, fallbacks: [{}] }} }} }}",
            fallbacks.join(", ")
        ));
        let order = keys.iter().map(|(provider, most)| {
            let keys: Vec<String> =
                (0..=*most).map(|it| format!("\"{provider}:{}\"", key(it))).collect();
            format!("{provider}: [{}]", keys.join(", "))
        });
        let order = order.collect::<Vec<_>>().join(", ");
        self.line(&format!("  auth: {{ order: {{ {order} }} }}"));
        let spoken = dialects.iter().filter(|(_, it)| **it != Dialect::ChatCompletions);
        let spoken: Vec<String> =
            spoken.map(|(name, it)| format!("{name}: {{ api: {} }}", it.api())).collect();
        if !spoken.is_empty() {
            self.line(&format!("  models: {{ providers: {{ {} }} }}", spoken.join(", ")));
        }
        self.line("providers:");
        for (provider, most) in keys {
            let keys: Vec<String> = (0..=most).map(key).collect();
            let models: Vec<String> = models[provider].iter().map(|it| self.name(it)).collect();
            let (keys, models) = (keys.join(", "), models.join(", "));
            self.line(&format!("  {provider}: {{ credentials: [{keys}], models: [{models}] }}"));
        }
    }

    fn conversations(&mut self, conversations: &[Conversation]) {
        self.line("chats:");
        for number in 1..=conversations.len() {
            let id = 3_000 + number;
            self.line(&format!("  {}: {{ channel: telegram, dm: \"{id}\" }}", chat(number)));
        }
        self.line("model:");
        for (index, it) in conversations.iter().enumerate() {
            self.line(&format!("  {}:", chat(index + 1)));
            for exchange in &it.exchanges {
                let exchange = &self.facts.exchanges[*exchange];
                let (did, has_tools) = answer::did(exchange);
                self.has_tools |= has_tools;
                let act = self.act(&did, (index + 1, exchange));
                self.line(&format!("    - {{ {act} }}"));
            }
            if self.ends_in_failure(it) {
                // A gateway asks again, and somebody has to answer.
                let chat = chat(index + 1);
                self.line(&format!("    - {{ say: \"after the recording of {chat}\" }}"));
            }
        }
        if self.has_tools {
            self.line(
                "# Some answers asked for tools. Their words are replayed, the calls are not.",
            );
        }
        self.steps(conversations);
        self.line("expect:");
        for (index, it) in conversations.iter().enumerate() {
            self.line("  - attempts:");
            self.line(&format!("      chat: {}", chat(index + 1)));
            if self.ends_in_failure(it) {
                self.line("      more: true");
            }
            self.line("      are:");
            let mut before: Option<Duration> = None;
            for exchange in it.exchanges.iter().map(|it| &self.facts.exchanges[*it]) {
                let Exchange { provider, model, at, .. } = exchange;
                let asked = self.name(&format!("{provider}/{model}@{}", key(exchange.key)));
                let gap = at.saturating_sub(before.unwrap_or_else(|| self.zero()));
                let (from, until) =
                    (gap.mul_f64(0.5).saturating_sub(SLACK), gap.mul_f64(1.6) + SLACK);
                let window = format!("[{}, {}]", time(from), time(until));
                self.line(&format!("        - {{ asked: {asked}, after: {window} }}"));
                before = Some(*at);
            }
        }
    }

    /// Whether the recording ends before somebody answered.
    fn ends_in_failure(&self, conversation: &Conversation) -> bool {
        let last = conversation.exchanges.last().map(|it| &self.facts.exchanges[*it]);
        last.is_some_and(|it| !answer::did(it).0.is_answer())
    }

    fn steps(&mut self, conversations: &[Conversation]) {
        let zero = self.zero();
        let mut steps: Vec<(Duration, usize, &str)> = Vec::new();
        for (index, it) in conversations.iter().enumerate() {
            let own =
                it.arrivals.iter().map(|it| (it.at.saturating_sub(zero), index + 1, &*it.text));
            steps.extend(own);
        }
        steps.sort_by_key(|(at, ..)| *at);
        self.line("steps:");
        for (number, (at, of, text)) in steps.into_iter().enumerate() {
            let text = self.message(text);
            let text = self.quoted(&text);
            let (at, chat, number) = (time(at), chat(of), number + 1);
            self.line(&format!(
                "  - {{ at: {at}, send: {{ chat: {chat}, text: {text}, as: m{number} }} }}"
            ));
        }
    }

    /// A person's text, or what stands for it: the same for the same.
    fn message(&mut self, text: &str) -> String {
        let next = self.said.len() + 1;
        let number = *self.said.entry(text.to_owned()).or_insert(next);
        match self.options.texts {
            Texts::Kept => text.to_owned(),
            Texts::Replaced => format!("message {number}"),
        }
    }

    fn act(&mut self, did: &Did, (of, exchange): (usize, &Exchange)) -> String {
        let request = exchange.number;
        let act = match &did.what {
            What::Status { status, said, headers } => {
                let redacted = |it: &String| self.complaint(it, &exchange.said);
                let said = [&said.message, &said.kind, &said.code];
                self.status(*status, said.map(|it| it.as_ref().map(redacted)), headers)
            }
            What::Hang => "hang: true".to_owned(),
            What::Say(text) => {
                let text = self.words(&[text], (of, request)).concat();
                format!("say: {}", self.quoted(&text))
            }
            What::Malformed(text) => {
                let text = self.words(&[text], (of, request)).concat();
                format!("malformed: {}", self.quoted(&text))
            }
            What::Stream(parts, ends) => {
                let texts: Vec<&str> = parts.iter().map(|it| it.text.as_str()).collect();
                let texts = self.words(&texts, (of, request));
                let parts = self.parts(parts, &texts);
                let ends = match ends {
                    StreamEnd::Complete => "",
                    StreamEnd::Cut => ", ends: cut",
                    StreamEnd::Eof => ", ends: eof",
                    StreamEnd::Stall => ", ends: stall",
                    StreamEnd::Error => ", ends: error",
                    StreamEnd::Overloaded => ", ends: overloaded",
                    StreamEnd::Failed => ", ends: failed",
                    StreamEnd::Refused => ", ends: refused",
                    StreamEnd::Length => ", ends: length",
                };
                format!("stream: [{}]{ends}", parts.join(", "))
            }
        };
        if did.after < Duration::from_millis(1) {
            act
        } else {
            format!("after: {}, {act}", time(did.after))
        }
    }

    /// The parts of an answer; one alone where a secret stands across them.
    fn parts(&mut self, parts: &[Part], texts: &[String]) -> Vec<String> {
        let whole = texts.concat();
        let redacted = self.facts.secrets.redact(&whole);
        let alone: Vec<String> = texts.iter().map(|it| self.facts.secrets.redact(it)).collect();
        let written = if redacted == alone.concat() {
            parts.iter().zip(&alone).map(|(part, text)| part_of(part.after, text)).collect()
        } else {
            vec![part_of(parts.iter().map(|it| it.after).sum(), &redacted)]
        };
        self.spoken.push(redacted);
        written
    }

    /// What a provider said of a failure. It may quote what it was asked.
    fn complaint(&self, message: &str, said: &[String]) -> String {
        if self.options.texts == Texts::Kept {
            return message.to_owned();
        }
        let lines = said.iter().flat_map(|it| it.lines().map(str::trim));
        let mut quoted: Vec<String> =
            said.iter().map(String::as_str).chain(lines).flat_map(forms).collect();
        // A text may be a part of another one, which must go first.
        quoted.sort_by_key(|it| std::cmp::Reverse(it.len()));
        quoted.retain(|it| it.len() >= SAID_BYTES_MIN);
        let message = quoted.iter().fold(message.to_owned(), |text, it| text.replace(it, "[said]"));
        message.chars().take(MESSAGE_CHARS_MAX).collect()
    }

    fn status(
        &self,
        status: u16,
        said: [Option<String>; 3],
        headers: &[(String, String)],
    ) -> String {
        let mut act = format!("status: {status}");
        for (key, text) in ["message", "type", "code"].into_iter().zip(said) {
            if let Some(text) = text {
                write!(act, ", {key}: {}", self.quoted(&text)).expect("writing to a string");
            }
        }
        let seconds = |(name, value): &(String, String)| {
            (name == "retry-after").then(|| value.trim().parse::<u32>().ok()).flatten()
        };
        if let Some(wait) = headers.iter().find_map(seconds) {
            write!(act, ", retry_after: {wait}s").expect("writing to a string");
        }
        let others = headers.iter().filter(|it| seconds(it).is_none());
        let others: Vec<String> = others
            .map(|(name, value)| format!("{}: {}", quoted(name), self.quoted(value)))
            .collect();
        if !others.is_empty() {
            write!(act, ", headers: {{ {} }}", others.join(", ")).expect("writing to a string");
        }
        act
    }

    /// A model's words, or what stands for them. Two chats must not be answered the same, or nobody could tell who got
    /// what.
    fn words(&mut self, parts: &[&str], (of, request): (usize, u64)) -> Vec<String> {
        let whole = parts.concat();
        let mut parts: Vec<String> = match self.options.texts {
            Texts::Kept => parts.iter().map(|it| (*it).to_owned()).collect(),
            Texts::Replaced => parts.iter().map(|it| shaped(it)).collect(),
        };
        let is_taken = *self.answered.entry(whole.clone()).or_insert(of) != of;
        match (self.options.texts, parts.first_mut()) {
            (_, None) => (),
            (Texts::Kept, Some(_)) if !is_taken || whole.is_empty() => (),
            (Texts::Kept, Some(first)) => first.insert_str(0, &format!("({request}) ")),
            (Texts::Replaced, Some(_)) if whole.is_empty() => (),
            (Texts::Replaced, Some(first)) => {
                let name = format!("answer {request} ");
                let rest: String = first.chars().skip(name.chars().count()).collect();
                *first = name + &rest;
            }
        }
        parts
    }
}
