//! Embeds the corpus, every `scenarios/<area>/<fact>.yaml`, the catalogue, every `requirements/<area>.toml`, and what is
//! known to fail on the built-in targets, in the order of their names.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    let root = here().join("../scenarios");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut rows: Vec<(String, PathBuf)> = folders(&root).iter().flat_map(|it| files(it)).collect();
    rows.sort();
    let mut code = String::from("/// Every built-in scenario: its id and its text.\n");
    code.push_str("pub const CORPUS: &[(&str, &str)] = &[\n");
    for (id, path) in rows {
        let path = path.display().to_string();
        writeln!(code, "    ({id:?}, include_str!({path:?})),").expect("writing to a string");
    }
    code.push_str("];\n");
    write("corpus.rs", &code);
    write("requirements.rs", &requirements());
    write("defects.rs", &defects());
    write("expected.rs", &expected());
}

/// What is known to fail on the built-in targets: `<target>.expect.toml` beside a target's manifest.
fn expected() -> String {
    let folder = here().join("../sim/targets");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder).expect("the targets are part of the repository");
    let mut paths: Vec<PathBuf> =
        entries.map(|it| it.expect("read the folder").path()).filter(|it| it.is_file()).collect();
    paths.sort();
    let mut code = String::from(
        "/// Of the built-in targets that have one, the name and the list of known failures.\n",
    );
    code.push_str("const EXPECTED: &[(&str, &str)] = &[\n");
    for path in paths {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let Some(target) = name.strip_suffix(".expect.toml") else { continue };
        writeln!(code, "    ({target:?}, include_str!({:?})),", path.display().to_string())
            .expect("writing to a string");
    }
    code.push_str("];\n");
    code
}

/// The crate that is being built, which is not always the one that this script was compiled in: checkouts may share a
/// target folder.
fn here() -> PathBuf {
    PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"))
}

fn write(name: &str, code: &str) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join(name);
    fs::write(out, code).expect("write what is embedded");
}

fn requirements() -> String {
    let folder = here().join("requirements");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder).expect("the requirements are part of the repository");
    let mut paths: Vec<PathBuf> = entries
        .map(|it| it.expect("read the folder").path())
        .filter(|it| has_extension(it, "toml"))
        .collect();
    paths.sort();
    let mut code = String::from("/// Every file of the catalogue: its name and its text.\n");
    code.push_str("pub const REQUIREMENTS: &[(&str, &str)] = &[\n");
    for path in paths {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let name = format!("conformance/requirements/{name}");
        writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string())
            .expect("writing to a string");
    }
    code.push_str("];\n");
    code
}

/// The table of planted defects, if one is committed.
fn defects() -> String {
    let folder = here().join("defects");
    if folder.is_dir() {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    let table = folder.join("TABLE.md");
    let text = if table.is_file() {
        format!("include_str!({:?})", table.display().to_string())
    } else {
        "\"\"".to_owned()
    };
    format!("/// The table of planted defects.\npub const TABLE: &str = {text};\n")
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|it| it == extension)
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).expect("the scenarios folder is part of the repository");
    entries.map(|it| it.expect("read the folder").path()).filter(|it| it.is_dir()).collect()
}

fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let area = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
    let entries = fs::read_dir(folder).expect("read an area's folder");
    let paths = entries.map(|it| it.expect("read the folder").path());
    paths
        .filter(|it| has_extension(it, "yaml"))
        .map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            let path = path.canonicalize().expect("the file is there");
            (format!("{area}/{name}"), path)
        })
        .collect()
}
