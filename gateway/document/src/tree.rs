//! A document as a tree of values that know where they stood.

use std::{borrow::Cow, ops::Range};

use crate::path::{Part, Path};

/// How many characters of a text a message quotes.
const QUOTED_CHARS_MAX: usize = 40;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Bytes of the document. Empty where the value was left out.
    pub span: Range<usize>,
    /// What stands there.
    pub value: Value,
}

/// What a document can hold. A map keeps the order of the document, and its keys are unique.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, never infinite.
    Number(serde_json::Number),
    /// Text.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by name, in the order of the document.
    Map(Vec<(Key, Node)>),
}

/// The name of a map's value, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name, without quotes.
    pub name: String,
    /// Bytes of the document, with the quotes if there are any.
    pub span: Range<usize>,
}

/// Why a value could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The path leads through a key that a map does not have.
    #[error("{} has no key `{key}`", place(.at))]
    NoKey {
        /// The map.
        at: Path,
        /// The key.
        key: String,
        /// The keys that it has.
        known: Vec<String>,
    },
    /// The path leads through or beyond an item that a list does not have.
    #[error("{} has no item `[{index}]`, its length is {length}", place(.at))]
    NoItem {
        /// The list.
        at: Path,
        /// The item.
        index: usize,
        /// How many it has.
        length: usize,
    },
    /// The path names a key of something that is not a map.
    #[error("{} is {found}, expected a map", place(.at))]
    NotAMap {
        /// The value.
        at: Path,
        /// What it is.
        found: String,
    },
    /// The path names an item of something that is not a list.
    #[error("{} is {found}, expected a list", place(.at))]
    NotAList {
        /// The value.
        at: Path,
        /// What it is.
        found: String,
    },
}

fn place(path: &Path) -> String {
    if path.parts().is_empty() { "the document".to_owned() } else { format!("`{path}`") }
}

impl Node {
    /// The value of a key, if this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                None
            }
        }
    }

    /// The items, if this is a list; none otherwise.
    pub fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The entries, if this is a map; none otherwise.
    pub fn entries(&self) -> &[(Key, Self)] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The text, if this is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The value at the end of a path, if the document has it.
    ///
    /// ```
    /// let tree = creel_document::yaml::parse("steps: [{ at: 0s }, { at: 1s }]").expect("it is YAML");
    /// let at = tree.find(&"steps[1].at".parse()?).expect("it is there");
    /// assert_eq!(at.text(), Some("1s"));
    /// # Ok::<(), creel_document::path::Error>(())
    /// ```
    pub fn find(&self, path: &Path) -> Option<&Self> {
        path.parts().iter().try_fold(self, |node, part| match part {
            Part::Key(name) => node.get(name),
            Part::Index(index) => node.items().get(*index),
        })
    }

    /// Puts `node` at the end of a path: replaces the value there, adds a key to a map, or adds an item behind a list's
    /// last.
    ///
    /// # Errors
    ///
    /// [`Error`] if the value that should hold it does not exist, or is neither a map nor a list as the path needs. The
    /// tree is then unchanged.
    pub fn set_path(&mut self, path: &Path, node: Self) -> Result<(), Error> {
        let Some((last, parents)) = path.parts().split_last() else {
            *self = node;
            return Ok(());
        };
        let mut parent = self;
        for (depth, part) in parents.iter().enumerate() {
            let at = || Path::from(parents.get(..depth).unwrap_or_default());
            parent = parent.child_mut(part, at)?;
        }
        parent.put(last, node, || Path::from(parents))
    }

    /// The same value as JSON, without its places.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(it) => (*it).into(),
            Value::Number(it) => it.clone().into(),
            Value::Text(it) => it.clone().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect()
            }
        }
    }

    /// What it is, as messages say after "found": ``the number `5` ``, `a list`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(it) => format!("`{it}`"),
            Value::Number(it) => format!("the number `{it}`"),
            Value::Text(it) if it.is_empty() => "empty text".to_owned(),
            Value::Text(it) => format!("the text `{}`", shorten(it)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    fn child_mut(&mut self, part: &Part, at: impl Fn() -> Path) -> Result<&mut Self, Error> {
        match part {
            Part::Key(name) => {
                let entries = self.entries_mut(&at)?;
                if let Some(position) = entries.iter().position(|(key, _)| key.name == *name) {
                    return Ok(&mut entries[position].1);
                }
                let known = entries.iter().map(|(key, _)| key.name.clone()).collect();
                Err(Error::NoKey { at: at(), key: name.clone(), known })
            }
            Part::Index(index) => {
                let items = self.items_mut(&at)?;
                let (index, length) = (*index, items.len());
                items.get_mut(index).ok_or_else(|| Error::NoItem { at: at(), index, length })
            }
        }
    }

    fn put(&mut self, part: &Part, node: Self, at: impl Fn() -> Path) -> Result<(), Error> {
        match part {
            Part::Key(name) => {
                let entries = self.entries_mut(&at)?;
                if let Some((_, old)) = entries.iter_mut().find(|(key, _)| key.name == *name) {
                    *old = node;
                } else {
                    entries.push((Key { name: name.clone(), span: node.span.clone() }, node));
                }
            }
            Part::Index(index) => {
                let items = self.items_mut(&at)?;
                let (index, length) = (*index, items.len());
                match items.get_mut(index) {
                    Some(old) => *old = node,
                    None if index == length => items.push(node),
                    None => return Err(Error::NoItem { at: at(), index, length }),
                }
            }
        }
        Ok(())
    }

    fn entries_mut(&mut self, at: impl Fn() -> Path) -> Result<&mut Vec<(Key, Self)>, Error> {
        let found = self.describe();
        if let Value::Map(entries) = &mut self.value {
            Ok(entries)
        } else {
            Err(Error::NotAMap { at: at(), found })
        }
    }

    fn items_mut(&mut self, at: impl Fn() -> Path) -> Result<&mut Vec<Self>, Error> {
        let found = self.describe();
        if let Value::List(items) = &mut self.value {
            Ok(items)
        } else {
            Err(Error::NotAList { at: at(), found })
        }
    }
}

