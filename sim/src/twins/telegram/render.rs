//! What a person sees of a text with markup. The length limit counts this, not the markup.

use super::call::Failure;

/// The tags of `parse_mode: HTML`, as the Bot API lists them.
const TAGS: [&str; 16] = [
    "a",
    "b",
    "blockquote",
    "code",
    "del",
    "em",
    "i",
    "ins",
    "pre",
    "s",
    "span",
    "strike",
    "strong",
    "tg-emoji",
    "tg-spoiler",
    "u",
];

/// The text without its markup.
///
/// HTML must be well formed: known tags only, closed in the order in which they were opened. Of `MarkdownV2` only the escapes and markers are
/// taken away, and `Markdown` is left as it is: both read the same to a search for words.
pub(super) fn render(text: &str, parse_mode: Option<&str>) -> Result<String, Failure> {
    match parse_mode.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(text.to_owned()),
        Some("html") => html(text),
        Some("markdownv2") => Ok(markdown(text)),
        Some("markdown") => Ok(text.to_owned()),
        Some(_) => Err(Failure::bad_request("unsupported parse_mode")),
    }
}

fn html(text: &str) -> Result<String, Failure> {
    let broken = |what: String| Failure::bad_request(&format!("can't parse entities: {what}"));
    let mut shown = String::with_capacity(text.len());
    let mut open: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some((before, markup)) = rest.split_once('<') {
        unescape(before, &mut shown);
        let (tag, after) =
            markup.split_once('>').ok_or_else(|| broken("Unclosed start tag".to_owned()))?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let name = name.trim().to_ascii_lowercase();
            match open.pop() {
                Some(expected) if expected == name || name.is_empty() => continue,
                Some(expected) => {
                    let what = format!(
                        "Unmatched end tag, expected \"</{expected}>\", found \"</{name}>\""
                    );
                    return Err(broken(what));
                }
                None => return Err(broken("Unexpected end tag".to_owned())),
            }
        }
        let name = tag.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        if !TAGS.contains(&name.as_str()) {
            return Err(broken(format!("Unsupported start tag \"{name}\"")));
        }
        let attributes = tag.get(name.len()..).unwrap_or_default().trim();
        if !attributes.is_empty() && attributes.matches('"').count() % 2 == 1 {
            return Err(broken("Unclosed attribute value".to_owned()));
        }
        open.push(name);
    }
    if let Some(name) = open.pop() {
        let what = format!("Can't find end tag corresponding to start tag \"{name}\"");
        return Err(broken(what));
    }
    unescape(rest, &mut shown);
    Ok(shown)
}

/// Appends `text` with its character references replaced. What is no reference stays as it is.
fn unescape(text: &str, shown: &mut String) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        shown.push_str(before);
        let reference = after.split_once(';').and_then(|(it, rest)| Some((reference(it)?, rest)));
        let (character, after) = reference.unwrap_or(('&', after));
        shown.push(character);
        rest = after;
    }
    shown.push_str(rest);
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "gt" => Some('>'),
        "lt" => Some('<'),
        "quot" => Some('"'),
        _ => match name.strip_prefix('#')? {
            hex if hex.starts_with(['x', 'X']) => {
                char::from_u32(u32::from_str_radix(hex.trim_start_matches(['x', 'X']), 16).ok()?)
            }
            decimal => char::from_u32(decimal.parse().ok()?),
        },
    }
}

fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => shown.extend(characters.next()),
            '*' | '_' | '~' | '|' | '`' => {}
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_without_its_tags() {
        let text = "<b>1 &lt; 2</b> &amp; <a href=\"x\">so on</a> &#33; &unknown; R&D";
        assert_eq!(render(text, Some("HTML")).unwrap(), "1 < 2 & so on ! &unknown; R&D");
    }

    #[test]
    fn unknown_tags_and_modes_are_refused() {
        let refused = |text, mode| render(text, Some(mode)).unwrap_err().description;
        let tag = "Bad Request: can't parse entities: Unsupported start tag \"h1\"";
        assert_eq!(refused("<h1>x</h1>", "HTML"), tag);
        let cannot = |text| refused(text, "HTML").contains("can't parse entities");
        assert!(cannot("<b>x") && cannot("x</b>") && cannot("<b><i>x</b></i>") && cannot("a < b"));
        assert_eq!(refused("x", "BBCode"), "Bad Request: unsupported parse_mode");
    }

    #[test]
    fn markdown_is_shown_without_its_escapes() {
        assert_eq!(render(r"*one\.* _two_", Some("MarkdownV2")).unwrap(), "one. two");
    }
}
