//! The one door through which the gateway starts programs: servers of tools that speak over their standard streams.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::secret::Secret;

/// What a program keeps of the gateway's own environment. The rest may hold keys that are none of its business.
const KEPT: [&str; 8] = ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"];

/// Variables that would put somebody else's code into the program. A name that ends in `_` stands for all that begin so.
const REFUSED: [&str; 14] = [
    "BASHOPTS",
    "BASH_ENV",
    "BASH_FUNC_",
    "DYLD_",
    "ENV",
    "JAVA_TOOL_OPTIONS",
    "KSH_ENV",
    "LD_",
    "NODE_OPTIONS",
    "PERL5LIB",
    "PERL5OPT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYOPT",
];

/// A program that serves tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What is started.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables of its environment.
    pub env: BTreeMap<String, Secret>,
    /// The folder in which it runs.
    pub cwd: Option<PathBuf>,
}

/// Whether a variable may be set for a program.
pub fn may_set(variable: &str) -> bool {
    let name = variable.to_uppercase();
    !REFUSED.iter().any(|it| *it == name || (it.ends_with('_') && name.starts_with(it)))
}

/// Starts a program. It ends when the child is dropped.
///
/// # Errors
///
/// Fails when there is no such program, or it may not be run.
pub fn start(program: &Program) -> io::Result<(Child, ChildStdout, ChildStdin)> {
    let mut command = Command::new(&program.command);
    command.args(&program.args).env_clear();
    let kept = KEPT.iter().filter_map(|it| Some((it, std::env::var_os(it)?)));
    command.envs(kept).envs(program.env.iter().map(|(name, value)| (name, value.expose())));
    if let Some(cwd) = &program.cwd {
        command.current_dir(cwd);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (Some(stdout), Some(stdin)) = (child.stdout.take(), child.stdin.take()) else {
        return Err(io::Error::other("the program has no standard streams"));
    };
    Ok((child, stdout, stdin))
}

/// A program's output, with the program: it ends when nobody reads it any more.
#[derive(Debug)]
pub struct Owned {
    /// The program.
    pub child: Child,
    /// What it writes.
    pub stdout: ChildStdout,
}

impl AsyncRead for Owned {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_load_code_are_refused() {
        assert!(["GITHUB_TOKEN", "HTTP_PROXY", "ENVIRONMENT", "OLD_PATH"].into_iter().all(may_set));
        let refused = ["LD_PRELOAD", "ld_library_path", "NODE_OPTIONS", "BASH_FUNC_x%%", "ENV"];
        assert!(!refused.into_iter().any(may_set));
    }
}
