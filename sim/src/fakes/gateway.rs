//! The loop of a fake: updates in, turns, answers out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use creel_gateway::{http::Http, net::Net};
use creel_judge::profile::Profile;
use serde_json::{Value, json};
use tokio::task::{AbortHandle, JoinSet};

use super::{
    Fake, Given, Lie,
    parts::{Answer, Message, Place, Session, pieces},
    rooms::Rooms,
};

/// How often the storm asks.
const STORM: u32 = 40;

/// What a task of the loop came to.
enum Event {
    Updates(String, Vec<Value>),
    /// Nothing came to this session since its arrival of this number.
    Quiet(String, u64),
    Answered(String, u64, Answer),
    Sent(Place),
}

/// Runs a fake gateway until its future is dropped.
pub(crate) async fn run<N: Net>(net: N, given: Given, profile: Profile, fake: Fake) {
    let rooms = Rooms::new(Http::new(net), given, &profile, fake);
    let mut gateway = Gateway {
        rooms,
        fake,
        tasks: JoinSet::new(),
        seen: BTreeSet::new(),
        sessions: BTreeMap::new(),
        runs: BTreeMap::new(),
        runs_started: 0,
        outbox: BTreeMap::new(),
        last: None,
        heard: 0,
    };
    for account in gateway.rooms.accounts() {
        gateway.poll(account, 0);
    }
    while let Some(ended) = gateway.tasks.join_next().await {
        // Aborted tasks have nothing to say.
        if let Ok(event) = ended {
            gateway.handle(event);
        }
    }
}

struct Gateway<N: Net> {
    rooms: Rooms<N>,
    fake: Fake,
    tasks: JoinSet<Event>,
    seen: BTreeSet<(Place, i64)>,
    sessions: BTreeMap<String, Session>,
    /// Where the answer of a run goes, and its task.
    runs: BTreeMap<u64, (Place, AbortHandle)>,
    runs_started: u64,
    /// What waits to be sent, by place; the first of each is on its way.
    outbox: BTreeMap<Place, VecDeque<String>>,
    /// The message that came last.
    last: Option<Message>,
    heard: u64,
}

