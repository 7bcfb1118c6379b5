//! A model's words as Slack's mrkdwn, with everything escaped that Slack would act upon.
//!
//! `&`, `<` and `>` are the only characters that mean something to Slack beyond looks: `<!channel>` would call everybody,
//! `<@U1>` one person. So what a model writes never contains them raw; links, which begin with their scheme, are the one
//! exception that we make.

use crate::channels::markup::{self, Part, Style};

/// The most characters that one of a text becomes: an ampersand is written with five.
pub(super) const GROWTH_MAX: u32 = 5;

/// The text for `chat.postMessage`.
pub(super) fn mrkdwn(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for part in markup::read(text) {
        match part {
            Part::Text(words) => made.push_str(&escaped(&markup::marks_apart(words))),
            Part::Begin(style) | Part::End(style) => made.push(match style {
                Style::Bold => '*',
                Style::Italic => '_',
                Style::Strike => '~',
            }),
            Part::Code(code) => made.extend(["`", &escaped(code), "`"]),
            Part::Block(_, code) => made.extend(["```\n", &escaped(code), "\n```"]),
            Part::Link(label, address) => {
                // A bar would end the address.
                let address = escaped(&address.replace('|', "%7C"));
                let label = escaped(&markup::marks_apart(label));
                made.extend(["<", &address, "|", &label, ">"]);
            }
        }
    }
    made
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
        assert_eq!(mrkdwn("[a](https://a.b|<!here>)"), "<https://a.b%7C&lt;!here&gt;|a>");
        assert_eq!(mrkdwn("[a](!channel)"), "[a](!channel)");
        assert_eq!(mrkdwn("```\n<!channel>\n```"), "```\n&lt;!channel&gt;\n```");
        assert_eq!(mrkdwn("**<!here>** `<@U1>`"), "*&lt;!here&gt;* `&lt;@U1&gt;`");
        assert_eq!(mrkdwn("&lt;!channel&gt;"), "&amp;lt;!channel&amp;gt;", "nothing is unescaped");
    }

    #[test]
    fn marks_are_slacks() {
        assert_eq!(mrkdwn("a **bold** *slanted* ~~gone~~ word"), "a *bold* _slanted_ ~gone~ word");
        assert_eq!(mrkdwn("# Title\nwords"), "*Title*\nwords");
        assert_eq!(mrkdwn("[docs](https://a.b/c?d=1&e=2)"), "<https://a.b/c?d=1&amp;e=2|docs>");
        assert_eq!(mrkdwn("```rust\nlet a = **b;\n```"), "```\nlet a = **b;\n```");
    }

    #[test]
    fn what_is_not_clearly_markup_is_words() {
        assert_eq!(
            mrkdwn("`**not bold**` 2 ** 3 ** 4"),
            "`**not bold**` 2 *\u{2060}* 3 *\u{2060}* 4"
        );
        assert_eq!(mrkdwn("snake_case"), "snake_\u{2060}case");
        assert_eq!(mrkdwn("half [open"), "half [open");
    }

    #[test]
    fn what_a_person_wrote_is_read_back() {
        assert_eq!(plain("1 &lt; 2 &amp;&amp; &amp;lt;"), "1 < 2 && &lt;");
        assert_eq!(plain(&escaped("<a> & &lt;")), "<a> & &lt;");
    }

    #[test]
    fn no_character_grows_more_than_is_said() {
        for letter in ["&", "<", ">", "*", "_", "a", "ä"] {
            let grown = mrkdwn(&letter.repeat(100)).chars().count();
            assert!(grown <= 100 * GROWTH_MAX as usize, "{letter}: {grown}");
        }
    }
}
