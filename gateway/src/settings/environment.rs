//! `${NAME}` in any text of the configuration, and `{ source: "env", id: "NAME" }` as a provider's key. `$${NAME}` stands for
//! the words `${NAME}`.

use std::collections::BTreeMap;

use creel_document::{
    path::{Part, Path},
    problem::Problem,
    tree::{Node, Value},
};

use super::reference;

/// The texts that held references, as they stand in the file, by the path of the value.
pub(super) type Written = BTreeMap<String, String>;

/// Where a reference to a variable may stand instead of the text.
const API_KEY: [&str; 4] = ["models", "providers", "*", "apiKey"];

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces every reference, and reports those that the environment has nothing for.
pub(super) fn substitute(tree: &mut Node, env: Environment<'_>) -> (Written, Vec<Problem>) {
    let mut walk = Walk { env, path: Path::default(), written: Written::new(), problems: vec![] };
    walk.node(tree);
    (walk.written, walk.problems)
}

struct Walk<'a> {
    env: Environment<'a>,
    path: Path,
    written: Written,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node) {
        if super::matches(&API_KEY, &self.path) && node.get("source").is_some() {
            return self.reference(node);
        }
        match &mut node.value {
            Value::Text(text) if text.contains("${") => match expand(text, self.env) {
                Ok(expanded) => {
                    let written = std::mem::replace(text, expanded);
                    self.written.insert(self.path.to_string(), written);
                }
                Err(name) => {
                    let message = format!("the environment has no value for `{name}`");
                    let help = "set it, or write `$${…}` for the words themselves";
                    let problem = Problem::new(node.span.clone(), self.path.clone(), message);
                    self.problems.push(problem.help(help));
                }
            },
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.child(Part::Index(index), item);
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.child(Part::Key(key.name.clone()), value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => (),
        }
    }

    /// What is secret stands where its name stood: reports and the shown file have stars there, and the rest as it is.
    fn reference(&mut self, node: &mut Node) {
        let found = reference::resolve(&node.to_json(), self.env);
        let span = node.get("id").map_or_else(|| node.span.clone(), |it| it.span.clone());
        let text = found.map_or_else(
            |why| {
                let problem = Problem::new(node.span.clone(), self.path.clone(), why.to_string());
                self.problems.push(problem);
                String::new()
            },
            |it| it.expose().to_owned(),
        );
        *node = Node { span, value: Value::Text(text) };
    }

    fn child(&mut self, part: Part, node: &mut Node) {
        self.path.push(part);
        self.node(node);
        self.path.pop();
    }
}

/// The text with its references replaced, or the first name that there is no value for; an empty one is none.
fn expand(text: &str, env: Environment<'_>) -> Result<String, String> {
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
            expanded
                .push_str(&env(name).filter(|it| !it.is_empty()).ok_or_else(|| name.to_owned())?);
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Whether a text can be a variable's name between `${` and `}`.
pub(crate) fn is_name(text: &str) -> bool {
    let letters = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_';
    !text.is_empty() && text.bytes().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_can_be_escaped() {
        let env = |name: &str| match name {
            "TOKEN" => Some("secret".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let check = |text| expand(text, &env);
        assert_eq!(check("a ${TOKEN} b ${TOKEN}"), Ok("a secret b secret".into()));
        assert_eq!(check("$${TOKEN}"), Ok("${TOKEN}".into()));
        assert_eq!(check("${not a name} $ {"), Ok("${not a name} $ {".into()));
        assert_eq!(check("${MISSING}"), Err("MISSING".into()));
        assert_eq!(check("${EMPTY}"), Err("EMPTY".into()));
    }
}
