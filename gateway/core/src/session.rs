//! A session: one conversation's history, its overrides and its lane.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    ids::{AgentId, MessageId, ModelId, ProfileId, ProviderId},
    lane::{Lane, QueueOverride},
    life::Life,
    media::{IMAGES_KEPT_MAX, Said},
    origin::Route,
    owners::Authority,
    send_policy::Verdict,
    session_key::SessionKey,
    time::{Now, WallTime},
    tools::Settled,
};

/// One entry of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// What people said.
    User(Said),
    /// What the model said.
    Assistant(Arc<str>),
    /// What the model said and asked for, with what came of it: a call without its result cannot be written down.
    Tools(Arc<Settled>),
}

/// What was said, oldest first. A clone is another handle: a request in flight shares the session's.
#[expect(clippy::rc_buffer, reason = "grows in place while no request holds it, which is the rule")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(Arc<Vec<Entry>>);

impl History {
    /// Appends an entry. Handles that others hold keep what they had. Pictures of long ago make room for new ones.
    pub fn push(&mut self, entry: Entry) {
        let shows = matches!(&entry, Entry::User(said) if !said.images.is_empty());
        let entries = Arc::make_mut(&mut self.0);
        entries.push(entry);
        if !shows {
            return;
        }
        let mut kept = 0;
        for entry in entries.iter_mut().rev() {
            let Entry::User(said) = entry else { continue };
            kept += said.images.len();
            if kept > IMAGES_KEPT_MAX && !said.images.is_empty() {
                said.forget_images();
            }
        }
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

/// When an entry of a history was said, and by which model, if one said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// When.
    pub at: WallTime,
    /// By which model; none for what people and operators put there.
    pub by: Option<ModelId>,
}

/// What a model had written when its turn was ended. People see it where it would have stood, and no model is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// When the turn was ended.
    pub at: WallTime,
    /// The request that it answered, if it had a name.
    pub asked: Option<MessageId>,
    /// The words.
    pub text: Arc<str>,
}

/// What no model is shown of a history.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// One for each entry.
    noted: Vec<Noted>,
    /// What was cut off, and behind how many entries.
    cut: Vec<(usize, Cut)>,
}

/// What people see of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// An entry.
    Entry(Entry, Noted),
    /// What stands where an entry would have been.
    Cut(Cut),
}

/// Who started a sub-agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The session that its result is for.
    pub session: SessionKey,
    /// Where the answer to that result goes.
    pub route: Route,
    /// With whose authority it was started, and so its result is read.
    pub authority: Authority,
    /// What the result calls it.
    pub label: String,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The agent that answers in it.
    pub agent: AgentId,
    /// What was said in this life.
    pub history: History,
    /// What people see of it beyond that.
    pub record: Record,
    /// What `/queue` set.
    pub queue: QueueOverride,
    /// What `/send` said; the configuration holds where it said nothing.
    pub send: Option<Verdict>,
    /// What `/new <model>` or `/model` chose.
    pub model: Option<ModelId>,
    /// The credential that `/model` chose.
    pub pin: Option<ProfileId>,
    /// The credential that answered last, by provider.
    pub profiles: BTreeMap<ProviderId, ProfileId>,
    /// The fallback that answered last, if one did.
    pub answered_by: Option<ModelId>,
    /// The queue.
    pub lane: Lane,
    /// What resets are measured from; none before the first message of a life.
    pub life: Option<Life>,
    /// The life is over, and ends when the next turn begins: a run may be using it still.
    pub over: bool,
    /// Who started it, if it is a sub-agent's.
    pub parent: Option<Parent>,
    /// Where somebody last wrote in it, and so where a text for it goes.
    pub route: Option<Route>,
    /// What an operator called it.
    pub label: Option<String>,
    /// For whom an operator's program began it, if it said so. It is theirs alone there.
    pub user: Option<Arc<str>>,
    /// Whether it is one turn's alone, and gone some time after that.
    pub passes: bool,
}

impl Session {
    /// An agent's session in which nothing was said yet.
    pub fn new(agent: AgentId) -> Self {
        Self {
            agent,
            history: History::default(),
            record: Record::default(),
            queue: QueueOverride::default(),
            send: None,
            model: None,
            pin: None,
            profiles: BTreeMap::new(),
            answered_by: None,
            lane: Lane::default(),
            life: None,
            over: false,
            parent: None,
            route: None,
            label: None,
            user: None,
            passes: false,
        }
    }

    /// Begins another life: nothing of the old one is remembered. What `/queue` set stays, and a credential that a person
    /// chose.
    pub fn renew(&mut self) {
        self.history = History::default();
        self.record = Record::default();
        self.model = None;
        self.profiles = BTreeMap::new();
        self.answered_by = None;
        self.life = None;
        self.over = false;
    }

    /// Something was said in it.
    pub fn write(&mut self, entry: Entry, noted: Noted) {
        self.history.push(entry);
        self.record.noted.push(noted);
    }

    /// A turn was ended before its words were an answer.
    pub fn cut_off(&mut self, cut: Cut) {
        self.record.cut.push((self.history.entries().len(), cut));
    }

    /// What people see of it, oldest first: the last entries, so many at the most.
    pub fn shown(&self, most: usize) -> Vec<Shown> {
        let mut shown = Vec::new();
        let mut cut = self.record.cut.iter().peekable();
        let entries = self.history.entries().iter().zip(&self.record.noted);
        for (place, (entry, noted)) in entries.enumerate() {
            while let Some((_, cut)) = cut.next_if(|it| it.0 <= place) {
                shown.push(Shown::Cut(cut.clone()));
            }
            shown.push(Shown::Entry(entry.clone(), noted.clone()));
        }
        shown.extend(cut.map(|it| Shown::Cut(it.1.clone())));
        shown.split_off(shown.len().saturating_sub(most))
    }

    /// A person said something in it.
    pub fn hear(&mut self, now: Now) {
        match &mut self.life {
            Some(life) => life.hear(now),
            None => self.life = Some(Life::new(now)),
        }
    }
}
