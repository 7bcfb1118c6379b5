use std::fmt::Write;

use super::*;
use crate::{problem::Report, yaml};

static LETTER: Shape = Shape::record(&[
    Field::required("to", &Shape::Text, "Who reads it."),
    Field::required("stamp", &Shape::Integer { min: 1, max: 100 }, ""),
    Field::optional("kind", &Shape::OneOf(&["letter", "parcel"]), ""),
    Field::optional("after", &Shape::Duration, ""),
    Field::optional("express", &Shape::Bool, ""),
    Field::optional("weight", &Shape::Number, ""),
    Field::optional("pages", &Shape::ListOf(&Shape::MapOf(&Shape::Text)), ""),
    Field::optional("answer", &ANSWER, ""),
    Field::optional("from", &Shape::Either(&[Shape::Text, Shape::ListOf(&Shape::Text)]), ""),
    Field::optional("notes", &Shape::Record { fields: &[], unknown: Unknown::Ignore }, ""),
    Field::optional("any", &Shape::Any, ""),
]);

static ANSWER: Shape = Shape::Choice {
    common: &[Field::optional("after", &Shape::Duration, "")],
    cases: &[
        Case::new("say", &Shape::Text, "").with(&[Field::optional("chunks", &Shape::Number, "")]),
        Case::new("status", &Shape::Integer { min: 400, max: 599 }, ""),
        Case::new("hang", &Shape::True, ""),
    ],
};

/// Checks `text` against [`LETTER`] and shows every problem and every ignored key.
fn check_letter(text: &str) -> String {
    let checked = check(&yaml::parse(text).unwrap(), &LETTER);
    let mut log = Report::new("f", text, checked.problems).plain();
    for key in checked.ignored {
        writeln!(log, "ignored: {}", key.path).unwrap();
    }
    log
}

#[test]
fn a_letter_with_everything_passes() {
    let text = "{ to: x, stamp: 100, kind: parcel, after: 1.4s, express: true, weight: 1.5, pages: [{ a: b }],
        answer: { after: 1s, say: x, chunks: 2 }, from: [x], notes: { x: { y: 1 }, z: 2 }, any: [~] }";
    insta::assert_snapshot!(check_letter(text), @r"
    ignored: notes.x
    ignored: notes.z
    ");
}

#[test]
fn every_value_of_the_wrong_kind_is_told() {
    let text = "to: 3001
stamp: 101
kind: parsel
after: 5
express: yes
weight: '5'
pages: [{ a: 1 }, x]
answer: []
from: 5
notes:
";
    insta::assert_snapshot!(check_letter(text), @r"
    f:1:5: to: found the number `3001`, expected text (put it in quotes)
    f:2:8: stamp: found the number `101`, expected a whole number from 1 to 100
    f:3:7: kind: found the text `parsel`, expected one of `letter`, `parcel` (did you mean `parcel`?)
    f:4:8: after: found the number `5`, expected a duration (write `5s` or `5ms`)
    f:5:10: express: found the text `yes`, expected `true` or `false` (write `true`)
    f:6:9: weight: found the text `5`, expected a number (write it without quotes)
    f:7:14: pages[0].a: found the number `1`, expected text (put it in quotes)
    f:7:19: pages[1]: found the text `x`, expected a map
    f:8:9: answer: found a list, expected a map with one of `say`, `status`, `hang`
    f:9:7: from: found the number `5`, expected text or a list
    f:10:6: notes: found nothing, expected a map
    ");
}

#[test]
fn missing_and_unknown_keys_are_told_together() {
    insta::assert_snapshot!(check_letter("stmap: 1\nzzz: 2\nafter: 5 s\nfrom: [1]\n"), @r"
    f:1:1: missing key `to` (who reads it)
    f:1:1: unknown key `stmap` (did you mean `stamp`?)
    f:2:1: unknown key `zzz` (accepted: `to`, `stamp`, `kind`, `after`, `express`, `weight`, `pages`, `answer`, `from`, `notes`, `any`)
    f:3:8: after: found `5 s`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
    f:4:8: from[0]: found the number `1`, expected text (put it in quotes)
    ");
    insta::assert_snapshot!(check_letter("5"), @"f:1:1: found the number `5`, expected a map");
}

#[test]
fn a_choice_says_exactly_one_thing() {
    let mut log = String::new();
    for answer in [
        "{ say: x, hang: true }",
        "{ status: 429, chunks: 2 }",
        "{ after: 1s }",
        "{ chunks: 2 }",
        "{ sya: x }",
        "{ say: x, chunkz: 2, zzz: 1 }",
        "{ zzz: 1 }",
        "{ hang: false, after: x }",
        "{ status: 200 }",
    ] {
        let problems = check_letter(&format!("{{ to: x, stamp: 1, answer: {answer} }}"));
        write!(log, "{answer}\n{problems}").unwrap();
    }
    insta::assert_snapshot!(log, @r"
    { say: x, hang: true }
    f:1:38: answer: `say` and `hang` exclude each other (expected exactly one of `say`, `status`, `hang`)
    { status: 429, chunks: 2 }
    f:1:43: answer: `chunks` does not go with `status` (it goes with `say`)
    { after: 1s }
    f:1:28: answer: expected one of the keys `say`, `status`, `hang`
    { chunks: 2 }
    f:1:28: answer: expected one of the keys `say`, `status`, `hang`
    { sya: x }
    f:1:30: answer: unknown key `sya` (did you mean `say`?)
    { say: x, chunkz: 2, zzz: 1 }
    f:1:38: answer: unknown key `chunkz` (did you mean `chunks`?)
    f:1:49: answer: unknown key `zzz` (accepted: `after`, `say`, `chunks`)
    { zzz: 1 }
    f:1:28: answer: expected one of the keys `say`, `status`, `hang`
    f:1:30: answer: unknown key `zzz` (accepted: `say`, `status`, `hang`, `after`)
    { hang: false, after: x }
    f:1:36: answer.hang: found `false`, expected `true`
    f:1:50: answer.after: found `x`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
    { status: 200 }
    f:1:38: answer.status: found the number `200`, expected a whole number from 400 to 599
    ");
}

#[test]
fn a_document_full_of_problems_reports_the_first_hundred() {
    let items = "{ a: 1 }, ".repeat(500);
    let problems = check_letter(&format!("{{ to: x, stamp: 1, pages: [{items}] }}"));
    assert_eq!(problems.lines().count(), PROBLEMS_MAX);
}
