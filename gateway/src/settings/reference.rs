//! `{ source: "env", provider, id }` where a secret could stand: it stands somewhere else.
//!
//! OpenClaw knows three sources; one of them is read here. Whatever leads nowhere is an error, since what is silently
//! without its key answers nobody.

use serde_json::Value;

use crate::secret::Secret;

/// Sources of OpenClaw that are not read.
const ELSEWHERE: [&str; 2] = ["file", "exec"];

/// How long a variable's name may be, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Why a reference leads nowhere. It quotes what a secret cannot be taken for alone.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("found a reference with the source `{0}`, expected the source `env`")]
    Source(&'static str),
    #[error(
        "found no reference that is understood, expected `{{ source: \"env\", provider: \"default\", id: \"NAME\" }}`"
    )]
    Form,
    #[error("the environment has no value for `{0}`, expected one")]
    Missing(String),
}

/// The secret that a reference stands for. An empty one is none.
pub(super) fn resolve(
    reference: &Value,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Secret, Error> {
    let text = |key: &str| reference.get(key).and_then(Value::as_str);
    let source = text("source").ok_or(Error::Form)?;
    if let Some(source) = ELSEWHERE.into_iter().find(|it| *it == source) {
        return Err(Error::Source(source));
    }
    let has_provider = reference.get("provider").is_none() || text("provider").is_some();
    let name = text("id").filter(|it| source == "env" && has_provider && is_name(it));
    let name = name.ok_or(Error::Form)?;
    let found = env(name).filter(|it| !it.is_empty());
    found.map(Secret::new).ok_or_else(|| Error::Missing(name.to_owned()))
}

fn is_name(text: &str) -> bool {
    let letters = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_';
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(|it: char| it.is_ascii_uppercase())
        && text.bytes().all(letters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_leads_to_a_variable_or_says_why_not() {
        let env = |name: &str| match name {
            "KEY" => Some("canary".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let check = |reference: Value, expected: Result<&str, Error>| {
            let found = resolve(&reference, &env);
            assert!(!format!("{found:?}").contains("canary"), "{found:?}");
            assert_eq!(found, expected.map(Secret::new), "{reference}");
        };
        let of = |source: &str, id: &str| json!({ "source": source, "provider": "x", "id": id });
        check(of("env", "KEY"), Ok("canary"));
        check(json!({ "source": "env", "id": "KEY" }), Ok("canary"));
        check(of("env", "EMPTY"), Err(Error::Missing("EMPTY".into())));
        check(of("env", "ELSE"), Err(Error::Missing("ELSE".into())));
        check(of("file", "/a/b"), Err(Error::Source("file")));
        check(of("exec", "a/b"), Err(Error::Source("exec")));
        check(of("canary", "KEY"), Err(Error::Form));
        check(of("env", "sk-canary"), Err(Error::Form));
        check(json!({ "source": "env", "provider": 5, "id": "KEY" }), Err(Error::Form));
        check(json!({ "source": "env" }), Err(Error::Form));
        check(json!("canary"), Err(Error::Form));
    }
}
