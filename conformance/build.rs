//! Embeds the corpus: every `scenarios/<area>/<fact>.yaml`, in the order of their ids.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    let root =
        Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../scenarios");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut rows: Vec<(String, PathBuf)> = folders(&root).iter().flat_map(|it| files(it)).collect();
    rows.sort();
    let rows: String = rows
        .iter()
        .map(|(id, path)| {
            format!("    ({id:?}, include_str!({:?})),\n", path.display().to_string())
        })
        .collect();
    let code = format!(
        "/// Every built-in scenario: its id and its text.\npub const CORPUS: &[(&str, &str)] = &[\n{rows}];\n"
    );
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("corpus.rs");
    fs::write(out, code).expect("write the corpus");
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
        .filter(|it| it.extension().is_some_and(|it| it == "yaml"))
        .map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            let path = path.canonicalize().expect("the file is there");
            (format!("{area}/{name}"), path)
        })
        .collect()
}
