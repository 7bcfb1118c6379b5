//! A small picture for a README: what held and what broke.

use std::fmt::Write as _;

use super::data::{Light, Report, Standing};

/// How wide a character is drawn, in tenths of a pixel: the picture says so itself (`textLength`), whatever the font.
const CHAR_TENTHS: usize = 66;

/// The room beside a text, in pixels.
const PADDING: usize = 6;

/// The picture, as SVG.
pub fn svg(report: &Report) -> String {
    let left = format!("creel {}", report.profiles.join(" + "));
    let (right, color) = words(report);
    let (left_width, right_width) = (width(left.trim()), width(&right));
    let whole = left_width + right_width;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" aria-label=\"{label}\">\
         <title>{label}</title>\
         <clipPath id=\"r\"><rect width=\"{whole}\" height=\"20\" rx=\"3\"/></clipPath>\
         <g clip-path=\"url(#r)\"><rect width=\"{left_width}\" height=\"20\" fill=\"#3b3f46\"/>\
         <rect x=\"{left_width}\" width=\"{right_width}\" height=\"20\" fill=\"{color}\"/></g>\
         <g fill=\"#fff\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" font-size=\"11\">",
        label = escaped(&format!("{}: {right}", left.trim())),
    );
    for (x, text, room) in
        [(PADDING, left.trim(), left_width), (left_width + PADDING, &right, right_width)]
    {
        let (text, length) = (escaped(text), room - 2 * PADDING);
        write!(svg, "<text x=\"{x}\" y=\"14\" textLength=\"{length}\">{text}</text>")
            .expect("writing to a string");
    }
    svg.push_str("</g></svg>\n");
    svg
}

/// What it says, and in which colour. Green takes evidence.
fn words(report: &Report) -> (String, &'static str) {
    let of = |standing| report.standing(standing);
    let known = match of(Standing::KnownFailing) {
        0 => String::new(),
        count => format!(", {count} known failing"),
    };
    let held = of(Standing::Pass);
    let broken = of(Standing::Fail);
    match report.light() {
        Light::Green => (format!("{held} held, {broken} broken{known}"), "#2e7d32"),
        Light::Red if broken == 0 => {
            (format!("{held} held, {} cases not judged{known}", report.failed()), "#b3261e")
        }
        Light::Red => (format!("{held} held, {broken} broken{known}"), "#b3261e"),
        Light::Grey => ("nothing shown".to_owned(), "#6b7280"),
    }
}

fn width(text: &str) -> usize {
    text.chars().count() * CHAR_TENTHS / 10 + 2 * PADDING
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{green, red, without_evidence};

    #[test]
    fn it_is_green_only_with_evidence() {
        assert_eq!(words(&green()), ("1 held, 0 broken".to_owned(), "#2e7d32"));
        assert_eq!(words(&red()), ("0 held, 1 broken".to_owned(), "#b3261e"));
        assert_eq!(words(&without_evidence()), ("nothing shown".to_owned(), "#6b7280"));
    }

    #[test]
    fn it_is_a_picture_with_a_text() {
        let svg = svg(&red());
        assert!(svg.starts_with("<svg xmlns="), "{svg}");
        assert!(svg.contains("<title>creel 2026.9: 0 held, 1 broken</title>"), "{svg}");
    }
}
