//! Calls of the Graph API: who calls, and how it is answered.

use axum::{
    Json,
    extract::{Path, State as Extract},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Number, WhatsApp};

/// An error answer of the Graph API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
    pub(super) details: Option<String>,
    pub(super) retry_after_s: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: None, retry_after_s: None }
    }

    /// A parameter that is wrong.
    pub(super) fn parameter(what: &str) -> Self {
        Self::new(400, 100, format!("(#100) {what}"))
    }

    /// A parameter's value that is wrong, as the API words it for messages.
    pub(super) fn value(details: &str) -> Self {
        let failure = Self::new(400, 131_009, "(#131009) Parameter value is not valid");
        Self { details: Some(details.to_owned()), ..failure }
    }

    /// A token that is not one of ours.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, 190, "Invalid OAuth access token - Cannot parse access token")
    }

    fn unknown_object(id: &str) -> Self {
        let what = format!(
            "Unsupported get request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
             permissions, or does not support this operation"
        );
        Self { code: 100, ..Self::new(400, 100, what) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, code, message, details, retry_after_s } = self;
        let mut error = json!({
            "message": message,
            "type": "OAuthException",
            "code": code,
            "fbtrace_id": "AcreelAcreelAcreel",
        });
        if let Some(details) = details {
            error["error_data"] = json!({ "messaging_product": "whatsapp", "details": details });
        }
        let status = StatusCode::from_u16(status).expect("scenarios say 400 to 599");
        let mut response = (status, Json(json!({ "error": error }))).into_response();
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The number whose token a call bears.
pub(super) fn caller(twin: &WhatsApp, headers: &HeaderMap) -> Result<Number, Failure> {
    let given = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = given.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    twin.state().number_of_token(token).ok_or_else(Failure::unauthorized)
}

/// The version stands first in every path: `v23.0`.
pub(super) fn check_version(version: &str) -> Result<(), Failure> {
    let digits = version.strip_prefix('v').and_then(|it| it.split_once('.'));
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    match digits {
        Some((major, minor)) if is_number(major) && is_number(minor) => Ok(()),
        _ => Err(Failure::new(400, 2_500, format!("Unknown path components: /{version}"))),
    }
}

/// `GET /<version>/<id>`: a phone number.
pub(super) async fn object(
    Extract(twin): Extract<WhatsApp>,
    Path((version, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let found = check_version(&version).and_then(|()| {
        let number = caller(&twin, &headers)?;
        if number.id == id {
            return Ok(describe(&number));
        }
        let host = headers.get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
        twin.state().media.describe(&id, host).ok_or_else(|| Failure::unknown_object(&id))
    });
    found.map(Json).into_response()
}

fn describe(number: &Number) -> Value {
    json!({
        "id": number.id,
        "display_phone_number": format!("+{}", number.display()),
        "verified_name": format!("Creel {}", number.account),
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
    })
}

/// Everything else. What a person would have seen must not go missing without a word.
pub(super) async fn unknown(
    Extract(twin): Extract<WhatsApp>,
    method: Method,
    uri: Uri,
) -> Response {
    let path = uri.path();
    if method == Method::POST {
        let what =
            format!("the gateway called `POST {path}`, which the WhatsApp twin does not speak");
        twin.state().recorder.harness_error(what);
    }
    Failure::new(400, 2_500, format!("Unknown path components: {path}")).into_response()
}
