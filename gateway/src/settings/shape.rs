//! What we understand of OpenClaw's `openclaw.json`. Other keys are ignored and listed, or refused: see [`REFUSED`].

mod agent;

use creel_core::lane::Cap;
use creel_document::shape::{Field, Shape, Unknown};

use super::{
    broadcast,
    channels::{discord, slack, telegram, webhook, whatsapp},
    credentials, cron, providers, tools, web,
};

pub(super) const fn open(fields: &'static [Field]) -> Shape {
    Shape::Record { fields, unknown: Unknown::Ignore }
}

pub(super) const fn key(name: &'static str, shape: &'static Shape, doc: &'static str) -> Field {
    Field::optional(name, shape, doc)
}

/// The fields of a channel: its own, and those of an account, which hold for every account that does not say otherwise.
pub(super) const fn with_account<const N: usize>(own: &[Field], account: &[Field]) -> [Field; N] {
    assert!(own.len() + account.len() == N, "no field is made up");
    let mut fields = [own[0]; N];
    let mut index = 0;
    while index < N {
        fields[index] = if index < own.len() { own[index] } else { account[index - own.len()] };
        index += 1;
    }
    fields
}

pub(super) const TEXT: Shape = Shape::Text;
pub(super) const BOOL: Shape = Shape::Bool;
pub(super) const TEXTS: Shape = Shape::ListOf(&TEXT);
const WAIT_MS: Shape = Shape::Integer { min: 0, max: 86_400_000 };
pub(super) const IDS: Shape =
    Shape::ListOf(&Shape::Either(&[TEXT, Shape::Integer { min: i64::MIN, max: i64::MAX }]));
#[expect(clippy::cast_possible_wrap, reason = "caps are small")]
const CAP: Shape = Shape::Integer { min: Cap::MIN as i64, max: Cap::MAX as i64 };
const MODEL: Shape = Shape::Either(&[
    TEXT,
    open(&[
        key("primary", &TEXT, "The model, as `provider/model`."),
        key("fallbacks", &TEXTS, "Models that answer when that one cannot."),
    ]),
]);

/// The whole document.
pub(super) const DOCUMENT: Shape = open(&[
    key("gateway", &GATEWAY, "The gateway's own port."),
    key("agents", &AGENTS, "Who answers."),
    key("models", &MODELS, "Which providers there are."),
    key("auth", &credentials::SHAPE, "Which credentials are used, and in which order."),
    key("channels", &CHANNELS, "Where people write."),
    key("bindings", &Shape::ListOf(&BINDING), "Which agent answers where."),
    key("broadcast", &Shape::MapOf(&broadcast::SHAPE), "Which agents answer together, by chat."),
    key("session", &SESSION, "Which conversation a message belongs to."),
    key("commands", &COMMANDS, "Who may give commands, and who the owners are."),
    key("messages", &MESSAGES, "What happens while a session is busy."),
    key("tools", &tools::TOOLS, "What agents may use."),
    key("mcp", &tools::MCP, "Servers of tools."),
    key("approvals", &tools::APPROVALS, "Calls that somebody has to allow."),
    key("cron", &cron::SHAPE, "What runs by the clock."),
    key("hooks", &web::HOOKS, "What programs outside may ask for."),
]);

const GATEWAY: Shape = open(&[
    key("port", &Shape::Integer { min: 1, max: 65_535 }, "The TCP port."),
    key("bind", &Shape::OneOf(&["loopback", "lan"]), "Where it listens."),
    key("mode", &Shape::OneOf(&["local"]), "Only `local` runs a gateway."),
    key(
        "auth",
        &open(&[
            key("mode", &Shape::OneOf(&["token", "none"]), "How callers show who they are."),
            key("token", &TEXT, "The token of operator calls."),
            key("rateLimit", &web::RATE_LIMIT, "How often somebody may guess at it."),
        ]),
        "Who may call it.",
    ),
    key("http", &web::HTTP, "What it serves over HTTP."),
    key("controlUi", &web::CONTROL_UI, "The page at `/`."),
]);

