//! What models write, read as markup: the part of Markdown that chat platforms can show.
//!
//! Whatever is not clearly markup is words: an asterisk between two numbers, a bracket without an address. A platform
//! writes what comes of it in its own way ([`telegram_html`], [`whatsapp`]) and escapes the rest.

/// How deep styles may lie in each other. Deeper ones are words.
const DEPTH_MAX: usize = 6;

/// A way to write words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `**words**` or `__words__`, and headings.
    Bold,
    /// `*words*` or `_words_`.
    Italic,
    /// `~~words~~`.
    Strike,
}

/// What a text is made of, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Words.
    Text(&'a str),
    /// A style begins.
    Begin(Style),
    /// The style that began last ends.
    End(Style),
    /// Code between words.
    Code(&'a str),
    /// A code block, with its language if it says one.
    Block(&'a str, &'a str),
    /// Words that lead somewhere.
    Link(&'a str, &'a str),
}

/// Reads a text.
pub fn read(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, language, code, after)) = block(rest) {
        lines(before, &mut parts);
        parts.push(Part::Block(language, code));
        rest = after;
    }
    lines(rest, &mut parts);
    parts
}

/// The first fenced block: what stands before it, its language, its code, and what stands behind it.
fn block(text: &str) -> Option<(&str, &str, &str, &str)> {
    let start = if text.starts_with("```") { 0 } else { text.find("\n```")? + 1 };
    let (before, fenced) = (text.get(..start)?, text.get(start + 3..)?);
    let (language, body) = fenced.split_once('\n')?;
    let end = if body.starts_with("```") { 0 } else { body.find("\n```")? + 1 };
    let (code, behind) = (body.get(..end)?, body.get(end + 3..)?);
    let (closing, after) = behind.split_at(behind.find('\n').unwrap_or(behind.len()));
    let plain = !language.contains('`') && closing.trim().is_empty();
    plain.then(|| (before, language.trim(), code.strip_suffix('\n').unwrap_or(code), after))
}

/// Words, line by line: a heading is bold.
fn lines<'a>(text: &'a str, parts: &mut Vec<Part<'a>>) {
    for line in text.split_inclusive('\n') {
        let words = line.trim_start_matches('#');
        let level = line.len() - words.len();
        match words.strip_prefix(' ') {
            Some(words) if (1..=6).contains(&level) && !words.trim().is_empty() => {
                let (heading, end) = words.split_at(words.trim_end().len());
                parts.push(Part::Begin(Style::Bold));
                inline(heading, 1, parts);
                parts.push(Part::End(Style::Bold));
                push_text(end, parts);
            }
            _ => inline(line, 0, parts),
        }
    }
}

/// Words with styles in them.
fn inline<'a>(text: &'a str, depth: usize, parts: &mut Vec<Part<'a>>) {
    let mut words = 0;
    let mut at = 0;
    while let Some(letter) = text.get(at..).and_then(|it| it.chars().next()) {
        let before = text.get(..at).and_then(|it| it.chars().next_back());
        let here = text.get(at..).unwrap_or_default();
        if letter == '\\' && here.get(1..).is_some_and(|it| it.starts_with(escapable)) {
            push_text(text.get(words..at).unwrap_or_default(), parts);
            words = at + 1;
            at += 2;
            continue;
        }
        // Marks in an address are part of it.
        if let Some(length) = address(here) {
            at += length;
            continue;
        }
        let Some((part, length)) = markup(here, before, depth) else {
            at += letter.len_utf8();
            continue;
        };
        push_text(text.get(words..at).unwrap_or_default(), parts);
        match part {
            Markup::Leaf(part) => parts.push(part),
            Markup::Styled(style, inner) => {
                parts.push(Part::Begin(style));
                inline(inner, depth + 1, parts);
                parts.push(Part::End(style));
            }
        }
        at += length;
        words = at;
    }
    push_text(text.get(words..).unwrap_or_default(), parts);
}

/// The length in bytes of the address that a text begins with.
pub fn address(text: &str) -> Option<usize> {
    let leads = ["https://", "http://"].iter().any(|it| text.starts_with(it));
    let length = || text.find(|it: char| it.is_whitespace() || "<>`".contains(it));
    leads.then(|| length().unwrap_or(text.len()))
}

fn push_text<'a>(text: &'a str, parts: &mut Vec<Part<'a>>) {
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
}

/// What a backslash takes the meaning of.
fn escapable(letter: char) -> bool {
    "\\`*_~[]".contains(letter)
}

