//! The one loop: it owns the core, performs its effects, and turns what comes of them into events.
//!
//! Everything slow is a task whose output is an event. Cancelling a model request drops its task, which closes its
//! connection; whatever it might have brought is recognised as late by the core.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use creel_core::{
    approval::Decision,
    gateway::{Effect, Event, Gateway, Note},
    ids::RunId,
    message::Inbound,
    time::{Millis, Now},
    tools::{ServerName, Ticket, ToolSpec},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, JoinSet},
};

use crate::{
    clock::Clock,
    control::{hub::Hub, metrics::Metrics},
    credentials::Keeper,
    net::Net,
    outside::Outside,
    providers::Parts,
};

/// How many inputs may wait for the loop. Channels wait when it is full, so nothing is lost.
const INBOX_MAX: usize = 256;

/// How many parts of answers may wait for the loop. Whoever reads an answer waits when it is full.
const PARTS_MAX: usize = 256;

/// What reaches the loop from channels and the control plane.
#[expect(
    clippy::large_enum_variant,
    reason = "an input is moved once; a box would cost an allocation a message"
)]
#[derive(Debug)]
pub enum Input {
    /// A message, and who waits for its adoption.
    Inbound(Inbound, oneshot::Sender<()>),
    /// A server tells which tools it has.
    ToolsListed(ServerName, Vec<ToolSpec>),
    /// An operator does something, or looks.
    Operate(Operation),
}

/// What an operator does: it runs on the loop, between two steps.
pub struct Operation(Box<Doing>);

type Doing = dyn FnOnce(&mut Gateway, Now, &mut Vec<Effect>) + Send;

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operation")
    }
}

/// The way into the loop.
#[derive(Clone, Debug)]
pub struct Inbox {
    inputs: mpsc::Sender<Input>,
    closing: watch::Receiver<bool>,
}

impl Inbox {
    /// Hands a message in, and returns when the gateway has adopted it; false if it never will.
    pub async fn adopt(&self, inbound: Inbound) -> bool {
        let (adopted, adoption) = oneshot::channel();
        self.inputs.send(Input::Inbound(inbound, adopted)).await.is_ok() && adoption.await.is_ok()
    }

    /// Tells which tools a server has.
    pub async fn list_tools(&self, server: ServerName, tools: Vec<ToolSpec>) {
        // An error means that the gateway is gone, and nobody will ask for them.
        _ = self.inputs.send(Input::ToolsListed(server, tools)).await;
    }

    /// Has the loop do something with the core, and says what came of it; none if the gateway is ending.
    pub async fn operate<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Gateway, Now, &mut Vec<Effect>) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let operation = Operation(Box::new(move |core, now, effects| {
            // Whoever asked may have gone; it is done all the same.
            _ = answer.send(operation(core, now, effects));
        }));
        self.inputs.send(Input::Operate(operation)).await.ok()?;
        answered.await.ok()
    }

    /// The same for somebody who cannot wait: it is not done if the loop has too much to do already, or is ending.
    pub fn operate_soon(
        &self,
        operation: impl FnOnce(&mut Gateway, Now, &mut Vec<Effect>) + Send + 'static,
    ) {
        _ = self.inputs.try_send(Input::Operate(Operation(Box::new(operation))));
    }

    /// The way to nobody: nothing is done, and the gateway ends when the second says so or is gone.
    #[cfg(test)]
    pub(crate) fn unheard() -> (Self, watch::Sender<bool>) {
        let (open, closing) = watch::channel(false);
        (Self { inputs: mpsc::channel(1).0, closing }, open)
    }

    /// Whether the gateway takes no more messages.
    pub fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Returns when the gateway takes no more messages.
    pub async fn closing(&self) {
        let mut closing = self.closing.clone();
        // An error means that the gateway is gone, which is as closed as can be.
        _ = closing.wait_for(|it| *it).await;
    }
}

/// The loop, with everything that it owns.
#[derive(Debug)]
pub struct Driver<N: Net> {
    core: Gateway,
    clock: Clock,
    outside: Arc<Outside<N>>,
    keeper: Keeper,
    hub: Hub,
    metrics: Metrics,
    inputs: mpsc::Receiver<Input>,
    closing: watch::Sender<bool>,
    tasks: JoinSet<Event>,
    /// Parts of answers, from whoever reads one to the loop.
    parts: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    model_tasks: BTreeMap<RunId, AbortHandle>,
    tool_tasks: BTreeMap<Ticket, AbortHandle>,
}

