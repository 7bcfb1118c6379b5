//! Reads servers of tools and what models ask of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ToolAct, ToolAnswer, ToolUse, at::At, context::Context};

/// The most calls of one tool that one answer of a model asks for by `times`.
pub(super) const TIMES_MAX: i64 = 1_000;

/// The servers: by server, then by tool, then by call.
pub(super) fn read(root: &At<'_>) -> BTreeMap<String, BTreeMap<String, Vec<ToolAnswer>>> {
    let tools = |server: &At<'_>| {
        let tool = |(key, at): (&creel_document::tree::Key, At<'_>)| {
            (key.name.clone(), at.items().iter().filter_map(answer).collect())
        };
        server.entries().into_iter().map(tool).collect()
    };
    root.entries_of("tools").into_iter().map(|(key, at)| (key.name.clone(), tools(&at))).collect()
}

/// What servers say of their tools: by server, then by tool.
pub(super) fn hints(
    root: &At<'_>,
    context: &mut Context<'_>,
) -> BTreeMap<String, BTreeMap<String, Value>> {
    let known = read(root);
    let mut hints: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for (server, at) in root.entries_of("hints") {
        for (tool, at) in at.entries() {
            if known.get(&server.name).is_none_or(|it| !it.contains_key(&tool.name)) {
                let what = format!("`tools.{}` has no `{}`", server.name, tool.name);
                context.push(at.problem(what));
            }
            let said = at.node.to_json();
            hints.entry(server.name.clone()).or_default().insert(tool.name.clone(), said);
        }
    }
    hints
}

fn answer(at: &At<'_>) -> Option<ToolAnswer> {
    let text = |name| {
        let text = at.text_of(name)?;
        let bytes = at.number_of("padded_to").unwrap_or(text.len());
        Some(text.chars().cycle().take(bytes.max(text.len())).collect::<String>())
    };
    let act = match (text("result"), text("error"), at.flag_of("hang")) {
        (Some(text), None, None) => ToolAct::Result(text),
        (None, Some(text), None) => ToolAct::Error(text),
        (None, None, Some(_)) => ToolAct::Hang,
        _ => return None,
    };
    Some(ToolAnswer { after: at.duration_of("after").unwrap_or_default(), act })
}

/// What a model's answer asks for.
pub(super) fn uses(at: &At<'_>) -> Vec<ToolUse> {
    let mut uses = Vec::new();
    for item in at.items() {
        let Some(tool) = item.text_of("tool") else { continue };
        let arguments = item
            .get("arguments")
            .map_or_else(|| "{}".to_owned(), |it| it.node.to_json().to_string());
        let times = item.number_of::<usize>("times").unwrap_or(1);
        uses.extend(std::iter::repeat_n(ToolUse { tool, arguments }, times));
    }
    uses
}
