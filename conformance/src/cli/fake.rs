//! `creel fake-gateway`: the small gateway that the suite is tried on, honest or a liar, as a process.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::Args;
use creel_judge::profile;
use creel_sim::fakes::{self, Fake, Given};
use serde_json::Value;

use super::{Exit, given::usage};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// OpenClaw's configuration.
    #[arg(long)]
    config: PathBuf,
    /// The state folder, in which the agents' keys are.
    #[arg(long)]
    state_dir: PathBuf,
    /// The contract profile.
    #[arg(long, default_value = "2026.9", value_parser = ["2026.3", "2026.9"])]
    profile: String,
    /// The lie that it tells, or `honest`.
    #[arg(long, default_value = "honest")]
    lie: String,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let Some(fake) = Fake::named(&self.lie) else {
            return usage(&format!("there is no lie `{}`", self.lie));
        };
        let profile = *profile::named(&self.profile).expect("the parser knows them");
        let given = match self.given() {
            Ok(given) => given,
            Err(why) => return usage(&why),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(fakes::serve(given, profile, fake)),
            Err(error) => return usage(&format!("start a runtime: {error}")),
        }
        Exit::Ok
    }

    fn given(&self) -> Result<Given, String> {
        let read = |path: &PathBuf| -> Result<Value, String> {
            let shown = path.display();
            let text = fs::read_to_string(path).map_err(|it| format!("read {shown}: {it}"))?;
            serde_json::from_str(&text).map_err(|it| format!("read {shown}: {it}"))
        };
        let mut keys = BTreeMap::new();
        let agents = self.state_dir.join("agents");
        for entry in fs::read_dir(&agents).into_iter().flatten().flatten() {
            let profiles = read(&entry.path().join("agent/auth-profiles.json"))?;
            let key = profiles.pointer("/profiles/openai:default/key").and_then(Value::as_str);
            let agent = entry.file_name().to_string_lossy().into_owned();
            keys.extend(key.map(|it| (agent, it.to_owned())));
        }
        Ok(Given { config: read(&self.config)?, keys })
    }
}
