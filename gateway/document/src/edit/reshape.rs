//! Makes a document say something else, and leaves as it is whatever still holds: comments, order, and how it is laid out.

use std::{collections::BTreeSet, ops::Range};

use serde_json::Value as Json;

use super::{INDENT, indentation, laid_out, written};
use crate::{
    json5,
    problem::Problem,
    tree::{Node, Value},
};

/// The document, changed as little as it takes to say `target`.
///
/// A comment goes only with a value that is replaced as a whole. Items of lists are known again by their `id`, or when
/// they are the same.
///
/// ```
/// use creel_document::edit;
///
/// let text = "{\n  // the door\n  port: 1,\n  old: true,\n}\n";
/// let target = serde_json::json!({ "port": 2, "new": [] });
/// let edited = edit::reshape(text, &target).expect("it is JSON5");
/// assert_eq!(edited, "{\n  // the door\n  port: 2,\n  \"new\": [],\n}\n");
/// ```
///
/// # Errors
///
/// What is wrong with the document.
pub fn reshape(text: &str, target: &Json) -> Result<String, Vec<Problem>> {
    let edited = edited(text, &json5::parse(text)?, target);
    let says = json5::parse(&edited).map(|it| it.to_json());
    // A document of which only what it says is right is better than one that says something else.
    Ok(if says.as_ref() == Ok(target) { edited } else { format!("{target:#}\n") })
}

fn edited(text: &str, tree: &Node, target: &Json) -> String {
    let mut shaping = Shaping { text, edits: Vec::new() };
    shaping.shape(tree, target);
    let mut edits = shaping.edits;
    // The later ones first, so that the places before stay right; what is put in at one place keeps its order.
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut edited = text.to_owned();
    for (range, with) in edits.into_iter().rev() {
        edited.replace_range(range, &with);
    }
    edited
}

struct Shaping<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

/// One value of a map or of a list.
struct Member<'a> {
    /// From its key on.
    start: usize,
    node: &'a Node,
    /// The comma behind it.
    comma: Option<usize>,
    /// What becomes of it; none if it goes.
    target: Option<&'a Json>,
}

impl<'a> Shaping<'a> {
    fn shape(&mut self, node: &'a Node, target: &'a Json) {
        match (&node.value, target) {
            (Value::Map(entries), Json::Object(wanted)) => {
                let known: BTreeSet<&str> =
                    entries.iter().map(|(key, _)| key.name.as_str()).collect();
                let members: Vec<_> = entries
                    .iter()
                    .map(|(key, it)| (key.span.start, it, wanted.get(&key.name)))
                    .collect();
                let new = wanted.iter().filter(|(key, _)| !known.contains(key.as_str()));
                let new: Vec<_> = new.map(|(key, it)| (Some(key.as_str()), it)).collect();
                self.members(node, target, &members, &new);
            }
            (Value::List(items), Json::Array(wanted)) => match aligned(items, wanted) {
                Some((kept, from)) => {
                    let members = items.iter().zip(kept);
                    let members: Vec<_> = members.map(|(it, to)| (it.span.start, it, to)).collect();
                    let new: Vec<_> = wanted.iter().skip(from).map(|it| (None, it)).collect();
                    self.members(node, target, &members, &new);
                }
                None => self.replace(node, target),
            },
            _ if node.to_json() == *target => {}
            _ => self.replace(node, target),
        }
    }

    fn replace(&mut self, node: &Node, target: &Json) {
        self.edits.push((node.span.clone(), written(self.text, node, target)));
    }

    fn members(
        &mut self,
        of: &'a Node,
        target: &'a Json,
        members: &[(usize, &'a Node, Option<&'a Json>)],
        new: &[(Option<&str>, &Json)],
    ) {
        if members.is_empty() && new.is_empty() {
            return;
        }
        let ends = members.iter().skip(1).map(|it| it.0).chain([of.span.end]);
        let members: Vec<Member<'_>> = members
            .iter()
            .zip(ends)
            .map(|(&(start, node, target), next)| {
                let comma = self.comma(node.span.end..next);
                Member { start, node, comma, target }
            })
            .collect();
        let Some(last) = members.iter().rposition(|it| it.target.is_some()) else {
            return self.replace(of, target);
        };
        for (at, member) in members.iter().enumerate() {
            match member.target {
                Some(target) => self.shape(member.node, target),
                None => self.take_out(member, at > last),
            }
        }
        let ends_with_comma = members.last().is_some_and(|it| it.comma.is_some());
        let last = &members[last];
        match last.comma {
            Some(comma) if new.is_empty() && !ends_with_comma => {
                self.edits.push((comma..comma + 1, String::new()));
            }
            _ if new.is_empty() => {}
            _ => self.put_in(of, last, ends_with_comma, new),
        }
    }

