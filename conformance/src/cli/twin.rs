//! `creel twin`: one twin alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::{Args, Subcommand};
use creel_sim::standalone::{
    self, discord, irc, openai,
    slack::{self, App},
    whatsapp::{self, Business},
};

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
    /// WhatsApp's Cloud API. `POST /twin/messages {"text": …}` writes as a person, `GET /twin/messages` shows the chat.
    Whatsapp {
        /// The port on loopback; 0 lets the system choose.
        #[arg(long, default_value_t = 8_082)]
        port: u16,
        /// Where the gateway takes webhooks.
        #[arg(long, default_value = "http://127.0.0.1:18789/webhooks/whatsapp/default")]
        webhook: String,
        /// The id of the business's phone number.
        #[arg(long, default_value = "106540352242922")]
        phone_number_id: String,
        /// The token that calls must bear.
        #[arg(long, default_value = "creel-access")]
        access_token: String,
        /// What webhooks are signed with.
        #[arg(long, default_value = "creel-app-secret")]
        app_secret: String,
        /// What the twin shows when it asks for the webhook.
        #[arg(long, default_value = "creel-verify")]
        verify_token: String,
    },
    /// Slack: the Web API at `/api`, Socket Mode, and the Events API while no connection is open. `POST /twin/messages
    /// {"text": …}` writes as a person, `GET /twin/messages` shows what everybody wrote.
    Slack {
        /// The port on loopback; 0 lets the system choose.
        #[arg(long, default_value_t = 8_084)]
        port: u16,
        /// The bot's token.
        #[arg(long, default_value = "xoxb-creel")]
        bot_token: String,
        /// The app's token, for Socket Mode.
        #[arg(long, default_value = "xapp-creel")]
        app_token: String,
        /// What calls of the Events API are signed with.
        #[arg(long, default_value = "creel-signing-secret")]
        signing_secret: String,
        /// Where the gateway takes the calls of the Events API.
        #[arg(long, default_value = "http://127.0.0.1:18789/slack/events")]
        events_url: String,
    },
    /// Discord's Gateway and REST API. `POST /twin/messages {"text": …}` writes as a person, `GET /twin/messages` shows all
    /// messages.
    Discord {
        /// The port on loopback; 0 lets the system choose.
        #[arg(long, default_value_t = 8_083)]
        port: u16,
        /// The bot's token.
        #[arg(long, default_value = "creel-discord")]
        token: String,
    },
    /// An IRC server. `POST /twin/messages {"text": …}` at the port for people writes as a person, `GET /twin/messages`
    /// shows what everybody wrote.
    Irc {
        /// The server's port on loopback; 0 lets the system choose.
        #[arg(long, default_value_t = 6_667)]
        port: u16,
        /// The port for people on loopback, where HTTP is spoken; 0 lets the system choose.
        #[arg(long, default_value_t = 8_085)]
        people_port: u16,
        /// What clients must say to be let in; everybody is if it is left out.
        #[arg(long)]
        password: Option<String>,
    },
    /// A model provider: OpenAI's chat completions and responses, and Anthropic's messages, below `/v1`. It answers every
    /// request with what was said last. `POST /twin/answers {"key": …, "status": 429, "times": 2}` makes it fail while it
    /// runs, `DELETE /twin/answers` makes it well again.
    #[command(visible_alias = "anthropic")]
    Openai {
        /// The port on loopback; 0 lets the system choose.
        #[arg(long, default_value_t = 8_080)]
        port: u16,
        /// A key that callers may bear. May be given more than once.
        #[arg(long, default_value = "sk-creel")]
        key: Vec<String>,
        /// Answer this error status instead.
        #[arg(long)]
        status: Option<u16>,
    },
    /// A server of tools over MCP, at `/mcp/demo`: `hello` answers, `fail` fails, `slow` takes a minute.
    Mcp {
        /// The port on loopback; 0 lets the system choose.
        #[arg(long, default_value_t = 8_082)]
        port: u16,
    },
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let served = match self.twin {
            Twin::Telegram { port, token } => standalone::telegram(loopback(port), &token),
            Twin::Whatsapp {
                port,
                webhook,
                phone_number_id,
                access_token,
                app_secret,
                verify_token,
            } => {
                let business =
                    Business { phone_number_id, access_token, app_secret, verify_token, webhook };
                whatsapp::serve(loopback(port), &business)
            }
            Twin::Irc { port, people_port, password } => {
                irc::serve(loopback(port), loopback(people_port), password.as_deref())
            }
            Twin::Discord { port, token } => discord::serve(loopback(port), &token),
            Twin::Slack { port, bot_token, app_token, signing_secret, events_url } => {
                let app = App { bot_token, socket_token: app_token, signing_secret, events_url };
                slack::serve(loopback(port), &app)
            }
            Twin::Openai { port, key, status } => openai::serve(loopback(port), &key, status),
            Twin::Mcp { port } => standalone::mcp(loopback(port)),
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
