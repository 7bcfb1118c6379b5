//! I14, bounded work: what fails is tried again so often and no more, and nothing answers itself.

use std::collections::BTreeMap;

use super::{conversations::Conversations, merged};
use crate::{
    context::Context,
    phrase::{self, count, quote, seconds},
    plain::plain,
    profile,
    trace::{Kind, Place, Saw, Trace},
    turns::{Message, Moment, Request, Turns},
    verdict::Verdict,
};

/// After so long in silence a clock may have begun the turn, and not the failure before it, in microseconds.
const CLOCK_US: i64 = 60_000_000;

/// For one cause, one model and credential of a conversation is asked at most as often as the profile allows, and so is
/// one text shown at one place. A cause is a message that may be admitted, what an operator asked, a tool's call, a start of the
/// gateway or, for texts, each time that a model said them.
///
/// Exercised by requests that repeat a failed one, or one that was answered word by word, or tell a model its own last
/// answer, with nothing new in them; and by texts that were refused and came again. Not judged are requests that follow an
/// answer with other words (what one agent or job makes of another's answer), those that are repeated after a minute of
/// silence, which a clock may have begun, and how fast one try follows another: what a provider or platform asks for, others judge.
pub(super) fn check(trace: &Trace, turns: &Turns, context: &Context) -> Verdict {
    let Some(profile) = profile::named(&context.profile) else {
        let why = format!("profile {} declares no bound", context.profile);
        return Verdict::NotApplicable { why };
    };
    let work = Work { trace, turns, causes: causes(trace), tries_max: profile.tries_max };
    let conversations = Conversations::of(turns, context);
    let is_admitted = |it: &&Message| !context.unadmitted.contains(&it.name);
    let all = conversations.all().into_values().map(|requests| {
        let home = requests.iter().find_map(|it| conversations.home(*it));
        let written = home.into_iter().flat_map(|it| conversations.messages(it));
        let fetched = written.filter(is_admitted).flat_map(|it| &it.fetched).copied();
        work.judge_requests(&requests, &fetched.collect::<Vec<_>>())
    });
    let findings: Vec<Verdict> = all.chain(work.judge_texts()).collect();
    merged(findings, "nothing that failed was tried again")
}

struct Work<'a> {
    trace: &'a Trace,
    turns: &'a Turns,
    /// What makes a gateway work, beside messages.
    causes: Vec<Moment>,
    tries_max: usize,
}

fn moment(fact: &crate::trace::Fact) -> Moment {
    Moment { seq: fact.seq, at_us: fact.at_us }
}

fn causes(trace: &Trace) -> Vec<Moment> {
    let is_cause = |kind: &Kind| match kind {
        Kind::GatewayStarted | Kind::OperatorCalled { .. } | Kind::ToolCalled { .. } => true,
        Kind::Operator(it) => matches!(it.saw, Saw::Asked { .. }),
        _ => false,
    };
    trace.facts.iter().filter(|it| is_cause(&it.kind)).map(moment).collect()
}

type Candidate<'a> = (&'a str, &'a str, &'a str);

fn candidate(request: &Request) -> Candidate<'_> {
    (&request.provider, &request.model, &request.credential)
}