    /// A member goes with its comma, and with its line where it had one for itself.
    fn take_out(&mut self, member: &Member<'_>, is_behind: bool) {
        let value_end = member.node.span.end;
        let comma = member.comma.map_or(value_end, |it| it + 1);
        // What stands between a value and its comma is a comment, or nothing.
        let between = self.part(value_end..comma.saturating_sub(1).max(value_end));
        let has_words = !between.trim().is_empty();
        if has_words {
            self.edits.push((comma - 1..comma, String::new()));
        }
        let end = if has_words { value_end } else { comma };
        let before = self.part(0..member.start);
        let indented = before.trim_end_matches([' ', '\t']);
        let after = self.part(end..self.text.len());
        let space = after.len() - after.trim_start_matches([' ', '\t']).len();
        let rest = after.trim_start_matches([' ', '\t']);
        let has_own_line = indented.ends_with('\n') && rest.starts_with('\n');
        let range = if has_own_line {
            indented.len()..end + space + 1
        } else if is_behind {
            indented.len()..end
        } else {
            member.start..end + space
        };
        self.edits.push((range, String::new()));
    }

    /// New members stand behind the last one that stays, and behind the comment on its line.
    fn put_in(
        &mut self,
        of: &Node,
        last: &Member<'_>,
        ends_with_comma: bool,
        new: &[(Option<&str>, &Json)],
    ) {
        let within = self.part(of.span.clone());
        let (is_laid_out, space) =
            (within.contains('\n'), if within.contains(' ') { " " } else { "" });
        let deeper = if is_laid_out {
            let own = indentation(self.text, last.start);
            let line_start = self.part(0..last.start).rfind('\n').map_or(0, |it| it + 1);
            let stands_first = self.part(line_start..last.start).trim().is_empty();
            let base = indentation(self.text, of.span.start);
            if stands_first { own.to_owned() } else { format!("{base}{INDENT}") }
        } else {
            String::new()
        };
        let separator = if is_laid_out { format!("\n{deeper}") } else { space.to_owned() };
        let value_end = last.node.span.end;
        if last.comma.is_none() {
            self.edits.push((value_end..value_end, ",".to_owned()));
        }
        let behind = last.comma.map_or(value_end, |it| it + 1);
        let at = if is_laid_out { self.behind_comment(behind) } else { behind };
        let member = |(key, value): &(Option<&str>, &Json)| {
            let value = if is_laid_out { laid_out(value, &deeper) } else { Json::to_string(value) };
            let key = key.map(|it| format!("{}:{space}", Json::from(it)));
            format!("{separator}{}{value}", key.unwrap_or_default())
        };
        let members: Vec<String> = new.iter().map(member).collect();
        let end = if ends_with_comma { "," } else { "" };
        let text = format!("{}{end}", members.join(","));
        match self.edits.last_mut().filter(|(range, _)| *range == (at..at)) {
            // At the comma's own place: behind it.
            Some((_, comma)) => comma.push_str(&text),
            None => self.edits.push((at..at, text)),
        }
    }

    /// Behind the comment that follows on the same line, if one does.
    fn behind_comment(&self, from: usize) -> usize {
        let rest = self.part(from..self.text.len());
        if !rest.trim_start_matches([' ', '\t']).starts_with("//") {
            return from;
        }
        let line = rest.split('\n').next().unwrap_or(rest);
        from + line.trim_end_matches('\r').len()
    }

