//! The process of a target: started in a folder of its own, and always ended.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{Error, Stuck, real::Real};
use crate::{
    picture::Picture,
    stage::Stage,
    target::{Credentials, Variables, install},
};

/// How long one command may take that makes a sandbox ready.
pub(super) const PREPARED_WITHIN: Duration = Duration::from_mins(2);

/// How much of the process's output is kept as its last words, in bytes.
const LAST_WORDS_BYTES_MAX: usize = 256 * 1024;

/// What a run's process is given.
pub(super) struct Room<'a> {
    /// The contract profile.
    pub(super) profile: &'a str,
    /// The seed.
    pub(super) seed: u64,
    /// The run's folder.
    pub(super) sandbox: &'a Path,
    /// The gateway's port.
    pub(super) port: u16,
    /// Another one, which is nobody else's.
    pub(super) spare_port: u16,
    /// The proxy, if the target needs one.
    pub(super) proxy: String,
}

/// The process of one run.
pub(super) struct Process {
    child: Child,
    /// Its process group, which has its own id.
    group: Option<u32>,
    output: PathBuf,
    /// How long it may take to end after it was asked to.
    grace: Duration,
}

fn io(what: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |it| Error::Target(format!("{what}: {it}"))
}

impl Room<'_> {
    /// What the process writes.
    fn output(&self) -> PathBuf {
        self.sandbox.join("output.log")
    }

    /// The state folder.
    pub(super) fn state_dir(&self) -> PathBuf {
        self.sandbox.join("state")
    }

    /// Where the certificate of the proxy's authority stands.
    pub(super) fn authority_file(&self) -> PathBuf {
        self.sandbox.join("authority.pem")
    }

    fn config_file(&self, real: &Real) -> PathBuf {
        self.sandbox.join(&real.target.config_file)
    }

    /// Writes the configuration, the state files, the target's own files and the agents' pictures.
    pub(super) fn furnish(&self, real: &Real, stage: &Stage) -> Result<(), Error> {
        let state_dir = self.state_dir();
        fs::create_dir_all(&state_dir).map_err(io("make the state folder"))?;
        self.with_variables(real, stage, |variables| {
            let config = real.target.render("config", &real.target.config, variables)?;
            write(variables.config_file, config).map_err(io("write the configuration"))?;
            for (file, text) in &real.target.files {
                let path = real.target.render(&format!("files.{file}"), file, variables)?;
                let text = real.target.render(&format!("files.{file}"), text, variables)?;
                write(&self.sandbox.join(path), text).map_err(io("write a file of the target"))?;
            }
            Ok(())
        })?;
        for (file, text) in &stage.configuration.state_files {
            if is_left_out(real, stage, file) {
                continue;
            }
            write(&state_dir.join(file), text).map_err(io("write a state file"))?;
        }
        for (agent, names) in &stage.scenario.images {
            let folder = self.sandbox.join("workspaces").join(agent);
            for name in names {
                let bytes = Picture::new(name, 0, false).bytes;
                let path = folder.join(format!("{name}.png"));
                write(&path, bytes).map_err(io("write a picture"))?;
            }
        }
        Ok(())
    }

    /// What the templates of this run's manifest may name.
    fn with_variables<R>(
        &self,
        real: &Real,
        stage: &Stage,
        act: impl FnOnce(&Variables<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let Self { profile, seed, sandbox, port, spare_port, ref proxy } = *self;
        let ca_file = self.authority_file();
        let (config_file, state_dir) = (self.config_file(real), self.state_dir());
        let install = install::folder(&real.target.name);
        let keys = stage.configuration.keys.iter().map(|(key, name)| (name.clone(), key.clone()));
        let variables = Variables {
            creel: &real.creel,
            here: &real.target.here,
            install: &install,
            sandbox,
            config_file: &config_file,
            state_dir: &state_dir,
            port,
            spare_port,
            profile,
            seed,
            proxy,
            ca_file: &ca_file,
            openclaw: &stage.configuration.config,
            keys: &keys.collect(),
        };
        let openclaw = real.target.patched(&variables)?;
        act(&Variables { openclaw: &openclaw, ..variables })
    }
}

/// Writes a file of the sandbox, and makes the folder that it is in.
fn write(path: &Path, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, bytes)
}

/// Whether a state file is not written: credentials, where the target takes them from its configuration.
fn is_left_out(real: &Real, stage: &Stage, file: &str) -> bool {
    real.target.credentials == Credentials::Configuration
        && stage.scenario.providers.is_empty()
        && file.ends_with("/auth-profiles.json")
}

