//! What the reader's terminal can show: colours, width, and which signs.

use super::console::Color;

/// How wide the output is where no terminal tells.
pub const WIDTH: usize = 100;

/// The widths that can be drawn in.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=240;

/// A terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it shows colours.
    pub color: Color,
    /// How wide it is, in columns.
    pub width: usize,
    /// Which signs it can show.
    pub signs: Signs,
}

/// Which signs a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// All of them.
    Unicode,
    /// Those of ASCII.
    Ascii,
}

impl Terminal {
    /// Standard output, as far as the environment tells.
    #[expect(
        clippy::disallowed_methods,
        reason = "how the reader's terminal is, only the environment tells"
    )]
    pub fn of_output(color: Color) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
        let asked = variable("COLUMNS").and_then(|it| it.parse().ok());
        let measured = || {
            terminal_size::terminal_size_of(std::io::stdout())
                .map(|(width, _)| usize::from(width.0))
        };
        let width = asked.or_else(measured).unwrap_or(WIDTH);
        Self { color, width: width.clamp(*WIDTHS.start(), *WIDTHS.end()), signs: signs(variable) }
    }
}

/// The first of these that is set decides, as POSIX has it; without any, a locale is plain ASCII.
fn signs(variable: impl Fn(&str) -> Option<String>) -> Signs {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") { Signs::Unicode } else { Signs::Ascii }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_tells_which_signs_there_are() {
        let of = |set: &[(&str, &str)]| {
            signs(|name| set.iter().find(|(key, _)| *key == name).map(|(_, it)| (*it).to_owned()))
        };
        assert_eq!(of(&[]), Signs::Ascii);
        assert_eq!(of(&[("LANG", "de_CH.UTF-8")]), Signs::Unicode);
        assert_eq!(of(&[("LANG", "en_US.utf8"), ("LC_ALL", "C")]), Signs::Ascii);
        assert_eq!(of(&[("LC_CTYPE", "C.UTF-8"), ("LANG", "C")]), Signs::Unicode);
    }
}
