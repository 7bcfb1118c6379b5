//! `hooks`, and what `gateway` says of HTTP: what the port serves beside the socket.

use std::time::Duration;

use creel_core::ids::AgentId;
use creel_document::shape::Shape;
use serde::Deserialize;

use super::{
    Problems, raw,
    shape::{BOOL, TEXT, TEXTS, key, open},
};
use crate::{
    channels::push,
    control::{
        completions::Endpoint,
        connect, console,
        guesses::{Near, Rule},
        hooks::{self, Named},
        web::Settings,
    },
    secret::Secret,
    server,
};

/// Where hooks are, unless the file says otherwise.
const HOOKS_PATH: &str = "/hooks";

/// A day.
const SPAN_MS: Shape = Shape::Integer { min: 1, max: 86_400_000 };

/// `gateway.auth.rateLimit`.
pub(super) const RATE_LIMIT: Shape = open(&[
    key("maxAttempts", &Shape::Integer { min: 1, max: 1_000_000 }, "So many wrong secrets,"),
    key("windowMs", &SPAN_MS, "within so long,"),
    key("lockoutMs", &SPAN_MS, "shut an address out for so long."),
    key("exemptLoopback", &BOOL, "Whether programs on this machine are left alone."),
]);

/// `gateway.http`.
pub(super) const HTTP: Shape = open(&[key(
    "endpoints",
    &open(&[key(
        "chatCompletions",
        &open(&[key("enabled", &BOOL, "Whether `/v1/chat/completions` is served.")]),
        "OpenAI's clients.",
    )]),
    "What is served.",
)]);

/// `gateway.controlUi`.
pub(super) const CONTROL_UI: Shape = open(&[
    key("enabled", &BOOL, "Whether there is a page at `/`."),
    key(
        "allowInsecureAuth",
        &BOOL,
        "Whether the page may come with the token alone, from this machine, where the browser hides its keys.",
    ),
]);

/// `hooks`.
pub(super) const HOOKS: Shape = open(&[
    key("enabled", &BOOL, "Whether programs outside may call."),
    key("token", &TEXT, "What they show."),
    key("path", &TEXT, "Where they call, `/hooks` if left out."),
    key("allowedAgentIds", &TEXTS, "Which agents they may speak to; `*` for any."),
    key("defaultSessionKey", &TEXT, "The session of calls that name none."),
    key("allowRequestSessionKey", &BOOL, "Whether a call may name its session."),
    key("allowedSessionKeyPrefixes", &TEXTS, "What such a name has to begin with."),
]);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RateLimit {
    max_attempts: Option<u32>,
    window_ms: Option<u64>,
    lockout_ms: Option<u64>,
    exempt_loopback: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Http {
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Endpoints {
    chat_completions: Enabled,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Enabled {
    enabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ControlUi {
    enabled: Option<bool>,
    allow_insecure_auth: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawHooks {
    enabled: bool,
    token: Option<String>,
    path: Option<String>,
    allowed_agent_ids: Option<Vec<String>>,
    default_session_key: Option<String>,
    allow_request_session_key: bool,
    allowed_session_key_prefixes: Vec<String>,
}

/// What is served.
pub(super) fn read(
    document: &raw::Document,
    token: Option<&Secret>,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Settings {
    let raw::Gateway { http, control_ui, auth, .. } = &document.gateway;
    let usual = Rule::default();
    let RateLimit { max_attempts, window_ms, lockout_ms, exempt_loopback } = &auth.rate_limit;
    let span = |ms: &Option<u64>, usual| ms.map_or(usual, Duration::from_millis);
    Settings {
        completions: if http.endpoints.chat_completions.enabled {
            Endpoint::On
        } else {
            Endpoint::Off
        },
        page: match control_ui.enabled {
            Some(false) => console::Page::Missing,
            Some(true) | None => console::Page::Served,
        },
        page_device: if control_ui.allow_insecure_auth {
            connect::Page::MayBeWithout
        } else {
            connect::Page::NeedsDevice
        },
        guesses: Rule {
            failures_max: max_attempts.unwrap_or(usual.failures_max),
            window: span(window_ms, usual.window),
            lockout: span(lockout_ms, usual.lockout),
            near: match exempt_loopback {
                Some(false) => Near::Counted,
                Some(true) | None => Near::Exempt,
            },
        },
        hooks: hooks(&document.hooks, token, problems, warnings),
    }
}

fn hooks(
    raw: &RawHooks,
    gateway_token: Option<&Secret>,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<hooks::Settings> {
    if !raw.enabled {
        return None;
    }
    let token = raw.token.as_deref().map(str::trim).filter(|it| !it.is_empty());
    if token.is_none() {
        problems.add("hooks.token", "hooks are enabled: expected a token that is hard to guess");
    }
    let token = Secret::new(token?);
    if gateway_token == Some(&token) {
        let why = "hooks.token is the gateway's own token, so that whoever may call a hook may do anything: choose another";
        warnings.push(why.to_owned());
    }
    let path = format!("/{}", raw.path.as_deref().unwrap_or(HOOKS_PATH).trim_matches('/'));
    if !push::is_path(&path) || server::PATHS.contains(&path.as_str()) {
        let why = "expected one of its own like `/hooks`: letters, digits, `-`, `_` and `.`";
        problems.add("hooks.path", format!("found the path `{path}`, {why}"));
        return None;
    }
    let agents = raw.allowed_agent_ids.as_ref().filter(|all| all.iter().all(|it| it != "*"));
    let lower = |it: &String| it.trim().to_lowercase();
    let beginnings = raw.allowed_session_key_prefixes.iter().map(lower);
    let beginnings: Vec<String> = beginnings.filter(|it| !it.is_empty()).collect();
    let session = raw.default_session_key.as_ref().map(lower).filter(|it| !it.is_empty());
    let begins =
        |key: &str| beginnings.is_empty() || beginnings.iter().any(|it| key.starts_with(it));
    if session.as_deref().is_some_and(|it| !begins(it)) {
        let why = "expected it to begin with one of `allowedSessionKeyPrefixes`";
        problems.add("hooks.defaultSessionKey", why);
    }
    if session.is_none() && !begins("hook:") {
        let why = "expected `hook:` among them, since calls that name no session get one that begins so, or `defaultSessionKey`";
        problems.add("hooks.allowedSessionKeyPrefixes", why);
    }
    Some(hooks::Settings {
        token,
        path,
        agents: agents.map(|all| all.iter().filter_map(|it| AgentId::new(it).ok()).collect()),
        session,
        named: if raw.allow_request_session_key {
            Named::Beginning(beginnings)
        } else {
            Named::Never
        },
    })
}
