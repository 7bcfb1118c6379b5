//! Moments, lengths of time, results and texts in a timeline's words.

use std::fmt::Write as _;

use creel_judge::{spec::failover, trace::ModelOutcome};

use super::super::terminal::Signs;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// How many characters of a text are shown.
const TEXT_CHARS_MAX: usize = 72;

/// A length of time, as short as it can be read: `12ms`, `1.3s`, `25s`, `1m05s`, `1h31m`.
pub(super) fn length(us: i64) -> String {
    let (sign, us) = if us < 0 { ("-", -us) } else { ("", us) };
    let words = if us < SECOND {
        format!("{}ms", us / 1_000)
    } else if us < 10 * SECOND {
        let tenths = us / 100_000;
        match tenths % 10 {
            0 => format!("{}s", tenths / 10),
            tenth => format!("{}.{tenth}s", tenths / 10),
        }
    } else if us < MINUTE {
        format!("{}s", us / SECOND)
    } else if us < HOUR {
        match us % MINUTE / SECOND {
            0 => format!("{}m", us / MINUTE),
            seconds => format!("{}m{seconds:02}s", us / MINUTE),
        }
    } else {
        match us % HOUR / MINUTE {
            0 => format!("{}h", us / HOUR),
            minutes => format!("{}h{minutes:02}m", us / HOUR),
        }
    };
    format!("{sign}{}", if us == 0 { "0s" } else { &words })
}

/// A moment with all its milliseconds, as the whole timeline writes it: with hours where it has hours.
pub(super) fn moment(at_us: i64, ends_us: i64) -> String {
    let (sign, us) = if at_us < 0 { ("-", -at_us) } else { ("", at_us) };
    let (hours, minutes) = (us / HOUR, us % HOUR / MINUTE);
    let (seconds, ms) = (us % MINUTE / SECOND, us % SECOND / 1_000);
    if ends_us >= HOUR {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}.{ms:03}")
    } else if ends_us >= MINUTE {
        format!("{sign}{minutes}:{seconds:02}.{ms:03}")
    } else {
        format!("{sign}{seconds}.{ms:03}")
    }
}

/// How an attempt ended.
pub(super) fn outcome(outcome: &ModelOutcome) -> String {
    match outcome {
        ModelOutcome::Completed { .. } => "answered".to_owned(),
        ModelOutcome::Failed { status, .. } => {
            format!("{status} {}", failover::reason_of_status(*status).words())
        }
        ModelOutcome::Spoiled { how, .. } => match how.as_str() {
            "cut" => "cut off".to_owned(),
            "eof" => "ended without an end".to_owned(),
            "error" => "ended in an error".to_owned(),
            other => other.to_owned(),
        },
        ModelOutcome::Abandoned { .. } => "given up by the gateway".to_owned(),
    }
}

/// A text on one line, cut, in quotation marks.
pub(super) fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TEXT_CHARS_MAX {
        return format!("“{line}”");
    }
    let cut: String = line.chars().take(TEXT_CHARS_MAX - 1).collect();
    format!("“{cut}…”")
}

/// A text with the signs that a terminal has.
pub(super) fn shown(text: &str, signs: Signs) -> String {
    if signs == Signs::Unicode {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '“' | '”' | '„' => plain.push('"'),
            '’' | '‘' => plain.push('\''),
            '…' => plain.push_str("..."),
            '–' | '—' => plain.push('-'),
            '×' => plain.push('x'),
            it if it.is_ascii() => plain.push(it),
            it => write!(plain, "\\u{{{:x}}}", u32::from(it)).expect("writing to a string"),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short_and_moments_exact() {
        let lengths = [0, 12_000, 1_349_000, 2_000_000, 25_400_000, 65_000_000, 5_486_002_000];
        assert_eq!(lengths.map(length), ["0s", "12ms", "1.3s", "2s", "25s", "1m05s", "1h31m"]);
        assert_eq!([60 * SECOND, HOUR].map(length), ["1m", "1h"]);
        assert_eq!(moment(5_486_002_000, HOUR * 2), "1:31:26.002");
        assert_eq!(moment(65_002_000, 2 * MINUTE), "1:05.002");
        assert_eq!(moment(-6_000, SECOND), "-0.006");
    }

    #[test]
    fn what_ascii_has_not_is_written_out() {
        assert_eq!(shown("“añ…” – 3×", Signs::Ascii), "\"a\\u{f1}...\" - 3x");
    }
}
