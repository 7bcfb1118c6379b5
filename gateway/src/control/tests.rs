//! A control plane whose gateway takes nothing: for tests of what needs no loop.

use std::{collections::BTreeMap, sync::Arc};

use creel_core::profile::Version;
use tokio::sync::watch;

use super::{hub::Hub, plane::Plane};
use crate::{
    app::{self, Lives},
    driver::Inbox,
    grants::Book,
    settings::{self, Settings, Source},
    state::StateFolder,
};

/// The gateway's token.
pub(crate) const TOKEN: &str = "canary-token";

/// The plane, and what keeps its gateway from ending.
pub(crate) fn plane() -> (Plane, watch::Sender<bool>) {
    let text = r#"{ "gateway": { "auth": { "token": "canary-token" } }, "agents": { "defaults": { "model": "p/m" } },
        "models": { "providers": { "p": { "baseUrl": "http://127.0.0.1:1/v1", "apiKey": "canary-key" } } } }"#;
    let source = Source::alone(Version::V2026_9, text);
    let loaded = settings::load(&source).unwrap_or_else(|it| panic!("{}", it.plain()));
    let state = StateFolder::in_memory(BTreeMap::new());
    let settings = Settings { state, ..loaded.settings };
    let (inbox, open) = Inbox::unheard();
    let plane = app::plane(
        &settings,
        (Hub::new(settings.wall_clock.clone()), Arc::default(), Book::new(settings.state.clone())),
        Lives::default(),
    );
    (plane.unwrap()(inbox), open)
}
