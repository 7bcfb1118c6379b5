//! JSON5, as people write `openclaw.json`: comments, keys without quotes, trailing commas, single quotes, hexadecimal.

use std::{collections::BTreeMap, ops::Range};

use jsonc_parser::{
    CollectOptions, CommentCollectionStrategy, ParseOptions,
    ast::{self, ObjectProp, ObjectPropName},
    common::{Range as Place, Ranged},
    errors::{ParseError, ParseErrorKind},
    parse_to_ast,
};
use serde_json::Number;

use crate::{
    DEPTH_MAX, PROBLEMS_MAX, SIZE_BYTES_MAX,
    path::{Part, Path},
    problem::{Position, Problem},
    tree::{Key, Node, Value, shorten},
};

/// Reads JSON5 into a tree.
///
/// ```
/// use creel_document::json5;
///
/// let tree = json5::parse("{ gateway: { port: 0x1F, }, /* soon */ }").expect("it is JSON5");
/// let port = tree.find(&"gateway.port".parse()?).expect("it is there");
/// assert_eq!(port.to_json(), 31);
/// # Ok::<(), creel_document::path::Error>(())
/// ```
///
/// # Errors
///
/// The first error of syntax, or else all duplicate keys and numbers that JSON cannot hold. Also documents that are longer
/// than [`SIZE_BYTES_MAX`] or deeper than [`DEPTH_MAX`].
pub fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let only = |span, message: String| vec![Problem::new(span, Path::default(), message)];
    if text.len() > SIZE_BYTES_MAX {
        return Err(only(
            0..0,
            format!("the document has {} bytes, expected at most {SIZE_BYTES_MAX}", text.len()),
        ));
    }
    let collected = CollectOptions::default();
    let parsed = parse_to_ast(text, &collected, &options()).map_err(|it| vec![syntax(&it)])?;
    let Some(value) = parsed.value else {
        return Err(only(0..0, "found nothing, expected a value such as `{}`".to_owned()));
    };
    let mut reader = Reader { text, path: Path::default(), problems: Vec::new() };
    let node = reader.node(value);
    if reader.problems.is_empty() { Ok(node) } else { Err(reader.problems) }
}

/// Whether a text has comments; none in a text that is no JSON5.
pub fn has_comments(text: &str) -> bool {
    let comments = CommentCollectionStrategy::Separate;
    let collected = CollectOptions { comments, ..CollectOptions::default() };
    let parsed = parse_to_ast(text, &collected, &options());
    parsed.is_ok_and(|it| it.comments.is_some_and(|it| !it.is_empty()))
}

/// JSON5, but with its commas: a comma that is missing is more often a slip than a wish.
fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: true,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: true,
        allow_hexadecimal_numbers: true,
        allow_unary_plus_numbers: true,
        allow_bare_decimal_point_numbers: true,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: true,
    }
}

fn syntax(error: &ParseError) -> Problem {
    let message = error.kind().to_string();
    let mut letters = message.chars();
    let lower = letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>());
    let problem = Problem::new(span(error.range()), Path::default(), lower.unwrap_or_default());
    match error.kind() {
        ParseErrorKind::UnexpectedWord => problem.help("put texts in quotes"),
        ParseErrorKind::NestingDepthExceeded => {
            problem.help(format!("at most {DEPTH_MAX} lists and maps in one another"))
        }
        _ => problem,
    }
}

fn span(place: Place) -> Range<usize> {
    place.start..place.end
}

struct Reader<'a> {
    text: &'a str,
    path: Path,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn node(&mut self, value: ast::Value<'_>) -> Node {
        let span = span(value.range());
        let value = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(it) => Value::Bool(it.value),
            ast::Value::StringLit(it) => Value::Text(it.value.into_owned()),
            ast::Value::NumberLit(it) => match number(it.value) {
                Some(number) => Value::Number(number),
                None => self.refuse(
                    span.clone(),
                    format!("the number `{}` is too large", shorten(it.value)),
                ),
            },
            ast::Value::Array(_) | ast::Value::Object(_)
                if self.path.parts().len() >= DEPTH_MAX =>
            {
                self.refuse(
                    span.clone(),
                    format!("lists and maps are nested deeper than {DEPTH_MAX}"),
                )
            }
            ast::Value::Array(it) => self.list(it.elements),
            ast::Value::Object(it) => self.map(it.properties),
        };
        Node { span, value }
    }

    fn list(&mut self, elements: Vec<ast::Value<'_>>) -> Value {
        let mut items = Vec::new();
        for element in elements {
            self.path.push(Part::Index(items.len()));
            items.push(self.node(element));
            self.path.pop();
        }
        Value::List(items)
    }

    fn map(&mut self, properties: Vec<ObjectProp<'_>>) -> Value {
        let mut entries = Vec::new();
        let mut seen = BTreeMap::new();
        for property in properties {
            let span = span(property.name.range());
            let name = match property.name {
                ObjectPropName::String(it) => it.value.into_owned(),
                ObjectPropName::Word(it) => it.value.to_owned(),
            };
            self.path.push(Part::Key(name.clone()));
            let value = self.node(property.value);
            if let Some(first) = seen.get(&name) {
                let line = Position::of(self.text, *first).line;
                self.refuse(
                    span,
                    format!("duplicate key `{}`, the first is on line {line}", shorten(&name)),
                );
            } else {
                seen.insert(name.clone(), span.start);
                entries.push((Key { name, span }, value));
            }
            self.path.pop();
        }
        Value::Map(entries)
    }

    /// Notes a problem, and stands in for the value.
    fn refuse(&mut self, span: Range<usize>, message: String) -> Value {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem::new(span, self.path.clone(), message));
        }
        Value::Null
    }
}

