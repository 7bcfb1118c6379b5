//! Which of the scenario's answers a model request gets.
//!
//! Gateways word, batch and retry prompts as they like, so the wording cannot tell whose turn a request is. The
//! canaries can: the newest message that is new in the request names the chat, and the chat's requests are answered in
//! order. All provider twins of a scenario share one script, so a chat's count goes on across a failover. A provider may
//! have answers of its own, by the model and the credential; they go before the chat's.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use creel_judge::{trace::PromptMessage, turns::canaries_in};

use crate::scenario::{Act, Answer, Asker, Holds, Provider, Standing, UNTAGGED};

/// A script. A clone is another handle on the same one.
#[derive(Clone, Debug)]
pub struct ModelScript(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    source: Source,
    /// The messages that people write: message and chat, by canary.
    messages: BTreeMap<String, (String, String)>,
    /// How many requests there were: in all, and of each key of the scenario's `model`.
    requests: u64,
    calls: BTreeMap<String, u64>,
    /// How messages begin that nobody said: the gateway tells the model something in them.
    marks: Vec<String>,
    /// What a request gets that the scenario has no answer for. Without it, it is the scenario's fault.
    spare: Option<Act>,
    /// What providers answer, by their names: each list without what it has given away.
    standing: BTreeMap<String, BTreeMap<Asker, VecDeque<Standing>>>,
    /// What earlier requests carried, for as long as a later one could share it.
    earlier: Vec<BTreeMap<String, u64>>,
    /// The latest request that carried a canary.
    latest: BTreeMap<String, usize>,
}

/// Where answers come from.
#[derive(Debug)]
enum Source {
    Scenario(BTreeMap<String, Vec<Answer>>),
    Echo,
    Always(Act),
}

/// Who is asked, and when.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The provider's name in the scenario.
    pub provider: &'a str,
    /// The model that the request names.
    pub model: &'a str,
    /// The credential's name at its provider.
    pub credential: &'a str,
    /// Since the scenario's zero.
    pub at: Duration,
}

/// What a request is, and what it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// Counts all requests, from 1.
    pub request: u64,
    /// The chat whose script answers.
    pub chat: Option<String>,
    /// Counts the chat's requests, from 1.
    pub call: Option<u64>,
    /// The answer, or what the scenario must add.
    pub answer: Result<Answer, String>,
}

impl ModelScript {
    /// The answers of a scenario: by chat, then by call.
    pub fn new(answers: BTreeMap<String, Vec<Answer>>) -> Self {
        Self::with(Source::Scenario(answers))
    }

    /// The same, with answers that providers have of their own.
    #[must_use]
    pub fn with_providers(self, providers: &BTreeMap<String, Provider>) -> Self {
        let lists = |it: &Provider| {
            let lists = it.answers.iter();
            lists.map(|(asker, list)| (asker.clone(), list.iter().cloned().collect())).collect()
        };
        let standing = providers.iter().map(|(name, it)| (name.clone(), lists(it))).collect();
        self.with_state(|it| it.standing = standing);
        self
    }

    /// Answers every request with what the person said last.
    pub fn echo() -> Self {
        Self::with(Source::Echo)
    }

    /// Does the same with every request.
    pub fn always(act: Act) -> Self {
        Self::with(Source::Always(act))
    }

    /// Gives a provider an answer more for those who ask so, behind those that it has.
    pub fn add(&self, provider: &str, asker: Asker, standing: Standing) {
        self.with_state(|it| {
            let lists = it.standing.entry(provider.to_owned()).or_default();
            lists.entry(asker).or_default().push_back(standing);
        });
    }

    /// Takes messages that begin so for the gateway's own.
    pub fn set_apart(&self, marks: &[String]) {
        self.with_state(|it| it.marks = marks.to_vec());
    }

    /// Gives the gateway's own messages of a prompt the role that says so.
    pub(super) fn sort(&self, prompt: &mut [PromptMessage]) {
        self.with_state(|state| {
            let is_own = |it: &&mut PromptMessage| {
                it.role == "user" && state.marks.iter().any(|mark| it.text.starts_with(mark))
            };
            prompt.iter_mut().filter(is_own).for_each(|it| "system".clone_into(&mut it.role));
        });
    }

