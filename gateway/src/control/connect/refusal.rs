//! Why a handshake ends, and how: the answer, and the close code with its reason.

use creel_core::profile::Version;
use serde_json::{Value, json};

use super::params::ConnectParams;
use crate::control::{
    device,
    devices::{Access, Need},
    frame::{ErrorCode, ErrorShape, Response},
};

/// How long a close reason may be, in bytes; the protocol has room for 123.
const REASON_BYTES_MAX: usize = 120;

/// How a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code of the close frame.
    pub code: u16,
    /// Its reason.
    pub reason: String,
}

/// A refused handshake: what is answered, if anything, and how the connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, for the log and for counting.
    pub cause: Cause,
    /// What is answered first.
    pub response: Option<Box<Response>>,
    /// Then the connection ends.
    pub close: Close,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The frame is none, or not of the right form.
    Malformed,
    /// No protocol in common.
    Protocol,
    /// A role that nobody knows.
    Role,
    /// A secret is missing.
    Unauthorized,
    /// A secret is wrong; these count against the peer.
    Guessed,
    /// The peer has failed too often.
    RateLimited,
    /// A device has to be named.
    DeviceRequired,
    /// The device is not who it says it is.
    Device,
    /// The device waits for approval.
    Pairing,
    /// There is no room for more devices.
    Full,
}

/// What is wrong with the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    TokenMissing,
    TokenMismatch { may_retry_with_device: bool },
    DeviceTokenMismatch,
    DeviceTokenScopes,
    BootstrapTokenInvalid,
    RateLimited { retry_after_ms: u64 },
}

impl Failure {
    /// `details.authReason`, `details.code`, what people are told, and what may help.
    const fn words(self) -> [&'static str; 4] {
        match self {
            Self::TokenMissing => [
                "token_missing",
                "AUTH_TOKEN_MISSING",
                "gateway token missing (provide gateway auth token)",
                "update_auth_configuration",
            ],
            Self::TokenMismatch { may_retry_with_device } => [
                "token_mismatch",
                "AUTH_TOKEN_MISMATCH",
                "gateway token mismatch (provide gateway auth token)",
                if may_retry_with_device {
                    "retry_with_device_token"
                } else {
                    "update_auth_credentials"
                },
            ],
            Self::DeviceTokenMismatch => [
                "device_token_mismatch",
                "AUTH_DEVICE_TOKEN_MISMATCH",
                "device token mismatch",
                "update_auth_credentials",
            ],
            Self::DeviceTokenScopes => [
                "scope_mismatch",
                "AUTH_SCOPE_MISMATCH",
                "device token scope mismatch",
                "review_auth_configuration",
            ],
            Self::BootstrapTokenInvalid => [
                "bootstrap_token_invalid",
                "AUTH_BOOTSTRAP_TOKEN_INVALID",
                "bootstrap token invalid or expired",
                "review_auth_configuration",
            ],
            Self::RateLimited { .. } => {
                ["rate_limited", "AUTH_RATE_LIMITED", "too many failed attempts", "wait_then_retry"]
            }
        }
    }
}

/// No JSON: nothing is answered.
pub(super) fn not_json() -> Refused {
    close_with(Cause::Malformed, 1000, "")
}

/// JSON, but no request: only the connection's end says why.
pub(super) fn not_a_request() -> Refused {
    close_with(Cause::Malformed, 1008, "invalid request frame")
}

/// More than a first frame may have.
pub(super) fn too_large() -> Refused {
    close_with(Cause::Malformed, 1009, "preauth payload too large")
}

pub(super) fn malformed(id: &str, error: ErrorShape) -> Refused {
    answered(Cause::Malformed, id, error)
}

pub(super) fn protocol(version: Version, id: &str, params: &ConnectParams, ours: u64) -> Refused {
    let details = match version {
        Version::V2026_3 => json!({ "expectedProtocol": ours }),
        Version::V2026_9 => json!({
            "code": "PROTOCOL_MISMATCH",
            "clientMinProtocol": params.min_protocol,
            "clientMaxProtocol": params.max_protocol,
            "expectedProtocol": ours,
            "minimumProbeProtocol": super::PROTOCOL_OF_PROBES,
        }),
    };
    let error = ErrorShape::invalid("protocol mismatch").with_details(details);
    let refused = answered(Cause::Protocol, id, error);
    Refused { close: Close { code: 1002, ..refused.close }, ..refused }
}

pub(super) fn role(id: &str) -> Refused {
    answered(Cause::Role, id, ErrorShape::invalid("invalid role"))
}

pub(super) fn unauthorized(id: &str, failure: Failure) -> Refused {
    let [reason, code, text, next] = failure.words();
    let retry = matches!(failure, Failure::TokenMismatch { may_retry_with_device: true });
    let error = ErrorShape::invalid(format!("unauthorized: {text}")).with_details(json!({
        "code": code,
        "authReason": reason,
        "canRetryWithDeviceToken": retry,
        "recommendedNextStep": next,
    }));
    match failure {
        Failure::RateLimited { retry_after_ms } => {
            answered(Cause::RateLimited, id, error.retry_after_ms(retry_after_ms))
        }
        Failure::TokenMismatch { .. }
        | Failure::DeviceTokenMismatch
        | Failure::BootstrapTokenInvalid => answered(Cause::Guessed, id, error),
        Failure::TokenMissing | Failure::DeviceTokenScopes => {
            answered(Cause::Unauthorized, id, error)
        }
    }
}

pub(super) fn device_required(id: &str) -> Refused {
    let details = json!({ "code": "DEVICE_IDENTITY_REQUIRED" });
    let error = ErrorShape::new(ErrorCode::NotPaired, "device identity required");
    answered(Cause::DeviceRequired, id, error.with_details(details))
}

/// The same for a page, which cannot help it where the browser hides its keys.
pub(super) fn page_needs_device(id: &str) -> Refused {
    let details = json!({ "code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED" });
    let error = ErrorShape::invalid("control ui requires device identity");
    answered(Cause::DeviceRequired, id, error.with_details(details))
}

pub(super) fn device(id: &str, error: device::Error) -> Refused {
    answered(Cause::Device, id, error.shape())
}

pub(super) fn pairing(
    version: Version,
    id: &str,
    need: Need,
    access: &Access,
    request: &str,
) -> Refused {
    let mut details =
        json!({ "code": "PAIRING_REQUIRED", "requestId": request, "reason": need.name() });
    if version == Version::V2026_9 {
        details["deviceId"] = json!(access.device_id);
        details["requestedRole"] = json!(access.role.name());
        details["requestedScopes"] = Value::from(access.scopes.names());
    }
    let error = ErrorShape::new(ErrorCode::NotPaired, "pairing required").with_details(details);
    answered(Cause::Pairing, id, error)
}

pub(super) fn full(id: &str, error: crate::control::devices::Error) -> Refused {
    let error = ErrorShape::unavailable(error.to_string());
    answered(Cause::Full, id, error.retry_after_ms(crate::control::devices::PENDING_MS_MAX))
}

/// The answer, and the same words as the connection's last.
fn answered(cause: Cause, id: &str, error: ErrorShape) -> Refused {
    let close = Close { code: 1008, reason: cut(&error.message) };
    Refused { cause, response: Some(Box::new(Response::refused(id, error))), close }
}

fn close_with(cause: Cause, code: u16, reason: &str) -> Refused {
    Refused { cause, response: None, close: Close { code, reason: reason.to_owned() } }
}

fn cut(reason: &str) -> String {
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    reason.get(..end).unwrap_or_default().to_owned()
}
