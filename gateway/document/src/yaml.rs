//! Strict YAML: one document, and nothing in it that is not where it is used.
//!
//! Anchors, aliases, tags, merge keys, further documents, duplicate keys and keys that are not scalars are refused.
//! Plain scalars are read by the core schema of YAML 1.2: `yes` is text, `~` is nothing, and quoted ones are always text.

mod scalar;

use std::{collections::BTreeMap, ops::Range};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

use crate::{
    DEPTH_MAX, PROBLEMS_MAX, SIZE_BYTES_MAX,
    path::{Part, Path},
    problem::Problem,
    tree::{Key, Node, Value},
};

/// Reads YAML into a tree. An empty document is [`Value::Null`].
///
/// ```
/// use creel_document::{tree::Value, yaml};
///
/// let tree = yaml::parse("steps:\n  - { at: 0s }\n").expect("it is YAML");
/// assert_eq!(tree.items().len(), 0);
/// assert_eq!(tree.get("steps").map(|it| it.items().len()), Some(1));
///
/// let problems = yaml::parse("a: &x 1\nb: *x\n").expect_err("anchors and aliases are refused");
/// assert_eq!(problems.len(), 2);
/// ```
///
/// # Errors
///
/// Everything that is refused, in the order of the text, up to the first error of syntax. Also documents that are longer
/// than [`SIZE_BYTES_MAX`] or deeper than [`DEPTH_MAX`].
pub fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    if text.len() > SIZE_BYTES_MAX {
        let message =
            format!("the document has {} bytes, expected at most {SIZE_BYTES_MAX}", text.len());
        return Err(vec![Problem::new(0..0, Path::default(), message)]);
    }
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        places: Places::new(text),
        path: Path::default(),
        problems: Vec::new(),
    };
    match reader.document() {
        Ok(node) if reader.problems.is_empty() => Ok(node),
        Ok(_) | Err(Stop) => Err(reader.problems),
    }
}

