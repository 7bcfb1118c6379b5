//! Block streaming: an answer leaves in blocks while the model still writes it.
//!
//! ```text
//!   deltas ──▶ text ──▶ blocks of minChars to maxChars, at the preferred break ──▶ coalesced ──▶ messages
//!                └─▶ the end flushes what is left
//! ```
//!
//! A block ends at the preferred kind of break or a better one, outside code; only a text that grows beyond `maxChars`
//! ends at the next worse kind, and a block of code that does is closed and opened again. What was sent is not sent
//! again at the end. Lengths are in characters.
//!
//! Source: contract, section 5; the documents on streaming.

use std::collections::BTreeMap;

use super::{
    chunk::{self, Utf16Units, fence::Fence},
    silence,
};
use crate::{
    ids::{AccountId, Channel},
    origin::Route,
    time::{Millis, Timestamp},
};

/// Where a text is best parted, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Break {
    /// At a blank line.
    Paragraph,
    /// At the end of a line.
    Newline,
    /// Behind a full stop, a question or an exclamation mark.
    Sentence,
    /// Between words.
    Word,
}

impl Break {
    /// What stands between two blocks that become one message.
    const fn joiner(self) -> &'static str {
        match self {
            Self::Paragraph => "\n\n",
            Self::Newline => "\n",
            Self::Sentence | Self::Word => " ",
        }
    }
}

/// When blocks leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakAt {
    /// As the text grows.
    Text,
    /// When the message is complete.
    Message,
}

/// `agents.defaults.blockStreamingCoalesce`: blocks wait for more to become one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coalesce {
    /// The least that leaves before the end, in characters.
    pub chars_min: usize,
    /// The most, in characters.
    pub chars_max: usize,
    /// How long no block may have come.
    pub idle: Millis,
}

/// How an answer is streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// The least length of a block, in characters.
    pub chars_min: usize,
    /// The greatest.
    pub chars_max: usize,
    /// Where a block ends.
    pub prefer: Break,
    /// When it leaves.
    pub at: BreakAt,
    /// Whether blocks wait for more.
    pub coalesce: Option<Coalesce>,
}

impl Blocks {
    /// The least length of a block unless configured.
    pub const CHARS_MIN: usize = 800;
    /// The greatest.
    pub const CHARS_MAX: usize = 1_200;

    /// The same for a channel that takes no longer texts than this.
    #[must_use]
    pub fn within(self, limit: Utf16Units) -> Self {
        let limit = usize::try_from(limit.get()).expect("a million is a length");
        let chars_max = self.chars_max.min(limit);
        Self { chars_min: self.chars_min.min(chars_max), chars_max, ..self }
    }
}

/// `agents.defaults.blockStreaming*`, and what channels say of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streaming {
    /// How answers are streamed, where they are.
    pub blocks: Option<Blocks>,
    /// Where nothing is said of the channel: all of them, or some.
    pub default: StreamedBy,
    /// What is said of a channel.
    pub by_channel: BTreeMap<Channel, bool>,
    /// What is said of an account.
    pub by_account: BTreeMap<(Channel, AccountId), bool>,
    /// How blocks of a channel wait for more, where it is not as of all.
    pub coalesce_by_channel: BTreeMap<Channel, Coalesce>,
    /// The same of an account.
    pub coalesce_by_account: BTreeMap<(Channel, AccountId), Coalesce>,
}

/// Which channels are streamed on unless they say so themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StreamedBy {
    /// None.
    #[default]
    None,
    /// This one.
    One(Channel),
    /// All.
    All,
}

impl Streaming {
    /// How an answer to this place is streamed, if it is.
    pub fn of(&self, route: &Route) -> Option<Blocks> {
        let blocks = self.blocks?;
        let account = (route.channel.clone(), route.account.clone());
        let said = self.by_account.get(&account).or_else(|| self.by_channel.get(&route.channel));
        let said = said.copied();
        let is_on = said.unwrap_or_else(|| match &self.default {
            StreamedBy::None => false,
            StreamedBy::One(channel) => *channel == route.channel,
            StreamedBy::All => true,
        });
        let own = self.coalesce_by_account.get(&account);
        let own = own.or_else(|| self.coalesce_by_channel.get(&route.channel)).copied();
        is_on.then_some(Blocks { coalesce: own.or(blocks.coalesce), ..blocks })
    }
}

/// One answer on its way.
#[derive(Clone, Debug)]
pub struct Stream {
    blocks: Blocks,
    /// What came and is in no block yet.
    text: String,
    /// How much came, in bytes.
    received: usize,
    /// Whether anything left.
    begun: bool,
    /// Blocks that wait for more.
    waiting: String,
    due: Option<Timestamp>,
}

impl Stream {
    /// An answer of which nothing is known.
    pub fn new(blocks: Blocks) -> Self {
        let (text, waiting) = (String::new(), String::new());
        Self { blocks, text, received: 0, begun: false, waiting, due: None }
    }

    /// More of the answer came: the messages that leave now.
    pub fn push(&mut self, now: Timestamp, delta: &str) -> Vec<String> {
        self.text.push_str(delta);
        self.received += delta.len();
        let mut ready = Vec::new();
        if self.blocks.at == BreakAt::Message || (!self.begun && silence::may_be_silent(&self.text))
        {
            return ready;
        }
        while let Some(block) = self.next_block() {
            self.begun = true;
            self.gather(now, block, &mut ready);
        }
        ready
    }

