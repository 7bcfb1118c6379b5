//! `onboard`: a working configuration, step by step.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{Files, REFUSED, eprintln, operator::print_json, println};
use crate::{entropy::Entropy, settings::environment, state::StateFolder};

/// What is asked for; what is not given is asked on the terminal, or has its default where there is none.
#[derive(Args, Debug)]
pub(super) struct Onboard {
    /// Where the model provider is, up to and without the protocol's own path, such as `https://api.openai.com/v1`.
    #[arg(long)]
    base_url: Option<String>,
    /// The environment variable with the provider's key. The key itself is not written down.
    #[arg(long)]
    key_env: Option<String>,
    /// The provider's name for the model.
    #[arg(long)]
    model: Option<String>,
    /// The environment variable with a Telegram bot's token; no bot if it is empty.
    #[arg(long)]
    telegram_token_env: Option<String>,
    /// Print what was written where as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: Files,
}

/// Asks for what was not given, and writes the configuration.
pub(super) fn onboard(asked: &Onboard) -> anyhow::Result<ExitCode> {
    let path = asked.files.config_path()?;
    if path.exists() {
        eprintln(&format!("error: {} is there already; it is left as it is", path.display()));
        return Ok(ExitCode::from(REFUSED));
    }
    let base_url = answer(
        asked.base_url.as_ref(),
        "Address of the model provider",
        "https://api.openai.com/v1",
    )?;
    let key_env =
        answer(asked.key_env.as_ref(), "Environment variable with its key", "OPENAI_API_KEY")?;
    let model = answer(asked.model.as_ref(), "Model", "gpt-5-mini")?;
    let bot = answer(
        asked.telegram_token_env.as_ref(),
        "Environment variable with a Telegram bot's token (empty: no bot)",
        "",
    )?;
    // Whoever gives the key itself shall not find it in the file, nor on the screen.
    let is_no_name = |it: &&String| !it.is_empty() && !environment::is_name(it);
    if key_env.is_empty() || [&key_env, &bot].iter().any(is_no_name) {
        eprintln(
            "error: found something else than the name of an environment variable, expected capital letters, digits and `_`, such as `OPENAI_API_KEY`; nothing was written",
        );
        return Ok(ExitCode::from(REFUSED));
    }
    let config = config(&base_url, &key_env, &model, &bot);
    let text = serde_json::to_string_pretty(&config).context("write the configuration as JSON")?;
    if !asked.files.is_good(&text)? {
        eprintln("error: with these answers no gateway could begin; nothing was written");
        return Ok(ExitCode::from(REFUSED));
    }
    let is_unset = |it: &&String| !it.is_empty() && std::env::var_os(it).is_none();
    let unset: Vec<&String> = [&key_env, &bot].into_iter().filter(is_unset).collect();
    StateFolder::replace_file(&path, &format!("{text}\n"))
        .with_context(|| format!("write {}", path.display()))?;
    if asked.json {
        print_json(&json!({ "config": path.display().to_string(), "unset": unset }));
        return Ok(ExitCode::SUCCESS);
    }
    for variable in unset {
        eprintln(&format!("warning: {variable} is not set; set it before the gateway starts"));
    }
    println(&format!("wrote {}", path.display()));
    let given = asked.files.given();
    println(&format!("next: creel-gateway check-config{given}, then creel-gateway serve{given}"));
    Ok(ExitCode::SUCCESS)
}

fn config(base_url: &str, key_env: &str, model: &str, bot_env: &str) -> Value {
    let mut config = json!({
        "gateway": { "auth": { "token": Entropy::System.text() } },
        "models": { "providers": { "main": {
            "baseUrl": base_url, "apiKey": format!("${{{key_env}}}"), "models": [{ "id": model }],
        } } },
        "agents": { "defaults": { "model": format!("main/{model}") } },
    });
    if !bot_env.is_empty() {
        // Strangers pair with a code, which is the default.
        config["channels"] = json!({ "telegram": { "botToken": format!("${{{bot_env}}}") } });
    }
    config
}

/// What was given, or what a person types; the default where there is nobody to ask.
fn answer(given: Option<&String>, question: &str, unless: &str) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given.trim().to_owned());
    }
    if !io::stdin().is_terminal() {
        return Ok(unless.to_owned());
    }
    let mut terminal = io::stderr();
    write!(terminal, "{question} [{unless}]: ").context("ask on the terminal")?;
    terminal.flush().context("ask on the terminal")?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).context("read from the terminal")?;
    anyhow::ensure!(read > 0, "the answers ended before all was asked; nothing was written");
    let typed = line.trim();
    Ok(if typed.is_empty() { unless.to_owned() } else { typed.to_owned() })
}