const AGENTS: Shape = open(&[
    key(
        "defaults",
        &open(&[
            key("model", &MODEL, "The model of agents that name none."),
            key("workspace", &TEXT, "The folder of the default agent."),
            key("maxConcurrent", &Shape::Integer { min: 1, max: 10_000 }, "How many runs at once."),
            key(
                "timeoutSeconds",
                &Shape::Integer { min: 1, max: 31_536_000 },
                "How long a run may take.",
            ),
            key("llm", &providers::LLM, "How long a model may be silent."),
            key("subagents", &tools::SUBAGENTS, "Their sub-agents."),
            key(
                "blockStreamingDefault",
                &Shape::OneOf(&["on", "off"]),
                "Whether answers leave in blocks while they are written.",
            ),
            key(
                "blockStreamingBreak",
                &Shape::OneOf(&["text_end", "message_end"]),
                "Whether blocks leave as the text grows, or at its end.",
            ),
            key("blockStreamingChunk", &BLOCK_CHUNK, "How long blocks are and where they end."),
            key("blockStreamingCoalesce", &BLOCK_COALESCE, "How blocks wait for more."),
        ]),
        "What agents have unless they say otherwise.",
    ),
    key("list", &Shape::ListOf(&agent::LISTED), "The agents, as 2026.3 has them."),
    key("entries", &Shape::MapOf(&agent::NAMED), "The agents, as 2026.9 has them."),
]);

/// A length of blocks, in characters.
const CHARS: Shape = Shape::Integer { min: 1, max: 100_000 };
const BLOCK_CHUNK: Shape = open(&[
    key("minChars", &CHARS, "The least length of a block."),
    key("maxChars", &Shape::Integer { min: 16, max: 100_000 }, "The greatest."),
    key(
        "breakPreference",
        &Shape::OneOf(&["paragraph", "newline", "sentence"]),
        "Where a block best ends.",
    ),
]);
const BLOCK_COALESCE: Shape = open(&[
    key("minChars", &CHARS, "The least that leaves before the end."),
    key("maxChars", &CHARS, "The most."),
    key("idleMs", &WAIT_MS, "How long no block may have come."),
]);

/// `mediaMaxMb`, of a channel or an account.
pub(super) const MEDIA_MAX_MB: Field = key(
    "mediaMaxMb",
    &Shape::Integer { min: 1, max: 100 },
    "The largest image that is taken or sent, in MB.",
);

const MODELS: Shape =
    open(&[key("providers", &Shape::MapOf(&providers::SHAPE), "The providers by name.")]);

/// Each channel's shape stands beside what reads it.
const CHANNELS: Shape = open(&[
    key("slack", &slack::SHAPE, "Slack apps."),
    key("telegram", &telegram::SHAPE, "Telegram bots."),
    key("discord", &discord::SHAPE, "Discord bots."),
    key("webhook", &webhook::SHAPE, "Platforms of one's own."),
    key("whatsapp", &whatsapp::SHAPE, "WhatsApp business phone numbers."),
]);

pub(super) const ENABLED: Field = key("enabled", &BOOL, "Whether it receives.");
pub(super) const DM_POLICY: Field = key(
    "dmPolicy",
    &Shape::OneOf(&["open", "allowlist", "pairing", "disabled"]),
    "Who may write directly.",
);
pub(super) const ALLOW_FROM: Field = key("allowFrom", &IDS, "Senders, or `*`.");
pub(super) const GROUP_POLICY: Field = key(
    "groupPolicy",
    &Shape::OneOf(&["open", "allowlist", "disabled"]),
    "Which senders may speak in groups.",
);
pub(super) const GROUP_ALLOW_FROM: Field =
    key("groupAllowFrom", &IDS, "Senders in groups, or `*`.");
pub(super) const GROUPS: Field = key("groups", &Shape::MapOf(&GROUP), "Groups by id, or `*`.");
const CHAT_ENABLED: Field = key("enabled", &BOOL, "Whether the bot listens here.");
const REQUIRE_MENTION: Field =
    key("requireMention", &BOOL, "Whether messages must speak to the bot.");
const CHAT_ALLOW_FROM: Field = key("allowFrom", &IDS, "Senders here, or `*`.");
const TOPIC: Shape = open(&[CHAT_ENABLED, GROUP_POLICY, REQUIRE_MENTION, CHAT_ALLOW_FROM]);
const GROUP: Shape = open(&[
    CHAT_ENABLED,
    GROUP_POLICY,
    REQUIRE_MENTION,
    CHAT_ALLOW_FROM,
    key("topics", &Shape::MapOf(&TOPIC), "Topics by id."),
]);