/// A JSON5 number, unless it is too large.
fn number(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let whole = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => Some(u64::from_str_radix(hexadecimal, 16).ok()?),
        None => digits.parse::<u64>().ok(),
    };
    match whole {
        Some(whole) if negative => 0_i64.checked_sub_unsigned(whole).map(Number::from),
        Some(whole) => Some(whole.into()),
        // Whole numbers beyond 64 bits would lose digits.
        None if digits.bytes().all(|it| it.is_ascii_digit()) => None,
        None => text.parse::<f64>().ok().and_then(Number::from_f64),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::problem::Report;

    /// What was read as JSON, or the problems.
    fn read(text: &str) -> String {
        match parse(text) {
            Ok(node) => format!("{}\n", node.to_json()),
            Err(problems) => Report::new("f", text, problems).plain(),
        }
    }

    #[test]
    fn everything_that_json5_adds_is_read() {
        let text = "// é\n{ loose: 'single', \"two words\": [0x1F, -0xa, +3, .5, 5., 1e3,], $x: 'it\\'s \\x41', /* c */ n: null, }";
        insta::assert_snapshot!(read(text), @r#"{"$x":"it's A","loose":"single","n":null,"two words":[31,-10,3,0.5,5.0,1000.0]}"#);
        let tree = parse(text).unwrap();
        let (key, value) = &tree.entries()[1];
        assert_eq!(text.get(key.span.clone()), Some("\"two words\""));
        assert_eq!(text.get(value.items()[1].span.clone()), Some("-0xa"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let mut log = String::new();
        let duplicates = "{\n  a: 1,\n  b: { a: 1, 'a': 99999999999999999999 },\n  a: 1e999,\n}";
        for text in [
            "",
            "{",
            "{ a: 1 b: 2 }",
            "[1 2]",
            "{ a: x }",
            "{} {}",
            "{ a: 'x }",
            "[NaN]",
            "{ é: ",
            duplicates,
        ] {
            write!(log, "{text:?}\n{}", read(text)).unwrap();
        }
        insta::assert_snapshot!(log, @r#"
        ""
        f:1:1: found nothing, expected a value such as `{}`
        "{"
        f:1:1: unterminated object
        "{ a: 1 b: 2 }"
        f:1:7: expected comma
        "[1 2]"
        f:1:3: expected comma
        "{ a: x }"
        f:1:6: unexpected word (put texts in quotes)
        "{} {}"
        f:1:4: text cannot contain more than one JSON value
        "{ a: 'x }"
        f:1:6: unterminated string literal
        "[NaN]"
        f:1:2: unexpected token
        "{ é: "
        f:1:6: expected value after colon in object property
        "{\n  a: 1,\n  b: { a: 1, 'a': 99999999999999999999 },\n  a: 1e999,\n}"
        f:3:14: b.a: duplicate key `a`, the first is on line 3
        f:3:19: b.a: the number `99999999999999999999` is too large
        f:4:3: a: duplicate key `a`, the first is on line 2
        f:4:6: a: the number `1e999` is too large
        "#);
    }

    #[test]
    fn size_and_depth_are_limited() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        insta::assert_snapshot!(read(&nested(DEPTH_MAX + 1)).split(": ").last().unwrap(), @"lists and maps are nested deeper than 64");
        insta::assert_snapshot!(read(&nested(100_000)).split(": ").last().unwrap(), @"maximum nesting depth exceeded (at most 64 lists and maps in one another)");
        insta::assert_snapshot!(read(&" ".repeat(SIZE_BYTES_MAX + 1)), @"f:1:1: the document has 4194305 bytes, expected at most 4194304");
    }

    /// Every place lies in the text and between characters.
    fn assert_places(text: &str, node: &Node) {
        assert!(text.get(node.span.clone()).is_some(), "{:?} of {text:?}", node.span);
        node.items().iter().for_each(|it| assert_places(text, it));
        node.entries().iter().for_each(|(_, it)| assert_places(text, it));
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
        fn any_text_that_looks_like_json5_is_read_or_refused(text in r##"([{}\[\],:'"/* \n\\u0x1e.+-éaN$]|true|null|//|\\u00e9){0,40}"##) {
            if let Ok(node) = parse(&text) {
                assert_places(&text, &node);
            }
        }
    }
}
