//! How the prompt of a collected turn reads: a title line, then each message, marked with its place.

use crate::turns::{Message, Request};

/// Whether it reads so, or else what is expected and what is there. Nothing can be said where the gateway does not mark
/// messages at all, where one does not stand in the prompt as it was written, and where a summary of dropped ones, which
/// repeats messages, stands before them.
pub(super) fn reading(
    request: &Request,
    messages: &[&Message],
) -> Option<Result<(), (String, String)>> {
    if request.newest_text.to_lowercase().contains("dropped") {
        return None;
    }
    let mut rest = request.newest_text.as_str();
    let mut title = "";
    let mut marks = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let (before, after) = rest.split_once(message.text.as_str())?;
        if index == 0 {
            title = before;
        }
        marks.push(before);
        rest = after;
    }
    if !marks.iter().any(|it| numbers(it).next().is_some()) {
        return None;
    }
    for (index, (message, mark)) in messages.iter().zip(marks).enumerate() {
        let (name, place) = (&message.name, index + 1);
        if !numbers(mark).any(|it| it == place.to_string()) {
            let expected = format!("`{name}` marked as message {place} of its turn");
            let last = mark.lines().rfind(|it| has_words(it)).unwrap_or_default();
            return Some(Err((expected, format!("`{}` before it", last.trim()))));
        }
        if index == 0 && title.lines().filter(|it| has_words(it)).count() < 2 {
            let expected = format!("a title line before `{name}`, the first of its turn");
            return Some(Err((expected, format!("`{}` before it", title.trim()))));
        }
    }
    Some(Ok(()))
}

fn has_words(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric)
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_ascii_digit()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::{
        tests::{context, trace},
        turns::Turns,
    };

    /// What is said of a prompt of two messages.
    fn check(prompt: &str) -> String {
        let script = "0 say m1 alice\n0.1 say m2 alice\n1 ask alice user m1 m2\n";
        let mut turns = Turns::of(&trace(script), &context());
        let messages: Vec<_> = turns.messages.iter().map(|it| it.text.clone()).collect();
        turns.requests[0].newest_text =
            prompt.replace("ONE", &messages[0]).replace("TWO", &messages[1]);
        let messages: Vec<_> = turns.messages.iter().collect();
        match super::reading(&turns.requests[0], &messages) {
            None => "not judged".to_owned(),
            Some(Ok(())) => "fine".to_owned(),
            Some(Err((expected, _))) => expected,
        }
    }

    #[test]
    fn a_title_and_a_number_each() {
        assert_eq!(check("[2 came]\n\n(1 of 2) ONE\n\n(2 of 2) TWO"), "fine");
        assert_eq!(check("Queued:\n---\nQueued #1\nONE\n---\nQueued #2\nTWO"), "fine");
        // Who wrote, and when, may stand between a mark and its message.
        let said = "[id 30 at 09:45]";
        let prompt = format!("Queued:\nQueued #1\n{said} ONE\nQueued #2\n{said} TWO");
        assert_eq!(check(&prompt), "fine");
        assert_eq!(
            check("(1 of 2) ONE\n\n(2 of 2) TWO"),
            "a title line before `m1`, the first of its turn"
        );
        assert_eq!(
            check("[2 came]\n\n(0 of 2) ONE\n\n(1 of 2) TWO"),
            "`m1` marked as message 1 of its turn"
        );
        assert_eq!(check("some came\n#1 ONE\nTWO"), "`m2` marked as message 2 of its turn");
        assert_eq!(check("reworded"), "not judged");
        assert_eq!(check("ONE\n\nTWO"), "not judged");
        assert_eq!(check("3 dropped: ONE\n\n(2 of 2) TWO"), "not judged");
    }
}
