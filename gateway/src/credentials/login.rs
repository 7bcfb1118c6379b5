//! A login, and how its provider renews it: RFC 6749, section 6.

use std::time::Duration;

use bytes::Bytes;
use creel_core::{
    run::{ModelFailed, ModelFailure},
    time::WallTime,
};
use creel_document::{edit, problem::Problem};
use http_body_util::Full;
use hyper::{Request, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::{http, http::Http, net::Net, secret::Secret};

/// How long a provider may take to renew a login.
const RENEW_WITHIN: Duration = Duration::from_secs(30);

/// How much of its answer is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long before its end a login is renewed: a request that is on its way shall not meet the end.
pub(super) const RENEW_BEFORE_MS: i64 = 30_000;

/// How much of an error's code is kept for the log, in characters.
const CODE_CHARS_MAX: usize = 60;

/// A login that can be renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// What requests are made with.
    pub access: Secret,
    /// What it is renewed with. A provider may give another one each time, and take none twice.
    pub refresh: Secret,
    /// When the access ends, if that is known.
    pub expires: Option<WallTime>,
    /// Who we are to the provider, if the login says so.
    pub client: Option<String>,
}

impl Login {
    /// The login that an agent's file has, if it can be renewed: an empty token is none.
    pub fn of(
        (access, refresh): (Option<String>, Option<String>),
        expires: Option<f64>,
        client: Option<String>,
    ) -> Option<Self> {
        let given = |it: Option<String>| it.filter(|it| !it.is_empty()).map(Secret::new);
        let (access, refresh) = (given(access)?, given(refresh)?);
        Some(Self { access, refresh, expires: expires.map(date), client })
    }

    /// How long it is good for, where the wall clock shows this; none without an end.
    pub(super) fn left(&self, now: WallTime) -> Option<Duration> {
        let left_ms = self.expires?.as_unix_ms().saturating_sub(now.as_unix_ms());
        Some(Duration::from_millis(u64::try_from(left_ms).unwrap_or_default()))
    }

    /// Whether it can be used now without being renewed.
    pub fn is_fresh(&self, now: WallTime) -> bool {
        let left = |it: WallTime| it.as_unix_ms().saturating_sub(now.as_unix_ms());
        self.expires.is_none_or(|it| left(it) > RENEW_BEFORE_MS)
    }
}

/// Where a provider renews logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEndpoint {
    /// Its address.
    pub url: String,
    /// Who we are to it, where a login does not say so.
    pub client: Option<String>,
}

/// What is in an agent's file of a login.
#[derive(Deserialize)]
struct Stored {
    access: Option<String>,
    refresh: Option<String>,
    expires: Option<f64>,
    #[serde(rename = "clientId")]
    client: Option<String>,
}

#[derive(Deserialize)]
struct File {
    profiles: std::collections::BTreeMap<String, serde_json::Value>,
}

/// The login of this name in a file's text, if there is one.
pub(super) fn stored(text: &str, profile: &str) -> Option<Login> {
    let mut file: File = serde_json::from_str(text).ok()?;
    let found: Stored = serde_json::from_value(file.profiles.remove(profile)?).ok()?;
    Login::of((found.access, found.refresh), found.expires, found.client)
}

/// A date of the file, which may be any number.
#[expect(clippy::cast_possible_truncation, reason = "it becomes the nearest whole number")]
fn date(unix_ms: f64) -> WallTime {
    WallTime::from_unix_ms(unix_ms as i64)
}

/// The file's text with a renewed login in the place of one whose refresh token is used up; none if another one is there,
/// since then somebody has logged in meanwhile.
///
/// # Errors
///
/// What is wrong with the text.
pub(super) fn edited(
    text: &str,
    profile: &str,
    (gone, new): (&[Secret], &Login),
) -> Result<Option<String>, Vec<Problem>> {
    if stored(text, profile).is_none_or(|it| !gone.contains(&it.refresh)) {
        return Ok(None);
    }
    let expires = new.expires.map(|it| it.as_unix_ms().into());
    let rows = [
        ("access", Some(new.access.expose().into())),
        ("refresh", Some(new.refresh.expose().into())),
        ("expires", expires),
    ];
    let mut text = text.to_owned();
    for (key, value) in rows {
        let path = ["profiles", profile, key];
        text = match value {
            Some(value) => edit::set(&text, &path, &value)?,
            None => edit::remove(&text, &path)?,
        };
    }
    Ok(Some(text))
}

/// Has the provider renew a login. `now` is when it is asked.
///
/// # Errors
///
/// Why it did not, as a request that fails for it tells it.
pub(super) async fn renew<N: Net>(
    http: &Http<N>,
    endpoint: &TokenEndpoint,
    (login, now): (&Login, WallTime),
) -> Result<Login, ModelFailed> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
        refresh_token: Option<String>,
        expires_in: Option<i64>,
    }
    let request = request(endpoint, login).map_err(|_| {
        tracing::error!("the address at which logins are renewed cannot be used");
        ModelFailure::NotConfigured
    })?;
    let answered = http.exchange(request, RENEW_WITHIN, ANSWER_BYTES_MAX).await;
    let (status, body) = answered.map_err(|error| {
        tracing::warn!(%error, "renew a login");
        match error {
            http::Error::Connect(_) => ModelFailure::Unreachable,
            http::Error::TimedOut(_) => ModelFailure::Silent,
            http::Error::TooLong => ModelFailure::Malformed,
            http::Error::Exchange(_) | http::Error::Body(_) => ModelFailure::BrokenOff,
        }
    })?;
    if status != StatusCode::OK {
        return Err(refused(status, &body).into());
    }
    // The error's own words may quote a token.
    let granted: Granted = serde_json::from_slice(&body).map_err(|_| ModelFailure::Malformed)?;
    if granted.access_token.is_empty() {
        return Err(ModelFailure::Malformed.into());
    }
    let ends =
        |s: i64| WallTime::from_unix_ms(now.as_unix_ms().saturating_add(s.saturating_mul(1_000)));
    let another = granted.refresh_token.filter(|it| !it.is_empty()).map(Secret::new);
    Ok(Login {
        access: Secret::new(granted.access_token),
        refresh: another.unwrap_or_else(|| login.refresh.clone()),
        expires: granted.expires_in.map(ends),
        client: login.client.clone(),
    })
}

