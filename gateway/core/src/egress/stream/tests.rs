use proptest::prelude::*;

use super::*;

fn blocks(chars_min: usize, chars_max: usize, prefer: Break) -> Blocks {
    Blocks { chars_min, chars_max, prefer, at: BreakAt::Text, coalesce: None }
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_ms(ms)
}

/// Streams an answer in these pieces: what left before the end, and what the end flushed.
fn stream(blocks: Blocks, pieces: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut stream = Stream::new(blocks);
    let early = pieces.iter().flat_map(|it| stream.push(at(0), it)).collect();
    (early, stream.finish(&pieces.concat()))
}

fn check(blocks: Blocks, pieces: &[&str], early: &[&str], late: &[&str]) {
    let found = stream(blocks, pieces);
    assert_eq!(
        (found.0, found.1),
        (
            early.iter().map(|it| (*it).to_owned()).collect(),
            late.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()
        ),
        "{pieces:?}"
    );
}

#[test]
fn a_block_leaves_at_the_preferred_break_once_it_is_long_enough() {
    let paragraphs = blocks(5, 40, Break::Paragraph);
    check(
        paragraphs,
        &["One two", " three.\n\nFour", " five."],
        &["One two three."],
        &["Four five."],
    );
    check(paragraphs, &["One\n\nTwo three\n\nFour"], &["One\n\nTwo three"], &["Four"]);
    check(paragraphs, &["One two\nthree four", " five"], &[], &["One two\nthree four five"]);
    check(blocks(5, 40, Break::Newline), &["One two\nthree"], &["One two"], &["three"]);
    check(
        blocks(5, 40, Break::Sentence),
        &["One two. Three", " four"],
        &["One two."],
        &["Three four"],
    );
}

#[test]
fn a_text_that_grows_too_long_is_parted_at_a_worse_break() {
    let paragraphs = blocks(5, 12, Break::Paragraph);
    check(paragraphs, &["One two\nthree four five"], &["One two", "three four"], &["five"]);
    let (early, late) = stream(blocks(5, 16, Break::Paragraph), &["abcdefghijklmnopqrstuvwxyz"]);
    assert_eq!(early.concat() + &late.concat(), "abcdefghijklmnopqrstuvwxyz");
    assert!(early.iter().all(|it| it.len() <= 16), "{early:?}");
}

#[test]
fn code_is_not_parted_unless_it_is_too_long() {
    let newlines = blocks(5, 60, Break::Newline);
    check(
        newlines,
        &["Look:\n```c\nint a;\nint b;\n", "int c;\n```\nDone", "."],
        &["Look:", "```c\nint a;\nint b;\nint c;\n```"],
        &["Done."],
    );
    let (early, late) = stream(
        blocks(5, 30, Break::Newline),
        &["```c\nint aaa;\nint bbb;\nint ccc;\nint ddd;\n```"],
    );
    assert!(early.len() + late.len() > 1);
    for block in early.iter().chain(&late) {
        assert!(block.starts_with("```c\n") && block.trim_end().ends_with("```"), "{block}");
    }
}

#[test]
fn everything_waits_for_the_end_if_it_shall() {
    let whole = Blocks { at: BreakAt::Message, ..blocks(5, 20, Break::Paragraph) };
    check(
        whole,
        &["One two.\n\n", "Three four.\n\nFive"],
        &[],
        &["One two.", "Three four.\n\nFive"],
    );
}

#[test]
fn silence_sends_nothing_however_it_comes() {
    let eager = blocks(1, 40, Break::Word);
    check(eager, &["NO", "_REPLY"], &[], &[]);
    check(eager, &["NO_REPLY\n", "I stored it. And more."], &[], &[]);
    check(eager, &["Done it. ", "NO_RE", "PLY"], &["Done it."], &[]);
    check(eager, &["NO_", "thing to say "], &["NO_thing to say"], &[]);
}

#[test]
fn blocks_may_wait_for_more() {
    let coalesce = Coalesce { chars_min: 8, chars_max: 20, idle: Millis::new(100) };
    let settings = Blocks { coalesce: Some(coalesce), ..blocks(3, 40, Break::Newline) };
    let mut stream = Stream::new(settings);
    assert_eq!(stream.push(at(0), "one\n"), Vec::<String>::new());
    assert_eq!(stream.next_deadline(), Some(at(100)));
    assert_eq!(stream.take_due(at(100)), None, "it is not long enough");
    assert_eq!(stream.push(at(200), "two three\n"), Vec::<String>::new());
    assert_eq!(stream.take_due(at(299)), None);
    assert_eq!(stream.take_due(at(300)).as_deref(), Some("one\ntwo three"));
    assert_eq!(stream.push(at(400), "four five six\n"), Vec::<String>::new());
    assert_eq!(stream.push(at(450), "seven eight nine\n"), ["four five six"]);
    assert_eq!(
        stream.finish("one\ntwo three\nfour five six\nseven eight nine\nten"),
        ["seven eight nine\nten"]
    );
}

#[test]
fn an_answer_whose_last_words_did_not_come_by_is_whole_all_the_same() {
    let mut stream = Stream::new(blocks(3, 40, Break::Newline));
    assert_eq!(stream.push(at(0), "one\n"), ["one"]);
    assert_eq!(stream.finish("one\ntwo"), ["two"]);
}

proptest! {
    /// Whatever the pieces: every word leaves once, in order, and no block is too long.
    #[test]
    fn nothing_is_lost_or_said_twice(
        words in prop::collection::vec("[a-z]{1,6}[.]?[\n ]{1,2}", 1..60), cut in 1..9_usize,
        chars_min in 1..30_usize, more in 16..40_usize,
    ) {
        let text = words.concat();
        for prefer in [Break::Paragraph, Break::Newline, Break::Sentence, Break::Word] {
            let settings = blocks(chars_min, chars_min + more, prefer);
            let characters: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = characters.chunks(cut).map(|it| it.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let (early, late) = stream(settings, &pieces);
            let said = early.iter().chain(&late).flat_map(|it| it.split_whitespace());
            prop_assert_eq!(said.collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
            prop_assert!(early.iter().all(|it| it.chars().count() <= chars_min + more), "{:?}", early);
        }
    }
}
