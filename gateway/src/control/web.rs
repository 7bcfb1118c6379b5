//! What the gateway's port serves over HTTP beside health: for operators, for programs outside, and the page.

use axum::{
    Router,
    routing::{any, get},
};

use super::{
    completions, console,
    door::{self, Porch},
    gate::Gate,
    guesses, hooks, metrics,
    metrics::Metrics,
    plane::Plane,
};

/// Which of it is served, and how.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether `/v1/chat/completions` is.
    pub completions: completions::Endpoint,
    /// What programs outside may do, if anything.
    pub hooks: Option<hooks::Settings>,
    /// How often a peer may guess at the gateway's token.
    pub guesses: guesses::Rule,
    /// Whether there is a page at `/`.
    pub page: console::Page,
    /// Whether the page needs a device.
    pub page_device: super::connect::Page,
}

/// What the handlers share. A clone is the same.
#[derive(Clone, Debug)]
pub struct Web {
    /// The way to the loop, and what the gateway is.
    pub plane: Plane,
    /// The way in.
    pub gate: Gate,
    /// What was counted.
    pub metrics: Metrics,
    /// What is served.
    pub settings: std::sync::Arc<Settings>,
    /// Who has guessed at the hooks' token.
    pub hook_guesses: guesses::Guesses,
}

/// The routes. What is at none of them is a hook, or nothing.
pub fn router(web: Web, porch: Porch) -> Router {
    let root = Router::new().route("/", get(door::enter)).with_state((porch, web.settings.page));
    Router::new()
        .route("/metrics", get(metrics::answer))
        .route(completions::PATH, any(completions::answer))
        .fallback(hooks::answer)
        .with_state(web)
        .merge(root)
}
