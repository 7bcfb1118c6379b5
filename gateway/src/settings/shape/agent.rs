//! What one agent may say of itself.

use creel_document::shape::{Field, Shape};

use super::{BOOL, MODEL, TEXT, TEXTS, key, open, tools};

const AGENT_ID: Field = Field::required("id", &TEXT, "Its id.");
const AGENT_DEFAULT: Field = key("default", &BOOL, "Whether it answers where no binding matches.");
const AGENT_NAME: Field = key("name", &TEXT, "Its name for people.");
const AGENT_MODEL: Field = key("model", &MODEL, "Its model.");
const AGENT_WORKSPACE: Field = key("workspace", &TEXT, "Its folder.");
const AGENT_TOOLS: Field = key("tools", &tools::AGENT_TOOLS, "What it may use.");
const AGENT_SUBAGENTS: Field = key("subagents", &tools::AGENT_SUBAGENTS, "Its sub-agents.");
/// `mentionPatterns`, of an agent or of all.
pub(super) const MENTION_PATTERNS: Field =
    key("mentionPatterns", &TEXTS, "Regular expressions that speak to it in a group.");
const AGENT_GROUP_CHAT: Field =
    key("groupChat", &open(&[MENTION_PATTERNS]), "How it is spoken to in groups.");
const AGENT_IDENTITY: Field = key(
    "identity",
    &open(&[key("name", &TEXT, "Its name."), key("emoji", &TEXT, "Its emoji.")]),
    "By which names it is spoken to in groups without patterns.",
);
const AGENT: &[Field] = &[
    AGENT_DEFAULT,
    AGENT_NAME,
    AGENT_IDENTITY,
    AGENT_GROUP_CHAT,
    AGENT_MODEL,
    AGENT_WORKSPACE,
    AGENT_TOOLS,
    AGENT_SUBAGENTS,
];
/// One of `agents.list`.
pub(super) const LISTED: Shape = open(LISTED_AGENT_FIELDS);
/// One of `agents.entries`.
pub(super) const NAMED: Shape = open(AGENT);
const LISTED_AGENT_FIELDS: &[Field] = &[
    AGENT_ID,
    AGENT_DEFAULT,
    AGENT_NAME,
    AGENT_IDENTITY,
    AGENT_GROUP_CHAT,
    AGENT_MODEL,
    AGENT_WORKSPACE,
    AGENT_TOOLS,
    AGENT_SUBAGENTS,
];