/// A command of the manifest with the target's environment, in the sandbox, and its program.
fn command(
    real: &Real,
    stage: &Stage,
    room: &Room<'_>,
    (at, templates): (&str, &[String]),
) -> Result<(Command, String), Error> {
    let target = &real.target;
    let (argv, env) = room.with_variables(real, stage, |variables| {
        let mut argv = Vec::new();
        for (index, argument) in templates.iter().enumerate() {
            argv.push(target.render(&format!("{at}[{index}]"), argument, variables)?);
        }
        let mut env = Vec::new();
        for (name, value) in &target.env {
            env.push((name, target.render(&format!("env.{name}"), value, variables)?));
        }
        Ok((argv, env))
    })?;
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| Error::Target(format!("`{at}` is empty: expected a program")))?;
    let log = fs::OpenOptions::new().append(true).create(true).open(room.output());
    let log = log.map_err(io("make the log"))?;
    let both = log.try_clone().map_err(io("make the log"))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(log).stderr(both);
    command.process_group(0).kill_on_drop(true).current_dir(room.sandbox);
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    command.env("TZ", &stage.scenario.clock.zone);
    command.envs(env);
    if let Some(jumps) = &stage.jumps {
        command.envs(jumps.environment());
    }
    Ok((command, program.clone()))
}

/// Runs the manifest's `[[prepare]]` commands that the scenario needs, one after the other.
pub(super) async fn prepare(real: &Real, stage: &Stage, room: &Room<'_>) -> Result<(), Error> {
    for (index, it) in real.target.prepared(&stage.scenario) {
        let at = format!("prepare[{index}].argv");
        let (command, program) = command(real, stage, room, (&at, &it.argv))?;
        let broken = |why: String| {
            let words = fs::read(room.output()).unwrap_or_default();
            let said = tail(&String::from_utf8_lossy(&words), 2_000).to_owned();
            Error::Stuck {
                at: Stuck::Program,
                why: format!("prepare with `{program}`: {why}\n{said}"),
            }
        };
        // Dropped at the latest, which ends its whole group.
        let mut process =
            Process::spawned(command, real, room).map_err(|it| broken(it.to_string()))?;
        let ended = timeout(PREPARED_WITHIN, process.child.wait()).await;
        let status = ended
            .map_err(|_| broken(format!("it did not end within {PREPARED_WITHIN:?}")))?
            .map_err(|it| broken(it.to_string()))?;
        if !status.success() {
            return Err(broken(status.to_string()));
        }
    }
    Ok(())
}

impl Process {
    /// Starts the target's program in its furnished room. What it writes goes behind what an earlier life wrote.
    pub(super) fn start(real: &Real, stage: &Stage, room: &Room<'_>) -> Result<Self, Error> {
        let (command, program) = command(real, stage, room, ("argv", &real.target.argv))?;
        let why = |it| format!("start `{program}`: {it}");
        Self::spawned(command, real, room)
            .map_err(|it| Error::Stuck { at: Stuck::Program, why: why(it) })
    }

    fn spawned(mut command: Command, real: &Real, room: &Room<'_>) -> std::io::Result<Self> {
        let child = command.spawn()?;
        let grace = Duration::from_secs(real.target.grace_s);
        Ok(Self { group: child.id(), child, output: room.output(), grace })
    }

    /// Waits until it ends by itself, and says how.
    pub(super) async fn ended(&mut self) -> String {
        self.child.wait().await.map_or_else(|it| it.to_string(), |it| it.to_string())
    }

    /// Asks it to end, then ends it with its group. Its exit code if it has one, and what it wrote.
    pub(super) async fn end(mut self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        let status = timeout(self.grace, self.child.wait()).await;
        self.signal(Signal::KILL);
        let code = match status {
            Ok(status) => status.ok().and_then(|it| it.code()),
            Err(_) => None,
        };
        // Reaped, so that no process is left behind.
        _ = self.child.wait().await;
        let words = fs::read(&self.output).unwrap_or_default();
        (code, tail(&String::from_utf8_lossy(&words), LAST_WORDS_BYTES_MAX).to_owned())
    }

    fn signal(&self, signal: Signal) {
        let group = self.group.and_then(|it| i32::try_from(it).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended already, with all its children.
            _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The end of a text, at most this long.
pub(super) fn tail(text: &str, bytes_max: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes_max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}
