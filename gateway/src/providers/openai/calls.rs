//! Tool calls as a stream brings them: a piece of an argument at a time.

use creel_core::{
    run::ModelFailure,
    tools::{TOOLS_MAX, ToolCall, ToolName},
};
use serde::Deserialize;

use crate::tools::arguments;

/// A piece of a call.
#[derive(Deserialize)]
pub(super) struct Piece {
    index: Option<usize>,
    id: Option<String>,
    #[serde(default)]
    function: Function,
}

#[derive(Default, Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

/// The calls of an answer, as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Calls {
    partial: Vec<Partial>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Partial {
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    /// Takes a piece in.
    ///
    /// # Errors
    ///
    /// Refuses more calls than a request may offer tools, since no answer needs them.
    pub(super) fn add(&mut self, piece: Piece) -> Result<(), ModelFailure> {
        // Without an index, an id begins the next call.
        let last = self.partial.len().saturating_sub(1);
        let next = if piece.id.is_some() { self.partial.len() } else { last };
        let index = piece.index.unwrap_or(next);
        if index >= TOOLS_MAX {
            return Err(ModelFailure::Malformed);
        }
        if index >= self.partial.len() {
            self.partial.resize_with(index + 1, Partial::default);
        }
        let partial = &mut self.partial[index];
        let Function { name, arguments } = piece.function;
        for (field, more) in [
            (&mut partial.id, piece.id),
            (&mut partial.name, name),
            (&mut partial.arguments, arguments),
        ] {
            let more = more.unwrap_or_default();
            self.bytes += more.len();
            field.push_str(&more);
        }
        Ok(())
    }

    /// How long they are by now, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The whole calls, each with an id of its own.
    pub(super) fn finish(self) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = Vec::new();
        for (index, Partial { id, name, arguments }) in self.partial.into_iter().enumerate() {
            let is_free = |id: &str| !id.is_empty() && calls.iter().all(|it| &*it.id != id);
            let id = if is_free(&id) { id } else { format!("call-{index}-{id}") };
            let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
            let name = ToolName::nearest(&name);
            let asked = arguments::read(name.as_str(), &arguments);
            calls.push(ToolCall { id: id.into(), name, arguments: arguments.into(), asked });
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Assembles pieces, a JSON object a line.
    #[track_caller]
    fn check(pieces: &str, expected: &str) {
        let mut calls = Calls::default();
        for line in pieces.lines().map(str::trim).filter(|it| !it.is_empty()) {
            calls.add(serde_json::from_str(line).expect("a piece")).expect("few calls");
        }
        let shown: Vec<_> = calls
            .finish()
            .iter()
            .map(|it| format!("{} {} {}", it.id, it.name, it.arguments))
            .collect();
        assert_eq!(shown.join("; "), expected);
    }

    #[test]
    fn pieces_of_several_calls_may_be_mixed() {
        check(
            r#"{"index": 0, "id": "a", "type": "function", "function": {"name": "read", "arguments": ""}}
               {"index": 1, "id": "b", "function": {"name": "write", "arguments": "{\"x\""}}
               {"index": 0, "function": {"arguments": "{}"}}
               {"index": 1, "function": {"arguments": ": 1}"}}"#,
            r#"a read {}; b write {"x": 1}"#,
        );
    }

    #[test]
    fn calls_without_an_index_begin_with_their_id() {
        check(
            r#"{"id": "a", "function": {"name": "read"}}
               {"function": {"arguments": "{}"}}
               {"id": "b", "function": {"name": "write"}}"#,
            "a read {}; b write {}",
        );
    }

    #[test]
    fn every_call_has_an_id_of_its_own() {
        check(
            r#"{"index": 0, "id": "a", "function": {"name": "x"}}
               {"index": 1, "id": "a", "function": {"name": "y"}}
               {"index": 2, "function": {"name": "z"}}"#,
            "a x {}; call-1-a y {}; call-2- z {}",
        );
    }

    #[test]
    fn too_many_calls_are_not_understood() {
        let piece = serde_json::from_str(r#"{"index": 128}"#).expect("a piece");
        assert_eq!(Calls::default().add(piece), Err(ModelFailure::Malformed));
    }
}