/// What was left when the loop ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Runs, and messages that waited for one.
    pub turns: usize,
    /// Pieces of answers that were not sent.
    pub sends: usize,
}

impl<N: Net> Driver<N> {
    /// A loop around `core`, and the way into it.
    pub fn new(
        core: Gateway,
        clock: Clock,
        (outside, keeper, hub): (Arc<Outside<N>>, Keeper, Hub),
    ) -> (Self, Inbox) {
        let (sender, inputs) = mpsc::channel(INBOX_MAX);
        let (closing, closing_seen) = watch::channel(false);
        let tasks = JoinSet::new();
        let parts = mpsc::channel(PARTS_MAX);
        let (model_tasks, tool_tasks) = (BTreeMap::new(), BTreeMap::new());
        let driver = Self {
            core,
            clock,
            outside,
            keeper,
            hub,
            metrics: Metrics::default(),
            inputs,
            closing,
            tasks,
            parts,
            model_tasks,
            tool_tasks,
        };
        (driver, Inbox { inputs: sender, closing: closing_seen })
    }

    /// Where it counts what it does.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Runs until `shutdown` returns, then takes nothing new and finishes what was adopted, within `drain_within`.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()>,
        drain_within: Duration,
    ) -> Unfinished {
        tokio::pin!(shutdown);
        let mut give_up_at = None;
        let mut effects = Vec::new();
        loop {
            let draining = give_up_at.is_some();
            if draining && self.core.unfinished() == (0, 0) {
                break;
            }
            let due = self.core.next_deadline();
            let event = tokio::select! {
                // A fixed order is part of determinism; completions first bounds the backlog.
                biased;
                // An answer's parts before its end.
                Some(part) = self.parts.1.recv() => part,
                Some(ended) = self.tasks.join_next() => match ended {
                    Ok(event) => event,
                    Err(error) if error.is_cancelled() => continue,
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
                Some(input) = self.inputs.recv() => {
                    // Whoever waits for an input that is not taken hears so at once, and not when the drain is over.
                    if !draining {
                        self.take(input, &mut effects);
                        self.perform(&mut effects);
                    }
                    continue;
                }
                () = self.clock.reach(due), if due.is_some() => Event::Tick,
                () = self.clock.reach(give_up_at), if draining => break,
                () = &mut shutdown, if !draining => {
                    // The receiver side may be gone; then there is nobody to tell.
                    _ = self.closing.send(true);
                    self.inputs.close();
                    give_up_at = Some(self.clock.now() + millis(drain_within));
                    Event::Closing
                }
            };
            self.metrics.event(&event);
            if let Event::ToolEnded { ticket, .. } = &event {
                self.tool_tasks.remove(ticket);
            }
            self.core.step(self.clock.both(), event, &mut effects);
            self.perform(&mut effects);
        }
        let (turns, sends) = self.core.unfinished();
        Unfinished { turns, sends }
    }

    fn take(&mut self, input: Input, effects: &mut Vec<Effect>) {
        let now = self.clock.both();
        match input {
            Input::Inbound(inbound, adopted) => {
                self.core.step(now, Event::Inbound(inbound), effects);
                // Whoever handed it in may be gone; it is adopted all the same.
                _ = adopted.send(());
            }
            Input::ToolsListed(server, tools) => {
                self.core.step(now, Event::ToolsListed(server, tools), effects);
            }
            Input::Operate(Operation(operation)) => {
                // What is due comes first, whatever woke the loop.
                self.core.step(now, Event::Tick, effects);
                operation(&mut self.core, now, effects);
            }
        }
    }

    fn perform(&mut self, effects: &mut Vec<Effect>) {
        let mut shown = Vec::new();
        for effect in effects.drain(..) {
            self.metrics.effect(&self.core, &effect);
            match effect {
                Effect::CallModel(request) => {
                    let (run, call) = (request.run, request.call);
                    let outside = self.outside.clone();
                    let parts =
                        request.deltas.then(|| Parts { run, call, to: self.parts.0.clone() });
                    let ask = async move {
                        let outcome = outside.ask(request, parts).await;
                        Event::ModelEnded { run, call, outcome }
                    };
                    self.model_tasks.insert(run, self.tasks.spawn(ask));
                }
                Effect::CancelModel(run) => {
                    if let Some(task) = self.model_tasks.remove(&run) {
                        task.abort();
                    }
                }
                Effect::CallTool(job) => {
                    let ticket = job.ticket;
                    let outside = self.outside.clone();
                    let call = async move {
                        let outcome = outside.call_tool(job).await;
                        Event::ToolEnded { ticket, outcome }
                    };
                    self.tool_tasks.insert(ticket, self.tasks.spawn(call));
                }
                Effect::CancelTools(run) => {
                    for (_, task) in self.tool_tasks.extract_if(.., |it, _| it.run == run) {
                        task.abort();
                    }
                }
                Effect::Send(outgoing) => {
                    let outside = self.outside.clone();
                    self.tasks.spawn(async move {
                        let send = outgoing.send;
                        let sent = outside.send(outgoing).await;
                        Event::SendEnded { send, sent }
                    });
                }
                Effect::ApprovalAsked(approval) => {
                    let (heard_by, words) = self.hub.ask(&approval);
                    shown.push(Event::ApprovalShown { id: approval.id, heard_by, words });
                }
                Effect::ApprovalEnded(ended) => self.hub.decided(&ended),
                Effect::KeepGrant(grant) => self.keeper.keep_grant(self.clock.both(), grant),
                Effect::Told(told) => self.hub.tell(*told),
                Effect::KeepHealth(kept) => self.keeper.keep(self.clock.both(), *kept),
                Effect::Note(note) => {
                    if let Note::RunAnswered(run) | Note::RunFailed(run, _) = note {
                        self.model_tasks.remove(&run);
                    }
                    log(&note);
                }
            }
        }
        // What was shown to nobody is over at once.
        for event in shown {
            self.core.step(self.clock.both(), event, effects);
        }
        if !effects.is_empty() {
            self.perform(effects);
        }
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::new(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn log(note: &Note) {
    match note {
        Note::Duplicate(message) => tracing::info!(%message, "redelivered, not taken twice"),
        Note::NotAdmitted(message, reason) => tracing::info!(%message, %reason, "not admitted"),
        Note::RunStarted(run, session) => tracing::info!(%run, %session, "run started"),
        Note::RunAnswered(run) => tracing::info!(%run, "run answered"),
        Note::RequestFailed(run, (model, profile), reason) => {
            tracing::warn!(%run, %model, %profile, reason = reason.name(), "model request failed");
        }
        Note::CredentialRests((model, profile), wait) => {
            tracing::warn!(%model, %profile, %wait, "credential rests");
        }
        Note::RetriesIn(run, wait) => tracing::info!(%run, %wait, "asked again later"),
        Note::RunFailed(run, why) => tracing::warn!(%run, %why, "run failed"),
        Note::RunAborted(run) => tracing::info!(%run, "run aborted"),
        Note::ToolsListed(server, count) => tracing::info!(%server, count, "tools listed"),
        Note::ToolCalled(ticket, tool) => tracing::info!(run = %ticket.run, %tool, "tool called"),
        Note::ApprovalAsked(id) => tracing::info!(%id, "a call waits for an approval"),
        Note::ApprovalEnded(id, decision) => {
            let decision = decision.map_or("none", Decision::name);
            tracing::info!(%id, decision, "an approval is over");
        }
        Note::SubagentStarted(session) => tracing::info!(%session, "sub-agent started"),
        Note::CronSkipped(job, why) => tracing::warn!(%job, %why, "a cron job did not run"),
        Note::CronHasNoChat(job) => {
            tracing::warn!(%job, "a cron job's answer is for the last chat, and there is none yet");
        }
        Note::SendGivenUp(route, why) => {
            tracing::error!(channel = %route.channel, peer = %route.peer.id, ?why, "a text was given up");
        }
        Note::OutboxFull(route) => {
            tracing::error!(channel = %route.channel, peer = %route.peer.id, "too many texts wait; one was not taken");
        }
    }
}
