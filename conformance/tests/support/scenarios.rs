//! Scenario files that tests write, each one edit away from a good one.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

/// A scenario that passes: `run/fine`.
pub(crate) const FINE: &str = r#"id: run/fine
title: A message is answered
profiles: ["2026.3"]
chats:
  alice: { channel: telegram, dm: "3001" }
model:
  alice:
    - { after: 1s, say: "hello alice" }
steps:
  - { at: 0s, send: { chat: alice, text: "hello", as: m1 } }
expect:
  - exactly: { n: 1, of: model-request, chat: alice }
  - visible: { chat: alice, texts: ["hello alice"] }
control:
  edit: { "gateway.channels.telegram.dmPolicy": disabled }
  flips: [exactly, visible]
"#;

/// A folder of a test, with `fine.yaml` in it. It goes when the test ends.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// A folder with `run/fine.yaml`.
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder can be made"));
        folder.write("run/fine.yaml", FINE);
        folder
    }

    /// Its path.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.0.path().join(name);
        fs::create_dir_all(file.parent().expect("a file is in a folder"))
            .expect("a folder can be made");
        fs::write(file, text).expect("a file can be written");
    }

    /// Writes `run/<fact>.yaml`: the good scenario under another id and with edits, each of which must apply.
    #[track_caller]
    pub(crate) fn scenario(&self, fact: &str, edits: &[(&str, &str)]) {
        let mut text = FINE.replace("run/fine", &format!("run/{fact}"));
        for (from, to) in edits {
            assert!(text.contains(from), "`{from}` is not in the scenario:\n{text}");
            text = text.replace(from, to);
        }
        self.write(&format!("run/{fact}.yaml"), &text);
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        let file = self.0.path().join(name);
        fs::read_to_string(&file).unwrap_or_else(|it| panic!("read {}: {it}", file.display()))
    }
}
