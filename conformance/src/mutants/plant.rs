//! A source text with its defects, each behind a switch that the process's environment turns on.
//!
//! An expression `it` with the defect `id` becomes `(if crate::defect::on("id") { replacement } else { it })`, so that one
//! build holds every defect and is, with no switch on, the same program. An expression may have several defects, and one
//! may stand inside another.

use std::{fmt::Write as _, ops::Range};

use super::defects::Defect;

/// The environment variable that names the defect which is on.
pub const SWITCH: &str = "CREEL_DEFECT";

/// What a crate with a defect begins with: a switch around an expression is not how anybody writes, and the compiler need
/// not say so for each.
pub const HEAD: &str = "#![allow(warnings)]\n";

/// The module that every crate with a defect gets.
pub const MODULE: &str = r#"//! Which planted defect is on: the one that the environment names, for the whole process.

/// Whether a defect is on.
pub(crate) fn on(id: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("CREEL_DEFECT").ok()).as_deref() == Some(id)
}
"#;

/// Why a defect cannot be planted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text to find is not there, or more than once.
    #[error(
        "{file}: defect `{id}`: `{what}` is there {count} times, expected once (look for `{hint}`)"
    )]
    Count {
        /// The file.
        file: String,
        /// The defect.
        id: String,
        /// `find` or `within`.
        what: &'static str,
        /// How often the text is there.
        count: usize,
        /// How it begins.
        hint: String,
    },
    /// Two defects' expressions overlap, and neither is inside the other.
    #[error("{file}: defects `{id}` and `{other}` overlap, expected one inside the other or apart")]
    Overlap {
        /// The file.
        file: String,
        /// The defect.
        id: String,
        /// The other one.
        other: String,
    },
}

/// Plants every defect of one file.
///
/// # Errors
///
/// The first defect that cannot be planted.
pub fn plant(file: &str, text: &str, defects: &[&Defect]) -> Result<String, Error> {
    let mut spots = Vec::new();
    for &defect in defects {
        spots.push(Spot { range: locate(file, text, defect)?, defect });
    }
    // Outer before inner; of several in one place, as written.
    spots.sort_by_key(|it| (it.range.start, std::cmp::Reverse(it.range.end)));
    write(file, text, 0..text.len(), &spots)
}

struct Spot<'a> {
    range: Range<usize>,
    defect: &'a Defect,
}

fn write(file: &str, text: &str, range: Range<usize>, spots: &[Spot<'_>]) -> Result<String, Error> {
    let mut written = String::new();
    let mut at = range.start;
    let mut rest = spots;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|it| it.range == first.range).count();
        let (here, behind) = rest.split_at(same);
        let inside = behind.iter().take_while(|it| it.range.start < first.range.end).count();
        let (inner, after) = behind.split_at(inside);
        if let Some(other) = inner.iter().find(|it| it.range.end > first.range.end) {
            let (id, other) = (first.defect.id.clone(), other.defect.id.clone());
            return Err(Error::Overlap { file: file.to_owned(), id, other });
        }
        written.push_str(slice(text, at..first.range.start));
        written.push('(');
        for Spot { defect, .. } in here {
            let (id, replace) = (&defect.id, &defect.replace);
            write!(written, "if crate::defect::on({id:?}) {{ {replace} }} else ")
                .expect("writing to a string");
        }
        let original = write(file, text, first.range.clone(), inner)?;
        write!(written, "{{ {original} }})").expect("writing to a string");
        at = first.range.end;
        rest = after;
    }
    written.push_str(slice(text, at..range.end));
    Ok(written)
}

fn slice(text: &str, range: Range<usize>) -> &str {
    text.get(range).expect("ranges begin and end at characters that were found")
}

fn locate(file: &str, text: &str, defect: &Defect) -> Result<Range<usize>, Error> {
    let once = |what: &'static str, needle: &str, range: Range<usize>| {
        let mut found = occurrences(slice(text, range.clone()), needle);
        let count = found.len();
        match found.pop() {
            Some(it) if count == 1 => Ok(it.start + range.start..it.end + range.start),
            _ => Err(Error::Count {
                file: file.to_owned(),
                id: defect.id.clone(),
                what,
                count,
                hint: needle.trim().lines().next().unwrap_or_default().to_owned(),
            }),
        }
    };
    let range = match &defect.within {
        Some(around) => once("within", around, 0..text.len())?,
        None => 0..text.len(),
    };
    once("find", &defect.find, range)
}

