use super::*;
use crate::report::tests::{green, red};

#[test]
fn what_a_gateway_said_is_text_and_never_markup() {
    let page = page(&red()).unwrap();
    assert!(page.contains("“&lt;hello&gt;”"), "{page}");
    assert!(page.contains("exactly 2 <code>sent</code> | &lt;b&gt;"), "{page}");
    assert!(page.contains("“one &lt;run&gt; at a time”"), "{page}");
    assert!(!page.contains("<hello>") && !page.contains("<b>"));
}

#[test]
fn a_failure_has_a_picture_and_the_same_as_a_table() {
    let page = page(&red()).unwrap();
    assert!(page.contains("<svg class=\"lanes\" role=\"img\""), "{page}");
    assert!(page.contains("<title id=\"t1\">What crossed the wire in queue&#x2f;one</title>"));
    assert!(page.contains("<tr class=\"marked\"><th scope=\"row\">▶ 2</th>"), "{page}");
    assert!(page.contains("creel run queue&#x2f;one --profile 2026.9 --seed 1"));
}

#[test]
fn what_held_says_by_which_facts() {
    let page = page(&green()).unwrap();
    assert!(!page.contains("<svg"), "what held needs no diagram");
    assert!(page.contains(": facts #2</span>"), "{page}");
}

/// Nothing on the page is fetched from anywhere.
#[test]
fn the_page_loads_nothing() {
    let page = page(&red()).unwrap();
    for loading in ["src=\"", "http://", "https://", "url(", "@import", "fetch("] {
        assert!(!page.contains(loading), "the page holds `{loading}`");
    }
}

#[test]
fn what_stands_between_backticks_is_code_and_still_text() {
    let of = |text: &str| code(text).to_string();
    assert_eq!(of("`a<b>` and <c>"), "<code>a&lt;b&gt;</code> and &lt;c&gt;");
    assert_eq!(of("one ` alone"), "one ` alone");
    assert_eq!(of(""), "");
}