    /// The answer is complete: the messages that were not sent yet. None of them if it is silent or empty.
    pub fn finish(mut self, whole: &str) -> Vec<String> {
        // What came last may have been lost on its way here; the answer itself is not.
        self.text.push_str(whole.get(self.received..).unwrap_or_default());
        let rest = silence::said(&self.text).unwrap_or_default().to_owned();
        let waited = std::mem::take(&mut self.waiting);
        self.text = match (waited.is_empty(), rest.trim().is_empty()) {
            (true, _) => rest,
            (false, true) => waited,
            (false, false) => waited + self.blocks.prefer.joiner() + rest.trim_start(),
        };
        let mut ready = Vec::new();
        // A rest that is too long leaves as it would have before.
        while self.text.chars().count() > self.blocks.chars_max
            && let Some(block) = self.next_block()
        {
            ready.push(block);
        }
        ready.push(self.text);
        ready.retain(|it| !it.trim().is_empty());
        ready
    }

    /// Whether anything of it left already.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// When [`Stream::take_due`] has something, if ever.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.due
    }

    /// No block came for long enough: what waited leaves, if it is long enough.
    pub fn take_due(&mut self, now: Timestamp) -> Option<String> {
        self.due.filter(|due| *due <= now)?;
        self.due = None;
        let chars_min = self.blocks.coalesce.map_or(0, |it| it.chars_min);
        let is_enough = self.waiting.chars().count() >= chars_min;
        is_enough.then(|| std::mem::take(&mut self.waiting)).filter(|it| !it.is_empty())
    }

    fn gather(&mut self, now: Timestamp, block: String, ready: &mut Vec<String>) {
        let Some(coalesce) = self.blocks.coalesce else { return ready.push(block) };
        let joiner = self.blocks.prefer.joiner();
        let length = self.waiting.chars().count() + joiner.len() + block.chars().count();
        if !self.waiting.is_empty() && length > coalesce.chars_max {
            ready.push(std::mem::take(&mut self.waiting));
        }
        if !self.waiting.is_empty() {
            self.waiting.push_str(joiner);
        }
        self.waiting.push_str(&block);
        self.due = Some(now + coalesce.idle);
    }

    fn next_block(&mut self) -> Option<String> {
        let Blocks { chars_min, chars_max, prefer, .. } = self.blocks;
        let held = silence::held_back(&self.text);
        let usable = self.text.split_at(self.text.len() - held).0;
        let length = usable.chars().count();
        if length < chars_min.max(1) {
            return None;
        }
        let window = byte_of(usable, chars_max);
        let from = byte_of(usable, chars_min);
        let is_full = length > chars_max;
        let cut = best_cut(usable, (from, window), prefer, is_full);
        let (block, rest) = match cut {
            Some(cut) => {
                let (block, rest) = self.text.split_at(cut);
                // A line's indentation is its own, the space behind a word is not.
                let rest = if rest.starts_with('\n') {
                    rest.trim_start_matches('\n')
                } else {
                    rest.trim_start()
                };
                (block.trim_end().to_owned(), rest.to_owned())
            }
            None if is_full => {
                let limit = u32::try_from(chars_max).ok().and_then(|it| Utf16Units::new(it).ok());
                chunk::first(&self.text, limit.unwrap_or(Utf16Units::MIN))
            }
            None => return None,
        };
        self.text = rest;
        Some(block)
    }
}

/// The place of a character, or the end.
fn byte_of(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}

/// The last place between `from` and `to` where the text may be parted: at the preferred kind of break or a better one;
/// at the next worse one, if it must be.
fn best_cut(text: &str, within: (usize, usize), prefer: Break, must: bool) -> Option<usize> {
    let mut best = Best { within, prefer, found: None };
    let mut fence: Option<Fence<'_>> = None;
    let mut start = 0;
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let after = match fence {
            Some(open) => (!open.is_closed_by(line)).then_some(open),
            None => Fence::opened_by(line, usize::MAX),
        };
        if fence.is_none() && after.is_none() {
            best.consider_words(line, start);
        }
        let end = start + line.len();
        // The last line may still grow, and its fence may be no fence.
        if let Some(next) = lines.peek().filter(|_| after.is_none()) {
            let is_whole = end + 1 + next.len() < text.len();
            let is_blank = next.trim().is_empty() && is_whole;
            best.consider(if is_blank { Break::Paragraph } else { Break::Newline }, end);
        }
        (fence, start) = (after, end + 1);
        if start > within.1 {
            break;
        }
    }
    best.found.filter(|(kind, _)| must || *kind <= prefer).map(|(_, at)| at)
}

/// The best place so far.
struct Best {
    within: (usize, usize),
    prefer: Break,
    found: Option<(Break, usize)>,
}

impl Best {
    /// Better kinds than the preferred one are as good as that; of equal ones the last wins.
    fn consider(&mut self, kind: Break, at: usize) {
        let kind = kind.max(self.prefer);
        let (from, to) = self.within;
        if (from..=to).contains(&at) && at > 0 && self.found.is_none_or(|(best, _)| kind <= best) {
            self.found = Some((kind, at));
        }
    }

    fn consider_words(&mut self, line: &str, start: usize) {
        let mut before = ' ';
        for (at, character) in line.char_indices() {
            if character.is_whitespace() {
                let ends = ".!?。！？".contains(before);
                self.consider(if ends { Break::Sentence } else { Break::Word }, start + at);
            }
            before = character;
        }
    }
}

#[cfg(test)]
mod tests;
