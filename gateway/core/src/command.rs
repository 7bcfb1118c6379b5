//! Control commands: never queued behind a run.
//!
//! Source: contract, section 4.

use crate::{
    approval::Decision,
    lane::{Cap, DropPolicy, Mode, QueueOverride},
    profile::Version,
    send_policy::Verdict,
    time::Millis,
};

/// A command, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `/stop`: abort the run, clear all that waits.
    Stop,
    /// `/new [text]` and `/reset [text]`: a new session, which the text opens.
    New {
        /// What stood behind the command.
        rest: String,
    },
    /// `/status`.
    Status,
    /// `/queue <settings>`: from now on, for this session.
    QueueSet(QueueOverride),
    /// `/queue default` and `/queue reset`: as configured again.
    QueueReset,
    /// `/queue` alone: what is in force?
    QueueShow,
    /// `/queue <settings> <text>`: for this text only.
    QueueInline(QueueOverride, String),
    /// `/queue` with something that it does not take.
    QueueRefused(String),
    /// `/send on`, `/send off` and `/send inherit`: whether the session is answered, whatever is configured.
    Send(Option<Verdict>),
    /// `/send` with something that it does not take.
    SendRefused,
    /// `/model [provider/model][@profile]`: which model answers, and with which credential. Alone, it asks.
    Model(String),
    /// `/approve <id> <decision>`: whether a call that waits may run.
    Approve {
        /// The approval, by its id or the beginning of it.
        id: String,
        /// What is decided.
        decision: Decision,
    },
    /// `/approve` with something that it does not take.
    ApproveRefused,
    /// A control command that the contract has and this gateway does not have yet.
    Unsupported(&'static str),
}

/// Commands of the contract that are answered with a notice until they exist.
const UNSUPPORTED: [&str; 2] = ["/compact", "/context"];

/// Understands a text as a command, if it is one of ours. Any other text, slash or not, is for the model.
pub fn parse(version: Version, text: &str) -> Option<Command> {
    let text = text.trim();
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match name.to_ascii_lowercase().as_str() {
        "/stop" if rest.is_empty() => Some(Command::Stop),
        "/status" if rest.is_empty() => Some(Command::Status),
        "/new" | "/reset" => Some(Command::New { rest: rest.to_owned() }),
        "/queue" => Some(queue(version, rest)),
        "/model" => Some(Command::Model(rest.to_owned())),
        "/send" => Some(match rest.to_ascii_lowercase().as_str() {
            "on" => Command::Send(Some(Verdict::Allow)),
            "off" => Command::Send(Some(Verdict::Deny)),
            "inherit" => Command::Send(None),
            _ => Command::SendRefused,
        }),
        "/approve" => Some(approve(rest)),
        other => UNSUPPORTED.iter().find(|it| **it == other).map(|it| Command::Unsupported(it)),
    }
}

/// Understands a text as one of the phrases that `session.resetTriggers` adds, which are lower-cased. The phrase stands
/// at the beginning and ends with a word; what stands behind it opens the new session.
pub fn reset_trigger(triggers: &[String], text: &str) -> Option<Command> {
    let text = text.trim();
    let rest = triggers.iter().find_map(|trigger| {
        // Lower-casing may change a text's length, so it is compared character by character.
        let mut rest = text.chars();
        let begins =
            trigger.chars().all(|it| rest.next().is_some_and(|c| c.to_lowercase().eq([it])));
        Some(rest.as_str()).filter(|it| begins && it.chars().next().is_none_or(char::is_whitespace))
    })?;
    Some(Command::New { rest: rest.trim().to_owned() })
}

/// The id and the decision stand in either order. Short forms of a decision are understood.
fn approve(rest: &str) -> Command {
    let decided = |word: &str| match word.to_ascii_lowercase().as_str() {
        "allow" | "once" | "allowonce" => Some(Decision::AllowOnce),
        "always" | "allowalways" => Some(Decision::AllowAlways),
        "reject" | "block" => Some(Decision::Deny),
        name => Decision::named(name),
    };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [first, second] = words[..] else { return Command::ApproveRefused };
    let read =
        |id: &str, word| Some(Command::Approve { id: id.to_owned(), decision: decided(word)? });
    read(first, second).or_else(|| read(second, first)).unwrap_or(Command::ApproveRefused)
}

fn queue(version: Version, rest: &str) -> Command {
    match rest {
        "" => return Command::QueueShow,
        "default" | "reset" => return Command::QueueReset,
        _ => (),
    }
    let mut settings = QueueOverride::default();
    let mut remaining = rest;
    while !remaining.is_empty() {
        let (word, after) = remaining.split_once(char::is_whitespace).unwrap_or((remaining, ""));
        match setting(version, word, &mut settings) {
            Setting::Taken => remaining = after.trim_start(),
            Setting::Refused(why) => return Command::QueueRefused(why),
            Setting::Other if settings == QueueOverride::default() => {
                return Command::QueueRefused(format!("`{word}` is not a queue mode"));
            }
            Setting::Other => return Command::QueueInline(settings, remaining.to_owned()),
        }
    }
    Command::QueueSet(settings)
}

enum Setting {
    Taken,
    Refused(String),
    Other,
}