enum Markup<'a> {
    Leaf(Part<'a>),
    Styled(Style, &'a str),
}

/// The markup that a text begins with, and its length in bytes.
fn markup(text: &str, before: Option<char>, depth: usize) -> Option<(Markup<'_>, usize)> {
    match text.chars().next()? {
        '`' => code(text),
        '[' => link(text),
        '*' | '_' | '~' if depth < DEPTH_MAX => {
            let pairs = [
                ("**", Style::Bold),
                ("__", Style::Bold),
                ("~~", Style::Strike),
                ("*", Style::Italic),
                ("_", Style::Italic),
            ];
            let (marker, style) = pairs.into_iter().find(|(it, _)| text.starts_with(it))?;
            let inner = styled(text, marker, before)?;
            Some((Markup::Styled(style, inner), inner.len() + 2 * marker.len()))
        }
        _ => None,
    }
}

fn code(text: &str) -> Option<(Markup<'_>, usize)> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    let marker = text.get(..ticks)?;
    let body = text.get(ticks..)?;
    let length = body.find(marker)?;
    let code = body.get(..length)?;
    let closes = !body.get(length + ticks..)?.starts_with('`');
    let is_code = closes && !code.trim().is_empty() && !code.contains('\n');
    is_code.then(|| (Markup::Leaf(Part::Code(code)), length + 2 * ticks))
}

fn link(text: &str) -> Option<(Markup<'_>, usize)> {
    let (label, behind) = text.strip_prefix('[')?.split_once("](")?;
    let (address, _) = behind.split_once(')')?;
    let leads =
        ["https://", "http://", "mailto:", "tg://"].iter().any(|it| address.starts_with(it));
    let plain = !label.trim().is_empty()
        && !label.contains(['[', ']', '\n'])
        && !address.contains(char::is_whitespace);
    (leads && plain).then(|| {
        (Markup::Leaf(Part::Link(label, address)), label.len() + address.len() + "[]()".len())
    })
}

/// What stands between two markers: words on one line that touch both. Underscores inside a word are part of it.
fn styled<'a>(text: &'a str, marker: &str, before: Option<char>) -> Option<&'a str> {
    let in_word = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
    let underscore = marker.starts_with('_');
    let single = marker.chars().next()?;
    let body = text.get(marker.len()..)?;
    let touches = body.chars().next().is_some_and(|it| !it.is_whitespace() && it != single);
    if !touches || (underscore && in_word(before)) {
        return None;
    }
    let mut from = 0;
    loop {
        let found = from + body.get(from..)?.find(marker)?;
        let inner = body.get(..found)?;
        if inner.contains('\n') {
            return None;
        }
        let after = body.get(found + marker.len()..)?.chars().next();
        let last = inner.chars().next_back()?;
        let ends = !last.is_whitespace() && last != '\\' && !(underscore && in_word(after));
        // One marker may be half of a double one, which is another's.
        let whole = marker.len() > 1 || (after != Some(single) && last != single);
        if ends && whole && inner.matches('`').count() % 2 == 0 {
            return Some(inner);
        }
        from = found + if whole { marker.len() } else { 1 };
        while !body.is_char_boundary(from) {
            from += 1;
        }
        if !whole && body.get(from..)?.starts_with(single) {
            from += 1;
        }
    }
}