    /// Gives this text to requests that the scenario has no answer for: those of a gateway that asks more often than it
    /// should are for the checks to judge.
    pub fn spare(&self, text: &str) {
        let act = Act::Say { text: text.to_owned(), chunks: 1, every: Duration::ZERO };
        self.with_state(|it| it.spare = Some(act));
    }

    /// Gives a chat an answer, behind those that it has.
    pub fn answer(&self, chat: &str, answer: Answer) {
        self.with_state(|it| {
            if let Source::Scenario(answers) = &mut it.source {
                answers.entry(chat.to_owned()).or_default().push(answer);
            }
        });
    }

    /// Takes all answers back that a provider has of its own.
    pub fn clear(&self, provider: &str) {
        self.with_state(|it| it.standing.remove(provider));
    }

    fn with(source: Source) -> Self {
        Self(Arc::new(Mutex::new(State {
            source,
            messages: BTreeMap::new(),
            requests: 0,
            calls: BTreeMap::new(),
            marks: Vec::new(),
            spare: None,
            standing: BTreeMap::new(),
            earlier: Vec::new(),
            latest: BTreeMap::new(),
        })))
    }

    /// Says which message will carry a canary, and in which chat. Tokens that nobody announced are words.
    pub fn expect(&self, canary: &str, message: &str, chat: &str) {
        let found = (message.to_owned(), chat.to_owned());
        self.with_state(|it| it.messages.insert(canary.to_owned(), found));
    }

    /// From now on a canary is no message's any more.
    pub(crate) fn forget(&self, canary: &str) {
        self.with_state(|it| it.messages.remove(canary));
    }

    /// Counts a request that is refused before it could have an answer.
    pub fn skip(&self) -> u64 {
        self.with_state(State::next_request)
    }

    /// Counts a request, and finds its answer.
    pub fn cue(&self, prompt: &[PromptMessage], asked: Asked<'_>) -> Cue {
        self.with_state(|it| it.cue(prompt, asked))
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().expect("nothing panics while it holds the script"))
    }
}

impl State {
    fn next_request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    fn cue(&mut self, prompt: &[PromptMessage], asked: Asked<'_>) -> Cue {
        let request = self.next_request();
        let Source::Scenario(_) = &self.source else {
            let answer = self.standing(asked).map(|it| numbered(it, request));
            let answer = answer.unwrap_or_else(|| self.standing_answer(prompt));
            return Cue { request, chat: None, call: None, answer: Ok(answer) };
        };
        let newest = self.newest_in(prompt);
        let standing = self.standing(asked);
        let chat = newest.as_ref().map(|(_, chat)| chat.clone());
        let key = chat.as_deref().unwrap_or(UNTAGGED).to_owned();
        let call = self.calls.entry(key.clone()).or_insert(0);
        *call += 1;
        let call = *call;
        let answer = standing.map(|it| numbered(it, request));
        let answer = answer
            .or_else(|| self.scripted(&key, call))
            .or_else(|| self.spare.clone().map(|act| Answer { after: Duration::ZERO, act }))
            .ok_or_else(|| missing(request, newest.as_ref(), call));
        Cue { request, call: chat.is_some().then_some(call), chat, answer }
    }

    /// The provider's own answer to a request, which uses it up.
    fn standing(&mut self, asked: Asked<'_>) -> Option<Answer> {
        let lists = self.standing.get_mut(asked.provider)?;
        for asker in Asker::lists(asked.model, asked.credential) {
            let Some(list) = lists.get_mut(&asker) else { continue };
            while let Some(first) = list.front_mut() {
                match &mut first.holds {
                    Holds::Until(end) if *end <= asked.at => _ = list.pop_front(),
                    Holds::Times(0) => _ = list.pop_front(),
                    Holds::Times(left) => {
                        *left -= 1;
                        return Some(first.answer.clone());
                    }
                    Holds::Until(_) | Holds::Always => return Some(first.answer.clone()),
                }
            }
        }
        None
    }

