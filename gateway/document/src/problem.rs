//! What is wrong with a document: where, what was found, what would be accepted.

use std::{fmt, ops::Range};

use miette::{Diagnostic, LabeledSpan, SourceCode};

use crate::path::Path;

/// One thing that is wrong.
///
/// Messages are in lower case without a full stop, with literals in backticks: what was found, what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the document.
    pub span: Range<usize>,
    /// The value that it is about; the root if it is about the whole document or was met before there was a tree.
    pub path: Path,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that can be said.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without help.
    pub fn new(span: Range<usize>, path: Path, message: impl Into<String>) -> Self {
        Self { span, path, message: message.into(), help: None }
    }

    /// The same problem with help.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The message with its help, on one line.
    fn line(&self) -> String {
        match &self.help {
            Some(help) => format!("{} ({help})", self.message),
            None => self.message.clone(),
        }
    }
}

/// A line and a column, both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// Where a byte of a text stands. A byte beyond the end stands behind the last character.
    ///
    /// ```
    /// use creel_document::problem::Position;
    ///
    /// assert_eq!(Position::of("é: 1\nb: 2\n", 7), Position { line: 2, column: 2 });
    /// ```
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..text.floor_char_boundary(offset)).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |it| it + 1);
        let line = before.bytes().filter(|it| *it == b'\n').count() + 1;
        Self { line, column: before.get(start..).unwrap_or_default().chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// All problems of one document, ready to be shown: by miette with the lines themselves, or plain with one line each.
#[derive(Clone, Debug)]
pub struct Report {
    name: String,
    text: String,
    problems: Vec<Problem>,
}

impl Report {
    /// The problems of the document that is called `name`, in the order of the text.
    pub fn new(
        name: impl Into<String>,
        text: impl Into<String>,
        mut problems: Vec<Problem>,
    ) -> Self {
        problems.sort_by_key(|it| it.span.start);
        Self { name: name.into(), text: text.into(), problems }
    }

    /// The problems, in the order of the text.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Where a problem of this document begins.
    pub fn place(&self, problem: &Problem) -> Position {
        Position::of(&self.text, problem.span.start)
    }

    /// One line for each problem: `file:line:column: key: message (help)`. The key is left out for the root.
    pub fn plain(&self) -> String {
        let line = |it: &Problem| {
            let position = Position::of(&self.text, it.span.start);
            let key =
                if it.path.parts().is_empty() { String::new() } else { format!("{}: ", it.path) };
            format!("{}:{position}: {key}{}\n", self.name, it.line())
        };
        self.problems.iter().map(line).collect()
    }

    /// The part of a span to underline: what it covers of its first line, one character at the least. At the end of the
    /// text, the last thing that is there.
    fn underlined(&self, span: &Range<usize>) -> Range<usize> {
        let last = self.text.trim_end().char_indices().next_back().map_or(0, |(offset, _)| offset);
        let start = self.text.floor_char_boundary(span.start.min(last));
        let covered =
            self.text.get(start..self.text.ceil_char_boundary(span.end)).unwrap_or_default();
        let length = covered.lines().next().map_or(0, |it| it.trim_end().len());
        start..start + length.max(1).min(self.text.len() - start)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => write!(f, "`{}` has a problem", self.name),
            count => write!(f, "`{}` has {count} problems", self.name),
        }
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label =
            |it: &Problem| LabeledSpan::new_with_span(Some(it.line()), self.underlined(&it.span));
        Some(Box::new(self.problems.iter().map(label)))
    }
}

/// The text, with the name on top.
impl SourceCode for Report {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self.text.read_span(span, lines_before, lines_after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use miette::{GraphicalReportHandler, GraphicalTheme};

    use super::*;

    #[test]
    fn a_report_shows_every_line_that_has_a_problem() {
        let text = "title: é\nsteps:\n  - { at: 5, sned: x }\n";
        let path = |it: &str| it.parse::<Path>().unwrap();
        let problems = vec![
            Problem::new(30..34, path("steps[0]"), "unknown key `sned`")
                .help("did you mean `send`?"),
            Problem::new(27..28, path("steps[0].at"), "found the number `5`, expected a duration"),
            Problem::new(0..53, Path::default(), "missing key `id`"),
            Problem::new(99..99, Path::default(), "beyond the end"),
        ];
        let report = Report::new("a.yaml", text, problems);
        let mut fancy = String::new();
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
            .render_report(&mut fancy, &report)
            .unwrap();
        insta::assert_snapshot!(format!("{}\n{fancy}", report.plain()), @r"
        a.yaml:1:1: missing key `id`
        a.yaml:3:11: steps[0].at: found the number `5`, expected a duration
        a.yaml:3:14: steps[0]: unknown key `sned` (did you mean `send`?)
        a.yaml:4:1: beyond the end

          × `a.yaml` has 4 problems
           ╭─[a.yaml:1:1]
         1 │ title: é
           · ────┬───
           ·     ╰── missing key `id`
         2 │ steps:
         3 │   - { at: 5, sned: x }
           ·           ┬  ──┬─    ┬
           ·           │    │     ╰── beyond the end
           ·           │    ╰── unknown key `sned` (did you mean `send`?)
           ·           ╰── found the number `5`, expected a duration
           ╰────
        ");
    }
}