/// Whether there is any markup in what was read.
pub fn is_plain(parts: &[Part<'_>]) -> bool {
    parts.iter().all(|it| matches!(it, Part::Text(_)))
}

/// The text as the Bot API's `parse_mode: HTML` has it.
pub fn telegram_html(parts: &[Part<'_>]) -> String {
    let mut html = String::new();
    for part in parts {
        match part {
            Part::Text(text) => html.push_str(&escaped(text)),
            Part::Begin(style) => html.push_str(match style {
                Style::Bold => "<b>",
                Style::Italic => "<i>",
                Style::Strike => "<s>",
            }),
            Part::End(style) => html.push_str(match style {
                Style::Bold => "</b>",
                Style::Italic => "</i>",
                Style::Strike => "</s>",
            }),
            Part::Code(code) => html.extend(["<code>", &escaped(code), "</code>"]),
            Part::Block("", code) => html.extend(["<pre>", &escaped(code), "</pre>"]),
            Part::Block(language, code) => {
                let (language, code) = (escaped(language), escaped(code));
                let opened = ["<pre><code class=\"language-", &language, "\">"];
                html.extend(opened);
                html.extend([&*code, "</code></pre>"]);
            }
            Part::Link(label, address) => {
                html.extend(["<a href=\"", &escaped(address), "\">", &escaped(label), "</a>"]);
            }
        }
    }
    html
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Keeps WhatsApp and Slack from taking words for markup: it shows nothing itself.
const WORD_JOINER: char = '\u{2060}';

/// The text in WhatsApp's own marks: `*bold*`, `_italic_`, `~strike~`, and code between backticks. It has no escapes, so
/// marks that are words are kept apart from what they would mark by a character without width.
pub fn whatsapp(parts: &[Part<'_>]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(words) => text.push_str(&marks_apart(words)),
            Part::Begin(style) | Part::End(style) => text.push(match style {
                Style::Bold => '*',
                Style::Italic => '_',
                Style::Strike => '~',
            }),
            Part::Code(code) => text.extend(["`", code, "`"]),
            Part::Block(_, code) => text.extend(["```\n", code, "\n```"]),
            Part::Link(label, address) if label == address => text.push_str(address),
            Part::Link(label, address) => {
                text.push_str(&marks_apart(label));
                text.extend([" (", address, ")"]);
            }
        }
    }
    text
}

/// Words whose marks are words: one that touches a word on its right could begin a style.
pub fn marks_apart(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    let mut letters = words.chars().peekable();
    while let Some(letter) = letters.next() {
        text.push(letter);
        let touches = letters.peek().is_some_and(|it| !it.is_whitespace());
        if "*_~`".contains(letter) && touches {
            text.push(WORD_JOINER);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, html: &str, own: &str) {
        let parts = read(text);
        assert_eq!(
            (telegram_html(&parts).as_str(), whatsapp(&parts).as_str()),
            (html, own),
            "{text}"
        );
    }

    #[test]
    fn styles_are_written_in_each_platforms_way() {
        check("a **b** c", "a <b>b</b> c", "a *b* c");
        check("__b__ and *i* and _i_", "<b>b</b> and <i>i</i> and <i>i</i>", "*b* and _i_ and _i_");
        check("~~gone~~", "<s>gone</s>", "~gone~");
        check(
            "**bold with *italic* in it**",
            "<b>bold with <i>italic</i> in it</b>",
            "*bold with _italic_ in it*",
        );
        check("# Title\nwords", "<b>Title</b>\nwords", "*Title*\nwords");
        check("`x < y`", "<code>x &lt; y</code>", "`x < y`");
        check(
            "[docs](https://a.b/?x=1&y)",
            "<a href=\"https://a.b/?x=1&amp;y\">docs</a>",
            "docs (https://a.b/?x=1&y)",
        );
    }

    #[test]
    fn a_code_block_is_one_and_nothing_in_it_is_markup() {
        check(
            "see:\n```rust\nlet a = **b;\n```\ndone",
            "see:\n<pre><code class=\"language-rust\">let a = **b;</code></pre>\ndone",
            "see:\n```\nlet a = **b;\n```\ndone",
        );
        check("```\n<b>\n```", "<pre>&lt;b&gt;</pre>", "```\n<b>\n```");
        check("```\nnever ends", "```\nnever ends", "`\u{2060}`\u{2060}`\nnever ends");
    }

    #[test]
    fn what_is_not_clearly_markup_is_words_and_escaped() {
        check(
            "2 * 3 * 4 < 5 & \"six\"",
            "2 * 3 * 4 &lt; 5 &amp; &quot;six&quot;",
            "2 * 3 * 4 < 5 & \"six\"",
        );
        check("snake_case_name", "snake_case_name", "snake_\u{2060}case_\u{2060}name");
        check("**not closed", "**not closed", "*\u{2060}*\u{2060}not closed");
        check(r"\*literal\*", "*literal*", "*\u{2060}literal*");
        check("[x](javascript:y)", "[x](javascript:y)", "[x](javascript:y)");
        check("<b>not ours</b>", "&lt;b&gt;not ours&lt;/b&gt;", "<b>not ours</b>");
        check(
            "at https://a.b/_x_ there",
            "at https://a.b/_x_ there",
            "at https://a.b/_\u{2060}x_ there",
        );
        check("**a\nb**", "**a\nb**", "*\u{2060}*\u{2060}a\nb*\u{2060}*");
        check("#nothing ####### nothing", "#nothing ####### nothing", "#nothing ####### nothing");
        assert!(is_plain(&read("2 * 3 < 4")));
    }
}
