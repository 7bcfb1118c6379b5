//! The report as one HTML file that loads nothing: for a browser, from disk or from a server.
//!
//! ```text
//! Report ──► views (what is shown, in which order) ──► page.html + style.css + script.js ──► one file
//! ```

mod picture;
mod views;

use std::fmt::Write as _;

use minijinja::{Environment, HtmlEscape, UndefinedBehavior, Value, value::Serde};
use serde::Serialize;

use super::data::Report;

/// The style that all pages share.
pub(super) const STYLE: &str = include_str!("html/style.css");

/// Filters, copying, and the way to what a link names: shared by all pages.
pub(super) const SCRIPT: &str = include_str!("html/script.js");

/// The page of one report.
///
/// # Errors
///
/// Only if the built-in template is broken.
pub fn page(report: &Report) -> Result<String, minijinja::Error> {
    fill(include_str!("html/page.html"), &views::page(report))
}

/// Fills a template. What it is given is text, never markup, unless the template says so.
pub(super) fn fill(template: &str, view: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.add_filter("code", code);
    environment.add_template("page.html", template)?;
    environment.get_template("page.html")?.render(Value::from(Serde(view)))
}

/// A text as markup, with what stands between backticks as code. Whatever looks like markup in it stays text.
fn code(text: &str) -> Value {
    let parts: Vec<&str> = text.split('`').collect();
    let mut markup = String::new();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        let part = HtmlEscape(part);
        let written = match index % 2 {
            1 if is_last => write!(markup, "`{part}"),
            1 => write!(markup, "<code>{part}</code>"),
            _ => write!(markup, "{part}"),
        };
        written.expect("writing to a string");
    }
    Value::from_safe_string(markup)
}

#[cfg(test)]
mod tests;