/// Every field of a binding decides who answers, so none may be unknown.
const BINDING: Shape = Shape::record(&[
    Field::required("agentId", &TEXT, "Who answers."),
    key("type", &Shape::OneOf(&["route"]), "Only `route` is a binding of messages to agents."),
    key("comment", &TEXT, "For people."),
    key(
        "session",
        &Shape::record(&[DM_SCOPE, GROUP_SCOPE]),
        "Which of its messages share a session. 2026.9 only.",
    ),
    Field::required(
        "match",
        &Shape::record(&[
            Field::required("channel", &TEXT, "The channel."),
            key(
                "accountId",
                &TEXT,
                "The account, or `*` for any; the channel's default account if left out.",
            ),
            key(
                "peer",
                &Shape::record(&[
                    Field::required(
                        "kind",
                        &Shape::OneOf(&["direct", "dm", "group", "channel"]),
                        "What kind of chat.",
                    ),
                    Field::required(
                        "id",
                        &TEXT,
                        "The chat's id; a topic's is `<chat>:topic:<id>`.",
                    ),
                ]),
                "The chat.",
            ),
            key("guildId", &TEXT, "The Discord guild."),
            key("teamId", &TEXT, "The Slack team."),
            key("roles", &TEXTS, "Discord roles: one of them is enough."),
        ]),
        "Where. Everything that is given must match.",
    ),
]);

const DM_SCOPE: Field = key(
    "dmScope",
    &Shape::OneOf(&["main", "per-peer", "per-channel-peer", "per-account-channel-peer"]),
    "Which direct chats share a session.",
);
const GROUP_SCOPE: Field = key(
    "groupScope",
    &Shape::OneOf(&["per-group", "main"]),
    "Which groups share a session. 2026.9 only.",
);

const SESSION: Shape = open(&[
    DM_SCOPE,
    GROUP_SCOPE,
    key("mainKey", &TEXT, "The name of the main session."),
    key(
        "identityLinks",
        &Shape::MapOf(&TEXTS),
        "One person's ids on several channels, as `telegram:123`.",
    ),
    key("reset", &RESET, "When a conversation begins anew by itself."),
    key(
        "resetByType",
        &Shape::record(&[
            key("direct", &RESET, "In direct chats."),
            key("dm", &RESET, "The same, as older files have it."),
            key("group", &RESET, "In groups and rooms."),
            key("thread", &RESET, "In threads and topics."),
        ]),
        "The same by kind of chat.",
    ),
    key("resetByChannel", &Shape::MapOf(&RESET), "The same by channel, before the kind of chat."),
    key("idleMinutes", &IDLE_MINUTES, "The idle reset, as older files have it."),
    key("resetTriggers", &TEXTS, "Phrases that begin a conversation anew, as `/new` does."),
    key("sendPolicy", &SEND_POLICY, "Which conversations are answered."),
]);

const SEND_POLICY: Shape = Shape::record(&[
    key("rules", &Shape::ListOf(&SEND_RULE), "The first denial that matches wins."),
    key("default", &SEND_ACTION, "Where no rule matches."),
]);

const SEND_ACTION: Shape = Shape::OneOf(&["allow", "deny"]);

/// Every field of a rule decides who is answered, so none may be unknown.
const SEND_RULE: Shape = Shape::record(&[
    Field::required("action", &SEND_ACTION, "What it says."),
    key(
        "match",
        &Shape::record(&[
            key("channel", &TEXT, "The channel."),
            key(
                "chatType",
                &Shape::OneOf(&["direct", "dm", "group", "channel"]),
                "What kind of chat.",
            ),
            key("keyPrefix", &TEXT, "What the session's key begins with."),
            key("rawKeyPrefix", &TEXT, "The same, with `agent:<id>:`."),
        ]),
        "Which conversations. Everything that is given must match.",
    ),
]);

const COMMANDS: Shape = open(&[
    key("ownerAllowFrom", &IDS, "The owners, as `telegram:123`."),
    key("allowFrom", &Shape::MapOf(&IDS), "Who may give commands, by channel or `*`."),
]);

/// Up to ten years.
const IDLE_MINUTES: Shape = Shape::Integer { min: 1, max: 5_256_000 };

const RESET: Shape = Shape::record(&[
    key("mode", &Shape::OneOf(&["none", "daily", "idle"]), "Whether there is a daily reset."),
    key("atHour", &Shape::Integer { min: 0, max: 23 }, "The hour of the daily reset."),
    key("idleMinutes", &IDLE_MINUTES, "After so many minutes without a message."),
]);

