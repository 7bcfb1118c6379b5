//! A model's Markdown as Slack's mrkdwn, where that is simple, with everything escaped that Slack would act upon.
//!
//! `&`, `<` and `>` are the only characters that mean something to Slack beyond looks: `<!channel>` would call everybody,
//! `<@U1>` one person. So a text of the model can never contain them raw; links are the one exception that we make.

/// The text for `chat.postMessage`.
pub(super) fn mrkdwn(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut code = Code::None;
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            made.push('\n');
        }
        if line.trim_start().starts_with("```") {
            code = if code == Code::Fence { Code::None } else { Code::Fence };
            escape(line, &mut made);
        } else if code == Code::Fence {
            escape(line, &mut made);
        } else {
            spans(line, &mut made);
        }
    }
    made
}

#[derive(PartialEq, Eq)]
enum Code {
    None,
    Fence,
}

/// One line outside of code blocks: bold, strikethrough, links; what stands between backticks is left as it is.
fn spans(line: &str, made: &mut String) {
    let mut rest = line;
    while let Some(at) = rest.find(['`', '*', '~', '[']) {
        let (before, from) = rest.split_at(at);
        escape(before, made);
        rest = match marked(from, made) {
            Some(after) => after,
            None => {
                let mut characters = from.chars();
                made.extend(characters.next());
                characters.as_str()
            }
        };
    }
    escape(rest, made);
}

/// What begins here with a mark; returns what comes after it.
fn marked<'a>(from: &'a str, made: &mut String) -> Option<&'a str> {
    if let Some(inner) = from.strip_prefix("**") {
        let (bold, after) = inner.split_once("**").filter(|(it, _)| is_word(it))?;
        made.push('*');
        escape(bold, made);
        made.push('*');
        return Some(after);
    }
    if let Some(inner) = from.strip_prefix("~~") {
        let (struck, after) = inner.split_once("~~").filter(|(it, _)| is_word(it))?;
        made.push('~');
        escape(struck, made);
        made.push('~');
        return Some(after);
    }
    if let Some(inner) = from.strip_prefix('`') {
        let (code, after) = inner.split_once('`')?;
        made.push('`');
        escape(code, made);
        made.push('`');
        return Some(after);
    }
    let (label, from) = from.strip_prefix('[')?.split_once("](")?;
    let (address, after) = from.split_once(')')?;
    let is_link = address.starts_with("https://") || address.starts_with("http://");
    if !is_link || label.is_empty() || address.contains(['|', '<', '>', ' ']) {
        return None;
    }
    made.push('<');
    escape(address, made);
    made.push('|');
    escape(&label.replace('|', "¦"), made);
    made.push('>');
    Some(after)
}

/// Marks bind to words: `2 ** 3 ** 4` is arithmetic.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.trim() == text
}

fn escape(text: &str, made: &mut String) {
    for character in text.chars() {
        match character {
            '&' => made.push_str("&amp;"),
            '<' => made.push_str("&lt;"),
            '>' => made.push_str("&gt;"),
            other => made.push(other),
        }
    }
}

/// A person's text, as she wrote it.
pub(super) fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_models_text_can_call_anybody() {
        assert_eq!(mrkdwn("<!channel> <@U1> a & b"), "&lt;!channel&gt; &lt;@U1&gt; a &amp; b");
        assert_eq!(mrkdwn("[<!here>](https://a.b)"), "<https://a.b|&lt;!here&gt;>");
        assert_eq!(mrkdwn("[a](https://a.b|<!here>)"), "[a](https://a.b|&lt;!here&gt;)");
        assert_eq!(mrkdwn("```\n<!channel>\n```"), "```\n&lt;!channel&gt;\n```");
        assert_eq!(mrkdwn("**<!here>** `<@U1>`"), "*&lt;!here&gt;* `&lt;@U1&gt;`");
    }

    #[test]
    fn simple_marks_are_slacks() {
        assert_eq!(mrkdwn("a **bold** ~~gone~~ word"), "a *bold* ~gone~ word");
        assert_eq!(mrkdwn("[docs](https://a.b/c?d=1&e=2)"), "<https://a.b/c?d=1&amp;e=2|docs>");
        assert_eq!(mrkdwn("`**not bold**` 2 ** 3 ** 4"), "`**not bold**` 2 ** 3 ** 4");
        assert_eq!(mrkdwn("```\n**code**\n```\n**b**"), "```\n**code**\n```\n*b*");
        assert_eq!(mrkdwn("half **open [and `so on"), "half **open [and `so on");
    }

    #[test]
    fn what_a_person_wrote_is_read_back() {
        assert_eq!(plain("1 &lt; 2 &amp;&amp; &amp;lt;"), "1 < 2 && &lt;");
    }
}
