//! How failures are worded, so that all of them read alike and none tells a secret.

use crate::{
    context::Context,
    trace::{Fact, Place},
    verdict::{Failure, Verdict},
};

/// The longest sentence in a failure, in characters.
const SENTENCE_CHARS_MAX: usize = 600;

/// How many times or names a sentence lists before it says how many more there are.
const LIST_MAX: usize = 6;

/// A moment or duration as people read it: `5.002 s`.
pub(crate) fn seconds(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let (whole, rest) = (us.unsigned_abs() / 1_000_000, us.unsigned_abs() % 1_000_000);
    if rest % 1_000 == 0 {
        format!("{sign}{whole}.{:03} s", rest / 1_000)
    } else {
        format!("{sign}{whole}.{rest:06} s")
    }
}

/// Names as code: `` `m1`, `m2` ``, or `none`.
pub(crate) fn names<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    list(names.into_iter().map(|it| format!("`{}`", it.as_ref())))
}

/// Texts in quotation marks, or `none`.
pub(crate) fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    list(texts.into_iter().map(|it| quote(it.as_ref())))
}

/// When facts were: `at 1.000 s, 2.000 s`.
pub(crate) fn times(facts: &[&Fact]) -> String {
    format!("at {}", list(facts.iter().map(|it| seconds(it.at_us))))
}

/// A text in quotation marks. Nothing is escaped or cut here, or [`finished`] would not recognise a secret in it.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{text}\"")
}

/// A place as people read it: `telegram:default:-100 topic 42`.
pub(crate) fn place(place: &Place) -> String {
    let Place { channel, account, peer, thread } = place;
    let thread = thread.as_ref().map(|it| format!(" thread {it}")).unwrap_or_default();
    format!("{channel}:{account}:{peer}{thread}")
}

/// `no message`, `1 message`, `2 messages`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    match n {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}"),
        _ => format!("{n} {noun}s"),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    match items.as_slice() {
        [] => "none".to_owned(),
        all if all.len() <= LIST_MAX => all.join(", "),
        all => format!("{} and {} more", all[..LIST_MAX].join(", "), all.len() - LIST_MAX),
    }
}

/// The verdict as it may leave the judge: each secret replaced by its name, and long sentences cut, in this order.
pub(crate) fn finished(verdict: Verdict, context: &Context) -> Verdict {
    let clean = |text: String| shortened(redacted(text, context));
    match verdict {
        Verdict::Pass { witnesses } => Verdict::Pass { witnesses },
        Verdict::Fail(Failure { expected, observed, witnesses, breaks }) => {
            Verdict::fail(clean(expected), clean(observed), witnesses).breaking(breaks)
        }
        Verdict::Vacuous { why } => Verdict::Vacuous { why: clean(why) },
        Verdict::Inconclusive { why } => Verdict::Inconclusive { why: clean(why) },
        Verdict::NotTestable { why } => Verdict::NotTestable { why: clean(why) },
        Verdict::NotApplicable { why } => Verdict::NotApplicable { why: clean(why) },
    }
}

/// A text with each secret replaced by its name.
pub fn redacted(text: String, context: &Context) -> String {
    let mut secrets: Vec<_> =
        context.secrets.iter().filter(|(_, value)| !value.is_empty()).collect();
    // A secret may be part of another one, which must go first.
    secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    secrets
        .into_iter()
        .fold(text, |text, (name, value)| text.replace(value.as_str(), &format!("<{name}>")))
}

fn shortened(text: String) -> String {
    if text.chars().count() <= SENTENCE_CHARS_MAX {
        return text;
    }
    text.chars().take(SENTENCE_CHARS_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::context;

    #[test]
    fn seconds_have_three_decimals_unless_that_would_hide_something() {
        assert_eq!(seconds(5_002_000), "5.002 s");
        assert_eq!(seconds(-1_500), "-0.001500 s");
        assert_eq!(seconds(i64::MIN), "-9223372036854.775808 s");
    }

    #[test]
    fn the_longest_secret_is_redacted_first_and_before_anything_is_cut() {
        let mut context = context();
        let secret = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        context.secrets =
            vec![secret("short", "abc"), secret("long", "abcdef"), secret("empty", "")];
        let text = format!("{}abcdef abc", "x".repeat(SENTENCE_CHARS_MAX - 3));
        let Verdict::Vacuous { why } = finished(Verdict::Vacuous { why: text }, &context) else {
            panic!()
        };
        assert!(why.ends_with("x<lo…"), "{why}");
        let why = "abc, abcdef".to_owned();
        let finished = finished(Verdict::Inconclusive { why }, &context);
        assert_eq!(finished, Verdict::Inconclusive { why: "<short>, <long>".to_owned() });
    }
}
