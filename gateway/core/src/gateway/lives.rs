//! Session life: what a message, an answer and the calendar do to it.

use std::sync::Arc;

use super::Gateway;
use crate::{
    ids::ModelId,
    origin::Route,
    profile::Version,
    session::{Entry, Noted},
    session_key::SessionKey,
    time::{Now, Timestamp},
};

impl Gateway {
    /// A person said something in a session: whether the life that it had was over by then.
    pub(super) fn hear(&mut self, now: Timestamp, key: &SessionKey, route: &Route) -> bool {
        let now = Now { monotonic: now, wall: self.wall };
        let session = self.sessions.get_mut(key).expect("a session that was just looked up");
        let rules = &self.settings.life;
        let over = session.life.is_some_and(|it| rules.is_over(&it, route, now, &mut self.days));
        session.hear(now);
        over
    }

    /// A turn begins, so no run uses the old life any more.
    pub(super) fn end_life_that_is_over(&mut self, now: Timestamp, key: &SessionKey) {
        let now = Now { monotonic: now, wall: self.wall };
        let session = self.session(key);
        if session.over {
            session.renew();
            session.hear(now);
            self.unpin(key);
        }
    }

    /// An explicit reset: the new life begins now, whatever is said in it.
    pub(super) fn renew_life(&mut self, now: Timestamp, key: &SessionKey) {
        let now = Now { monotonic: now, wall: self.wall };
        let session = self.session(key);
        session.renew();
        session.hear(now);
        self.unpin(key);
    }

    /// A credential that a person chose outlives the session's life in `2026.9` only.
    fn unpin(&mut self, key: &SessionKey) {
        if self.settings.profile.version == Version::V2026_3 {
            self.session(key).pin = None;
        }
    }

    /// Something was said in a session: by a model, if one is named.
    pub(super) fn remember(&mut self, key: &SessionKey, entry: Entry, by: Option<ModelId>) {
        let noted = Noted { at: self.wall, by };
        self.session(key).write(entry, noted);
    }

    /// An answer was said in a session: by a model, if one is named.
    pub(super) fn remember_answer(
        &mut self,
        key: &SessionKey,
        text: Arc<str>,
        by: Option<ModelId>,
    ) {
        let wall = self.wall;
        self.remember(key, Entry::Assistant(text), by);
        let session = self.session(key);
        if let Some(life) = &mut session.life {
            life.updated = wall;
        }
    }
}