fn setting(version: Version, word: &str, settings: &mut QueueOverride) -> Setting {
    if settings.mode.is_none()
        && let Some(mode) = Mode::parse(version, word)
    {
        settings.mode = Some(mode);
        return Setting::Taken;
    }
    let Some((key, value)) = word.split_once(':') else { return Setting::Other };
    let accepted = match key {
        "debounce" => {
            settings.debounce = wait(value);
            settings.debounce.is_some()
        }
        "cap" => {
            settings.cap = value.parse().ok().and_then(Cap::new);
            settings.cap.is_some()
        }
        "drop" => {
            settings.drop = DropPolicy::parse(value);
            settings.drop.is_some()
        }
        _ => return Setting::Other,
    };
    if accepted { Setting::Taken } else { Setting::Refused(format!("`{word}` is not accepted")) }
}

/// The longest wait that a setting may ask for: a day.
pub const WAIT_MAX: Millis = Millis::from_s(24 * 60 * 60);

/// Reads a wait: bare numbers are milliseconds; the units are `ms`, `s`, `m`, `h` and `d`; at most [`WAIT_MAX`].
pub fn wait(text: &str) -> Option<Millis> {
    let digits_end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit_ms = match unit {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = fraction.parse().ok()?;
    let ms = whole.checked_mul(unit_ms)?.checked_add(fraction.checked_mul(unit_ms)? / scale)?;
    Some(Millis::new(ms)).filter(|it| *it <= WAIT_MAX)
}

/// What `/queue` takes, for the notice that refuses something else.
pub fn queue_usage(version: Version) -> String {
    let modes: Vec<&str> = Mode::names(version).iter().map(|(name, _)| *name).collect();
    format!(
        "/queue takes a mode ({}), debounce:<0 to 24h, as 500ms or 2s>, cap:<{} to {}>, drop:<old, new or summarize>, \
         or `default`",
        modes.join(", "),
        Cap::MIN,
        Cap::MAX
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = parse(Version::V2026_3, text);
        assert_eq!(found.map_or("-".to_owned(), |it| format!("{it:?}")), expected, "{text}");
    }

    #[test]
    fn control_commands_are_understood() {
        check("/stop", "Stop");
        check(" /STOP ", "Stop");
        check("/status", "Status");
        check("/new", r#"New { rest: "" }"#);
        check("/reset hello you", r#"New { rest: "hello you" }"#);
        check("/send OFF", "Send(Some(Deny))");
        check("/send inherit", "Send(None)");
        check("/send maybe", "SendRefused");
        check("/compact", r#"Unsupported("/compact")"#);
        check("/approve a1 deny", r#"Approve { id: "a1", decision: Deny }"#);
        check("/Approve allow a1", r#"Approve { id: "a1", decision: AllowOnce }"#);
        check("/approve a1 allow-always", r#"Approve { id: "a1", decision: AllowAlways }"#);
        for text in ["/approve", "/approve a1", "/approve a1 perhaps", "/approve a1 deny it"] {
            check(text, "ApproveRefused");
        }
    }

    #[test]
    fn other_texts_are_for_the_model() {
        for text in ["stop", "/stopper", "/stop it", "/weather", "please /stop", ""] {
            check(text, "-");
        }
    }

    #[test]
    fn phrases_may_reset_too() {
        let triggers = ["new topic".to_owned(), "/fresh".to_owned()];
        let rest = |text| match reset_trigger(&triggers, text) {
            Some(Command::New { rest }) => Some(rest),
            _ => None,
        };
        assert_eq!(rest("New Topic").as_deref(), Some(""));
        assert_eq!(rest(" /FRESH start here").as_deref(), Some("start here"));
        assert_eq!(rest("new topic\nthe second line").as_deref(), Some("the second line"));
        assert_eq!([rest("new topics"), rest("a new topic"), rest("new")], [None, None, None]);
    }

    #[test]
    fn queue_settings_combine() {
        let Some(Command::QueueSet(set)) =
            parse(Version::V2026_3, "/queue collect debounce:2s cap:25 drop:old")
        else {
            panic!("expected settings");
        };
        assert_eq!(set.mode, Some(Mode::Collect));
        assert_eq!(set.debounce, Some(Millis::new(2_000)));
        assert_eq!(set.cap, Cap::new(25));
        assert_eq!(set.drop, Some(DropPolicy::Old));
        check("/queue default", "QueueReset");
        check("/queue reset", "QueueReset");
        check("/queue", "QueueShow");
    }

    #[test]
    fn a_text_behind_the_settings_makes_them_inline() {
        let found = parse(Version::V2026_3, "/queue steer and hurry");
        assert!(
            matches!(&found, Some(Command::QueueInline(it, text)) if it.mode == Some(Mode::Steer) && text == "and hurry"),
            "{found:?}"
        );
    }

    #[test]
    fn what_queue_does_not_take_is_named() {
        check("/queue colect", r#"QueueRefused("`colect` is not a queue mode")"#);
        check("/queue collect cap:0", r#"QueueRefused("`cap:0` is not accepted")"#);
        check("/queue debounce:2w", r#"QueueRefused("`debounce:2w` is not accepted")"#);
        let newer = parse(Version::V2026_9, "/queue steer-backlog");
        assert_eq!(
            newer,
            Some(Command::QueueRefused("`steer-backlog` is not a queue mode".into()))
        );
    }

    #[test]
    fn waits_have_units() {
        let ms = |text| wait(text).map(Millis::as_ms);
        assert_eq!(ms("250"), Some(250));
        assert_eq!(ms("0.5s"), Some(500));
        assert_eq!(ms("2m"), Some(120_000));
        assert_eq!(ms("1d"), Some(86_400_000));
        assert_eq!(["", "s", "-1s", "2d", "1.s", "99999999999999999999"].map(ms), [None; 6]);
    }
}