    fn scripted(&self, key: &str, call: u64) -> Option<Answer> {
        let Source::Scenario(answers) = &self.source else { return None };
        let index = usize::try_from(call - 1).expect("a run has fewer requests");
        answers.get(key)?.get(index).cloned()
    }

    fn standing_answer(&self, prompt: &[PromptMessage]) -> Answer {
        let act = match &self.source {
            Source::Always(act) => act.clone(),
            Source::Echo | Source::Scenario(_) => {
                let said = prompt.iter().rev().find(|it| it.role == "user");
                let text = format!("You said: {}", said.map_or("", |it| it.text.as_str()));
                Act::Say { text, chunks: 8, every: Duration::ZERO }
            }
        };
        Answer { after: Duration::ZERO, act }
    }

    /// The newest message that is new in the prompt: one that occurs more often than in the latest earlier
    /// request with which the prompt shares a message. In a retry nothing is new, and the last message counts.
    fn newest_in(&mut self, prompt: &[PromptMessage]) -> Option<(String, String)> {
        // A system prompt may quote anybody, without that it is their turn.
        let spoken = prompt.iter().filter(|it| it.role != "system");
        let canaries: Vec<&str> = spoken
            .flat_map(|it| canaries_in(&it.text))
            .filter(|it| self.messages.contains_key(*it))
            .collect();
        let mut counts = BTreeMap::new();
        for canary in &canaries {
            *counts.entry((*canary).to_owned()).or_insert(0) += 1;
        }
        let predecessor = counts.keys().filter_map(|it| self.latest.get(it)).max();
        let before = |canary: &str| {
            predecessor.and_then(|it| self.earlier[*it].get(canary)).copied().unwrap_or(0)
        };
        let newest = canaries.iter().rev().find(|it| counts[**it] > before(it));
        let newest = newest.or(canaries.last()).map(|it| self.messages[*it].clone());
        for canary in counts.keys() {
            self.latest.insert(canary.clone(), self.earlier.len());
        }
        self.earlier.push(counts);
        newest
    }
}

/// What stands in the text of a standing answer for the request's number: the judge tells answers apart by their texts.
const NUMBER: &str = "<n>";

fn numbered(mut answer: Answer, request: u64) -> Answer {
    match &mut answer.act {
        Act::Say { text, .. }
        | Act::Call { text, .. }
        | Act::Cut { text }
        | Act::Malformed { text }
        | Act::Eof { text } => *text = text.replace(NUMBER, &request.to_string()),
        Act::Stream { parts, .. } => {
            for part in parts {
                part.text = part.text.replace(NUMBER, &request.to_string());
            }
        }
        Act::Status(_) | Act::Hang => (),
    }
    answer
}

fn missing(request: u64, newest: Option<&(String, String)>, call: u64) -> String {
    let needs = format!("needs a {} answer", ordinal(call));
    match newest {
        None => format!(
            "model request {request} carries no message of the scenario: `model.{UNTAGGED}` {needs}"
        ),
        Some((message, chat)) => format!(
            "model request {request} is call {call} of chat `{chat}`, for message `{message}`: `model.{chat}` {needs}"
        ),
    }
}