/// The beginning of a text, on one line, as far as a message quotes it.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    let plain = |it: char| if it.is_control() { ' ' } else { it };
    if text.chars().count() <= QUOTED_CHARS_MAX && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(QUOTED_CHARS_MAX).map(plain).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        short.push('…');
    }
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::yaml;

    #[test]
    fn values_are_replaced_added_or_refused() {
        let mut log = String::new();
        for path in [
            "a.b", "a.new", "list[0]", "list[1]", "list[2]", "no.b", "a.b.c", "list.c", "a[0]",
            "a.b[0].c",
        ] {
            let mut tree = yaml::parse("{ a: { b: 1 }, list: [2] }").unwrap();
            let node = yaml::parse("x").unwrap();
            let set = tree.set_path(&path.parse().unwrap(), node);
            let shown = set.map_or_else(|it| it.to_string(), |()| tree.to_json().to_string());
            writeln!(log, "{path:8} {shown}").unwrap();
        }
        insta::assert_snapshot!(log, @r#"
        a.b      {"a":{"b":"x"},"list":[2]}
        a.new    {"a":{"b":1,"new":"x"},"list":[2]}
        list[0]  {"a":{"b":1},"list":["x"]}
        list[1]  {"a":{"b":1},"list":[2,"x"]}
        list[2]  `list` has no item `[2]`, its length is 1
        no.b     the document has no key `no`
        a.b.c    `a.b` is the number `1`, expected a map
        list.c   `list` is a list, expected a map
        a[0]     `a` is a map, expected a list
        a.b[0].c `a.b` is the number `1`, expected a list
        "#);
    }

    #[test]
    fn values_are_found_by_path() {
        let tree = yaml::parse("{ a: [{ \"x.y\": 1 }] }").unwrap();
        let find = |path: &str| tree.find(&path.parse().unwrap()).map(|it| it.span.clone());
        assert_eq!(find(r#"a[0]."x.y""#), Some(15..16));
        assert_eq!(find("a[1]"), None);
        assert_eq!(find("a.b"), None);
    }
}