impl<N: Net> Gateway<N> {
    fn poll(&mut self, account: String, offset: i64) {
        let bot = self.rooms.bot(&account);
        self.tasks.spawn(async move { Event::Updates(account, bot.updates(offset).await) });
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Updates(account, updates) => {
                let next = updates.last().and_then(|it| it["update_id"].as_i64()).map(|it| it + 1);
                for update in &updates {
                    if let Some(message) = Message::of(&account, update) {
                        self.receive(message);
                    }
                }
                self.poll(account, next.unwrap_or(0));
            }
            Event::Quiet(key, arrival) => {
                let session = self.sessions.entry(key.clone()).or_default();
                session.quiet |= session.arrivals == arrival;
                self.drain(&key);
            }
            Event::Answered(key, run, answer) => self.answered(&key, run, answer),
            Event::Sent(place) => {
                let queue = self.outbox.entry(place.clone()).or_default();
                queue.pop_front();
                self.pump(&place);
            }
        }
    }

    fn receive(&mut self, message: Message) {
        let known = !self.seen.insert((message.place.clone(), message.id));
        if known && !self.fake.tells(Lie::RunsRedeliveries) || !self.rooms.admits(&message) {
            return;
        }
        self.heard += 1;
        if self.fake.tells(Lie::AcknowledgesOnly)
            || self.fake.tells(Lie::DropEveryTenth) && self.heard.is_multiple_of(10)
        {
            return;
        }
        let place = message.place.clone();
        if self.fake.tells(Lie::RejectAll) {
            return self.say(&place, "Too busy: this message was not taken.");
        }
        if self.fake.tells(Lie::Echo) {
            return self.say(&place, &message.text);
        }
        if self.fake.tells(Lie::AlwaysOk) {
            return self.say(&place, "ok");
        }
        let agent = self.rooms.agent(&place);
        let key = self.rooms.session(&agent, &place);
        let session = self.sessions.entry(key.clone()).or_default();
        session.agent = agent;
        if message.text.trim() == "/stop" && !self.fake.tells(Lie::IgnoresStop) {
            return self.stop(&key, &place);
        }
        if let Some(answer) =
            session.first_answer.clone().filter(|_| self.fake.tells(Lie::AnswersFromCache))
        {
            return self.say(&place, &answer);
        }
        self.queue(key, message);
    }

    /// Runs a message at once where nothing runs, else lets it wait.
    fn queue(&mut self, key: String, message: Message) {
        let session = self.sessions.get_mut(&key).expect("it was just made");
        let alone = session.run.is_none() && session.waiting.is_empty();
        session.waiting.push_back(message.clone());
        session.arrivals += 1;
        session.quiet = alone || self.fake.tells(Lie::TimeBlind);
        let (arrival, debounce) = (session.arrivals, self.rooms.debounce);
        if self.fake.tells(Lie::RunsAtOnce) {
            session.run = None;
            session.quiet = true;
        }
        self.last.get_or_insert_with(|| message.clone());
        self.drain(&key);
        self.last = Some(message);
        self.tasks.spawn(async move {
            tokio::time::sleep(debounce).await;
            Event::Quiet(key, arrival)
        });
    }

    fn stop(&mut self, key: &str, place: &Place) {
        let session = self.sessions.get_mut(key).expect("it was just made");
        session.waiting.clear();
        if let Some((_, task)) = session.run.take().and_then(|run| self.runs.remove(&run)) {
            task.abort();
        }
        self.say(place, "Stopped.");
    }

    /// Begins the next turn of a conversation, if it may.
    fn drain(&mut self, key: &str) {
        let elsewhere = self.fake.tells(Lie::OneAtATime) && !self.runs.is_empty();
        let session = self.sessions.get_mut(key).expect("it was just used");
        if session.run.is_some() || !session.quiet || elsewhere {
            return;
        }
        if self.fake.tells(Lie::Reorder) {
            session.waiting.make_contiguous().reverse();
        }
        let Some(first) = session.waiting.front() else { return };
        let place = first.place.clone();
        let one_room = session.waiting.iter().all(|it| it.place == place);
        let together = self.rooms.collects && (one_room || self.fake.tells(Lie::MergesAll));
        let count = if together { session.waiting.len() } else { 1 };
        let batch: Vec<Message> = session.waiting.drain(..count).collect();
        let prompts: Vec<String> = batch.iter().map(Message::prompt).collect();
        if self.fake.tells(Lie::ForgetsHistory) {
            session.history.clear();
        }
        session.history.push(json!({ "role": "user", "content": prompts.join("\n\n") }));
        let mut messages = session.history.clone();
        if let Some(last) = self.last.as_ref().filter(|_| self.fake.tells(Lie::LeakLastSession)) {
            messages.insert(0, json!({ "role": "system", "content": last.text }));
        }
        let agent = session.agent.clone();
        self.runs_started += 1;
        session.run = Some(self.runs_started);
        self.ask(key.to_owned(), &agent, messages, place);
    }

    fn ask(&mut self, key: String, agent: &str, messages: Vec<Value>, place: Place) {
        let (provider, run) = (self.rooms.provider(agent), self.runs_started);
        let within = self.rooms.run_timeout;
        let asks = if self.fake.tells(Lie::Storm) { STORM } else { 1 };
        let (cites, key_text) = (self.fake.tells(Lie::LeaksSecret), provider.key.clone());
        let task = self.tasks.spawn(async move {
            let mut answer = provider.ask(&messages, within).await;
            for _ in 1..asks {
                answer = provider.ask(&messages, within).await;
            }
            if let Answer::Failed(why) = &mut answer
                && cites
            {
                why.extend([" with key ", key_text.as_str()]);
            }
            Event::Answered(key, run, answer)
        });
        self.runs.insert(run, (place, task));
    }

    fn answered(&mut self, key: &str, run: u64, answer: Answer) {
        let Some((place, _)) = self.runs.remove(&run) else { return };
        let session = self.sessions.get_mut(key).expect("a run has a session");
        if session.run == Some(run) {
            session.run = None;
        }
        let text = match answer {
            Answer::Whole(text) => Some(text),
            Answer::Half(text) if self.fake.tells(Lie::PassesHalf) => Some(text),
            Answer::Half(_) => Some("No answer: it broke off.".to_owned()),
            Answer::Failed(_) if self.fake.tells(Lie::SwallowsErrors) => None,
            Answer::Failed(why) => Some(format!("No answer: {why}.")),
        };
        if let Some(text) = text {
            session.history.push(json!({ "role": "assistant", "content": text }));
            session.first_answer.get_or_insert_with(|| text.clone());
            if text.trim() != "NO_REPLY" {
                self.say(&place, &text);
            }
        }
        let keys: Vec<String> = self.sessions.keys().cloned().collect();
        for key in keys {
            self.drain(&key);
        }
    }

    /// Puts a text in line for a place.
    fn say(&mut self, place: &Place, text: &str) {
        let mut place = place.clone();
        let mut text = text.to_owned();
        if let Some(last) = self.last.as_ref().filter(|_| self.fake.tells(Lie::WrongRoom)) {
            place = last.place.clone();
        }
        if self.fake.tells(Lie::WrongBot) {
            place.account = self.rooms.accounts().into_iter().next().unwrap_or_default();
        }
        if self.fake.tells(Lie::Rewrites) {
            text = text.rsplit_once(' ').map_or(text.clone(), |it| it.0.to_owned());
        }
        let mut texts = pieces(&text);
        if self.fake.tells(Lie::Truncates) {
            texts.truncate(1);
        }
        if self.fake.tells(Lie::DuplicateSend) {
            texts = texts.iter().chain(&texts).cloned().collect();
        }
        if self.fake.tells(Lie::Silent) {
            texts.clear();
        }
        let queue = self.outbox.entry(place.clone()).or_default();
        let idle = queue.is_empty();
        queue.extend(texts);
        if idle {
            self.pump(&place);
        }
    }

    /// Sends the first of what waits for a place.
    fn pump(&mut self, place: &Place) {
        let Some(text) = self.outbox.get(place).and_then(VecDeque::front).cloned() else { return };
        let (bot, place) = (self.rooms.bot(&place.account), place.clone());
        self.tasks.spawn(async move {
            bot.send(&place, &text).await;
            Event::Sent(place)
        });
    }
}
