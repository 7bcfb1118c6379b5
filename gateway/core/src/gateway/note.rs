//! What the log is told.

use crate::{
    admission::Ignored,
    approval::Decision,
    egress::GivenUp,
    failover::Reason,
    gateway::failing::plainly,
    ids::{ApprovalId, JobId, MessageId, ModelId, ProfileId, RunId},
    origin::Route,
    run::ModelFailure,
    session_key::SessionKey,
    time::Millis,
    tools::{ServerName, Ticket, ToolName},
};

/// What an operator would want to read in the log. No note holds a message's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A redelivered message was not taken twice.
    Duplicate(MessageId),
    /// A message was not admitted.
    NotAdmitted(MessageId, Ignored),
    /// A run began to talk to its model.
    RunStarted(RunId, SessionKey),
    /// A run's request failed, of this model with this credential and for this reason.
    RequestFailed(RunId, (ModelId, ProfileId), Reason),
    /// This credential is not asked for this model for so long.
    CredentialRests((ModelId, ProfileId), Millis),
    /// A run makes the same request again after so long.
    RetriesIn(RunId, Millis),
    /// A run ended with an answer.
    RunAnswered(RunId),
    /// A run ended without one.
    RunFailed(RunId, RunFailure),
    /// A run was aborted by `/stop`, `/new`, `/reset` or an interrupting message.
    RunAborted(RunId),
    /// A piece of an answer will never be visible.
    SendGivenUp(Route, GivenUp),
    /// A route's line was full, so a text was not sent.
    OutboxFull(Route),
    /// A server told which tools it has, so many.
    ToolsListed(ServerName, usize),
    /// A run's model asked for a tool.
    ToolCalled(Ticket, ToolName),
    /// A call waits for somebody's decision.
    ApprovalAsked(ApprovalId),
    /// It does not any more: what was decided, if anything.
    ApprovalEnded(ApprovalId, Option<Decision>),
    /// A sub-agent was started, in this session.
    SubagentStarted(SessionKey),
    /// A cron job that was due did not run.
    CronSkipped(JobId, CronSkipped),
    /// A cron job announces what it says, and nobody has spoken to its agent yet.
    CronHasNoChat(JobId),
}

/// Why a cron job did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronSkipped {
    /// Its session is still busy.
    #[error("its session is still busy")]
    Busy,
    /// Nobody has spoken in the main session, so nobody would read it.
    #[error("nobody has written in its agent's main session yet")]
    NoChat,
}

/// Why a run has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunFailure {
    /// The model request failed.
    #[error("{}", told(*.0, *.1))]
    Model(Reason, ModelFailure),
    /// Nothing is left that could be asked: why the last request failed, if one was made, and when something can be
    /// asked again.
    #[error("{}", exhaustion(*.last, *.ready_in))]
    Exhausted {
        /// Why the last request failed.
        last: Option<(Reason, ModelFailure)>,
        /// In how long the first of what rests can be asked.
        ready_in: Option<Millis>,
    },
    /// The run took longer than it may.
    #[error("the run took longer than it may")]
    Timeout,
    /// The model asked for more tools than a run may.
    #[error("the model asked for more than {0} tools in one turn")]
    TooManyTools(u32),
}

/// One plain sentence's worth, without a word of the provider's own.
fn told(reason: Reason, failure: ModelFailure) -> String {
    use ModelFailure::{
        BrokenOff, EndedEarly, InStream, Malformed, NotConfigured, Silent, Stalled, Status,
        TooLong, TooSlow, Unreachable,
    };
    match (reason, failure) {
        // What the gateway saw itself says more than a reason.
        (
            _,
            NotConfigured | TooLong | Unreachable | BrokenOff | Malformed | Silent | Stalled
            | TooSlow,
        )
        | (Reason::Timeout, InStream | EndedEarly) => failure.to_string(),
        // A router in between says of a provider behind it that it failed.
        (Reason::Timeout, Status(400 | 500..504)) => Reason::ServerError.told().to_owned(),
        _ => reason.told().to_owned(),
    }
}

