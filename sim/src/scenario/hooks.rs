//! Reads what programs outside ask of the gateway's hooks.

use super::{Call, at::At, context::Context, operators};

/// How a program can show the hooks' token, as scenarios write it.
pub(super) const TOKENS: &[&str] = &["bearer", "header", "query", "wrong", "none"];

/// A program outside calls a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// What it asks for: the method is the path below `hooks.path`, the parameters are the body.
    pub call: Call,
    /// How it shows the hooks' token.
    pub token: HookToken,
}

/// How a program shows the hooks' token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookToken {
    /// As the bearer.
    Bearer,
    /// In a header of OpenClaw's own.
    Header,
    /// In the address.
    Query,
    /// Another one, as the bearer.
    Wrong,
    /// Not at all.
    None,
}

pub(super) fn read(at: &At<'_>, context: &mut Context<'_>) -> Option<Hook> {
    let (caller, path) = (at.text_of("as")?, at.text_of("path")?);
    let call = operators::asked(at, (caller, path), context)?;
    context.define_call(&call);
    let token = match at.text_of("token").as_deref() {
        Some("header") => HookToken::Header,
        Some("query") => HookToken::Query,
        Some("wrong") => HookToken::Wrong,
        Some("none") => HookToken::None,
        Some(_) | None => HookToken::Bearer,
    };
    Some(Hook { call, token })
}
