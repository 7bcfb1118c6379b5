//! `${NAME}` in any text of the configuration. `$${NAME}` stands for the words `${NAME}`.

use creel_document::{
    path::{Part, Path},
    problem::Problem,
    tree::{Node, Value},
};

/// Replaces every reference, and reports those that the environment does not have.
pub(super) fn substitute(tree: &mut Node, env: &dyn Fn(&str) -> Option<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk(tree, &mut Path::default(), env, &mut problems);
    problems
}

fn walk(
    node: &mut Node,
    path: &mut Path,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) {
    match &mut node.value {
        Value::Text(text) if text.contains("${") => match expand(text, env) {
            Ok(expanded) => *text = expanded,
            Err(name) => {
                let message = format!("the environment has no variable `{name}`");
                let help = "set it, or write `$${…}` for the words themselves";
                problems.push(Problem::new(node.span.clone(), path.clone(), message).help(help));
            }
        },
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(Part::Index(index));
                walk(item, path, env, problems);
                path.pop();
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                path.push(Part::Key(key.name.clone()));
                walk(value, path, env, problems);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => (),
    }
}

/// The text with its references replaced, or the first name that there is no value for.
fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}').filter(|(name, _)| is_name(name)) else {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        };
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            expanded.push_str(name);
            expanded.push('}');
        } else {
            expanded.push_str(before);
            expanded.push_str(&env(name).ok_or_else(|| name.to_owned())?);
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_name(text: &str) -> bool {
    let letters = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_';
    !text.is_empty() && text.bytes().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_can_be_escaped() {
        let env = |name: &str| (name == "TOKEN").then(|| "secret".to_owned());
        let check = |text| expand(text, &env);
        assert_eq!(check("a ${TOKEN} b ${TOKEN}"), Ok("a secret b secret".into()));
        assert_eq!(check("$${TOKEN}"), Ok("${TOKEN}".into()));
        assert_eq!(check("${not a name} $ {"), Ok("${not a name} $ {".into()));
        assert_eq!(check("${MISSING}"), Err("MISSING".into()));
    }
}
