//! `send`: a text to a chat of a channel, and what became of it.

use std::time::Duration;

use creel_core::{
    ids::MessageId,
    operator::{Addressee, Ended, Progress, Taken},
    profile::Version,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Outcome, Reply, deliver, refuse_given, refused};
use crate::control::{frame::ErrorShape, plane::Plane, schema};

/// How long the answer waits for the channel. A text that fails in passing is tried for longer.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// When it is worth asking again what became of it, in ms.
const ASK_AGAIN_MS: u64 = 5_000;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Send {
    #[schemars(length(min = 1))]
    to: String,
    message: Option<String>,
    #[schemars(length(min = 1, max = 256))]
    idempotency_key: String,
    channel: Option<String>,
    account_id: Option<String>,
    agent_id: Option<String>,
    session_key: Option<String>,
    thread_id: Option<String>,
    media_url: Option<String>,
    media_urls: Option<Vec<String>>,
    gif_playback: Option<bool>,
}

impl Send {
    /// Refuses what it asks for and this gateway cannot do.
    fn refuse_what_is_missing(&self) -> Result<(), ErrorShape> {
        let text = |it: &Option<String>| it.as_ref().is_some_and(|it| !it.trim().is_empty());
        let missing = [
            ("mediaUrl", text(&self.media_url)),
            ("mediaUrls", self.media_urls.as_ref().is_some_and(|it| !it.is_empty())),
            ("gifPlayback", self.gif_playback == Some(true)),
            ("threadId", text(&self.thread_id)),
        ];
        refuse_given(&missing, "this gateway sends texts to whole chats only here yet")?;
        let remembered =
            [("sessionKey", text(&self.session_key)), ("agentId", text(&self.agent_id))];
        refuse_given(&remembered, "no session remembers what is sent here yet")
    }
}

/// `send`: answered when the channel has taken the text or never will.
pub(super) async fn send(plane: &Plane, params: &Value) -> Reply {
    match sending(plane, params).await {
        Ok(reply) => reply,
        Err(error) => Reply::Now(Err(error)),
    }
}

async fn sending(plane: &Plane, params: &Value) -> Result<Reply, ErrorShape> {
    let asked: Send = schema::check(plane.facts.version, "send", params)?;
    asked.refuse_what_is_missing()?;
    let text = asked.message.filter(|it| !it.trim().is_empty());
    let text =
        text.ok_or_else(|| ErrorShape::invalid("invalid send params: expected a `message`"))?;
    let (channel, account) = (asked.channel.as_deref(), asked.account_id.as_deref());
    let addressed = deliver::addressed(&plane.facts, channel, account);
    let (channel, account) = addressed.map_err(ErrorShape::invalid)?;
    // Other requests have names of their own, whatever key they bear.
    let name = MessageId::new(&format!("send:{}", asked.idempotency_key)).expect("it has letters");
    let to = Addressee { channel: channel.clone(), account, chat: asked.to };
    let told = Told { run: asked.idempotency_key, channel, chat: to.chat.clone() };
    // Before it can end.
    let end = plane.hub.end_of(&name);
    let taken = plane
        .operate(move |core, now, effects| core.send_as_operator(now, (name, to), &text, effects));
    let taken = taken.await?.map_err(|it| refused(&it))?;
    if let Taken::Again { progress: Progress::Ended(end), .. } = taken {
        return Ok(Reply::Now(told.outcome(&end.how)));
    }
    let version = plane.facts.version;
    Ok(Reply::Later(Box::pin(async move {
        match timeout(ANSWERED_WITHIN, end).await {
            Ok(Ok(end)) => told.outcome(&end.how),
            Ok(Err(_)) => Err(ErrorShape::unavailable("the gateway is ending")),
            Err(_) => Err(still_waits(version)),
        }
    })))
}

/// What the answer repeats of the request.
struct Told {
    run: String,
    channel: String,
    chat: String,
}

impl Told {
    /// The answer: what the channel calls the message, or why it did not take it.
    fn outcome(&self, how: &Ended) -> Outcome {
        let Self { run, channel, chat } = self;
        match how {
            Ended::Answered(message) => {
                let mut sent = json!({ "runId": run, "messageId": &**message, "channel": channel });
                if channel == "telegram" {
                    sent["chatId"] = json!(chat);
                }
                Ok(sent)
            }
            Ended::Failed(why) => Err(ErrorShape::unavailable(&**why)),
            Ended::Aborted => Err(ErrorShape::unavailable("it was called off")),
        }
    }
}

/// The channel has not taken the text yet, and it goes on being tried.
fn still_waits(version: Version) -> ErrorShape {
    let why = format!(
        "the channel has not taken it within {} s; it goes on being tried: ask again with the same key",
        ANSWERED_WITHIN.as_secs()
    );
    let error = ErrorShape::unavailable(why).retry_after_ms(ASK_AGAIN_MS);
    match version {
        Version::V2026_3 => error,
        Version::V2026_9 => error.with_details(json!({ "code": "OUTBOUND_DELIVERY_QUEUED" })),
    }
}
