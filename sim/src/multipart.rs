//! `multipart/form-data`, as far as clients of platforms write it.

use bytes::Bytes;

/// One part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// Whether it is a file rather than a text.
    pub is_file: bool,
    /// What it holds.
    pub content: Bytes,
}

impl Part {
    /// What it holds, as a text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }
}

/// The parts of a form with this content type. What is not a part is skipped.
pub fn parts(kind: &str, body: &Bytes) -> Vec<Part> {
    let Some(boundary) = attribute(kind, "boundary") else { return Vec::new() };
    let delimiter = format!("--{boundary}");
    let mut starts = find_all(body, delimiter.as_bytes());
    starts.push(body.len());
    let spans = starts.windows(2).map(|it| (it[0] + delimiter.len(), it[1]));
    spans
        .filter(|(from, to)| from <= to)
        .filter_map(|(from, to)| part(&body.slice(from..to)))
        .collect()
}

fn part(part: &Bytes) -> Option<Part> {
    let gap = find_all(part, b"\r\n\r\n").first().copied()?;
    let headers = String::from_utf8_lossy(part.get(..gap)?).into_owned();
    let disposition =
        headers.lines().find(|it| it.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let content = part.slice(gap + 4..);
    let end = content.len() - if content.ends_with(b"\r\n") { 2 } else { 0 };
    Some(Part {
        name: attribute(disposition, "name")?,
        is_file: attribute(disposition, "filename").is_some(),
        content: content.slice(..end),
    })
}

fn find_all(text: &[u8], wanted: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + wanted.len() <= text.len() {
        if text[at..].starts_with(wanted) {
            found.push(at);
            at += wanted.len();
        } else {
            at += 1;
        }
    }
    found
}

/// The value of `name` in a header such as `form-data; name="text"`.
fn attribute(header: &str, name: &str) -> Option<String> {
    header.split(';').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
    })
}