    /// The comma in a part without values: one in a comment is none.
    fn comma(&self, range: Range<usize>) -> Option<usize> {
        let part = self.part(range.clone());
        let mut at = 0;
        while let Some(rest) = part.get(at..).filter(|it| !it.is_empty()) {
            let skipped = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |it| it + 2)
            } else if rest.starts_with(',') {
                return Some(range.start + at);
            } else {
                rest.chars().next().map_or(1, char::len_utf8)
            };
            at += skipped;
        }
        None
    }

    fn part(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }
}

/// What becomes of each item, and from which one on the wanted ones are new: none if they do not go together, or in another order.
fn aligned<'a>(items: &[Node], wanted: &'a [Json]) -> Option<(Vec<Option<&'a Json>>, usize)> {
    if items.len() == wanted.len() {
        return Some((wanted.iter().map(Some).collect(), wanted.len()));
    }
    let mut from = 0;
    let kept = items.iter().map(|item| {
        let item = item.to_json();
        let id = item.get("id").filter(|it| it.is_string());
        let is_it = |it: &&Json| **it == item || (id.is_some() && it.get("id") == id);
        let found = wanted.get(from).filter(is_it)?;
        from += 1;
        Some(found)
    });
    let kept: Vec<_> = kept.collect();
    let has_one = kept.iter().any(Option::is_some);
    // What is wanted behind the items that were found is new, unless one of it was there.
    let was_there =
        |it: &Json| items.iter().zip(&kept).any(|(item, to)| to.is_none() && item.to_json() == *it);
    let all_new = !wanted.iter().skip(from).any(was_there);
    (has_one && all_new).then_some((kept, from))
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*, sample};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, target: &Json, expected: &str) {
        assert_eq!(reshape(text, target).as_deref(), Ok(expected));
    }

    const FILE: &str = "{\n  // who\n  a: { x: 1, y: 2 }, // first\n  /* b, too */\n  b: 'two', // second\n  c: [1, 2],\n}\n";

    #[test]
    fn what_holds_still_is_left_as_it_is() {
        let same = json!({ "a": { "x": 1, "y": 2 }, "b": "two", "c": [1, 2] });
        check(FILE, &same, FILE);
        check("{ port: 0x1F }", &json!({ "port": 31 }), "{ port: 0x1F }");
    }

    #[test]
    fn a_value_changes_where_it_stands() {
        let target = json!({ "a": { "x": 1, "y": 3 }, "b": "two", "c": [1, 5] });
        let expected = FILE.replace("y: 2", "y: 3").replace("[1, 2]", "[1, 5]");
        check(FILE, &target, &expected);
    }

    #[test]
    fn what_is_new_stands_last_and_behind_the_comment_of_its_line() {
        check("{ a: 1 }", &json!({ "a": 1, "b": 2 }), "{ a: 1, \"b\": 2 }");
        check("{\"a\":1}", &json!({ "a": 1, "b": 2 }), "{\"a\":1,\"b\":2}");
        check(
            "{\n  a: 1 // one\n}",
            &json!({ "a": 1, "b": 2 }),
            "{\n  a: 1, // one\n  \"b\": 2\n}",
        );
        let target = json!({ "a": 1, "b": { "x": [] }, "c": 3 });
        let expected = "{\n\ta: 1, // one\n\t\"b\": {\n\t  \"x\": []\n\t},\n\t\"c\": 3,\n}";
        check("{\n\ta: 1, // one\n}", &target, expected);
        check("{}", &json!({ "a": 1 }), "{\"a\":1}");
    }

    #[test]
    fn what_goes_takes_its_comma_with_it_and_no_comment_of_others() {
        check("{ a: 1, b: 2 }", &json!({ "b": 2 }), "{ b: 2 }");
        check("{ a: 1, b: 2 }", &json!({ "a": 1 }), "{ a: 1 }");
        check("{ a: 1, b: 2, c: 3, }", &json!({ "b": 2 }), "{ b: 2, }");
        check("{ a: 1 }", &json!({}), "{}");
        let without_b = json!({ "a": { "x": 1, "y": 2 }, "c": [1, 2] });
        check(FILE, &without_b, &FILE.replace("b: 'two', ", ""));
        let text = "{\n  a: 1,\n  // about b\n  b: 2\n}\n";
        check(text, &json!({ "a": 1 }), "{\n  a: 1\n  // about b\n}\n");
        check(text, &json!({ "b": 2 }), "{\n  // about b\n  b: 2\n}\n");
        check("{ a: 1 /* , */, b: 2 }", &json!({ "b": 2 }), "{ /* , */ b: 2 }");
    }

    #[test]
    fn what_goes_and_what_comes_share_their_commas() {
        check("{ a: 1, b: 2 }", &json!({ "a": 1, "c": 3 }), "{ a: 1, \"c\": 3 }");
        check("{ a: 1, b: 2 }", &json!({ "c": 3 }), "{\"c\":3}");
    }

    #[test]
    fn items_are_known_again_by_their_id() {
        let text = "{ list: [ { id: 'a', /* A */ n: 1 }, { id: 'b' /* B */ }, { id: 'c' } ] }";
        let target = json!({ "list": [{ "id": "a", "n": 1 }, { "id": "c" }] });
        check(text, &target, "{ list: [ { id: 'a', /* A */ n: 1 }, { id: 'c' } ] }");
        let target =
            json!({ "list": [{ "id": "a", "n": 2 }, { "id": "b" }, { "id": "c" }, { "id": "d" }] });
        let expected = "{ list: [ { id: 'a', /* A */ n: 2 }, { id: 'b' /* B */ }, { id: 'c' }, {\"id\":\"d\"} ] }";
        check(text, &target, expected);
        check("[1, 2, 3]", &json!([2]), "[2]");
        check("[1, 2, 3]", &json!([3, 1]), "[3,1]");
        check("[1]", &json!([0, 1]), "[0,1]");
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![Just(json!(null)), (0..3).prop_map(Json::from), Just(json!(",//"))];
        leaf.prop_recursive(3, 12, 4, |inner| {
            let key = sample::select(&["a", "b", "id"][..]).prop_map(str::to_owned);
            prop_oneof![
                collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                collection::vec(sample::select(&["i", "j", "k"][..]), 0..4)
                    .prop_map(|it| it.into_iter().map(|id| json!({ "id": id })).collect()),
                collection::btree_map(key, inner, 0..4).prop_map(|it| it.into_iter().collect()),
            ]
        })
    }

    /// A value as somebody may write it down, with these between its parts.
    fn scribble(value: &Json, between: &mut impl Iterator<Item = &'static str>, text: &mut String) {
        let (open, close, members): (_, _, Vec<(String, &Json)>) = match value {
            Json::Array(items) => ('[', ']', items.iter().map(|it| (String::new(), it)).collect()),
            Json::Object(entries) => {
                ('{', '}', entries.iter().map(|(key, it)| (format!("{key}:"), it)).collect())
            }
            leaf => return text.push_str(&leaf.to_string()),
        };
        text.push(open);
        text.push_str(between.next().unwrap());
        let count = members.len();
        for (index, (key, member)) in members.into_iter().enumerate() {
            text.push_str(&key);
            scribble(member, between, text);
            text.push_str(between.next().unwrap());
            // Some like a comma behind the last.
            if index + 1 < count || between.next() == Some(" ") {
                text.push(',');
            }
            text.push_str(between.next().unwrap());
        }
        text.push(close);
    }

    proptest! {
        #[test]
        fn any_document_can_be_made_to_say_anything(
            before in any_json(),
            after in any_json(),
            between in collection::vec(sample::select(&["", " ", "\n", "\n  ", " // a, b\n", "/* , */"][..]), 1..20),
        ) {
            let mut text = String::new();
            scribble(&before, &mut between.iter().copied().cycle(), &mut text);
            let tree = json5::parse(&text).unwrap();
            prop_assert_eq!(tree.to_json(), before.clone(), "{}", text);
            let edited = edited(&text, &tree, &after);
            prop_assert_eq!(json5::parse(&edited).map(|it| it.to_json()), Ok(after), "{}\n{}", text, edited);
            prop_assert_eq!(reshape(&text, &before).unwrap(), text);
        }
    }

    #[test]
    fn a_broken_document_is_not_edited() {
        assert!(reshape("{ a: ", &json!({})).is_err());
    }
}
