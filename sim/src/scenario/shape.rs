//! What a scenario file may look like, for the parser and for editors.

mod model;
mod operators;
mod picture;
mod words;

use creel_document::shape::{Case, Field, Shape};
use creel_judge::words::FactName;

/// The profiles that a scenario may name, and runs under if it names none.
pub(super) const PROFILES: &[&str] = &["2026.3", "2026.9"];

/// How many bytes a message may be padded to: 2 MiB.
const PADDED_BYTES_MAX: i64 = 1 << 21;

/// The facts that words can name, as the trace writes them.
pub(super) const FACTS: [(&str, FactName); 20] = [
    ("inbound", FactName::Inbound),
    ("fetched", FactName::Fetched),
    ("acknowledged", FactName::Acknowledged),
    ("sent", FactName::Sent),
    ("edited", FactName::Edited),
    ("deleted", FactName::Deleted),
    ("refused", FactName::Refused),
    ("model-request", FactName::ModelRequest),
    ("model-end", FactName::ModelEnd),
    ("tool-called", FactName::ToolCalled),
    ("tool-ended", FactName::ToolEnded),
    ("operator-called", FactName::OperatorCalled),
    ("refresh", FactName::Refresh),
    ("operator-connected", FactName::OperatorConnected),
    ("operator-refused", FactName::OperatorRefused),
    ("operator-asked", FactName::OperatorAsked),
    ("operator-answered", FactName::OperatorAnswered),
    ("operator-part", FactName::OperatorPart),
    ("operator-event", FactName::OperatorEvent),
    ("operator-closed", FactName::OperatorClosed),
];

const FACT_NAMES: [&str; FACTS.len()] = {
    let mut names = [""; FACTS.len()];
    let mut index = 0;
    while index < FACTS.len() {
        names[index] = FACTS[index].0;
        index += 1;
    }
    names
};

/// What a scenario file may look like, for `creel schema`. A scenario that has this shape can still be refused: for names
/// that it does not define, or times that run backwards.
pub fn shape() -> &'static Shape {
    &SCENARIO
}

static SCENARIO: Shape = Shape::record(&[
    Field::required(
        "id",
        &Shape::Text,
        "`<area>/<fact-it-shows>`, equal to the file's path below `scenarios/`.",
    ),
    Field::required("title", &Shape::Text, "The fact, as a sentence."),
    Field::optional(
        "bugs",
        &TEXTS,
        "Rows of the public bug corpus that it reproduces, for example `Q-01`.",
    ),
    Field::optional(
        "covers",
        &TEXTS,
        "The requirements that every expectation judges which names none of its own, for example `QUE-003`.",
    ),
    Field::optional(
        "profiles",
        &Shape::ListOf(&Shape::OneOf(PROFILES)),
        "The contract profiles that it holds for, in quotes. It runs once for each. Default: all.",
    ),
    Field::optional(
        "gateway",
        &Shape::MapOf(&Shape::Any),
        "Gateway configuration in OpenClaw's keys, merged over the harness's base. A null takes a key of the base out.",
    ),
    Field::optional(
        "state",
        &Shape::MapOf(&Shape::Any),
        "Files of the gateway's state folder, as JSON, by their path below it, such as `cron/jobs.json`.",
    ),
    Field::required("chats", &Shape::MapOf(&CHAT), "The chats, by a name of your choice."),
    Field::optional(
        "model",
        &Shape::MapOf(&Shape::ListOf(&model::ANSWER)),
        "What the model answers: by chat, then by call. `untagged` answers requests without a message of the scenario.",
    ),
    Field::optional(
        "providers",
        &Shape::MapOf(&model::PROVIDER),
        "Providers beside the base's `openai`: their credentials, their models, and what they answer whom.",
    ),
    Field::optional(
        "tools",
        &Shape::MapOf(&Shape::MapOf(&Shape::ListOf(&TOOL_ANSWER))),
        "Servers of tools: by server, then by tool, then by call. The gateway is configured with them.",
    ),
    Field::optional(
        "hints",
        &Shape::MapOf(&Shape::MapOf(&Shape::MapOf(&Shape::Any))),
        "What servers say of their tools: by server, then by tool, as `{ readOnlyHint: true }`.",
    ),
    Field::optional(
        "images",
        &Shape::MapOf(&TEXTS),
        "The pictures in an agent's folder: `cat` is `cat.png`.",
    ),
    Field::optional(
        "platform",
        &Shape::MapOf(&Shape::ListOf(&SEND_FAULT)),
        "What the platform does with the gateway's sends: by chat, then by send. Sends beyond the list are accepted.",
    ),
    Field::optional("network", &NETWORK, "The simulated network."),
    Field::optional("clock", &CLOCK, "What clocks and calendars show."),
    Field::required("steps", &Shape::ListOf(&STEP), "What happens, in order of time."),
    Field::optional(
        "sweep",
        &SWEEP,
        "Runs the scenario again with messages moved, for what turns on one instant.",
    ),
    Field::optional(
        "permute",
        &TEXTS,
        "Runs the scenario in every order of these messages: they exchange their times.",
    ),
    Field::optional(
        "lasts",
        &Shape::Duration,
        "How long the run lasts at the least, since zero. Default: `0s`.",
    ),
    Field::optional(
        "settle",
        &Shape::Duration,
        "How long nothing may happen before the run is over. Default: `3s`.",
    ),
    Field::optional(
        "virtual_only",
        &Shape::Text,
        "Why it cannot be run on a real clock, if it cannot.",
    ),
    Field::required("expect", &Shape::ListOf(&words::WORD), "What must be seen."),
    Field::optional("control", &CONTROL, "The edit that must make named checks fail."),
]);

