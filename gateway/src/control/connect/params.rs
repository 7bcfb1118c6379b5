//! What a client says about itself when it connects. The type has what 2026.9 knows; what 2026.3 does not know is taken out of its
//! schema, so that it refuses the same fields as the original.

use std::collections::BTreeMap;

use creel_core::profile::Version;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{control::schema::Shape, secret::Secret};

/// What 2026.3 does not know: the property or the choice at a path.
const NEW_IN_2026_9: [(&str, &str); 13] = [
    ("", "computerUse"),
    ("", "workerRuns"),
    ("", "modelCatalog"),
    ("/auth", "approvalRuntimeToken"),
    ("/auth", "agentRuntimeIdentityToken"),
    ("/client", "buildId"),
    ("/client", "timeZone"),
    ("/client/id", "openclaw-browser-copilot"),
    ("/client/id", "openclaw-tui"),
    ("/client/id", "openclaw-linux"),
    ("/client/id", "openclaw-watchos"),
    ("/client/id", "openclaw-worker"),
    ("/client/mode", "worker"),
];

/// The parameters of `connect`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectParams {
    /// The oldest protocol that the client speaks.
    #[schemars(range(min = 1))]
    pub min_protocol: u64,
    /// The newest one.
    #[schemars(range(min = 1))]
    pub max_protocol: u64,
    /// The program.
    pub client: Client,
    /// What it can do with events.
    #[schemars(inner(length(min = 1)))]
    pub caps: Option<Vec<String>>,
    /// What a node offers.
    #[schemars(inner(length(min = 1)))]
    pub commands: Option<Vec<String>>,
    /// What a node's owner allowed it.
    pub permissions: Option<BTreeMap<String, bool>>,
    /// Where a node looks for programs.
    pub path_env: Option<String>,
    /// `operator`, if none is named.
    #[schemars(length(min = 1))]
    pub role: Option<String>,
    /// What the client wants to be allowed.
    #[schemars(inner(length(min = 1)))]
    pub scopes: Option<Vec<String>>,
    /// The device's proof of who it is.
    pub device: Option<Device>,
    /// What lets the client in.
    pub auth: Option<Auth>,
    /// Its language.
    pub locale: Option<String>,
    /// The program in one line.
    pub user_agent: Option<String>,
    /// Which models it wants to be told about; accepted, but no catalogue is announced or sent.
    pub model_catalog: Option<ModelCatalog>,
    /// A declaration that is accepted and not used.
    pub computer_use: Option<Value>,
    /// The same.
    pub worker_runs: Option<Value>,
}

/// The program that connects.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// Which one.
    pub id: ClientId,
    /// Its name for people.
    #[schemars(length(min = 1))]
    pub display_name: Option<String>,
    /// Its version.
    #[schemars(length(min = 1))]
    pub version: String,
    /// Its build.
    #[schemars(length(min = 1, max = 96))]
    pub build_id: Option<String>,
    /// What it runs on.
    #[schemars(length(min = 1))]
    pub platform: String,
    /// What kind of device that is.
    #[schemars(length(min = 1))]
    pub device_family: Option<String>,
    /// Which model.
    #[schemars(length(min = 1))]
    pub model_identifier: Option<String>,
    /// Where, as a zone of the calendar.
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// As what it connects.
    pub mode: Mode,
    /// Which of several.
    #[schemars(length(min = 1))]
    pub instance_id: Option<String>,
}

/// What lets a client in. Any of it is a secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// The gateway's token, or a device's.
    pub token: Option<Secret>,
    /// A setup code; we make none.
    pub bootstrap_token: Option<Secret>,
    /// A device's token.
    pub device_token: Option<Secret>,
    /// The gateway's password.
    pub password: Option<Secret>,
    /// For processes that the original starts itself; lets nobody in here.
    pub approval_runtime_token: Option<Secret>,
    /// The same.
    pub agent_runtime_identity_token: Option<Secret>,
}

/// A device's proof.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Device {
    /// The fingerprint of the key.
    #[schemars(length(min = 1))]
    pub id: String,
    /// The key.
    #[schemars(length(min = 1))]
    pub public_key: String,
    /// What it signed.
    #[schemars(length(min = 1))]
    pub signature: String,
    /// When, in ms since 1970.
    pub signed_at: u64,
    /// The challenge.
    #[schemars(length(min = 1))]
    pub nonce: String,
}

/// Whose models a client wants to know.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelCatalog {
    /// An agent's.
    #[schemars(length(min = 1))]
    pub agent_id: Option<String>,
    /// A session's.
    #[schemars(length(min = 1))]
    pub session_key: Option<String>,
    /// A session's, by the end of its name.
    #[schemars(length(min = 1))]
    pub short_id: Option<String>,
    /// Which of those.
    #[schemars(length(min = 1))]
    pub slug_hint: Option<String>,
}

