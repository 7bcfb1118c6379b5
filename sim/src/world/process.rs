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

use super::{Error, real::Real};
use crate::{picture::Picture, stage::Stage, target::Variables};

/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(8);

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
}

/// The process of one run.
pub(super) struct Process {
    child: Child,
    /// Its process group, which has its own id.
    group: Option<u32>,
    output: PathBuf,
}

fn io(what: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |it| Error::Target(format!("{what}: {it}"))
}

impl Room<'_> {
    /// The state folder.
    pub(super) fn state_dir(&self) -> PathBuf {
        self.sandbox.join("state")
    }

    fn config_file(&self) -> PathBuf {
        self.sandbox.join("openclaw.json")
    }

    /// Writes the configuration, the state files and the agents' pictures.
    pub(super) fn furnish(&self, real: &Real, stage: &Stage) -> Result<(), Error> {
        let (config_file, state_dir) = (self.config_file(), self.state_dir());
        let variables = self.variables(real, stage, (&config_file, &state_dir));
        let config = real.target.render("config", &real.target.config, &variables)?;
        fs::write(&config_file, config).map_err(io("write the configuration"))?;
        for (file, text) in &stage.configuration.state_files {
            let path = state_dir.join(file);
            let folder = path.parent().expect("a state file is in a folder");
            fs::create_dir_all(folder).map_err(io("make the state folder"))?;
            fs::write(path, text).map_err(io("write a state file"))?;
        }
        for (agent, names) in &stage.scenario.images {
            let folder = self.sandbox.join("workspaces").join(agent);
            fs::create_dir_all(&folder).map_err(io("make an agent's folder"))?;
            for name in names {
                let bytes = Picture::new(name, 0, false).bytes;
                let path = folder.join(format!("{name}.png"));
                fs::write(path, bytes).map_err(io("write a picture"))?;
            }
        }
        Ok(())
    }

    fn variables<'a>(
        &'a self,
        real: &'a Real,
        stage: &'a Stage,
        (config_file, state_dir): (&'a Path, &'a Path),
    ) -> Variables<'a> {
        let Self { profile, seed, sandbox, port } = *self;
        let (creel, openclaw) = (&real.creel, &stage.configuration.config);
        Variables { creel, sandbox, config_file, state_dir, port, profile, seed, openclaw }
    }
}

impl Process {
    /// Starts the target's program in its furnished room. What it writes goes behind what an earlier life wrote.
    pub(super) fn start(real: &Real, stage: &Stage, room: &Room<'_>) -> Result<Self, Error> {
        let (config_file, state_dir) = (room.config_file(), room.state_dir());
        let variables = room.variables(real, stage, (&config_file, &state_dir));
        let (target, sandbox) = (&real.target, room.sandbox);
        let mut argv = Vec::new();
        for (index, argument) in target.argv.iter().enumerate() {
            argv.push(target.render(&format!("argv[{index}]"), argument, &variables)?);
        }
        let (program, arguments) = argv
            .split_first()
            .ok_or_else(|| Error::Target("`argv` is empty: expected a program".to_owned()))?;
        let output = sandbox.join("output.log");
        let log = fs::OpenOptions::new().append(true).create(true).open(&output);
        let log = log.map_err(io("make the log"))?;
        let both = log.try_clone().map_err(io("make the log"))?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().stdin(Stdio::null()).stdout(log).stderr(both);
        command.process_group(0).kill_on_drop(true).current_dir(sandbox);
        command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
        command.env("TZ", &stage.scenario.clock.zone);
        for (name, value) in &target.env {
            command.env(name, target.render(&format!("env.{name}"), value, &variables)?);
        }
        let started = command.spawn();
        let child = started.map_err(|it| Error::Target(format!("start `{program}`: {it}")))?;
        Ok(Process { group: child.id(), child, output })
    }

    /// Waits until it ends by itself, and says how.
    pub(super) async fn ended(&mut self) -> String {
        self.child.wait().await.map_or_else(|it| it.to_string(), |it| it.to_string())
    }

    /// Asks it to end, then ends it with its group. Its exit code if it has one, and what it wrote.
    pub(super) async fn end(mut self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        let status = timeout(GRACE, self.child.wait()).await;
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
