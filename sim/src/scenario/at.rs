//! A value of the document with the way to it, so that whoever reads it can also complain about it.

use std::time::Duration;

use creel_document::{
    duration,
    path::Path,
    problem::Problem,
    tree::{Key, Node, Value},
};

/// A value of the document, and the way to it. What does not have the kind that is asked for reads as nothing: the check
/// against the shape has complained about it already.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) node: &'a Node,
    pub(super) path: Path,
}

impl<'a> At<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self { node, path: Path::default() }
    }

    pub(super) fn get(&self, name: &str) -> Option<Self> {
        Some(Self { node: self.node.get(name)?, path: self.path.key(name) })
    }

    pub(super) fn items(&self) -> Vec<Self> {
        let item = |(index, node)| Self { node, path: self.path.index(index) };
        self.node.items().iter().enumerate().map(item).collect()
    }

    pub(super) fn entries(&self) -> Vec<(&'a Key, Self)> {
        let entry =
            |(key, node): &'a (Key, Node)| (key, Self { node, path: self.path.key(&key.name) });
        self.node.entries().iter().map(entry).collect()
    }

    /// The items of a child.
    pub(super) fn items_of(&self, name: &str) -> Vec<Self> {
        self.get(name).map(|it| it.items()).unwrap_or_default()
    }

    pub(super) fn entries_of(&self, name: &str) -> Vec<(&'a Key, Self)> {
        self.get(name).map(|it| it.entries()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> Option<String> {
        self.node.text().map(str::to_owned)
    }

    pub(super) fn text_of(&self, name: &str) -> Option<String> {
        self.get(name)?.text()
    }

    /// The texts of a child that is a list, or the one text that it is.
    pub(super) fn texts_of(&self, name: &str) -> Option<Vec<String>> {
        let child = self.get(name)?;
        Some(child.text().map_or_else(
            || child.items().iter().filter_map(Self::text).collect(),
            |only| vec![only],
        ))
    }

    pub(super) fn duration(&self) -> Option<Duration> {
        duration::parse(self.node.text()?).ok()
    }

    pub(super) fn duration_of(&self, name: &str) -> Option<Duration> {
        self.get(name)?.duration()
    }

    /// A child that is a whole number in the range of its type.
    pub(super) fn number_of<N: TryFrom<u64>>(&self, name: &str) -> Option<N> {
        match &self.get(name)?.node.value {
            Value::Number(it) => N::try_from(it.as_u64()?).ok(),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(super) fn flag_of(&self, name: &str) -> Option<bool> {
        match self.get(name)?.node.value {
            Value::Bool(it) => Some(it),
            Value::Null | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                None
            }
        }
    }

    /// A complaint about the value.
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(self.node.span.clone(), self.path.clone(), message)
    }
}