/// The programs that may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say all that is known of them")]
pub enum ClientId {
    WebchatUi,
    #[serde(rename = "openclaw-control-ui")]
    ControlUi,
    #[serde(rename = "openclaw-browser-copilot")]
    BrowserCopilot,
    #[serde(rename = "openclaw-tui")]
    Tui,
    Webchat,
    Cli,
    GatewayClient,
    #[serde(rename = "openclaw-macos")]
    Macos,
    #[serde(rename = "openclaw-linux")]
    Linux,
    #[serde(rename = "openclaw-ios")]
    Ios,
    #[serde(rename = "openclaw-watchos")]
    Watchos,
    #[serde(rename = "openclaw-android")]
    Android,
    NodeHost,
    #[serde(rename = "openclaw-worker")]
    Worker,
    Test,
    Fingerprint,
    #[serde(rename = "openclaw-probe")]
    Probe,
}

/// As what a program connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say all that is known of them")]
pub enum Mode {
    Webchat,
    Cli,
    Ui,
    Backend,
    Node,
    Worker,
    Probe,
    Test,
}

impl ConnectParams {
    /// The shape that a version accepts.
    pub fn shape(version: Version) -> Shape<Self> {
        match version {
            Version::V2026_3 => Shape::new().without(&NEW_IN_2026_9),
            Version::V2026_9 => Shape::new(),
        }
    }
}

impl ClientId {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebchatUi => "webchat-ui",
            Self::ControlUi => "openclaw-control-ui",
            Self::BrowserCopilot => "openclaw-browser-copilot",
            Self::Tui => "openclaw-tui",
            Self::Webchat => "webchat",
            Self::Cli => "cli",
            Self::GatewayClient => "gateway-client",
            Self::Macos => "openclaw-macos",
            Self::Linux => "openclaw-linux",
            Self::Ios => "openclaw-ios",
            Self::Watchos => "openclaw-watchos",
            Self::Android => "openclaw-android",
            Self::NodeHost => "node-host",
            Self::Worker => "openclaw-worker",
            Self::Test => "test",
            Self::Fingerprint => "fingerprint",
            Self::Probe => "openclaw-probe",
        }
    }
}

impl Mode {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webchat => "webchat",
            Self::Cli => "cli",
            Self::Ui => "ui",
            Self::Backend => "backend",
            Self::Node => "node",
            Self::Worker => "worker",
            Self::Probe => "probe",
            Self::Test => "test",
        }
    }
}

impl Client {
    /// A program of the gateway's own, such as one that runs commands for it.
    pub(super) fn is_backend(&self) -> bool {
        self.id == ClientId::GatewayClient && self.mode == Mode::Backend
    }

    pub(super) fn is_cli(&self) -> bool {
        self.id == ClientId::Cli && self.mode == Mode::Cli
    }

    /// A page that people look at.
    pub(super) fn is_page(&self) -> bool {
        matches!(self.id, ClientId::ControlUi | ClientId::Webchat | ClientId::WebchatUi)
            || self.mode == Mode::Webchat
    }
}

impl Auth {
    /// The token that a device's signature covers.
    pub(super) fn signed(&self) -> &str {
        let tokens = [&self.token, &self.device_token, &self.bootstrap_token];
        tokens.into_iter().flatten().next().map_or("", Secret::expose)
    }
}

/// What is given, if it is more than white space.
pub(super) fn given(secret: Option<&Secret>) -> Option<&str> {
    secret.map(|it| it.expose().trim()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_those_that_are_read() {
        let shape = ConnectParams::shape(Version::V2026_9);
        let names = |path: &str| shape.json().pointer(path).unwrap()["enum"].clone();
        for id in names("/properties/client/properties/id").as_array().unwrap() {
            let read: ClientId = serde_json::from_value(id.clone()).unwrap();
            assert_eq!(read.name(), id);
        }
        for mode in names("/properties/client/properties/mode").as_array().unwrap() {
            let read: Mode = serde_json::from_value(mode.clone()).unwrap();
            assert_eq!(read.name(), mode);
        }
    }

    #[test]
    fn each_version_has_its_own_fields() {
        let client = json!({ "id": "openclaw-tui", "version": "1", "platform": "x", "mode": "ui", "timeZone": "UTC" });
        let params = json!({ "minProtocol": 3, "maxProtocol": 4, "client": client,
            "auth": { "approvalRuntimeToken": "secret" }, "computerUse": {} });
        let new = ConnectParams::shape(Version::V2026_9);
        assert!(new.check(Version::V2026_9, "connect", &params).is_ok());
        let old = ConnectParams::shape(Version::V2026_3);
        let refused = old.check(Version::V2026_3, "connect", &params).unwrap_err().message;
        assert_eq!(
            refused,
            "invalid connect params: at root: unexpected property 'computerUse'; at /client: unexpected property \
             'timeZone'; at /client/id: must be equal to constant; at /client/id: must match a schema in anyOf; \
             at /auth: unexpected property 'approvalRuntimeToken'"
        );
    }

    #[test]
    fn what_lets_a_client_in_is_not_shown() {
        let params = json!({ "minProtocol": 3, "maxProtocol": 4,
            "client": { "id": "cli", "version": "1", "platform": "x", "mode": "cli" }, "auth": { "token": "hush" } });
        let read = ConnectParams::shape(Version::V2026_3)
            .check(Version::V2026_3, "connect", &params)
            .unwrap();
        assert!(!format!("{read:?}").contains("hush"));
    }
}