fn request(
    endpoint: &TokenEndpoint,
    login: &Login,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let encoded = |it: &str| utf8_percent_encode(it, NON_ALPHANUMERIC).to_string();
    let mut form =
        format!("grant_type=refresh_token&refresh_token={}", encoded(login.refresh.expose()));
    if let Some(client) = login.client.as_ref().or(endpoint.client.as_ref()) {
        form = format!("{form}&client_id={}", encoded(client));
    }
    Request::post(&endpoint.url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Full::new(Bytes::from(form)))
}

/// What a refusal means: only `invalid_grant` speaks of the login and ends it. What a busy or broken provider says passes,
/// and what is wrong with the address or with who we are to the provider (another page, `invalid_client`) keeps the
/// credential from being used for now, like a key that is not accepted.
fn refused(status: StatusCode, body: &[u8]) -> ModelFailure {
    #[derive(Deserialize)]
    struct Said {
        error: String,
    }
    let said = serde_json::from_slice::<Said>(body).map(|it| it.error).unwrap_or_default();
    // A code is a short word, and nothing else is logged: providers echo tokens.
    let is_code = |it: char| it.is_ascii_lowercase() || it == '_';
    let code = Some(said).filter(|it| it.len() <= CODE_CHARS_MAX && it.chars().all(is_code));
    tracing::warn!(%status, code, "the login was not renewed");
    match (status.as_u16(), code.as_deref()) {
        (400 | 401, Some("invalid_grant")) => ModelFailure::LoginRefused,
        (passing @ (408 | 425 | 429 | 500..), _) => ModelFailure::Status(passing),
        _ => ModelFailure::LoginNotRenewed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(access: &str, refresh: &str, expires: Option<i64>) -> Login {
        Login {
            access: Secret::new(access),
            refresh: Secret::new(refresh),
            expires: expires.map(WallTime::from_unix_ms),
            client: None,
        }
    }

    #[test]
    fn a_login_is_renewed_shortly_before_its_end() {
        let now = WallTime::from_unix_ms(1_000_000);
        for (expires, fresh) in
            [(None, true), (Some(1_030_001), true), (Some(1_030_000), false), (Some(5), false)]
        {
            assert_eq!(login("a", "r", expires).is_fresh(now), fresh, "{expires:?}");
        }
    }

    #[test]
    fn an_empty_token_is_none() {
        let given = |it: &str| Some(it.to_owned());
        assert!(Login::of((given("a"), given("r")), None, None).is_some());
        assert_eq!(Login::of((given("a"), given("")), None, None), None);
        assert_eq!(Login::of((given(""), given("r")), None, None), None);
        let text = r#"{"profiles":{"p:one":{"type":"oauth","access":"a","refresh":""}}}"#;
        assert_eq!(stored(text, "p:one"), None, "it is the same when it is read again");
    }

    #[test]
    fn a_renewed_login_takes_the_place_of_the_one_that_was_renewed_and_of_no_other() {
        let text = r#"{"profiles":{"p:one":{"type":"oauth","email":"e","access":"a1","refresh":"r1","expires":1}}}"#;
        let new = login("a2", "r2", Some(2));
        let expected = r#"{"profiles":{"p:one":{"type":"oauth","email":"e","access":"a2","refresh":"r2","expires":2}}}"#;
        let gone = ["r0", "r1"].map(Secret::new);
        assert_eq!(edited(text, "p:one", (&gone, &new)), Ok(Some(expected.to_owned())));
        assert_eq!(edited(text, "p:one", (&gone[..1], &new)), Ok(None));
        assert_eq!(edited(text, "p:two", (&gone, &new)), Ok(None));
    }

    #[test]
    fn only_a_refusal_that_speaks_of_the_login_ends_it() {
        let check = |status: u16, body: &str, expected: ModelFailure| {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(refused(status, body.as_bytes()), expected, "{status} {body}");
        };
        let invalid = r#"{"error":"invalid_grant"}"#;
        check(400, invalid, ModelFailure::LoginRefused);
        check(401, invalid, ModelFailure::LoginRefused);
        check(429, invalid, ModelFailure::Status(429));
        check(503, invalid, ModelFailure::Status(503));
        for (status, body) in [
            (302, ""),
            (400, r#"{"error":"invalid_request"}"#),
            (401, r#"{"error":"invalid_client"}"#),
            (403, "<html>who are you?</html>"),
            (404, "not found"),
        ] {
            check(status, body, ModelFailure::LoginNotRenewed);
        }
    }

    #[test]
    fn a_token_is_encoded_in_the_form_and_shows_in_no_text() {
        let endpoint =
            TokenEndpoint { url: "http://h/t".to_owned(), client: Some("c d".to_owned()) };
        let login = login("a", "r+/=&", None);
        let request = request(&endpoint, &login).unwrap();
        let form = "grant_type=refresh_token&refresh_token=r%2B%2F%3D%26&client_id=c%20d";
        assert_eq!(format!("{:?}", request.body()), format!("{:?}", Full::new(Bytes::from(form))));
        assert!(!format!("{login:?}").contains("r+"));
    }
}
