//! Reads the control: the edit that must make named checks fail.

use std::sync::Arc;

use creel_document::{
    names,
    path::{Part, Path},
    problem::Problem,
    tree::{self, Node},
};

use super::{Control, Scenario, at::At, expect, read};

/// The invariants, which hold in every scenario and can be flipped by name.
const INVARIANTS: [&str; 15] = [
    "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15",
];

/// What a control may not edit: the checks must stay the same, and the rest would change nothing.
const FIXED: [&str; 8] = ["id", "title", "bugs", "covers", "sweep", "permute", "expect", "control"];

/// Reads the control, if the scenario has one. `base` is the scenario itself, if it could be read; the edited one is read
/// only then, or else its problems would be told twice.
pub(super) fn read(
    text: &str,
    tree: &Node,
    base: Option<&Scenario>,
) -> Result<Option<Control>, Vec<Problem>> {
    let root = At::root(tree);
    let Some(at) = root.get("control") else { return Ok(None) };
    let (flips, mut problems) = flips(&root, &at);
    let edit = at.get("edit");
    let edited = edit.as_ref().and_then(|edit| match edited(tree, edit) {
        Ok(edited) => Some((edit, edited)),
        Err(found) => {
            problems.extend(found);
            None
        }
    });
    let (Some(base), Some((edit, edited))) = (base, edited) else { return Err(problems) };
    match read::read(&base.id, text, &edited) {
        Ok(edited) if problems.is_empty() => Ok(Some(Control { edited: Arc::new(edited), flips })),
        Ok(_) => Err(problems),
        Err(found) => {
            problems.extend(found.into_iter().map(|it| at_edit(edit, it)));
            Err(problems)
        }
    }
}

/// The checks that must fail, and what is wrong with their names.
fn flips(root: &At<'_>, control: &At<'_>) -> (Vec<String>, Vec<Problem>) {
    let items = root.items_of("expect");
    let labels = expect::labels(&items);
    let specifications = || creel_judge::spec::ALL.iter().map(|it| it.id);
    let known = || labels.iter().map(String::as_str).chain(INVARIANTS).chain(specifications());
    let (mut flips, mut problems) = (Vec::new(), Vec::new());
    for item in control.items_of("flips") {
        let Some(name) = item.text() else { continue };
        if expect::knows_labels(&items) && !known().any(|it| it == name) {
            let accepted = || {
                format!(
                    "accepted: {}, `I1` to `I15`",
                    names::list(labels.iter().map(String::as_str))
                )
            };
            let near = names::nearest(&name, known()).map(|it| format!("did you mean `{it}`?"));
            let problem = item.problem(format!("no check is called `{name}`"));
            problems.push(problem.help(near.unwrap_or_else(accepted)));
        }
        flips.push(name);
    }
    if let Some(at) = control.get("flips").filter(|it| it.node.items().is_empty()) {
        problems.push(at.problem("a control must make at least one check fail"));
    }
    (flips, problems)
}

/// The tree with all edits applied.
fn edited(tree: &Node, edit: &At<'_>) -> Result<Node, Vec<Problem>> {
    let mut edited = tree.clone();
    let mut problems = Vec::new();
    for (key, value) in edit.entries() {
        let problem = |message: String| Problem::new(key.span.clone(), edit.path.clone(), message);
        match key.name.parse::<Path>() {
            Err(error) => problems.push(problem(error.to_string())),
            Ok(path) => match path.parts().first() {
                Some(Part::Key(root)) if FIXED.contains(&root.as_str()) => {
                    let message = format!("a control must not edit `{root}`");
                    problems.push(
                        problem(message).help("it judges by the same checks as the scenario"),
                    );
                }
                Some(_) | None => {
                    open_way(&mut edited, &path);
                    if let Err(error) = edited.set_path(&path, value.node.clone()) {
                        let help = path_help(&error);
                        problems.push(Problem { help, ..problem(error.to_string()) });
                    }
                }
            },
        }
    }
    if problems.is_empty() && edited.to_json() == tree.to_json() {
        problems.push(edit.problem("the edit changes nothing"));
    }
    if problems.is_empty() { Ok(edited) } else { Err(problems) }
}

/// Below `gateway` nothing has to stand in the scenario, since the base stands below it: missing maps are made.
fn open_way(tree: &mut Node, path: &Path) {
    if path.parts().first() != Some(&Part::Key("gateway".to_owned())) {
        return;
    }
    for length in 1..path.parts().len() {
        let parent = Path::from(path.parts().get(..length).unwrap_or_default());
        if tree.find(&parent).is_none() {
            let map = Node { span: 0..0, value: tree::Value::Map(Vec::new()) };
            // What stands in the way is told when the value itself is set.
            _ = tree.set_path(&parent, map);
        }
    }
}

fn path_help(error: &tree::Error) -> Option<String> {
    match error {
        tree::Error::NoKey { key, known, .. } => {
            match names::nearest(key, known.iter().map(String::as_str)) {
                Some(near) => Some(format!("did you mean `{near}`?")),
                None => Some(format!("an edit adds one key at a time: set `{key}` to a map")),
            }
        }
        tree::Error::NoItem { .. } => Some("items are counted from 0".to_owned()),
        tree::Error::NotAMap { .. } | tree::Error::NotAList { .. } => None,
    }
}

/// A problem of the edited scenario, told where the edit stands.
fn at_edit(edit: &At<'_>, problem: Problem) -> Problem {
    let place = if problem.path.parts().is_empty() {
        String::new()
    } else {
        format!("`{}`: ", problem.path)
    };
    let (whole, found) = (&edit.node.span, &problem.span);
    let is_inside = whole.start <= found.start && found.end <= whole.end;
    let span = if is_inside { problem.span } else { whole.clone() };
    Problem {
        span,
        path: edit.path.clone(),
        message: format!("after this edit, {place}{}", problem.message),
        help: problem.help,
    }
}