impl Work<'_> {
    /// The requests of one conversation, and when messages were fetched that may have begun its turns.
    fn judge_requests(&self, requests: &[usize], fetched: &[Moment]) -> Verdict {
        let mut tries: BTreeMap<Candidate, Vec<&Request>> = BTreeMap::new();
        let mut again = Vec::new();
        let mut before: Option<Moment> = None;
        for &index in requests {
            let request = &self.turns.requests[index];
            let is_since =
                |it: &Moment| before.is_none_or(|before| *it > before) && *it < request.start;
            let is_caused = fetched.iter().chain(&self.causes).any(is_since);
            before = Some(request.start);
            if is_caused || !self.repeats(index) {
                tries.clear();
            } else {
                again.push(request.start.seq);
            }
            let same = tries.entry(candidate(request)).or_default();
            same.push(request);
            if same.len() > self.tries_max {
                return self.too_many_requests(same);
            }
        }
        Verdict::pass_or_vacuous(again, "no request was made again")
    }

    /// Whether nothing but a failure, or its own answer, shows as what a request is made for.
    fn repeats(&self, index: usize) -> bool {
        let request = &self.turns.requests[index];
        let Some(before) = request.predecessor.map(|it| &self.turns.requests[it]) else {
            return false;
        };
        if !request.new.is_empty() || self.turns.tools_ran(index) {
            return false;
        }
        let Some(end) = before.end.as_ref().filter(|it| it.at <= request.start) else {
            return false;
        };
        let is_soon = request.start.at_us.saturating_sub(end.at.at_us) < CLOCK_US;
        let Some(answer) = before.completed_answer().map(plain) else { return is_soon };
        let is_same = || {
            let length = |it: &Request| it.prompt(self.trace).len();
            request.newest_text == before.newest_text && length(request) == length(before)
        };
        let is_echo =
            || !answer.trim().is_empty() && plain(&request.newest_text).contains(answer.trim());
        is_soon && is_same() || is_echo()
    }

    fn too_many_requests(&self, same: &[&Request]) -> Verdict {
        let (provider, model, credential) = candidate(same[0]);
        let expected = format!(
            "`{provider}/{model}` asked with `{credential}` {} at most, where nothing new is to be said",
            count(self.tries_max, "time")
        );
        let (first, last) = (same[0].start, same[same.len() - 1].start);
        let observed = format!(
            "asked {} from {} to {}",
            count(same.len(), "time"),
            seconds(first.at_us),
            seconds(last.at_us)
        );
        Verdict::fail(expected, observed, same.iter().map(|it| it.start.seq).collect())
    }

    /// Each text at each place, as often as the gateway tried to show it there.
    fn judge_texts(&self) -> Vec<Verdict> {
        let mut shown: BTreeMap<(&Place, &str), (bool, Vec<Moment>)> = BTreeMap::new();
        for fact in &self.trace.facts {
            let (place, text, is_refused) = match &fact.kind {
                Kind::Sent { place, text, .. } => (place, text, false),
                Kind::Refused { place: Some(place), text, .. } => (place, text, true),
                _ => continue,
            };
            let (was_refused, times) = shown.entry((place, text)).or_default();
            *was_refused |= is_refused;
            times.push(moment(fact));
        }
        let several = shown.into_iter().filter(|(_, (_, times))| times.len() > 1);
        several.map(|(at, (was_refused, times))| self.judge_text(at, was_refused, &times)).collect()
    }

    fn judge_text(
        &self,
        (place, text): (&Place, &str),
        was_refused: bool,
        times: &[Moment],
    ) -> Verdict {
        let tries_max = self.tries_max.saturating_mul(self.causes_of(place, text).max(1));
        let witnesses = || times.iter().map(|it| it.seq).collect();
        if times.len() > tries_max {
            let at = phrase::place(place);
            let times_max = count(tries_max, "time");
            let expected = format!("{} tried at `{at}` {times_max} at most", quote(text));
            let observed = format!(
                "tried {} from {} to {}",
                count(times.len(), "time"),
                seconds(times[0].at_us),
                seconds(times[times.len() - 1].at_us)
            );
            return Verdict::fail(expected, observed, witnesses());
        }
        if was_refused {
            return Verdict::pass(witnesses());
        }
        Verdict::Vacuous { why: "nobody refused it".to_owned() }
    }

    /// What may have made the gateway show a text at a place: who wrote there, and the models that said it.
    fn causes_of(&self, place: &Place, text: &str) -> usize {
        let here = self.turns.messages.iter().filter(|it| it.place == *place);
        let written: usize = here.map(|it| it.fetched.len()).sum();
        let text = plain(text);
        let said = |it: &Request| match text.trim() {
            "" => 1,
            text => plain(it.answer()).matches(text).count(),
        };
        let said: usize = self.turns.requests.iter().map(said).sum();
        written + said + self.causes.len()
    }
}
