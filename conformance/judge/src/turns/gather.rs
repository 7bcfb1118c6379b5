//! One pass over the channels' facts, then one over the providers'.

use std::collections::BTreeMap;

use super::{
    Appearance, Delivery, End, Message, Moment, Renewal, Request, Turns,
    newness::{Asker, Newness},
};
use crate::{
    context::Context,
    trace::{Fact, Kind, ModelOutcome, Place, ToolOutcome, Trace},
};

pub(super) fn gather(trace: &Trace, context: &Context) -> Turns {
    let mut turns = Turns::default();
    gather_messages(trace, &mut turns);
    gather_sends(trace, &mut turns);
    gather_requests(trace, context, &mut turns);
    gather_abandoned_calls(trace, &mut turns);
    turns.renewals = trace.facts.iter().filter_map(renewal).collect();
    turns
}

fn renewal(fact: &Fact) -> Option<Renewal> {
    let Kind::Refresh { credential, outcome, .. } = &fact.kind else { return None };
    Some(Renewal { at: moment(fact), credential: credential.clone(), outcome: *outcome })
}

fn gather_abandoned_calls(trace: &Trace, turns: &mut Turns) {
    let mut started = BTreeMap::new();
    for fact in &trace.facts {
        match &fact.kind {
            Kind::ToolCalled { call, .. } => {
                started.insert(*call, fact.seq);
                turns.calls.push(fact.seq);
            }
            Kind::ToolEnded { call, outcome: ToolOutcome::Abandoned, .. } => {
                turns.abandoned_calls.extend(started.get(call));
            }
            _ => {}
        }
    }
}

fn moment(fact: &Fact) -> Moment {
    Moment { seq: fact.seq, at_us: fact.at_us }
}

fn gather_messages(trace: &Trace, turns: &mut Turns) {
    for fact in &trace.facts {
        match &fact.kind {
            Kind::Inbound { message, .. } => match turns.by_name.get(message) {
                Some(&known) => turns.messages[known].inbound.push(moment(fact)),
                None => note_message(fact, turns),
            },
            Kind::Fetched { message } => {
                if let Some(known) = named(turns, message) {
                    known.fetched.push(moment(fact));
                }
            }
            Kind::Acknowledged { message } => {
                if let Some(known) = named(turns, message) {
                    known.acknowledged.push(moment(fact));
                }
            }
            _ => {}
        }
    }
}

fn named<'a>(turns: &'a mut Turns, message: &str) -> Option<&'a mut Message> {
    turns.by_name.get(message).map(|&it| &mut turns.messages[it])
}

fn note_message(fact: &Fact, turns: &mut Turns) {
    let Kind::Inbound { message, chat, place, sender, platform_id, text, canary, images } =
        &fact.kind
    else {
        return;
    };
    turns.by_name.insert(message.clone(), turns.messages.len());
    turns.messages.push(Message {
        name: message.clone(),
        chat: chat.clone(),
        place: place.clone(),
        sender: sender.clone(),
        platform_id: platform_id.clone(),
        text: text.clone(),
        canary: canary.clone(),
        images: images.clone(),
        inbound: vec![moment(fact)],
        fetched: Vec::new(),
        acknowledged: Vec::new(),
    });
}

/// A platform numbers messages by chat, and an edit need not repeat the thread.
type DeliveryKey<'a> = (&'a str, &'a str, &'a str, &'a str);

fn delivery_key<'a>(place: &'a Place, platform_id: &'a str) -> DeliveryKey<'a> {
    (&place.channel, &place.account, &place.peer, platform_id)
}

fn gather_sends(trace: &Trace, turns: &mut Turns) {
    let mut known: BTreeMap<DeliveryKey, usize> = BTreeMap::new();
    for fact in &trace.facts {
        match &fact.kind {
            Kind::Sent { place, platform_id, text, reply_to, images } => {
                known.insert(delivery_key(place, platform_id), turns.sends.len());
                turns.sends.push(Delivery {
                    at: moment(fact),
                    place: place.clone(),
                    platform_id: platform_id.clone(),
                    text: text.clone(),
                    reply_to: reply_to.clone(),
                    images: images.clone(),
                    edits: Vec::new(),
                    deleted: None,
                });
            }
            Kind::Edited { place, platform_id, text } => {
                if let Some(&index) = known.get(&delivery_key(place, platform_id)) {
                    turns.sends[index].edits.push((moment(fact), text.clone()));
                }
            }
            Kind::Deleted { place, platform_id } => {
                if let Some(&index) = known.get(&delivery_key(place, platform_id)) {
                    turns.sends[index].deleted = Some(moment(fact));
                }
            }
            _ => {}
        }
    }
}

fn gather_requests(trace: &Trace, context: &Context, turns: &mut Turns) {
    let mut newness = Newness::of(&turns.messages);
    for (index, fact) in trace.facts.iter().enumerate() {
        match &fact.kind {
            Kind::ModelRequest { model, credential, .. } => {
                let asker = context.configuration.asker(credential, model);
                note_request((index, fact), &asker, turns, &mut newness);
            }
            Kind::ModelEnd { request, outcome } => note_end(*request, fact, outcome, turns),
            _ => {}
        }
    }
}

fn note_request(
    (fact_index, fact): (usize, &Fact),
    asker: &Asker,
    turns: &mut Turns,
    newness: &mut Newness,
) {
    let Kind::ModelRequest { request, chat, call, provider, model, credential, prompt, tools: _ } =
        &fact.kind
    else {
        return;
    };
    let index = turns.requests.len();
    let content = newness.judge(moment(fact), (prompt, asker), turns);
    for (message, &times) in &content.risen {
        turns
            .appearances
            .entry(message.clone())
            .or_default()
            .push(Appearance { request: index, times });
    }
    turns.by_number.insert(*request, index);
    turns.requests.push(Request {
        number: *request,
        start: moment(fact),
        end: None,
        chat: chat.clone(),
        call: *call,
        provider: provider.clone(),
        model: model.clone(),
        credential: credential.clone(),
        new: content.new,
        history: content.history,
        counts: content.counts,
        anywhere: content.anywhere,
        predecessor: content.predecessor,
        newest_text: content.newest_text,
        tool_results: prompt.iter().filter(|it| it.role == "tool").count(),
        before_new: content.before_new,
        fact: fact_index,
    });
}

fn note_end(number: u64, fact: &Fact, outcome: &ModelOutcome, turns: &mut Turns) {
    if let Some(&index) = turns.by_number.get(&number) {
        turns.requests[index].end = Some(End { at: moment(fact), outcome: outcome.clone() });
    }
}
