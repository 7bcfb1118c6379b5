//! Reads what programs outside ask of the gateway's port over HTTP, beside hooks.

use std::collections::BTreeMap;

use super::{Call, at::At, context::Context, operators};

/// How a program can show the gateway's token, as scenarios write it.
pub(super) const TOKENS: &[&str] = &["bearer", "wrong", "none"];

/// The verbs that it can use.
pub(super) const VERBS: &[&str] = &["GET", "POST", "PUT", "DELETE"];

/// A program outside asks for something over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// What it asks for: the method is the verb and the path, the parameters are the body.
    pub call: Call,
    /// How it shows the gateway's token.
    pub token: HttpToken,
    /// Headers, over those that every request has.
    pub headers: BTreeMap<String, String>,
    /// How many bytes the text is repeated up to.
    pub padded_to: Option<usize>,
}

/// How a program shows the gateway's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpToken {
    /// As the bearer.
    Bearer,
    /// Another one, as the bearer.
    Wrong,
    /// Not at all.
    None,
}

pub(super) fn read(at: &At<'_>, context: &mut Context<'_>) -> Option<HttpCall> {
    let (caller, path) = (at.text_of("as")?, at.text_of("path")?);
    let has_body = ["text", "params", "again"].iter().any(|it| at.get(it).is_some());
    let usual = if has_body { "POST" } else { "GET" };
    let verb = at.text_of("verb").unwrap_or_else(|| usual.to_owned());
    let call = operators::asked(at, (caller, format!("{verb} {path}")), context)?;
    context.define_call(&call);
    // It may break off.
    context.define_client(&call.client);
    let token = match at.text_of("token").as_deref() {
        Some("wrong") => HttpToken::Wrong,
        Some("none") => HttpToken::None,
        Some(_) | None => HttpToken::Bearer,
    };
    Some(HttpCall { call, token, headers: headers(at), padded_to: at.number_of("padded_to") })
}

/// The headers that a step gives a request.
pub(super) fn headers(at: &At<'_>) -> BTreeMap<String, String> {
    let header = |(key, at): (&creel_document::tree::Key, At<'_>)| {
        Some((key.name.to_lowercase(), at.text()?))
    };
    at.entries_of("headers").into_iter().filter_map(header).collect()
}
