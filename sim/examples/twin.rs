//! One twin alone, for the tests with other people's clients: `twin telegram|openai [--token|--key|--port|--status …]`
//!
//! The words are those of `creel twin`, so that the tests run with either.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use creel_sim::standalone;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let twin = arguments.next().context("expected `telegram` or `openai`")?;
    let (mut port, mut secret, mut status) = (0, None, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--port" => port = value.parse().context("read `--port`")?,
            "--token" | "--key" => secret = Some(value),
            "--status" => status = Some(value.parse().context("read `--status`")?),
            other => bail!("`{other}` is unknown: expected --port, --token, --key or --status"),
        }
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match twin.as_str() {
        "telegram" => standalone::telegram(address, secret.as_deref().unwrap_or("100:creel"))?,
        "openai" => standalone::openai(address, secret.as_deref().unwrap_or("sk-creel"), status)?,
        other => bail!("`{other}` is no twin: expected `telegram` or `openai`"),
    }
    Ok(())
}
