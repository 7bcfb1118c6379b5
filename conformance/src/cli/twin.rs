//! `creel twin`: one twin alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::{Args, Subcommand};
use creel_sim::standalone;

use super::{Exit, complain};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    twin: Twin,
}

#[derive(Debug, Subcommand)]
enum Twin {
    /// Telegram's Bot API. `POST /twin/messages {"text": …}` writes as a person, `GET /twin/messages` shows the chat.
    Telegram {
        /// The port on loopback; 0 lets the system choose.
        #[arg(long, default_value_t = 8_081)]
        port: u16,
        /// The bot's token, as `<id>:<secret>`.
        #[arg(long, default_value = "100:creel")]
        token: String,
    },
    /// OpenAI's chat completions: answers every request with what was said last.
    Openai {
        /// The port on loopback; 0 lets the system choose.
        #[arg(long, default_value_t = 8_080)]
        port: u16,
        /// The key that callers must bear.
        #[arg(long, default_value = "sk-creel")]
        key: String,
        /// Answer this error status instead.
        #[arg(long)]
        status: Option<u16>,
    },
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let served = match self.twin {
            Twin::Telegram { port, token } => standalone::telegram(loopback(port), &token),
            Twin::Openai { port, key, status } => standalone::openai(loopback(port), &key, status),
        };
        match served {
            Ok(()) => Exit::Ok,
            Err(error) => {
                complain(&format!("error: {error}"));
                Exit::Target
            }
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
