use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::problem::Report;

/// The tree with what stands at each place, or the problems.
fn read(text: &str) -> String {
    match parse(text) {
        Ok(node) => show(text, &node, &Path::default()),
        Err(problems) => Report::new("f", text, problems).plain(),
    }
}

fn show(text: &str, node: &Node, path: &Path) -> String {
    let mut log = String::new();
    let there = text.get(node.span.clone()).unwrap();
    writeln!(log, "{path} = {} @{:?} {there:?}", node.to_json(), node.span).unwrap();
    for (index, item) in node.items().iter().enumerate() {
        log += &show(text, item, &path.index(index));
    }
    for (key, value) in node.entries() {
        let quoted = text.get(key.span.clone()).unwrap();
        assert!(quoted.contains(&key.name), "{quoted} should be the key {}", key.name);
        log += &show(text, value, &path.key(&key.name));
    }
    log
}

#[test]
fn values_know_where_they_stand() {
    let text = "# é commènt\ntitle: naïve  # ü\nempty:\nlist:\n  - 'é'\n  - { a: [1, 2], b: }\nblock: |\n  two\n  lines\n";
    insta::assert_snapshot!(read(text), @r#"
     = {"block":"two\nlines\n","empty":null,"list":["é",{"a":[1,2],"b":null}],"title":"naïve"} @14..101 "title: naïve  # ü\nempty:\nlist:\n  - 'é'\n  - { a: [1, 2], b: }\nblock: |\n  two\n  lines\n"
    title = "naïve" @21..27 "naïve"
    empty = null @39..39 ""
    list = ["é",{"a":[1,2],"b":null}] @51..77 "'é'\n  - { a: [1, 2], b: }"
    list[0] = "é" @51..55 "'é'"
    list[1] = {"a":[1,2],"b":null} @60..77 "{ a: [1, 2], b: }"
    list[1].a = [1,2] @65..71 "[1, 2]"
    list[1].a[0] = 1 @66..67 "1"
    list[1].a[1] = 2 @69..70 "2"
    list[1].b = null @74..74 ""
    block = "two\nlines\n" @89..101 "two\n  lines\n"
    "#);
}

#[test]
fn places_survive_other_line_ends_and_folded_lines() {
    insta::assert_snapshot!(read("a: \"x\r\n  é y\"\r\nb: plain\r\n  folded\r\nc: >\r\n  é\r\n\r\nd: 4\r\n"), @r#"
     = {"a":"x é y","b":"plain folded","c":"é\n","d":4} @0..54 "a: \"x\r\n  é y\"\r\nb: plain\r\n  folded\r\nc: >\r\n  é\r\n\r\nd: 4"
    a = "x é y" @3..14 "\"x\r\n  é y\""
    b = "plain folded" @19..34 "plain\r\n  folded"
    c = "é\n" @44..50 "é\r\n\r\n"
    d = 4 @53..54 "4"
    "#);
}

#[test]
fn plain_scalars_follow_the_core_schema() {
    let text = "[~, null, true, False, yes, 12, -7, +3, 0x1F, 0o17, 007, 1.5, 1., .5, 1e3, 5s, 0x, 1e, '1', 2026.3, -, 1_000]";
    let tree = parse(&text.replace(" -,", " '-',")).unwrap();
    insta::assert_snapshot!(tree.to_json(), @r#"[null,null,true,false,"yes",12,-7,3,31,15,7,1.5,1.0,0.5,1000.0,"5s","0x","1e","1",2026.3,"-","1_000"]"#);
}

#[test]
fn what_is_not_plain_is_refused_all_at_once() {
    let text = "a: &x 1\nb: *x\nc: !!str 5\n<<: { d: 1 }\nd: .inf\ne: 99999999999999999999\nf: 1e999\na: 2\nh: { i: 1, i: 2 }\n: 5\n";
    insta::assert_snapshot!(read(text), @r"
    f:1:4: a: anchors are refused (write the value out where it is used)
    f:2:4: b: aliases are refused (write the value out once more)
    f:3:4: c: tags are refused (put the value in quotes if it is text)
    f:4:1: merge keys are refused (write the entries out)
    f:5:4: d: found `.inf`, expected a finite number (put it in quotes if it is text)
    f:6:4: e: the number `99999999999999999999` is too large (put it in quotes if it is text)
    f:7:4: f: the number `1e999` is too large (put it in quotes if it is text)
    f:8:1: a: duplicate key `a` (the first is on line 1)
    f:9:12: h.i: duplicate key `i` (the first is on line 9)
    f:10:1: found an empty key, expected a name (put names with special letters in quotes)
    ");
}

#[test]
fn broken_syntax_is_told_with_its_place() {
    let mut log = String::new();
    for text in [
        "a: [1, 2",
        "a: b: c",
        "a:\n\t- b",
        "a: 1\n--- \nb: 2",
        "? [a]\n: 1",
        "a: 'x",
        "*a",
        "{ a: 1 } x",
        "a: \"\\z\"",
    ] {
        write!(log, "{text:?}\n{}", read(text)).unwrap();
    }
    insta::assert_snapshot!(log, @r#"
    "a: [1, 2"
    f:1:9: a: while parsing a flow sequence, expected ',' or ']'
    "a: b: c"
    f:1:5: mapping values are not allowed in this context
    "a:\n\t- b"
    f:2:2: a: tabs disallowed within this context (block indentation)
    "a: 1\n--- \nb: 2"
    f:2:1: found a second document, expected the end of the file
    "? [a]\n: 1"
    f:1:3: found a key that is not text, expected a name
    "a: 'x"
    f:1:4: a: while scanning a quoted scalar, found unexpected end of stream
    "*a"
    f:1:1: while parsing node, found unknown anchor
    "{ a: 1 } x"
    f:1:10: did not find expected <document start>
    "a: \"\\z\""
    f:1:4: a: while parsing a quoted scalar, found unknown escape character
    "#);
}

#[test]
fn an_empty_document_is_nothing() {
    for text in ["", "# only a comment\n", "---\n", "--- ~\n...\n"] {
        assert_eq!(parse(text).unwrap().value, Value::Null, "{text:?}");
    }
}

#[test]
fn size_and_depth_are_limited() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    insta::assert_snapshot!(read(&nested(DEPTH_MAX + 1)).split(": ").last().unwrap(), @"lists and maps are nested deeper than 64");
    insta::assert_snapshot!(read(&nested(100_000)).split(": ").last().unwrap(), @"recursion limit exceeded");
    insta::assert_snapshot!(read(&"- ".repeat(10_000)).split(": ").last().unwrap(), @"lists and maps are nested deeper than 64");
    insta::assert_snapshot!(read(&" ".repeat(SIZE_BYTES_MAX + 1)), @"f:1:1: the document has 4194305 bytes, expected at most 4194304");
}

/// Every place lies in the text and between characters, and every child inside its parent.
fn assert_places(text: &str, node: &Node) {
    assert!(text.get(node.span.clone()).is_some(), "{:?} of {text:?}", node.span);
    let children = node.items().iter().chain(node.entries().iter().map(|(_, it)| it));
    for child in children {
        assert!(
            node.span.start <= child.span.start && child.span.end <= node.span.end,
            "{child:?} in {node:?} of {text:?}"
        );
        assert_places(text, child);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(node) = parse(&text) {
            assert_places(&text, &node);
        }
    }

    #[test]
    fn any_text_that_looks_like_yaml_is_read_or_refused(text in r##"([-?:,{}\[\]#&*!|>'"%@` \n\t\ré\u{feff}ab01]|: |- |---|\.\.\.|\n  ){0,40}"##) {
        if let Ok(node) = parse(&text) {
            assert_places(&text, &node);
        }
    }
}
