//! `creel record`: an incident, written as a scenario while it happens.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use creel_document::duration;
use creel_sim::record::{Error, Options, Session, Texts, Upstream};

use super::{Exit, complain, print};
use crate::corpus;

/// What is shown behind the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  creel record --upstream https://api.openai.com/v1 --listen 127.0.0.1:9000 --out incident.yaml
      then give the gateway the base URL http://127.0.0.1:9000/v1, and end with Ctrl-C
  creel record --upstream p=https://api.openai.com/v1 --upstream q=https://api.anthropic.com --out incident.yaml
      two providers: the base URLs are http://127.0.0.1:PORT/p/v1 and http://127.0.0.1:PORT/q
  creel run incident.yaml --timeline
      replays it in simulated time against the reference gateway, and draws it

The file is written anew soon after each request. Keys, cookies and queries, and what looks like a
key, are never written. What people say is replaced by `message 1` and so on, what models say by
words of the same length, and what errors quote of people's words by `[said]`, unless
`--keep-texts` keeps them.

Exit codes: 0 recorded, 1 a secret would have been in the file, so there is none, 2 wrong usage, or the file cannot be
written, 3 the address cannot be had, 4 nothing was recorded.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The provider's address, as the gateway had it. Given more than once as `NAME=URL`, each is below its name.
    #[arg(long, value_name = "URL", required = true)]
    upstream: Vec<Upstream>,
    /// Where the gateway finds the recorder; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The scenario file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The profile of the contract in which it replays. All of them unless it is said.
    #[arg(long, value_parser = ["2026.3", "2026.9"])]
    profile: Option<String>,
    /// Write what people and models said. Secrets are left out all the same.
    #[arg(long)]
    keep_texts: bool,
    /// End after so many requests.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// End when nothing happened for so long, for example `30s`, once something did.
    #[arg(long, value_name = "TIME", value_parser = time)]
    idle: Option<Duration>,
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|it| it.to_string())
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let refused = |why: String| {
            complain(&format!("error: {why}"));
            Exit::Usage
        };
        let id = corpus::id_of(&self.out);
        let fact = id.split_once('/').map_or("", |(_, fact)| fact);
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        let is_yaml = self.out.extension().is_some_and(|it| it == "yaml");
        if fact.is_empty() || !fact.chars().all(is_plain) || !is_yaml {
            return refused(format!(
                "`{}` cannot be a scenario's file: expected a name of lower-case letters, digits and hyphens that ends in `.yaml`",
                self.out.display()
            ));
        }
        let mut names: Vec<&String> = self.upstream.iter().map(|it| &it.name).collect();
        names.sort();
        let twice = names.windows(2).find_map(|it| (it[0] == it[1]).then_some(it[0]));
        if let Some(twice) = twice {
            return refused(format!(
                "two providers are called `{twice}`: expected `--upstream NAME=URL`"
            ));
        }
        let out = self.out.clone();
        let options = Options {
            upstreams: self.upstream,
            listen: self.listen,
            out: self.out,
            id,
            profile: self.profile,
            texts: if self.keep_texts { Texts::Kept } else { Texts::Replaced },
            requests_max: self.requests,
            idle_max: self.idle,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return refused(format!("start a runtime: {error}")),
        };
        let recorded = runtime.block_on(async {
            let session = Session::bind(options).await?;
            print(&format!("listening on http://{}", session.address));
            session.run().await
        });
        match recorded {
            Ok(summary) if summary.requests == 0 => {
                complain("nothing was recorded");
                Exit::Nothing
            }
            Ok(summary) => {
                print(&format!(
                    "wrote {}: requests {}, conversations {}",
                    out.display(),
                    summary.requests,
                    summary.conversations
                ));
                Exit::Ok
            }
            Err(error) => {
                complain(&format!("error: {error}"));
                match error {
                    Error::Listen { .. } => Exit::Target,
                    Error::Secret { .. } => Exit::Failed,
                    Error::Write { .. } | Error::Signals(_) => Exit::Usage,
                }
            }
        }
    }
}