/// Where a text stands in another. White space is not looked at, so that code may be formatted anew; words are whole.
fn occurrences(text: &str, needle: &str) -> Vec<Range<usize>> {
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let solid: Vec<(usize, char)> =
        text.char_indices().filter(|(_, it)| !it.is_whitespace()).collect();
    let needle: Vec<char> = needle.chars().filter(|it| !it.is_whitespace()).collect();
    let (Some(first), Some(last)) = (needle.first().copied(), needle.last().copied()) else {
        return Vec::new();
    };
    let matches = |window: &&[(usize, char)]| window.iter().map(|(_, it)| it).eq(needle.iter());
    let range = |window: &[(usize, char)]| {
        let end = window.last().map_or(0, |(at, it)| at + it.len_utf8());
        window.first().map_or(0, |(at, _)| *at)..end
    };
    let whole = |found: &Range<usize>| {
        let before = slice(text, 0..found.start).chars().next_back();
        let after = slice(text, found.end..text.len()).chars().next();
        !(is_word(first) && before.is_some_and(is_word)
            || is_word(last) && after.is_some_and(is_word))
    };
    solid.windows(needle.len()).filter(matches).map(range).filter(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defect(id: &str, find: &str, replace: &str) -> Defect {
        Defect {
            id: id.to_owned(),
            requirement: "QUE-001".to_owned(),
            also: Vec::new(),
            file: "gateway/core/src/lane.rs".to_owned(),
            within: None,
            find: find.to_owned(),
            replace: replace.to_owned(),
            why: "a test".to_owned(),
        }
    }

    fn planted(text: &str, defects: &[Defect]) -> String {
        let all: Vec<&Defect> = defects.iter().collect();
        plant("a.rs", text, &all).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn an_expression_gets_a_switch() {
        let found = planted("let a = b.max( c );", &[defect("no-max", "b.max(c)", "b")]);
        assert_eq!(found, r#"let a = (if crate::defect::on("no-max") { b } else { b.max( c ) });"#);
    }

    #[test]
    fn white_space_does_not_matter_and_words_are_whole() {
        let text = "due\n    .filter(x) + overdue.filter(x)";
        assert_eq!(
            planted(text, &[defect("all", "due.filter(x)", "due")]),
            "(if crate::defect::on(\"all\") { due } else { due\n    .filter(x) }) + overdue.filter(x)"
        );
    }

    #[test]
    fn several_defects_may_share_an_expression_or_nest() {
        let defects = [
            defect("inner", "b + 1", "b"),
            defect("one", "f(b + 1)", "0"),
            defect("two", "f(b + 1)", "1"),
        ];
        assert_eq!(
            planted("a = f(b + 1)", &defects),
            "a = (if crate::defect::on(\"one\") { 0 } else if crate::defect::on(\"two\") { 1 } else \
             { f((if crate::defect::on(\"inner\") { b } else { b + 1 })) })"
        );
    }

    #[test]
    fn a_text_that_is_not_there_once_is_refused() {
        let missing = planted("a", &[defect("x", "b", "c")]);
        assert_eq!(
            missing,
            "a.rs: defect `x`: `find` is there 0 times, expected once (look for `b`)"
        );
        let twice = planted("b b", &[defect("x", "b", "c")]);
        assert!(twice.contains("2 times"), "{twice}");
    }

    #[test]
    fn the_text_around_chooses_one_of_several() {
        let within =
            |around: &str| Defect { within: Some(around.to_owned()), ..defect("x", "b", "c") };
        assert_eq!(
            planted("b + 1; b + 2", &[within("b + 2")]),
            r#"b + 1; (if crate::defect::on("x") { c } else { b }) + 2"#
        );
        let found = planted("b + 1; b + 2", &[within("b + 3")]);
        assert!(found.contains("`within` is there 0 times"), "{found}");
    }

    #[test]
    fn an_overlap_is_refused() {
        let found = planted("a + b + c", &[defect("x", "a + b", "0"), defect("y", "b + c", "0")]);
        assert_eq!(
            found,
            "a.rs: defects `x` and `y` overlap, expected one inside the other or apart"
        );
    }

    #[test]
    fn the_module_reads_the_switch() {
        assert!(MODULE.contains(&format!("{SWITCH:?}")));
    }
}
