//! The console: one page at `/`, which is a client of the control plane like any other.
//!
//! It is a single file, and may run its own script, use its own style and open a socket to where it came from: nothing else.

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::digest;

/// The page itself.
const TEXT: &str = include_str!("console.html");

/// Whether there is a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// There is.
    #[default]
    Served,
    /// There is none (`gateway.controlUi.enabled`).
    Missing,
}

static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        fingerprint("script"),
        fingerprint("style"),
    );
    let fixed = HeaderValue::from_static;
    [
        (header::CONTENT_TYPE, fixed("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, fixed("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        (header::X_FRAME_OPTIONS, fixed("DENY")),
        (header::REFERRER_POLICY, fixed("no-referrer")),
        (header::CONTENT_SECURITY_POLICY, policy.parse().expect("base64 may stand in a header")),
    ]
    .into_iter()
    .collect()
});

/// The page, or the word that there is none.
pub fn answer(page: Page) -> Response {
    match page {
        Page::Served => (HEADERS.clone(), TEXT).into_response(),
        Page::Missing => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    }
}

/// How a policy names what stands in the page's only element of this name.
fn fingerprint(element: &str) -> String {
    let digest = digest::digest(&digest::SHA256, inside(element).as_bytes());
    format!("'sha256-{}'", BASE64_STANDARD.encode(digest))
}

fn inside(element: &str) -> &'static str {
    let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
    let after = TEXT.split_once(begin.as_str()).expect("the page has one").1;
    after.split_once(end.as_str()).expect("and it ends").0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_do_what_it_brings_and_nothing_else() {
        let headers = answer(Page::Served).headers().clone();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for element in ["script", "style"] {
            assert_eq!(TEXT.matches(&format!("<{element}")).count(), 1, "one {element}");
        }
        for forbidden in [
            "http:",
            "https:",
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            " style=",
            "onclick=\"",
            "eval(",
        ] {
            assert!(!TEXT.contains(forbidden), "{forbidden} is in the page");
        }
        assert!(!TEXT.contains("localStorage"), "what is secret goes with the tab");
    }

    #[test]
    fn the_page_can_be_taken_away() {
        assert_eq!(answer(Page::Missing).status(), StatusCode::NOT_FOUND);
    }
}
