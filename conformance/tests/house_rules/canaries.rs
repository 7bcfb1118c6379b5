//! Every rule fails where it should, and says where.

use crate::{
    manifests, sources,
    tree::{self, Breach, File},
};

type Rule = fn(&[File]) -> Vec<Breach>;

/// Applies a rule to files, and compares the whole of what it says.
#[track_caller]
fn check(rule: Rule, files: &[(&str, &str)], expected: &[&str]) {
    let file = |(name, text): &(&str, &str)| File { name: (*name).into(), text: (*text).into() };
    let files: Vec<File> = files.iter().map(file).collect();
    let found: Vec<String> = rule(&files).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_dependency_upwards_is_found_in_every_table() {
    let core = "[package]\nname = \"creel-core\"\n\n[dependencies]\nthiserror.workspace = true\n\n\
        [dev-dependencies]\ncreel-gateway.workspace = true\n";
    let judge = "[build-dependencies]\ncreel-core = { workspace = true, features = [] }\n";
    check(
        manifests::dependencies_point_downwards,
        &[
            ("gateway/core/Cargo.toml", core),
            ("conformance/judge/Cargo.toml", judge),
            ("sim/Cargo.toml", "[dependencies]\ncreel-judge.workspace = true\n"),
            ("extra/Cargo.toml", "[package]\n"),
        ],
        &[
            "gateway/core/Cargo.toml:8: `gateway/core` must not depend on `creel-gateway`: move what both need \
             downwards, or pass it in",
            "conformance/judge/Cargo.toml:2: `conformance/judge` must not depend on `creel-core`: move what both need \
             downwards, or pass it in",
            "extra/Cargo.toml:1: is of a crate that the table does not have: add a row here and in ARCHITECTURE.md, or \
             remove the crate",
        ],
    );
}

#[test]
fn a_clock_in_the_core_is_found() {
    let core = "[dependencies]\nthiserror.workspace = true\ntokio.workspace = true\n[dev-dependencies]\ninsta = \"1\"\n";
    check(
        manifests::the_core_needs_next_to_nothing,
        &[("gateway/core/Cargo.toml", core), ("gateway/Cargo.toml", core)],
        &[
            "gateway/core/Cargo.toml:3: the pure core must not depend on `tokio`: do it in the shell, and give the core \
           the outcome",
        ],
    );
}

#[test]
fn what_nobody_names_is_found() {
    check(
        manifests::every_dependency_is_used,
        &[
            (
                "Cargo.toml",
                "[workspace.dependencies]\nglob = \"0.3\"\ninsta = \"1\"\nsse-stream = \"0.3\"\n",
            ),
            (
                "gateway/Cargo.toml",
                "[dependencies]\nglob.workspace = true\nsse-stream.workspace = true\n",
            ),
            ("gateway/src/lib.rs", "use sse_stream::SseStream;\nlet globe = 1;\n"),
            ("gateway/core/Cargo.toml", "[dependencies]\n"),
            ("gateway/core/src/lib.rs", "use glob::glob;\n"),
        ],
        &[
            "gateway/Cargo.toml:2: no source of `gateway` names `glob`: remove the dependency",
            "Cargo.toml:3: no crate depends on `insta`: remove it",
        ],
    );
}

#[test]
fn what_is_not_explained_is_found() {
    let root = "[workspace.dependencies]\ncreel-core = { path = \"gateway/core\" }\n\n# Theirs.\nserde = \"1\"\n\
        glob = \"0.3\"\nsha2 = \"0.11\" # trace hashes\n\n[profile.dev]\ndebug = false\n";
    check(
        manifests::every_dependency_says_why,
        &[("Cargo.toml", root)],
        &["Cargo.toml:6: `glob` does not say why it is there: add `# <what for>` behind it"],
    );
}

#[test]
fn a_second_place_for_versions_is_found() {
    let sim = "[package]\nversion = \"0.2.0\"\n[dependencies]\nglob = \"0.3\"\ntokio = { workspace = true }\nbytes.workspace = true\n";
    check(
        manifests::versions_stand_in_the_root_only,
        &[("sim/Cargo.toml", sim)],
        &[
            "sim/Cargo.toml:4: `glob` does not come from the workspace: write `<name>.workspace = true`",
            "sim/Cargo.toml:2: has a version of its own (`version = \"0.2.0\"`): write `version.workspace = true`",
        ],
    );
}

#[test]
fn a_gateway_that_knows_of_the_simulator_is_found() {
    check(
        sources::names_only_what_it_may,
        &[
            ("gateway/src/net.rs", "//! Not turmoil.\nuse turmoil::net;\n"),
            ("gateway/Cargo.toml", "[dev-dependencies]\nturmoil.workspace = true\n"),
            ("conformance/judge/src/lib.rs", "use creel_gateway::app;\n"),
            ("sim/src/lib.rs", "use turmoil::net;\n"),
        ],
        &[
            "gateway/src/net.rs:2: names `turmoil`: the gateway must not know that it is simulated: pass what it needs \
             as an argument",
            "gateway/Cargo.toml:2: names `turmoil`: the gateway must not know that it is simulated: pass what it needs \
             as an argument",
            "conformance/judge/src/lib.rs:1: names `creel_gateway`: a mistake in the gateway's types must not hide \
             itself: say it in the trace's words",
        ],
    );
}

#[test]
fn a_file_without_a_purpose_is_found() {
    check(
        sources::begins_with_its_purpose,
        &[
            ("sim/src/a.rs", "use std::fmt;\n//! late\n"),
            ("sim/src/b.rs", "//!\n"),
            ("sim/src/c.rs", "//! C.\n"),
            ("sim/src/c/tests.rs", "use super::*;\n"),
            ("sim/src/c/tests/d.rs", "use super::*;\n"),
            ("sim/tests/e.rs", "use sim;\n"),
        ],
        &["sim/src/a.rs", "sim/src/b.rs", "sim/tests/e.rs"]
            .map(|name| {
                let to_do = "begin with `//!` and a line that says what the file is for";
                format!("{name}:1: does not begin with its purpose: {to_do}")
            })
            .each_ref()
            .map(String::as_str),
    );
}

#[test]
fn lines_of_code_are_counted_and_others_are_not() {
    let code = |lines: usize| format!("//! A.\n\n{}    // b\n", "let a = 1; // b\n".repeat(lines));
    check(sources::is_short, &[("a.rs", &code(400)), ("b.md", &code(500))], &[]);
    check(
        sources::is_short,
        &[("a.rs", &code(401))],
        &["a.rs:403: has 401 lines of code, 400 are the most: split it by concept"],
    );
}

#[test]
fn what_was_left_over_is_found() {
    let mark = ["FIX", "ME"].concat();
    let comment = format!("a\n# {mark}: later\n# PRE{mark}S is a word of its own\n");
    let code = ["fn a() {\n    todo", "!()\n}\n"].concat();
    let found = [
        format!("a.yaml:2: was left over, with `{mark}`: do it, or take it out"),
        ["b.rs:2: was left over, with `todo", "!(`: do it, or take it out"].concat(),
    ];
    check(
        sources::has_no_leftovers,
        &[("a.yaml", &comment), ("b.rs", &code), ("c.md", &code), ("d.snap", &comment)],
        &found.each_ref().map(String::as_str),
    );
}

#[test]
fn a_path_of_a_machine_is_found() {
    let home = ["/ho", "me/"].concat();
    let text = format!(
        "telegram/work/dm https://a.example{home}x ~{home}\npath = \"{home}ann/creel\"\n{home}ann\n"
    );
    let found = [2, 3].map(|line| {
        format!("a.toml:{line}: knows a machine, by a path below `{home}`: make it relative, or make it up")
    });
    check(tree::names_no_machine, &[("a.toml", &text)], &found.each_ref().map(String::as_str));
}

#[test]
fn a_stray_folder_is_found() {
    check(
        tree::is_in_an_agreed_folder,
        &[("README.md", ""), (".ci/run", ""), ("sim/src/lib.rs", ""), ("scripts/a.sh", "")],
        &[
            "scripts/a.sh:1: is in none of the agreed folders (benches, conformance, gateway, scenarios, sim, .cargo, \
           .ci, .github): move it, or agree on the folder in ARCHITECTURE.md and here",
        ],
    );
}

#[test]
fn a_scenario_that_is_never_run_is_found() {
    check(
        |files| tree::is_in_the_corpus(files, |id| id == "run/a"),
        &[("scenarios/run/a.yaml", ""), ("scenarios/run/b.yml", ""), ("scenarios/c.yaml", "")],
        &[
            "scenarios/run/b.yml:1: is not in the built-in corpus: name it `scenarios/<area>/<fact-it-shows>.yaml`",
            "scenarios/c.yaml:1: is not in the built-in corpus: name it `scenarios/<area>/<fact-it-shows>.yaml`",
        ],
    );
}
