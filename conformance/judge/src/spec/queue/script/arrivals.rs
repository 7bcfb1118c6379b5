//! What arrives at a session: messages, bursts of them, and commands.

use crate::{
    context::{Configuration, Hops},
    spec::{
        cast::{Cast, Heard},
        command::{self, Meaning, Rest},
        lane::{Arrival, Span, Unit},
        session_key::SessionKey,
        settings::{self, Override},
        version::Version,
    },
    trace::Place,
    turns::{Message, Moment},
};

/// How long a gateway must know an id again, in microseconds: 20 minutes.
const REMEMBERED_US: i64 = 20 * 60 * 1_000_000;

/// A summary's line is cut at 160 characters; what is shorter than this is whole in it.
const LINE_CHARS: usize = 120;

/// The arrivals of a session, in order.
pub(super) struct Arrivals<'a> {
    pub(super) list: Vec<Arrival>,
    pub(super) units: Vec<Unit>,
    /// The messages, by number.
    pub(super) names: Vec<&'a str>,
    /// From when on the session cannot be followed.
    pub(super) horizon_us: i64,
    cast: &'a Cast<'a>,
    places: Vec<&'a Place>,
    senders: Vec<(&'a str, &'a str)>,
    set: Override,
    /// Bursts that are gathered.
    open: Vec<Burst<'a>>,
}

/// Rapid messages of one sender.
struct Burst<'a> {
    messages: Vec<&'a Message>,
    latest_us: i64,
}

impl<'a> Arrivals<'a> {
    pub(super) fn of(cast: &'a Cast<'a>, key: &SessionKey) -> Self {
        let mut this = Self {
            list: Vec::new(),
            units: Vec::new(),
            names: Vec::new(),
            horizon_us: i64::MAX,
            cast,
            places: Vec::new(),
            senders: Vec::new(),
            set: Override::default(),
            open: Vec::new(),
        };
        let ours = cast.heard.iter().filter(|it| it.keys.contains(key) && !it.is_overheard);
        let mut ours: Vec<(Moment, &Heard)> =
            ours.filter_map(|it| Some((*it.message.fetched.first()?, it))).collect();
        ours.sort_by_key(|(at, _)| *at);
        for (at, heard) in ours {
            this.flush_before(at.at_us);
            this.take(heard.message, at.at_us);
            let known_us =
                at.at_us.saturating_add(REMEMBERED_US).saturating_sub(this.hops().few_us);
            let again = heard.message.fetched.iter().find(|it| it.at_us >= known_us);
            this.stop_at(again.map_or(i64::MAX, |it| it.at_us));
        }
        this.flush_before(i64::MAX);
        this
    }

    fn hops(&self) -> Hops {
        self.cast.context.configuration.hops
    }

    fn stop_at(&mut self, us: i64) {
        self.horizon_us = self.horizon_us.min(us);
    }

    /// From a moment as it was seen to when the gateway may have known it.
    fn span(&self, us: i64) -> Span {
        Span { from_us: us, to_us: us.saturating_add(self.hops().few_us) }
    }

    fn take(&mut self, message: &'a Message, at_us: i64) {
        let at = self.span(at_us);
        let configuration = &self.cast.context.configuration;
        match command::meaning(message, self.cast.version, configuration) {
            Meaning::Words => self.gather(message, at_us),
            Meaning::Inline(inline) => {
                self.flush_sender(message, at_us);
                self.queue(&[message], at, inline, Arrival::Unit);
            }
            Meaning::Stop => self.stop(message, at),
            // 2026.3 greets with a run of its own, which no message tells of.
            Meaning::Fresh(Rest::Nothing) if self.cast.version == Version::September => {
                self.stop(message, at);
                self.forget_settings(at_us);
            }
            Meaning::Fresh(Rest::Words) => {
                self.forget_bursts(message, at_us);
                self.forget_settings(at_us);
                self.queue(&[message], at, Override::default(), Arrival::Fresh);
            }
            Meaning::Fresh(Rest::Nothing | Rest::Unsure) | Meaning::Beyond => self.stop_at(at_us),
            Meaning::Set(set) => {
                self.flush_sender(message, at_us);
                self.set = set.over(self.set);
            }
            Meaning::Clear => {
                self.flush_sender(message, at_us);
                self.set = Override::default();
            }
            Meaning::Aside => self.flush_sender(message, at_us),
        }
    }

    fn stop(&mut self, message: &Message, at: Span) {
        self.forget_bursts(message, at.from_us);
        self.list.push(Arrival::Stop(at));
    }

    /// Whether a new session keeps what was set, the contract leaves open.
    fn forget_settings(&mut self, at_us: i64) {
        if self.set != Override::default() {
            self.stop_at(at_us);
        }
    }

