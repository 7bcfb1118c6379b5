//! The `creel-gateway` command line.

mod agents;
mod approvals;
mod files;
mod logs;
mod onboard;
mod operator;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Parser, Subcommand, ValueEnum};
use http_body_util::Full;
use hyper::{Request, header};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use self::files::Files;
use crate::{
    app,
    clock::WallClock,
    driver::Unfinished,
    http::Http,
    log::{Tail, Tailing},
    net::TokioNet,
    settings::Settings,
};

/// The reference gateway: OpenClaw's contract, in Rust.
#[derive(Debug, Parser)]
#[command(name = "creel-gateway", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  creel-gateway check-config --config openclaw.json
  creel-gateway serve --config openclaw.json
  creel-gateway serve --profile 2026.9 --log json
  creel-gateway pairing approve telegram ABCD2345
  creel-gateway agent --message 'What is on today?'
  creel-gateway call sessions.list --params '{\"limit\": 5}'
  creel-gateway logs --follow --agent main
  creel-gateway approvals resolve 3f9a allow-once

Exit codes: 0 as asked; 1 ended with work unfinished, or the gateway refused or the turn failed; 2 wrong usage or configuration; 3 could not start, or the gateway that was asked is not there.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway until SIGTERM or Ctrl-C, then finish what was adopted.
    Serve {
        #[command(flatten)]
        files: Files,
        /// How log lines are written to standard error.
        #[arg(long, value_enum, default_value_t = LogFormat::Pretty)]
        log: LogFormat,
        /// Decides pairing codes. Drawn from the operating system unless given.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Read the configuration, report every problem and every key that is ignored, and end.
    CheckConfig {
        #[command(flatten)]
        files: Files,
    },
    /// Let people who asked for it speak with the gateway.
    Pairing {
        #[command(subcommand)]
        command: Pairing,
    },
    /// Call any method of the running gateway and print its answer.
    Call(operator::Call),
    /// Say something to an agent of the running gateway and print its answer.
    Agent(operator::Agent),
    /// The agents of the configuration.
    Agents {
        #[command(subcommand)]
        command: agents::Agents,
    },
    /// Calls that wait until somebody allows them, and what was allowed for good.
    Approvals {
        #[command(subcommand)]
        command: approvals::Approvals,
    },
    /// The conversations of the running gateway.
    Sessions {
        #[command(subcommand)]
        command: operator::Sessions,
    },
    /// The log of the running gateway.
    Logs(logs::Logs),
    /// Messages to people.
    Message {
        #[command(subcommand)]
        command: operator::Message,
    },
    /// Write a working configuration, step by step.
    Onboard(onboard::Onboard),
}

#[derive(Debug, Subcommand)]
enum Pairing {
    /// Approve the code that a person was shown.
    Approve {
        /// The channel, for example `telegram`.
        channel: String,
        /// The code.
        code: String,
        #[command(flatten)]
        files: Files,
    },
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Serve { files, log, seed } => serve(&files, log, seed),
            Command::CheckConfig { files } => check_config(&files),
            Command::Pairing { command: Pairing::Approve { channel, code, files } } => {
                approve(&files, &channel, &code)
            }
            Command::Call(asked) => operator::call(&asked),
            Command::Agent(asked) => operator::agent(&asked),
            Command::Agents { command } => agents::agents(&command),
            Command::Approvals { command } => approvals::approvals(&command),
            Command::Sessions { command } => operator::sessions(&command),
            Command::Logs(asked) => logs::logs(&asked),
            Command::Message { command } => operator::message(&command),
            Command::Onboard(asked) => onboard::onboard(&asked),
        };
        done.unwrap_or_else(|error| {
            eprintln(&format!("error: {error:#}"));
            ExitCode::from(3)
        })
    }
}

const REFUSED: u8 = 2;

