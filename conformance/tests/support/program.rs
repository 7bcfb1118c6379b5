//! The `creel` program, as a user runs it, but without the user's terminal and environment.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its standard output.
    pub(crate) out: String,
    /// Its standard error.
    pub(crate) err: String,
}

/// A command in a folder. Its help is as wide as where there is no terminal.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command.current_dir(folder).stdin(Stdio::null()).env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"));
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the program was built with its tests");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    Ran {
        code: output.status.code().expect("it was ended by no signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}