    fn gather(&mut self, message: &'a Message, at_us: i64) {
        let wait_us = self.inbound_us(message);
        if !message.images.is_empty() {
            self.flush_sender(message, at_us);
        }
        if wait_us == 0 || !message.images.is_empty() {
            return self.queue(&[message], self.span(at_us), Override::default(), Arrival::Unit);
        }
        let few_us = self.hops().few_us;
        let slack_us = self.cast.context.clock.slack_us();
        let Some(burst) = self.open.iter_mut().find(|it| is_one_sender(it.messages[0], message))
        else {
            return self.open.push(Burst { messages: vec![message], latest_us: at_us });
        };
        let left_us = burst.latest_us.saturating_add(wait_us).saturating_sub(at_us);
        burst.messages.push(message);
        burst.latest_us = at_us;
        if left_us <= few_us.saturating_add(slack_us) {
            // Whether it came in time cannot be told.
            self.stop_at(at_us);
        }
    }

    fn inbound_us(&self, message: &Message) -> i64 {
        settings::inbound_us(&self.cast.context.configuration.queue, &message.place.channel)
    }

    fn due_us(&self, burst: &Burst) -> i64 {
        burst.latest_us.saturating_add(self.inbound_us(burst.messages[0]))
    }

    /// Queues the bursts that are over before a moment, in the order in which they are.
    fn flush_before(&mut self, us: i64) {
        while let Some((due_us, index)) =
            self.open.iter().enumerate().map(|(index, it)| (self.due_us(it), index)).min()
        {
            if due_us >= us {
                return;
            }
            let burst = self.open.remove(index);
            let slack_us = self.cast.context.clock.slack_us();
            let few_us = self.hops().few_us.saturating_add(slack_us);
            if self.open.iter().any(|it| self.due_us(it).saturating_sub(due_us) <= few_us) {
                // Which of the two is queued first cannot be told.
                self.stop_at(due_us);
            }
            if us.saturating_sub(due_us) <= self.hops().few_us.saturating_add(slack_us) {
                self.stop_at(due_us);
            }
            self.queue(&burst.messages, self.span(due_us), Override::default(), Arrival::Unit);
        }
    }

    /// A command queues what its sender wrote before it.
    fn flush_sender(&mut self, message: &'a Message, at_us: i64) {
        if let Some(index) = self.open.iter().position(|it| is_one_sender(it.messages[0], message))
        {
            let burst = self.open.remove(index);
            self.queue(&burst.messages, self.span(at_us), Override::default(), Arrival::Unit);
        }
    }

    /// `/stop` and its kin forget what their sender's burst holds. Whether those of others who share the session are
    /// forgotten too, the contract leaves open.
    fn forget_bursts(&mut self, message: &Message, at_us: i64) {
        let few_us = self.hops().few_us;
        let is_clear = |it: &Burst| {
            is_one_sender(it.messages[0], message) && self.due_us(it).saturating_sub(at_us) > few_us
        };
        if !self.open.iter().all(is_clear) {
            self.stop_at(at_us);
        }
        self.open.clear();
    }

    /// In 2026.3 nothing says that authority keeps messages apart.
    fn authority(&self, message: &Message) -> Option<bool> {
        match self.cast.version {
            Version::March => None,
            Version::September => is_owner(message, &self.cast.context.configuration),
        }
    }

    fn queue(
        &mut self,
        messages: &[&'a Message],
        at: Span,
        inline: Override,
        arrival: fn(usize) -> Arrival,
    ) {
        let first = messages[0];
        let rules = &self.cast.context.configuration.queue;
        let channel = first.place.channel.as_str();
        let settings = settings::resolve(rules, self.cast.version, channel, self.set, inline);
        let place = number(&mut self.places, &first.place);
        let sender = number(&mut self.senders, (channel, first.sender.as_str()));
        let chars: usize = messages.iter().map(|it| it.text.chars().count() + 1).sum();
        let names = messages.iter().map(|it| it.name.as_str());
        let numbers = self.names.len()..self.names.len() + messages.len();
        self.names.extend(names);
        self.list.push(arrival(self.units.len()));
        self.units.push(Unit {
            messages: numbers.collect(),
            place,
            sender,
            is_owner: self.authority(first),
            settings,
            at,
            is_short: chars <= LINE_CHARS,
        });
    }
}

fn number<T: PartialEq>(known: &mut Vec<T>, item: T) -> usize {
    if let Some(index) = known.iter().position(|it| *it == item) {
        return index;
    }
    known.push(item);
    known.len() - 1
}

fn is_one_sender(one: &Message, other: &Message) -> bool {
    one.place == other.place && one.sender == other.sender
}

/// Whether a sender is an owner, as far as the configuration says: those whom `commands.ownerAllowFrom` lists, or else
/// those whom the channel's own list names.
fn is_owner(message: &Message, configuration: &Configuration) -> Option<bool> {
    let channel = message.place.channel.to_lowercase();
    let own = configuration.channels.get(&channel).map(|it| it.allow_from.as_slice());
    let own = own.unwrap_or_default().iter().filter(|it| it.trim() != "*");
    let owners: Vec<&String> = configuration.owners.iter().collect();
    let owners = if owners.is_empty() { own.collect() } else { owners };
    let is_it = |it: &&String| {
        let it = it.trim().to_lowercase();
        it == message.sender.to_lowercase()
            || it == format!("{channel}:{}", message.sender).to_lowercase()
    };
    (!owners.is_empty()).then(|| owners.iter().any(is_it))
}