fn ordinal(number: u64) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE_1: &str = "kaaaaaaaaaaa1";
    const ALICE_2: &str = "kaaaaaaaaaaa2";
    const BOB_1: &str = "kbbbbbbbbbbb1";

    fn script() -> ModelScript {
        let say = |text: &str| Answer {
            after: Duration::ZERO,
            act: Act::Say { text: text.to_owned(), chunks: 1, every: Duration::ZERO },
        };
        let answers = [
            ("alice".to_owned(), vec![say("a1"), say("a2")]),
            ("bob".to_owned(), vec![say("b1")]),
            (UNTAGGED.to_owned(), vec![say("u1")]),
        ];
        let script = ModelScript::new(BTreeMap::from(answers));
        for (canary, message) in [(ALICE_1, "a1"), (ALICE_2, "a2"), (BOB_1, "b1")] {
            script.expect(canary, message, if canary == BOB_1 { "bob" } else { "alice" });
        }
        script
    }

    /// Plays prompts of user messages, and shows each one's chat, call and answer.
    #[track_caller]
    fn check(prompts: &[(&[&str], &str)]) {
        let script = script();
        for (texts, expected) in prompts {
            let user = |it: &&str| PromptMessage {
                role: "user".to_owned(),
                text: (*it).to_owned(),
                ..PromptMessage::default()
            };
            let asked =
                Asked { provider: "openai", model: "m", credential: "main", at: Duration::ZERO };
            let cue = script.cue(&texts.iter().map(user).collect::<Vec<_>>(), asked);
            let answer = match cue.answer {
                Ok(Answer { act: Act::Say { text, .. }, .. }) => text,
                Ok(other) => panic!("expected a text, found {other:?}"),
                Err(missing) => missing,
            };
            let chat = cue.chat.as_deref().unwrap_or("-");
            let call = cue.call.map_or("-".to_owned(), |it| it.to_string());
            assert_eq!(format!("{chat} {call} {answer}"), **expected, "{texts:?}");
        }
    }

    #[test]
    fn each_chat_has_its_own_count() {
        check(&[
            (&["one kaaaaaaaaaaa1"], "alice 1 a1"),
            (&["uno kbbbbbbbbbbb1"], "bob 1 b1"),
            (&["one kaaaaaaaaaaa1", "two kaaaaaaaaaaa2"], "alice 2 a2"),
        ]);
    }

    #[test]
    fn in_a_shared_session_the_new_message_tells_and_not_the_last_one() {
        check(&[
            (&["one kaaaaaaaaaaa1"], "alice 1 a1"),
            (&["uno kbbbbbbbbbbb1", "one kaaaaaaaaaaa1"], "bob 1 b1"),
        ]);
    }

    #[test]
    fn a_retry_is_the_chats_next_call() {
        let prompt: &[&str] = &["one kaaaaaaaaaaa1"];
        check(&[
            (prompt, "alice 1 a1"),
            (prompt, "alice 2 a2"),
            (
                prompt,
                "alice 3 model request 3 is call 3 of chat `alice`, for message `a1`: `model.alice` needs a 3rd answer",
            ),
        ]);
    }

    #[test]
    fn tokens_that_nobody_announced_are_words() {
        check(&[
            (&["kzzzzzzzzzzz1"], "- - u1"),
            (
                &["hello"],
                "- - model request 2 carries no message of the scenario: `model.untagged` needs a 2nd answer",
            ),
        ]);
    }

    #[test]
    fn a_provider_s_own_answers_go_by_who_asks_and_by_time() {
        let say = |text: &str| Answer {
            after: Duration::ZERO,
            act: Act::Say { text: text.to_owned(), chunks: 1, every: Duration::ZERO },
        };
        let held = |text: &str, holds| Standing { answer: say(text), holds };
        let asker = |model: Option<&str>, credential: Option<&str>| Asker {
            model: model.map(str::to_owned),
            credential: credential.map(str::to_owned),
        };
        let answers = [
            (asker(Some("m"), Some("one")), vec![held("exact <n>", Holds::Times(2))]),
            (asker(None, Some("one")), vec![held("by key", Holds::Until(Duration::from_secs(5)))]),
            (asker(None, None), vec![held("any", Holds::Always)]),
        ];
        let (credentials, models) = (BTreeMap::new(), Vec::new());
        let provider =
            Provider { credentials, models, answers: answers.into(), ..Provider::default() };
        let script = script().with_providers(&[("p".to_owned(), provider)].into());
        let ask = |model, credential, at| {
            let at = Duration::from_secs(at);
            let cue = script.cue(&[], Asked { provider: "p", model, credential, at });
            let Ok(Answer { act: Act::Say { text, .. }, .. }) = cue.answer else { panic!() };
            text
        };
        assert_eq!(ask("m", "two", 0), "any");
        assert_eq!(ask("m", "one", 0), "exact 2");
        assert_eq!(ask("n", "one", 1), "by key");
        assert_eq!(ask("m", "one", 2), "exact 4");
        assert_eq!(ask("m", "one", 4), "by key");
        assert_eq!(ask("m", "one", 5), "any");
    }

    #[test]
    fn ordinals_are_english() {
        let shown = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal);
        assert_eq!(shown, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]);
    }
}