static SWEEP: Shape = Shape::record(&[
    Field::required("move", &TEXT_OR_TEXTS, "The messages that are moved to later times."),
    Field::required("by", &Shape::Duration, "By how much at the most."),
    Field::required("every", &Shape::Duration, "By how much more from variant to variant."),
]);

static TEXTS: Shape = Shape::ListOf(&Shape::Text);
static TEXT_OR_TEXTS: Shape = Shape::Either(&[Shape::Text, TEXTS_BY_VALUE]);
const TEXTS_BY_VALUE: Shape = Shape::ListOf(&Shape::Text);
static COUNT: Shape = Shape::Integer { min: 1, max: i64::MAX };
static ERROR_STATUS: Shape = Shape::Integer { min: 400, max: 599 };
static DURATIONS: Shape = Shape::ListOf(&Shape::Duration);

/// The channels that have a twin.
const CHANNELS: &[&str] = &["telegram", "discord", "irc", "slack", "webhook", "whatsapp"];

static CHAT: Shape = Shape::Choice {
    common: &[
        Field::optional("channel", &Shape::OneOf(CHANNELS), "The channel. Default: `telegram`."),
        Field::optional(
            "account",
            &Shape::Text,
            "The account: a key of `channels.<channel>.accounts`. Default: `default`.",
        ),
        Field::optional(
            "name",
            &Shape::Text,
            "The name that the webhook's caller gives the person. Default: `User` and the id.",
        ),
    ],
    cases: &[
        Case::new("dm", &Shape::Text, "A direct chat: the person's id, in quotes."),
        Case::new("group", &Shape::Text, "A group: its id, in quotes.").with(&[
            Field::optional(
                "topic",
                &Shape::Text,
                "The topic's id, in quotes, if the group has topics.",
            ),
            SENDER,
        ]),
        Case::new("room", &Shape::Text, "A room of a guild or team: its id, in quotes.").with(&[
            Field::optional("thread", &Shape::Text, "The thread's id, in quotes."),
            Field::optional("guild", &Shape::Text, "The Discord guild's id, in quotes."),
            Field::optional("team", &Shape::Text, "The Slack team's id, in quotes."),
            Field::optional("roles", &TEXTS_BY_VALUE, "The sender's Discord roles."),
            SENDER,
        ]),
    ],
};

const SENDER: Field =
    Field::required("sender", &Shape::Text, "The id of the person who writes, in quotes.");

static TOOL_ANSWER: Shape = Shape::Choice {
    common: &[
        Field::optional("after", &Shape::Duration, "How long the tool takes. Default: `0s`."),
        Field::optional(
            "padded_to",
            &Shape::Integer { min: 1, max: PADDED_BYTES_MAX },
            "The text is repeated up to this many bytes.",
        ),
    ],
    cases: &[
        Case::new("result", &Shape::Text, "It answers this text."),
        Case::new("error", &Shape::Text, "It answers this error."),
        Case::new("hang", &Shape::True, "It never answers."),
    ],
};

static SEND_FAULT: Shape = Shape::variant(&[
    Case::new("accept", &Shape::True, "The platform accepts the send."),
    Case::new("slow", &Shape::Duration, "It accepts the send, and answers only after a while."),
    Case::new("refuse", &ERROR_STATUS, "It refuses the send with this status.").with(&[
        Field::optional(
            "retry_after",
            &Shape::Duration,
            "The wait that it asks for, in whole seconds.",
        ),
    ]),
]);

static NETWORK: Shape = Shape::record(&[Field::required(
    "latency",
    &Shape::Either(&[Shape::Duration, Shape::Text]),
    "One-way latency, from `1ms`: fixed, such as `1ms`, or between two bounds, such as `1ms..20ms`. Default: `1ms`.",
)]);

static CLOCK: Shape = Shape::record(&[
    Field::optional(
        "start",
        &Shape::Text,
        "The date and time at the scenario's zero, in the zone, such as `2026-03-28 22:00:00`. Default: 09:00 UTC on Monday, 16 March 2026.",
    ),
    Field::optional(
        "zone",
        &Shape::Text,
        "The zone in which the gateway stands, such as `Europe/Berlin`. Default: `UTC`.",
    ),
    Field::optional(
        "jumps",
        &Shape::ListOf(&JUMP),
        "When somebody moves the gateway's own clock. The platforms' clocks go on, and so does time itself.",
    ),
]);