/// Reading cannot go on; the reason is among the problems.
struct Stop;

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    places: Places<'a>,
    path: Path,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => (),
                Event::StreamEnd => {
                    return Ok(root.unwrap_or(Node { span: 0..0, value: Value::Null }));
                }
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(
                        self.stop(span, "found a second document, expected the end of the file")
                    );
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span)?);
                }
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    unreachable!("nodes lie between the start and the end of a document")
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Range<usize>) -> Result<Node, Stop> {
        match event {
            Event::Alias(_) => {
                self.refuse(span.clone(), "aliases are refused", "write the value out once more");
                Ok(Node { span, value: Value::Null })
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.plain(&span, anchor, tag.is_some());
                let value = if style == ScalarStyle::Plain {
                    self.scalar(&text, &span)
                } else {
                    Value::Text(text.into())
                };
                Ok(Node { span, value })
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain(&span, anchor, tag.is_some());
                self.enter(&span)?;
                self.list(span)
            }
            Event::MappingStart(anchor, tag) => {
                self.plain(&span, anchor, tag.is_some());
                self.enter(&span)?;
                self.map(span)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => unreachable!("the parser opens before it closes"),
        }
    }

    fn list(&mut self, start: Range<usize>) -> Result<Node, Stop> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let ends = items
                    .first()
                    .zip(items.last())
                    .map(|(first, last)| first.span.start..last.span.end);
                let span = self.places.collection(&start, ends, &span);
                return Ok(Node { span, value: Value::List(items) });
            }
            self.path.push(Part::Index(items.len()));
            items.push(self.node(event, span)?);
            self.path.pop();
        }
    }

    fn map(&mut self, start: Range<usize>) -> Result<Node, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut lines = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let ends = entries
                    .first()
                    .zip(entries.last())
                    .map(|(first, last)| first.0.span.start..last.1.span.end);
                let span = self.places.collection(&start, ends, &span);
                return Ok(Node { span, value: Value::Map(entries) });
            }
            let key = self.key(event, span)?;
            self.path.push(Part::Key(key.name.clone()));
            let (event, mut span) = self.next()?;
            if span.is_empty() {
                // Nothing stands there, and the parser's place for nothing is somewhere on a later line.
                span = key.span.end..key.span.end;
            }
            let value = self.node(event, span)?;
            if let Some(line) = lines.get(&key.name) {
                let message = format!("duplicate key `{}`", crate::tree::shorten(&key.name));
                self.refuse(key.span, message, format!("the first is on line {line}"));
            } else {
                lines.insert(key.name.clone(), self.places.line(key.span.start));
                entries.push((key, value));
            }
            self.path.pop();
        }
    }

    fn key(&mut self, event: Event<'a>, span: Range<usize>) -> Result<Key, Stop> {
        let Event::Scalar(text, style, anchor, tag) = event else {
            return Err(self.stop(span, "found a key that is not text, expected a name"));
        };
        self.plain(&span, anchor, tag.is_some());
        if style == ScalarStyle::Plain && text == "<<" {
            self.refuse(span.clone(), "merge keys are refused", "write the entries out");
        } else if text.is_empty() {
            self.refuse(
                span.clone(),
                "found an empty key, expected a name",
                "put names with special letters in quotes",
            );
        }
        Ok(Key { name: text.into_owned(), span })
    }

    fn scalar(&mut self, text: &str, span: &Range<usize>) -> Value {
        scalar::read(text).unwrap_or_else(|message| {
            self.refuse(span.clone(), message, "put it in quotes if it is text");
            Value::Null
        })
    }

    /// Notes an anchor or a tag, if the node has one.
    fn plain(&mut self, span: &Range<usize>, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.refuse(
                span.clone(),
                "anchors are refused",
                "write the value out where it is used",
            );
        }
        if tagged {
            self.refuse(span.clone(), "tags are refused", "put the value in quotes if it is text");
        }
    }

    fn enter(&mut self, span: &Range<usize>) -> Result<(), Stop> {
        if self.path.parts().len() < DEPTH_MAX {
            return Ok(());
        }
        Err(self.stop(span.clone(), format!("lists and maps are nested deeper than {DEPTH_MAX}")))
    }

    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Stop> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                Ok((event, self.places.offset(span.start)..self.places.offset(span.end)))
            }
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Err(self.stop(0..0, "the document ends in the middle")),
        }
    }

    fn syntax(&mut self, error: &ScanError) -> Stop {
        let start = self.places.offset(*error.marker());
        self.stop(start..start, error.info().to_owned())
    }

    fn stop(&mut self, span: Range<usize>, message: impl Into<String>) -> Stop {
        self.problems.push(Problem::new(span, self.path.clone(), message));
        Stop
    }

    fn refuse(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem::new(span, self.path.clone(), message).help(help));
        }
    }
}

/// Turns the parser's lines and columns, which count characters, into bytes.
struct Places<'a> {
    text: &'a str,
    /// Where each line starts, in bytes.
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let ends = |it: &usize| {
            bytes[*it] == b'\n' || (bytes[*it] == b'\r' && bytes.get(it + 1) != Some(&b'\n'))
        };
        let starts = (0..bytes.len()).filter(ends).map(|it| it + 1);
        Self { text, lines: std::iter::once(0).chain(starts).collect() }
    }

    fn offset(&self, marker: Marker) -> usize {
        let Some(start) = self.lines.get(marker.line().saturating_sub(1)) else {
            return self.text.len();
        };
        let rest = self.text.get(*start..).unwrap_or_default();
        start + rest.char_indices().nth(marker.col()).map_or(rest.len(), |(offset, _)| offset)
    }

    /// The line of a byte, from 1.
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|it| *it <= offset)
    }

    /// The place of a list or map: with its brackets or, in block style, from its first child to its last. The parser's
    /// own start and end of a block are those of whatever stands around it.
    fn collection(
        &self,
        start: &Range<usize>,
        children: Option<Range<usize>>,
        end: &Range<usize>,
    ) -> Range<usize> {
        let opens = self.text.get(start.clone()).is_some_and(|it| it.starts_with(['[', '{']));
        match children {
            Some(children) if !opens => children,
            Some(_) | None => start.start..end.end.max(start.end),
        }
    }
}

#[cfg(test)]
mod tests;
