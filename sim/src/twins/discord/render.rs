//! What a person sees of a text with Discord's Markdown, and whom it calls.
//!
//! Marks are not seen. What hides behind `||` is not seen either, so a text that was hidden by mistake is noticed. A mention is
//! left as it is written, with a bell before it if it calls somebody.

use serde_json::Value;

/// Before a mention that calls somebody.
const BELL: &str = "\u{1f514}";

/// What is seen of words that are hidden.
const HIDDEN: &str = "[hidden]";

/// Markers by rank: the longer ones go first.
const MARKERS: [&str; 6] = ["||", "**", "__", "~~", "*", "_"];

/// Whom a message may call: `allowed_mentions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    everyone: bool,
    users: Called,
    roles: Called,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Called {
    All,
    Listed(Vec<String>),
}

impl Default for Called {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Called {
    fn has(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Listed(ids) => ids.iter().any(|it| it == id),
        }
    }
}

impl Calls {
    /// Reads `allowed_mentions`. Without it, whoever is mentioned is called.
    pub(super) fn read(allowed: &Value) -> Result<Self, String> {
        if allowed.is_null() {
            return Ok(Self { everyone: true, users: Called::All, roles: Called::All });
        }
        let strings = |key: &str| {
            let items = allowed[key].as_array().into_iter().flatten();
            items.map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect()
        };
        let parse: Vec<String> = strings("parse");
        if let Some(unknown) =
            parse.iter().find(|it| !["roles", "users", "everyone"].contains(&it.as_str()))
        {
            return Err(format!("unknown type `{unknown}`"));
        }
        let called = |key: &str| {
            let ids: Vec<String> = strings(key);
            let all = parse.iter().any(|it| it == key);
            match (all, ids.is_empty()) {
                (true, false) => Err(format!("`{key}` is listed and in `parse`")),
                (true, true) => Ok(Called::All),
                (false, _) => Ok(Called::Listed(ids)),
            }
        };
        let everyone = parse.iter().any(|it| it == "everyone");
        Ok(Self { everyone, users: called("users")?, roles: called("roles")? })
    }
}

/// The text as a person sees it.
pub(super) fn render(text: &str, calls: &Calls) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let seen = escape(rest)
            .or_else(|| address(rest))
            .or_else(|| code(rest))
            .or_else(|| mention(rest, calls))
            .or_else(|| styled(rest, calls))
            .unwrap_or_else(|| (letter.to_string(), letter.len_utf8()));
        shown.push_str(&seen.0);
        rest = rest.get(seen.1..).unwrap_or_default();
    }
    shown
}

/// What is seen of a text's beginning, and how many bytes that is.
type Seen = (String, usize);

/// A backslash before what could be a mark.
fn escape(text: &str) -> Option<Seen> {
    let letter = text.strip_prefix('\\')?.chars().next()?;
    let plain = letter.is_alphanumeric() || letter.is_whitespace();
    (!plain).then(|| (letter.to_string(), 1 + letter.len_utf8()))
}

fn address(text: &str) -> Option<Seen> {
    let leads = text.starts_with("https://") || text.starts_with("http://");
    let length = text.find(|it: char| it.is_whitespace() || "<)".contains(it));
    let address = text.get(..length.unwrap_or(text.len()))?;
    leads.then(|| (address.to_owned(), address.len()))
}

/// A block, or code between words.
fn code(text: &str) -> Option<Seen> {
    if let Some(behind) = text.strip_prefix("```")
        && let Some((body, _)) = behind.split_once("```")
        && !body.trim().is_empty()
    {
        let is_language =
            |it: &str| it.chars().all(|it| it.is_ascii_alphanumeric() || "_+-.#".contains(it));
        let code = body.split_once('\n').filter(|it| is_language(it.0)).map_or(body, |it| it.1);
        return Some((code.trim_matches('\n').to_owned(), body.len() + 6));
    }
    let ticks = text.len() - text.trim_start_matches('`').len();
    let marker = text.get(..ticks).filter(|_| (1..=2).contains(&ticks))?;
    let (code, _) = text.get(ticks..)?.split_once(marker)?;
    (!code.is_empty()).then(|| (code.trim().to_owned(), code.len() + 2 * ticks))
}