fn exhaustion(last: Option<(Reason, ModelFailure)>, ready_in: Option<Millis>) -> String {
    let why = last.map_or_else(
        || "every model rests after earlier failures".to_owned(),
        |(reason, failure)| told(reason, failure),
    );
    match ready_in {
        Some(span) => format!("{why}, and can be asked again in {}", plainly(span)),
        None => why,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::{failover::classify::classify, run::ModelFailed};

    /// What no person may read: a provider's own words.
    const INTERNAL: &str = "sk-canary-4711 in shard 9 of pool-b";

    fn failed(failure: ModelFailure, code: &str, words: &str) -> ModelFailed {
        let words = format!("{words} {INTERNAL}");
        ModelFailed { code: code.to_owned(), words, ..failure.into() }
    }

    #[test]
    fn a_person_reads_one_plain_sentence_for_each_shape_of_failure() {
        use ModelFailure::{
            BrokenOff, EndedEarly, InStream, Malformed, NotConfigured, Silent, Stalled, Status,
            TooLong, TooSlow, Unreachable,
        };
        let shapes = [
            (Status(400), "invalid_request_error", "messages: tool ids must match"),
            (Status(400), "", "Provider returned error"),
            (Status(400), "context_length_exceeded", ""),
            (Status(400), "model_not_supported", ""),
            (Status(400), "content_policy_violation", ""),
            (Status(401), "invalid_api_key", "Incorrect API key provided"),
            (Status(401), "", "This key was revoked"),
            (Status(402), "", "Insufficient credits"),
            (Status(402), "", "Weekly usage limit reached"),
            (Status(404), "model_not_found", ""),
            (Status(408), "", ""),
            (Status(413), "request_too_large", ""),
            (Status(429), "rate_limit_error", ""),
            (Status(429), "insufficient_quota", ""),
            (Status(500), "", ""),
            (Status(502), "", "Bad gateway"),
            (Status(504), "", ""),
            (Status(524), "", ""),
            (Status(529), "overloaded_error", "Overloaded"),
            (InStream, "overloaded_error", "Overloaded"),
            (InStream, "api_error", "Internal server error"),
            (EndedEarly, "network_error", ""),
            (EndedEarly, "content_filter", ""),
            (Unreachable, "", ""),
            (BrokenOff, "", ""),
            (Malformed, "", ""),
            (TooLong, "", ""),
            (Silent, "", ""),
            (Stalled, "", ""),
            (TooSlow, "", ""),
            (NotConfigured, "", ""),
        ];
        let mut table = String::new();
        for (failure, code, words) in shapes {
            let reason = classify(failed(failure, code, words).seen());
            let sentence = RunFailure::Model(reason, failure).to_string();
            assert!(!sentence.contains(['\n', '.', '{']), "one sentence: {sentence}");
            assert!(
                INTERNAL.split(' ').filter(|it| it.len() > 2).all(|it| !sentence.contains(it)),
                "nothing of the provider's: {sentence}"
            );
            let last = Some((reason, failure));
            let exhausted =
                RunFailure::Exhausted { last, ready_in: Some(Millis::from_s(60)) }.to_string();
            assert_eq!(exhausted, format!("{sentence}, and can be asked again in 60 seconds"));
            let shape = format!("{failure:?} {code}");
            writeln!(table, "{:<40} {:<16} {sentence}", shape.trim(), reason.name())
                .expect("a text");
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_turn_in_which_nothing_was_asked_says_so() {
        let rest = RunFailure::Exhausted { last: None, ready_in: Some(Millis::from_s(300)) };
        let expected =
            "every model rests after earlier failures, and can be asked again in 5 minutes";
        assert_eq!(rest.to_string(), expected);
    }
}
