use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn pieces(text: &str, limit: u32) -> Vec<String> {
    chunk(text, Utf16Units::new(limit).unwrap())
}

/// The pieces of a text, line by line, and behind each its length.
fn check(text: &str, limit: u32) -> String {
    let mut log = String::new();
    for piece in pieces(text, limit) {
        for line in piece.split('\n') {
            writeln!(log, "{}", format!("| {line}").trim_end()).unwrap();
        }
        writeln!(log, "= {}", units(&piece)).unwrap();
    }
    log
}

#[test]
fn a_short_text_is_one_piece_without_the_space_around_it() {
    assert_snapshot!(check("\n\n  one\ntwo \n\n", 40), @"
    |   one
    | two
    = 9
    ");
    assert_eq!(pieces(" \n\t\n", 40), Vec::<String>::new());
    assert_eq!(pieces("", 40), Vec::<String>::new());
}

#[test]
fn paragraphs_are_parted_before_lines_and_lines_before_words() {
    assert_snapshot!(check("aaaa bbbb\n\n  cccc dddd\neeee ffff", 24), @"
    | aaaa bbbb
    = 9
    |   cccc dddd
    | eeee ffff
    = 21
    ");
    assert_snapshot!(check("aaaa bbbb\ncccc dddd eeee ffff", 24), @"
    | aaaa bbbb
    = 9
    | cccc dddd eeee ffff
    = 19
    ");
    assert_snapshot!(check("aaaa bbbb   cccc dddd eeee", 16), @"
    | aaaa bbbb   cccc
    = 16
    | dddd eeee
    = 9
    ");
}

#[test]
fn a_word_that_ends_at_the_limit_is_whole() {
    assert_snapshot!(check("aaaa bbbb cccc d eeee", 16), @"
    | aaaa bbbb cccc d
    = 16
    | eeee
    = 4
    ");
}

#[test]
fn a_word_that_fits_no_piece_is_parted_between_clusters() {
    assert_snapshot!(check("abcdefghijklmnopqrstuvwxyz", 16), @"
    | abcdefghijklmnop
    = 16
    | qrstuvwxyz
    = 10
    ");
    let families = "👨‍👩‍👧".repeat(3);
    assert_snapshot!(check(&families, 20), @"
    | 👨‍👩‍👧👨‍👩‍👧
    = 16
    | 👨‍👩‍👧
    = 8
    ");
}

#[test]
fn a_mark_just_behind_the_limit_takes_its_letter_along() {
    let found = pieces(&format!("{}\u{301}", "漢".repeat(16)), 16);
    assert_eq!(found, ["漢".repeat(15), "漢\u{301}".to_owned()]);
}

#[test]
fn a_cluster_that_fits_no_piece_is_parted_between_characters() {
    let found = pieces(&format!("abe{}", "\u{301}".repeat(32)), 16);
    assert_eq!(found.iter().map(|it| units(it)).collect::<Vec<_>>(), [2, 16, 16, 1]);
}

#[test]
fn a_non_breaking_space_is_no_place_to_break() {
    assert_snapshot!(check("aaaa bbbb cccc\u{a0}dddd", 16), @"
    | aaaa bbbb
    = 9
    | cccc dddd
    = 9
    ");
}

#[test]
fn a_block_of_code_that_fits_a_piece_is_not_split() {
    assert_snapshot!(check("Words before it:\n```rust\nlet a;\n\nlet b;\n```\nand after.", 36), @"
    | Words before it:
    = 16
    | ```rust
    | let a;
    |
    | let b;
    | ```
    = 26
    | and after.
    = 10
    ");
}

#[test]
fn a_block_that_fits_no_piece_is_closed_and_opened_again() {
    assert_snapshot!(check("See:\n~~~~py\na = 1\nb = 2\n\n    c = 3\nd = 4\n~~~~\nDone.", 30), @"
    | See:
    = 4
    | ~~~~py
    | a = 1
    | b = 2
    | ~~~~
    = 23
    | ~~~~py
    |     c = 3
    | d = 4
    | ~~~~
    = 27
    | Done.
    = 5
    ");
}

#[test]
fn a_closing_line_alone_does_not_open_the_block_again() {
    assert_snapshot!(check("```\naaaaaaaaaa\nbbbbbbbb\n\n\n   ```\nDone.", 30), @"
    | ```
    | aaaaaaaaaa
    | bbbbbbbb
    | ```
    = 27
    | Done.
    = 5
    ");
}

#[test]
fn a_block_that_the_text_leaves_open_is_closed() {
    assert_snapshot!(check("```sh\nls\n\n", 40), @"
    | ```sh
    | ls
    | ```
    = 12
    ");
}

#[test]
fn a_line_of_code_that_fits_no_piece_is_parted() {
    assert_snapshot!(check("```c\nlong line of code here\n```", 22), @"
    | ```c
    | long line of
    | ```
    = 21
    | ```c
    | code here
    | ```
    = 18
    ");
}

#[test]
fn a_cut_makes_no_fence_of_what_was_none() {
    assert_snapshot!(check("aaaa bbbb cc ```x y``` dd", 16), @"
    | aaaa bbbb
    = 9
    | cc ```x y``` dd
    = 15
    ");
    assert_snapshot!(check("aaaaaaaaaaaaaa```bb", 16), @"
    | aaaaaaaaaaaaaa``
    = 16
    | `bb
    = 3
    ");
}

#[test]
fn a_long_info_string_is_not_repeated() {
    assert_snapshot!(check("```averylongname\naaaa\nbbbb\ncccc\n```", 26), @"
    | ```averylongname
    | aaaa
    | ```
    = 25
    | ```
    | bbbb
    | cccc
    | ```
    = 17
    ");
}

#[test]
fn lengths_outside_the_range_are_refused() {
    let refused = Utf16Units::new(15).unwrap_err();
    assert_snapshot!(refused, @"15 is no length for a text: expected 16 to 1000000 UTF-16 code units");
}

#[test]
fn long_texts_take_a_moment() {
    // No clock: a quadratic walk would be seen by whoever waits for the tests. The bench has the number.
    for text in [
        "a",
        "word ",
        "line of text\n",
        "\n",
        "~~~\n",
        " ",
        "e\u{301}",
        "para\n\n",
        "``` ",
        "```\n\n",
    ] {
        let text = text.repeat(2_000_000 / text.len());
        assert!(pieces(&text, 4_000).iter().all(|it| units(it) <= 4_000));
    }
}

/// A text of the things that chunking looks at.
fn any_text() -> impl Strategy<Value = String> {
    let bit = prop::sample::select(vec![
        "a",
        "b ",
        "word ",
        "longer-word",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\r\n",
        "```",
        "```rust\n",
        "```\n",
        "~~~\n",
        "~~~~",
        "`",
        "~",
        "\t",
        "    ",
        "é",
        "e\u{301}",
        "👨‍👩‍👧",
        "🇩🇪",
        "\u{301}",
        "\u{a0}",
        "漢字",
        "``` x `y`\n",
        "> q\n",
        "\u{200d}",
        "\u{600}",
        "\u{2028}",
        "x\n```py\ncode\n",
        "```\n\n",
    ]);
    prop::collection::vec(bit, 0..60).prop_map(|it| it.concat())
}

/// What must not be lost, and may be repeated only by an info string.
fn without_marks_and_space(text: &str) -> String {
    text.chars().filter(|it| !it.is_whitespace() && !matches!(it, '`' | '~')).collect()
}

/// Whether a reader who sees nothing but this piece finds each block closed.
fn is_balanced(piece: &str) -> bool {
    let mut open: Option<(char, usize)> = None;
    for line in piece.split('\n') {
        let line = line.trim();
        let Some(mark) = line.chars().next().filter(|it| matches!(it, '`' | '~')) else { continue };
        let length = line.chars().take_while(|it| *it == mark).count();
        let info = line.chars().skip(length).collect::<String>();
        open = match open {
            _ if length < 3 => open,
            None if mark == '`' && info.contains('`') => None,
            None => Some((mark, length)),
            Some((by, least)) if by == mark && length >= least && info.is_empty() => None,
            Some(_) => open,
        };
    }
    open.is_none()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_are_short_enough_not_empty_and_balanced(text in any_text(), limit in 64_u32..140) {
        for piece in pieces(&text, limit) {
            prop_assert!(units(&piece) <= usize::try_from(limit).unwrap(), "{piece:?}");
            prop_assert!(!piece.trim().is_empty());
            // Marks that fill a quarter of a piece are text, to us.
            let longest_run = piece.split(|it| !matches!(it, '`' | '~')).map(str::len).max();
            if longest_run.is_none_or(|it| it <= 16) {
                prop_assert!(is_balanced(&piece), "{piece:?}");
            }
        }
    }

    #[test]
    fn no_piece_of_the_least_limit_is_too_long(text in any_text(), limit in 16_u32..64) {
        for piece in pieces(&text, limit) {
            prop_assert!(units(&piece) <= usize::try_from(limit).unwrap(), "{piece:?}");
        }
    }

    #[test]
    fn nothing_but_space_is_lost(text in any_text(), limit in 16_u32..140) {
        let found = without_marks_and_space(&pieces(&text, limit).concat());
        let text_bare = without_marks_and_space(&text);
        if text.contains("```") || text.contains("~~~") {
            // Opened again, a block repeats its info string.
            let mut found = found.chars();
            prop_assert!(text_bare.chars().all(|it| found.any(|other| other == it)));
        } else {
            prop_assert_eq!(found, text_bare);
        }
    }

    #[test]
    fn code_loses_nothing_either(lines in prop::collection::vec("[a-z ]{0,12}", 1..30), limit in 32_u32..80) {
        let text = format!("before\n```\n{}\n```\nafter", lines.join("\n"));
        let found = pieces(&text, limit).join("\n");
        prop_assert_eq!(without_marks_and_space(&found), without_marks_and_space(&text));
    }

    #[test]
    fn clusters_stay_whole(
        words in prop::collection::vec(
            prop::sample::select(vec!["a", "e\u{301}", "👨‍👩‍👧", "🇩🇪", "漢", " ", " \u{301}", "\n", "\u{600}1"]), 0..80),
        limit in 16_u32..60,
    ) {
        let text = words.concat();
        let clusters = |it: &str| -> Vec<String> {
            let visible = |it: &&str| !it.trim().is_empty();
            it.graphemes(true).filter(visible).map(|it| it.trim_end().to_owned()).collect()
        };
        let found = pieces(&text, limit);
        let seen = found.iter().flat_map(|it| clusters(it)).collect::<Vec<_>>();
        prop_assert_eq!(seen, clusters(&text));
    }
}

#[test]
fn formatting_that_fits_a_piece_is_not_parted() {
    let check = |text: &str, expected: &[&str]| assert_eq!(pieces(text, 24), expected);
    check("some words and **a bold pair** here", &["some words and", "**a bold pair** here"]);
    check("some words, so `let a = 1;` is it", &["some words, so", "`let a = 1;` is it"]);
    check("aaaa bbbb cccc ~~one two three~~", &["aaaa bbbb cccc", "~~one two three~~"]);
    check("2 * 3 is 6, and 2 * 4 is 8 * 1", &["2 * 3 is 6, and 2 * 4 is", "8 * 1"]);
    check("**far too many words for one piece** x", &["**far too many words for", "one piece** x"]);
}