fn mention(text: &str, calls: &Calls) -> Option<Seen> {
    let bell = |name: &str, calls| if calls { format!("{BELL}{name}") } else { name.to_owned() };
    for all in ["@everyone", "@here"] {
        if text.starts_with(all) {
            return Some((bell(all, calls.everyone), all.len()));
        }
    }
    let inner = text.strip_prefix("<@")?.split_once('>')?.0;
    let is_called = match (inner.strip_prefix('&'), inner.strip_prefix('!').unwrap_or(inner)) {
        (Some(role), _) => calls.roles.has(role),
        (None, user) => calls.users.has(user),
    };
    let is_id = inner.trim_start_matches(['&', '!']).bytes().all(|it| it.is_ascii_digit());
    let whole = text.get(..inner.len() + "<@>".len())?;
    (is_id && inner.len() > 1).then(|| (bell(whole, is_called), whole.len()))
}

/// Words between two markers. A link is seen by its label.
fn styled(text: &str, calls: &Calls) -> Option<Seen> {
    if let Some((label, behind)) = text.strip_prefix('[').and_then(|it| it.split_once("]("))
        && let Some((address, _)) = behind.split_once(')')
        && (address.starts_with("https://") || address.starts_with("http://"))
        && !label.contains(['[', ']', '\n'])
    {
        return Some((render(label, calls), label.len() + address.len() + "[]()".len()));
    }
    let marker = MARKERS.into_iter().find(|it| text.starts_with(it))?;
    let inner = enclosed(text.get(marker.len()..)?, marker)?;
    let shown = if marker == "||" { HIDDEN.to_owned() } else { render(inner, calls) };
    Some((shown, inner.len() + 2 * marker.len()))
}

/// What stands before the marker that ends the style.
fn enclosed<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let single = marker.chars().next()?;
    let is_star = marker == "*";
    if is_star && text.starts_with(char::is_whitespace) {
        return None;
    }
    let mut at = 0;
    while let Some(letter) = text.get(at..)?.chars().next() {
        let (inner, behind) = (text.get(..at)?, text.get(at..)?);
        let escaped = escape(behind).map(|it| it.1);
        if escaped.is_none() && behind.starts_with(marker) && !inner.is_empty() {
            let after = behind.get(marker.len()..)?.chars().next();
            let in_word = after.is_some_and(|it| it.is_alphanumeric() || it == '_');
            let ends = match marker {
                "_" => !in_word,
                "*" => after != Some(single) && !inner.ends_with(char::is_whitespace),
                "**" | "__" => after != Some(single),
                _ => true,
            };
            if ends {
                return Some(inner);
            }
        }
        at += escaped.unwrap_or(letter.len_utf8());
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, shown: &str) {
        assert_eq!(render(text, &Calls::default()), shown, "{text}");
    }

    #[test]
    fn marks_are_not_seen() {
        check("**b** *i* _i_ __u__ ~~s~~ `c`", "b i i u s c");
        check("**bold *it* in** it", "bold it in it");
        check("**bold *it***", "bold it");
        check("```rust\nlet a = **b;\n```\ndone", "let a = **b;\ndone");
        check("[docs](https://a.b/x_y_z)", "docs");
        check("`` a`b ``", "a`b");
    }

    #[test]
    fn words_are_words() {
        check("2 * 3 * 4, snake_case_name", "2 * 3 * 4, snake_case_name");
        check(r"\*stars\* snake\_case C:\path", r"*stars* snake_case C:\path");
        check("https://a.b/_x_ open", "https://a.b/_x_ open");
        check("**not closed", "**not closed");
    }

    #[test]
    fn what_is_hidden_is_not_seen() {
        check("if a || b || c", "if a [hidden] c");
        check(r"if a \|| b \|| c", "if a || b || c");
    }

    #[test]
    fn whoever_is_called_hears_a_bell() {
        let text = "@everyone <@3001> <@!3002> <@&42> <@x>";
        let show = |allowed: Value| Calls::read(&allowed).map(|it| render(text, &it));
        assert_eq!(show(json!({ "parse": [] })).unwrap(), text);
        assert_eq!(show(Value::Null).unwrap().matches(BELL).count(), 4);
        let some = show(json!({ "parse": ["roles"], "users": ["3002"] })).unwrap();
        assert_eq!(some, "@everyone <@3001> \u{1f514}<@!3002> \u{1f514}<@&42> <@x>");
        assert_eq!(show(json!({ "parse": ["all"] })), Err("unknown type `all`".to_owned()));
        let twice = show(json!({ "parse": ["users"], "users": ["3002"] }));
        assert_eq!(twice, Err("`users` is listed and in `parse`".to_owned()));
    }
}
