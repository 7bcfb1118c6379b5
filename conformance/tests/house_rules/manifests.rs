//! The rules about manifests: who may depend on whom, and that every dependency is used, explained and pinned once.

use crate::{
    sources::has_word,
    tree::{Breach, File},
};

/// Which of our crates may depend on which: the whole architecture in seven rows.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("gateway/core", &[]),
    ("gateway/document", &[]),
    ("gateway", &["creel-core", "creel-document"]),
    ("conformance/judge", &[]),
    ("sim", &["creel-core", "creel-document", "creel-gateway", "creel-judge"]),
    ("conformance", &["creel-core", "creel-document", "creel-gateway", "creel-judge", "creel-sim"]),
    (
        "benches",
        &["creel-core", "creel-document", "creel-gateway", "creel-judge", "creel-sim", "creel"],
    ),
];

/// What the pure core may depend on: nothing that could reach a clock, a socket or a thread.
const CORE: [&str; 5] = ["croner", "jiff", "regex", "thiserror", "unicode-segmentation"];

/// Dependencies whose reason everybody knows.
const OBVIOUS: [&str; 6] =
    ["serde", "serde_json", "thiserror", "tokio", "tracing", "tracing-subscriber"];

/// A line of a manifest that names a dependency.
struct Dependency<'a> {
    name: &'a str,
    line: usize,
    text: &'a str,
    /// Whether only tests and benches see it.
    dev: bool,
}

/// The dependencies of a manifest: our manifests hold one a line, and a comment never begins one.
fn dependencies(file: &File) -> Vec<Dependency<'_>> {
    let mut table = "";
    let mut found = Vec::new();
    for (line, text) in file.lines() {
        if let Some(name) = text.strip_prefix('[') {
            table = name.split(']').next().unwrap_or_default();
        } else if table.ends_with("dependencies")
            && let Some((name, _)) = text.split_once('=')
            && !text.starts_with('#')
        {
            let name = name.trim().trim_end_matches(".workspace").trim_matches('"');
            found.push(Dependency { name, line, text, dev: table.contains("dev-") });
        }
    }
    found
}

fn folder(file: &File) -> &str {
    file.name.strip_suffix("/Cargo.toml").unwrap_or_default()
}

fn members(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|it| it.name.ends_with("/Cargo.toml"))
}

fn root(files: &[File]) -> &File {
    files.iter().find(|it| it.name == "Cargo.toml").expect("the workspace has a manifest")
}

fn is_ours(name: &str) -> bool {
    name == "creel" || name.starts_with("creel-")
}

/// The table of ARCHITECTURE.md. It holds for tests as well.
pub(crate) fn dependencies_point_downwards(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in members(files) {
        let Some((_, allowed)) = ALLOWED.iter().find(|(member, _)| *member == folder(file)) else {
            let what = "is of a crate that the table does not have".to_owned();
            breaches.push(file.breach(
                1,
                what,
                "add a row here and in ARCHITECTURE.md, or remove the crate",
            ));
            continue;
        };
        for Dependency { name, line, .. } in dependencies(file) {
            if is_ours(name) && !allowed.contains(&name) {
                let what = format!("`{}` must not depend on `{name}`", folder(file));
                breaches.push(file.breach(
                    line,
                    what,
                    "move what both need downwards, or pass it in",
                ));
            }
        }
    }
    breaches
}

/// The core decides and performs nothing, so it needs nothing to perform with.
pub(crate) fn the_core_needs_next_to_nothing(files: &[File]) -> Vec<Breach> {
    let core = members(files).filter(|it| folder(it) == "gateway/core");
    let mut breaches = Vec::new();
    for file in core {
        for Dependency { name, line, .. } in
            dependencies(file).into_iter().filter(|it| !it.dev && !CORE.contains(&it.name))
        {
            let what = format!("the pure core must not depend on `{name}`");
            breaches.push(file.breach(
                line,
                what,
                "do it in the shell, and give the core the outcome",
            ));
        }
    }
    breaches
}

/// Does a source of the crate name the dependency? And does a crate name what the workspace offers?
pub(crate) fn every_dependency_is_used(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let nested: Vec<String> = members(files).map(|it| format!("{}/", folder(it))).collect();
    for file in members(files) {
        let home = format!("{}/", folder(file));
        let is_its = |source: &&File| {
            source.has_extension("rs")
                && source.name.starts_with(&home)
                && !nested
                    .iter()
                    .any(|it| it.len() > home.len() && source.name.starts_with(it.as_str()))
        };
        let sources: Vec<&File> = files.iter().filter(is_its).collect();
        for Dependency { name, line, .. } in dependencies(file) {
            let module = name.replace('-', "_");
            if !sources.iter().any(|it| it.lines().any(|(_, line)| has_word(line, &module))) {
                let what = format!("no source of `{}` names `{module}`", folder(file));
                breaches.push(file.breach(line, what, "remove the dependency"));
            }
        }
    }
    let used: Vec<&str> = members(files).flat_map(dependencies).map(|it| it.name).collect();
    for Dependency { name, line, .. } in dependencies(root(files)) {
        if !used.contains(&name) {
            let what = format!("no crate depends on `{name}`");
            breaches.push(root(files).breach(line, what, "remove it"));
        }
    }
    breaches
}

/// Whoever adds a dependency says what for, behind it. Ours say it in ARCHITECTURE.md.
pub(crate) fn every_dependency_says_why(files: &[File]) -> Vec<Breach> {
    let file = root(files);
    let unexplained = |it: &Dependency<'_>| {
        // Neither versions nor features hold a `#`.
        !is_ours(it.name) && !OBVIOUS.contains(&it.name) && !it.text.contains(" # ")
    };
    let breach = |it: Dependency<'_>| {
        let what = format!("`{}` does not say why it is there", it.name);
        file.breach(it.line, what, "add `# <what for>` behind it")
    };
    dependencies(file).into_iter().filter(unexplained).map(breach).collect()
}

/// One version of everything, and one place to change it.
pub(crate) fn versions_stand_in_the_root_only(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in members(files) {
        for Dependency { name, line, text, .. } in dependencies(file) {
            let inherits =
                text.contains(".workspace = true") || text.contains("{ workspace = true");
            if !inherits {
                let what = format!("`{name}` does not come from the workspace");
                breaches.push(file.breach(line, what, "write `<name>.workspace = true`"));
            }
        }
        for (line, text) in file.lines().filter(|(_, text)| text.starts_with("version =")) {
            let what = format!("has a version of its own (`{text}`)");
            breaches.push(file.breach(line, what, "write `version.workspace = true`"));
        }
    }
    breaches
}
