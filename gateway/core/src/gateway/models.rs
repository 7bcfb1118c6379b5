//! `/model`: which model answers in a session, and with which credential.

use super::Gateway;
use crate::{
    failover::provider_of,
    ids::{ModelId, ProfileId},
    profile::Version,
    session_key::SessionKey,
};

impl Gateway {
    /// Does what `/model` asks, and says what is so now. The run under way goes on as it began.
    pub(super) fn set_model(&mut self, key: &SessionKey, wanted: &str) -> String {
        // The contract's `-s` says that the choice is for the session, as it always is here.
        let wanted = wanted.strip_suffix(" -s").unwrap_or(wanted).trim();
        if wanted.is_empty() {
            return self.model_notice(key);
        }
        if wanted.eq_ignore_ascii_case("default") {
            self.choose_model(key, None, None);
            return self.model_notice(key);
        }
        let (name, profile) = match wanted.split_once('@') {
            Some((name, profile)) => (name, Some(profile)),
            None => (wanted, None),
        };
        let model = ModelId::new(name).ok();
        let Some(model) = model.filter(|it| self.settings.models.contains(it)) else {
            return format!("There is no model `{name}` here: expected provider/model.");
        };
        let pin = match profile.map(|it| self.own_profile(key, &model, it)) {
            Some(None) => return format!("There is no credential of that name for {model}."),
            Some(Some(found)) => Some(found),
            None => None,
        };
        self.choose_model(key, Some(model), pin);
        self.model_notice(key)
    }

    /// A model that is chosen anew was not away: nobody is told that it answers again. A choice that names no credential
    /// lets the one go that was chosen before; in `2026.9` only where it is another provider's.
    fn choose_model(&mut self, key: &SessionKey, model: Option<ModelId>, pin: Option<ProfileId>) {
        let agent = self.agent(&self.sessions[key].agent);
        let provider = provider_of(model.as_ref().unwrap_or(&agent.model));
        let is_its = |it: &ProfileId| {
            let its = agent.credentials.stored.get(it).map(|it| &it.provider);
            its == provider.as_ref()
        };
        let kept = match self.settings.profile.version {
            Version::V2026_3 => None,
            Version::V2026_9 => self.sessions[key].pin.clone().filter(is_its),
        };
        let session = self.session(key);
        if session.model != model {
            session.answered_by = None;
        }
        (session.model, session.pin) = (model, pin.or(kept));
    }

    /// A credential of the session's own agent, for a model.
    fn own_profile(&self, key: &SessionKey, model: &ModelId, name: &str) -> Option<ProfileId> {
        let found = ProfileId::new(name).ok()?;
        let credentials = &self.agent(&self.sessions[key].agent).credentials;
        let provider = Some(&credentials.stored.get(&found)?.provider);
        (provider == provider_of(model).as_ref()).then_some(found)
    }

    fn model_notice(&self, key: &SessionKey) -> String {
        let session = &self.sessions[key];
        let configured = &self.agent(&session.agent).model;
        let (model, whose) = match &session.model {
            Some(chosen) => (chosen, "chosen here"),
            None => (configured, "as configured"),
        };
        let pin = session.pin.as_ref().map_or_else(String::new, |it| format!(", credential {it}"));
        format!("Model: {model}{pin} ({whose}).")
    }
}