/// Whether answers leave in blocks on this channel, as 2026.3 says it.
pub(super) const BLOCK_STREAMING: Field =
    key("blockStreaming", &BOOL, "Whether answers leave in blocks. 2026.3 only.");

/// How blocks wait for more on this channel, as 2026.3 says it.
pub(super) const CHANNEL_COALESCE: Field =
    key("blockStreamingCoalesce", &BLOCK_COALESCE, "How blocks wait for more. 2026.3 only.");

/// How many messages that triggered nothing the next turn is told.
pub(super) const HISTORY_LIMIT: Field = key(
    "historyLimit",
    &Shape::Integer { min: 0, max: 1_000 },
    "How many messages that triggered nothing the next turn is told; 0 for none.",
);

const MESSAGES: Shape = open(&[
    key(
        "queue",
        &open(&[
            key("mode", &TEXT, "What happens to a message while its session is busy."),
            key("byChannel", &Shape::MapOf(&TEXT), "The mode by channel."),
            key("debounceMs", &WAIT_MS, "How long the queue waits for quiet."),
            key("debounceMsByChannel", &Shape::MapOf(&WAIT_MS), "The same by channel."),
            key("cap", &CAP, "How many may wait."),
            key("drop", &Shape::OneOf(&["old", "new", "summarize"]), "What gives way beyond that."),
        ]),
        "The queue.",
    ),
    key(
        "inbound",
        &open(&[
            key("debounceMs", &WAIT_MS, "How long rapid messages of one sender are gathered."),
            key("byChannel", &Shape::MapOf(&WAIT_MS), "The same by channel."),
        ]),
        "Before the queue.",
    ),
    key("groupChat", &open(&[HISTORY_LIMIT, agent::MENTION_PATTERNS]), "What groups are told."),
]);

/// Keys that we do not have yet and must not ignore: ignoring them would change who answers or who may speak. `*` stands
/// for any one part of a path.
pub(super) const REFUSED: &[(&[&str], &str)] = &[
    (&["accessGroups"], "it decides who may speak"),
    (&["session", "scope"], "it decides which conversations are shared"),
    (&["tools", "byProvider"], "it decides which tools may be used"),
    (&["tools", "toolsBySender"], "it decides who may use which tools"),
    (&["agents", "list", "*", "tools", "byProvider"], "it decides which tools may be used"),
    (&["agents", "entries", "*", "tools", "byProvider"], "it decides which tools may be used"),
    (&["agents", "list", "*", "tools", "toolsBySender"], "it decides who may use which tools"),
    (&["agents", "entries", "*", "tools", "toolsBySender"], "it decides who may use which tools"),
    (&["messages", "groupChat", "unmentionedInbound"], "it decides which messages begin a turn"),
    (&["channels", "defaults"], "its group policy decides who may speak"),
    (&["channels", "slack", "allowBots"], "it decides who may speak"),
    (&["channels", "slack", "dangerouslyAllowNameMatching"], "it decides who may speak"),
    (&["channels", "slack", "channels", "*", "allowBots"], "it decides who may speak"),
    (&["channels", "slack", "channels", "*", "tools"], "it decides which tools may be used"),
    (
        &["channels", "slack", "channels", "*", "toolsBySender"],
        "it decides who may use which tools",
    ),
    (&["channels", "slack", "accounts", "*", "allowBots"], "it decides who may speak"),
    (
        &["channels", "slack", "accounts", "*", "dangerouslyAllowNameMatching"],
        "it decides who may speak",
    ),
    (
        &["channels", "slack", "accounts", "*", "channels", "*", "allowBots"],
        "it decides who may speak",
    ),
    (
        &["channels", "slack", "accounts", "*", "channels", "*", "tools"],
        "it decides which tools may be used",
    ),
    (
        &["channels", "slack", "accounts", "*", "channels", "*", "toolsBySender"],
        "it decides who may use which tools",
    ),
    (&["channels", "telegram", "direct"], "it decides who may write directly"),
    (&["channels", "telegram", "dms"], "it decides who may write directly"),
    (&["channels", "telegram", "groups", "*", "topics", "*", "agentId"], "it decides who answers"),
    (
        &["channels", "telegram", "accounts", "*", "groups", "*", "topics", "*", "agentId"],
        "it decides who answers",
    ),
    (&["channels", "telegram", "accounts", "*", "direct"], "it decides who may write directly"),
    (&["channels", "telegram", "accounts", "*", "dms"], "it decides who may write directly"),
];
