//! Tool calls as a stream brings them: a piece of an argument at a time.

use creel_core::{
    run::ModelFailure,
    tools::{TOOLS_MAX, ToolCall, ToolName},
};

use crate::tools::arguments;

/// A piece of a call.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Which of the answer's calls it belongs to, from 0. Without it, an id begins the next one.
    pub(super) index: Option<usize>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
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
        for (field, more) in [
            (&mut partial.id, piece.id),
            (&mut partial.name, piece.name),
            (&mut partial.arguments, piece.arguments),
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

    fn piece(index: Option<usize>, [id, name, arguments]: [&str; 3]) -> Piece {
        let given = |it: &str| Some(it.to_owned()).filter(|it| !it.is_empty());
        Piece { index, id: given(id), name: given(name), arguments: given(arguments) }
    }

    /// Assembles pieces: index, id, name, arguments.
    #[track_caller]
    fn check(pieces: &[(Option<usize>, [&str; 3])], expected: &str) {
        let mut calls = Calls::default();
        for (index, fields) in pieces {
            calls.add(piece(*index, *fields)).expect("few calls");
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
            &[
                (Some(0), ["a", "read", ""]),
                (Some(1), ["b", "write", r#"{"x""#]),
                (Some(0), ["", "", "{}"]),
                (Some(1), ["", "", ": 1}"]),
            ],
            r#"a read {}; b write {"x": 1}"#,
        );
    }

    #[test]
    fn calls_without_an_index_begin_with_their_id() {
        let pieces = [["a", "read", ""], ["", "", "{}"], ["b", "write", ""]];
        check(&pieces.map(|it| (None, it)), "a read {}; b write {}");
    }

    #[test]
    fn every_call_has_an_id_of_its_own() {
        check(
            &[(Some(0), ["a", "x", ""]), (Some(1), ["a", "y", ""]), (Some(2), ["", "z", ""])],
            "a x {}; call-1-a y {}; call-2- z {}",
        );
    }

    #[test]
    fn too_many_calls_are_not_understood() {
        let piece = piece(Some(128), ["", "", ""]);
        assert_eq!(Calls::default().add(piece), Err(ModelFailure::Malformed));
    }
}
