//! Embeds the corpus: every `scenarios/<area>/<fact>.yaml`, in the order of their ids.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
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
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("corpus.rs");
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