static JUMP: Shape = Shape::Choice {
    common: &[Field::required("at", &Shape::Duration, "When, since the scenario's zero.")],
    cases: &[
        Case::new("forward", &Shape::Duration, "By how much it is moved forwards."),
        Case::new("back", &Shape::Duration, "By how much it is moved backwards."),
    ],
};

static STEP: Shape = Shape::Choice {
    common: &[Field::required("at", &Shape::Duration, "When, since the scenario's zero.")],
    cases: &[
        Case::new("send", &SEND, "A person writes."),
        Case::new("redeliver", &REDELIVER, "The platform delivers a message once more."),
        Case::new("disconnect", &DISCONNECT, "The platform cuts its connections."),
        Case::new(
            "restart",
            &RESTART,
            "The operator ends the gateway and starts it again, with the same state folder.",
        ),
        Case::new("connect", &operators::CONNECT, "A client of an operator connects."),
        Case::new("call", &operators::CALL, "A client asks for something."),
        Case::new("hook", &operators::HOOK, "A program outside calls one of the gateway's hooks."),
        Case::new(
            "http",
            &operators::HTTP,
            "A program outside asks the gateway's port for something over HTTP.",
        ),
        Case::new("frame", &operators::FRAME, "A client sends a text of any form."),
        Case::new(
            "drop",
            &Shape::Text,
            "This client breaks its connection off, without a word, or its requests over HTTP.",
        ),
        Case::new(
            "approve",
            &APPROVE,
            "The operator approves the pairing code that the chat was shown last.",
        ),
    ],
};

static SEND: Shape = Shape::record(&[
    Field::required("chat", &Shape::Text, "In which chat."),
    Field::required(
        "text",
        &Shape::Text,
        "What the person writes. `{approval}` stands for the id of the approval that the chat was shown last.",
    ),
    Field::optional(
        "as",
        &Shape::Text,
        "The name of the message. Default: `<chat>-<n>`, counted in the chat from 1.",
    ),
    Field::optional(
        "canary",
        &Shape::Bool,
        "Whether a token is appended that finds the message again. Default: true, but not for commands without a text.",
    ),
    Field::optional("mention", &Shape::Bool, "Whether the bot is mentioned. Default: false."),
    Field::optional(
        "admitted",
        &Shape::Bool,
        "Whether the gateway should admit it. Default: true.",
    ),
    Field::optional(
        "overheard",
        &Shape::Bool,
        "Whether it should trigger nothing, and may be told to a later turn as context. Default: false.",
    ),
    Field::optional(
        "forged",
        &Shape::OneOf(super::steps::FORGERIES),
        "It is not the platform that calls the gateway, but somebody else, and so: with a signature of another secret, of another body, of an hour ago, or with none. For platforms that push.",
    ),
    Field::optional(
        "events",
        &Shape::ListOf(&Shape::OneOf(super::steps::EVENTS)),
        "The events that tell of it, in this order. Slack only. Default: `message`, and with a mention in a room `app_mention` after it.",
    ),
    Field::optional(
        "apart",
        &Shape::Duration,
        "How long after each event the next one comes. Default: 0s.",
    ),
    Field::optional(
        "padded_to",
        &Shape::Integer { min: 1, max: PADDED_BYTES_MAX },
        "The text is repeated up to this many bytes.",
    ),
    Field::optional("image", &picture::IMAGE, "The picture that comes with it."),
]);

static REDELIVER: Shape = Shape::record(&[Field::required(
    "message",
    &Shape::Text,
    "The name of a message sent before.",
)]);

static DISCONNECT: Shape = Shape::record(&[
    Field::required(
        "channel",
        &Shape::OneOf(super::steps::CUT_CHANNELS),
        "The channel, one with lasting connections.",
    ),
    Field::required(
        "how",
        &Shape::OneOf(super::steps::CUTS),
        "By a code of its own, without a word, by asking to connect again, or by ending the session.",
    ),
    Field::optional(
        "lasts",
        &Shape::Duration,
        "For how long it takes no new connection. Default: `0s`.",
    ),
]);

static RESTART: Shape = Shape::record(&[Field::optional(
    "lasts",
    &Shape::Duration,
    "How long it is down. Default: `0s`.",
)]);

static APPROVE: Shape = Shape::record(&[Field::required("chat", &Shape::Text, "The chat.")]);

static CONTROL: Shape = Shape::record(&[
    Field::required(
        "edit",
        &Shape::MapOf(&Shape::Any),
        "New values by path, such as `gateway.messages.queue.mode`.",
    ),
    Field::required(
        "flips",
        &TEXTS,
        "The checks that must then fail: labels such as `request#2`, or `I1` to `I15`.",
    ),
]);