fn serve(files: &Files, log: LogFormat, seed: Option<u64>) -> anyhow::Result<ExitCode> {
    let tail = start_log(log);
    let Some(mut loaded) = files.load()? else { return Ok(ExitCode::from(REFUSED)) };
    loaded.settings.log = tail;
    loaded.tell();
    loaded.make_workspaces()?;
    let seed = match seed {
        Some(seed) => seed,
        None => getrandom::u64().context("draw a seed from the operating system")?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(until_asked_twice(loaded.settings, seed));
    // A name look-up that hangs in a thread of the runtime must not hold up the end.
    runtime.shutdown_background();
    match ended? {
        Some(Unfinished { turns: 0, sends: 0 }) => {
            tracing::info!("ended");
            Ok(ExitCode::SUCCESS)
        }
        Some(Unfinished { turns, sends }) => {
            tracing::error!(turns, sends, "ended with work unfinished");
            Ok(ExitCode::from(1))
        }
        None => {
            tracing::error!("asked to end a second time; ended at once");
            Ok(ExitCode::from(1))
        }
    }
}

/// SIGTERM or Ctrl-C ends the gateway in order; the second of them at once, which is none.
async fn until_asked_twice(settings: Settings, seed: u64) -> anyhow::Result<Option<Unfinished>> {
    let mut terminate = signal(SignalKind::terminate()).context("watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watch for Ctrl-C")?;
    let mut asked = async move || {
        tokio::select! {
            biased;
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    };
    let (ask, shutdown) = oneshot::channel();
    let twice = async {
        asked().await;
        tracing::info!("asked to end; finishing what was adopted");
        // The gateway may have ended by itself meanwhile.
        _ = ask.send(());
        asked().await;
    };
    let shutdown = async { _ = shutdown.await };
    tokio::select! {
        biased;
        ended = app::run(TokioNet, settings, seed, shutdown) => Ok(Some(ended?)),
        () = twice => Ok(None),
    }
}

fn check_config(files: &Files) -> anyhow::Result<ExitCode> {
    let Some(loaded) = files.load()? else { return Ok(ExitCode::from(REFUSED)) };
    println(&loaded.summary());
    for warning in &loaded.warnings {
        println(&format!("warning: {warning}"));
    }
    for key in &loaded.ignored {
        println(&format!("ignored: {key} (not supported yet)"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks the running gateway.
fn approve(files: &Files, channel: &str, code: &str) -> anyhow::Result<ExitCode> {
    let Some(loaded) = files.load_of_another()? else { return Ok(ExitCode::from(REFUSED)) };
    let address = loaded.settings.reachable();
    let Some(token) = loaded.settings.token else {
        eprintln("error: `gateway.auth.token` is not set: operator calls need it");
        return Ok(ExitCode::from(REFUSED));
    };
    let body = serde_json::json!({ "channel": channel, "code": code }).to_string();
    let request = Request::post(format!("http://{address}/pairing/approve"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
        .body(Full::new(Bytes::from(body)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let within = std::time::Duration::from_secs(10);
    let (status, body) = runtime
        .block_on(async { Http::new(TokioNet).exchange(request, within, 64 * 1024).await })
        .with_context(|| format!("call the gateway at {address}; is it running?"))?;
    println(&String::from_utf8_lossy(&body));
    Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Starts the log on standard error, and keeps its last lines for clients that ask.
fn start_log(format: LogFormat) -> Tail {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let coloured =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let clock = WallClock::system();
    let tail = Tail::beginning(clock.now());
    let tailing = Tailing { tail: tail.clone(), clock };
    let kept = tracing_subscriber::registry().with(filter).with(tailing);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(coloured);
    // A second start in one process (tests) keeps the first log.
    _ = match format {
        LogFormat::Pretty => kept.with(lines).try_init(),
        LogFormat::Json => kept.with(lines.json().with_span_list(false)).try_init(),
    };
    tail
}

fn println(line: &str) {
    if writeln!(io::stdout(), "{line}").is_err_and(|it| it.kind() == io::ErrorKind::BrokenPipe) {
        leave();
    }
}

/// Whoever read what was printed has seen enough.
#[expect(clippy::exit, reason = "there is nobody left to tell anything")]
fn leave() -> ! {
    std::process::exit(0)
}

#[expect(clippy::print_stderr, reason = "before the log exists, and for usage errors")]
fn eprintln(line: &str) {
    eprintln!("{line}");
}
