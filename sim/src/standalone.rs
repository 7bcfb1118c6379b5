//! Twins without a scenario, on real sockets, for trying a gateway by hand.

pub mod discord;
pub mod irc;
pub mod openai;
pub mod slack;
pub mod whatsapp;

use std::{convert::Infallible, fmt, io, net::SocketAddr, pin::Pin, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use creel_gateway::net::{Net, TokioNet};
use serde::Deserialize;
use serde_json::json;

use crate::{
    http,
    picture::Picture,
    recorder::Recorder,
    scenario::{Chat, ChatKind, SendFault, ToolAct, ToolAnswer},
    twins::{
        Inbound,
        mcp::Servers,
        telegram::{Bot, CHANNEL, Error as TelegramError, Telegram},
    },
};

/// The person who writes, and her direct chat.
pub const PERSON: i64 = 3001;

/// The account that the bot of a Telegram twin is.
pub const ACCOUNT: &str = "default";

/// The bot's user name.
pub const BOT_USERNAME: &str = "creel_bot";

/// A twin that listens.
pub struct Server {
    /// Where, with the port that the system chose if none was asked for.
    pub address: SocketAddr,
    serving: Pin<Box<dyn Future<Output = Infallible> + Send>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves until the future is dropped.
    pub async fn run(self) -> Infallible {
        self.serving.await
    }

    /// The same, with work beside it that never ends.
    fn beside(self, work: impl Future<Output = Infallible> + Send + 'static) -> Self {
        let Self { address, serving } = self;
        let both = async move {
            tokio::select! {
                biased;
                never = serving => never,
                never = work => never,
            }
        };
        Self { address, serving: Box::pin(both) }
    }

    async fn bind(address: SocketAddr, router: Router) -> io::Result<Self> {
        let listener = TokioNet.bind(address).await?;
        let address = axum::serve::Listener::local_addr(&listener)?;
        Ok(Self { address, serving: Box::pin(http::serve(listener, router)) })
    }
}

/// Serves a Telegram twin until the process is ended, and prints where. See [`bind_telegram`].
///
/// # Errors
///
/// If the address cannot be bound.
pub fn telegram(address: SocketAddr, token: &str) -> io::Result<()> {
    block_on(bind_telegram(address, token))
}

/// Serves a server of tools until the process is ended, and prints where. See [`bind_mcp`].
///
/// # Errors
///
/// If the address cannot be bound.
pub fn mcp(address: SocketAddr) -> io::Result<()> {
    block_on(bind_mcp(address))
}

#[expect(clippy::print_stdout, reason = "with port 0, only this line tells where the twin is")]
fn block_on(server: impl Future<Output = io::Result<Server>>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = server.await?;
        println!("listening on http://{}", server.address);
        match server.run().await {}
    })
}

/// Binds a Telegram twin with one bot.
///
/// Beside the Bot API it has endpoints for the person at the other end: `POST /twin/messages {"text", "chat", "thread"}`
/// writes in the direct chat of user [`PERSON`], or as that user in the chat (negative for a group) and topic that it
/// names; `GET /twin/messages` lists what everybody wrote; `POST /twin/refusals {"chat", "status", "retry_after"}`
/// refuses the bot's next message.
///
/// # Errors
///
/// If the address cannot be bound.
pub async fn bind_telegram(address: SocketAddr, token: &str) -> io::Result<Server> {
    let id = token.split(':').next().and_then(|it| it.parse().ok()).unwrap_or(1);
    let (account, username) = (ACCOUNT.to_owned(), BOT_USERNAME.to_owned());
    let bot = Bot { account, token: token.to_owned(), id, username };
    let twin = Telegram::new(Recorder::discarding(), vec![bot], unix_now_s());
    let controls = Router::new()
        .route("/twin/messages", get(list).post(write))
        .route("/twin/refusals", post(refuse))
        .with_state(twin.clone());
    chat_name(&twin, PERSON, None).map_err(io::Error::other)?;
    Server::bind(address, twin.router().merge(controls)).await
}

/// How often each tool of a server without a scenario may be called.
const TOOL_CALLS_MAX: usize = 10_000;

/// Binds a server of tools, at `/mcp/demo`: `hello` answers, `fail` fails, `slow` takes a minute.
///
/// # Errors
///
/// If the address cannot be bound.
pub async fn bind_mcp(address: SocketAddr) -> io::Result<Server> {
    let tool = |name: &str, seconds, act: ToolAct| {
        let answer = ToolAnswer { after: Duration::from_secs(seconds), act };
        (name.to_owned(), vec![answer; TOOL_CALLS_MAX])
    };
    let tools = [
        tool("hello", 0, ToolAct::Result("hello".to_owned())),
        tool("fail", 0, ToolAct::Error("it failed".to_owned())),
        tool("slow", 60, ToolAct::Result("at last".to_owned())),
    ];
    let scripts = [("demo".to_owned(), tools.into())].into();
    Server::bind(address, Servers::new(Recorder::discarding(), scripts).router()).await
}

/// A person's message, as the control endpoint takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: String,
    #[serde(default = "person")]
    chat: i64,
    thread: Option<i64>,
    /// The name of a picture that comes with it.
    image: Option<String>,
}

/// What to do with the bot's next message, as the control endpoint takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    #[serde(default = "person")]
    chat: i64,
    status: u16,
    retry_after: Option<u64>,
}

fn person() -> i64 {
    PERSON
}

async fn list(State(twin): State<Telegram>) -> Response {
    Json(twin.conversation()).into_response()
}

async fn write(State(twin): State<Telegram>, Json(written): Json<Written>) -> Response {
    let chat = match chat_name(&twin, written.chat, written.thread) {
        Ok(chat) => chat,
        Err(error) => return bad_request(&error.to_string()),
    };
    let inbound = Inbound {
        name: "by-hand".to_owned(),
        chat,
        text: written.text,
        canary: None,
        mention: false,
        reply_to: None,
        forged: None,
        image: picture(written.image.as_deref()),
        events: None,
        apart: Duration::ZERO,
    };
    let id = twin.deliver(&inbound);
    Json(json!({ "chat": written.chat, "message_id": id })).into_response()
}

async fn refuse(State(twin): State<Telegram>, Json(refusal): Json<Refusal>) -> Response {
    let Refusal { chat, status, retry_after } = refusal;
    if !(400..=599).contains(&status) {
        return bad_request(&format!("status {status} is no refusal: expected 400 to 599"));
    }
    match chat_name(&twin, chat, None) {
        Ok(chat) => twin.script(&chat, SendFault::Refuse { status, retry_after_s: retry_after }),
        Err(error) => return bad_request(&error.to_string()),
    }
    Json(json!({ "chat": chat, "status": status })).into_response()
}

/// The picture that a person sends, by its name.
fn picture(name: Option<&str>) -> Option<Picture> {
    name.map(|it| Picture::new(it, 0, false))
}

fn bad_request(what: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": what }))).into_response()
}

/// The name of a chat by its numbers, which exists from now on.
fn chat_name(twin: &Telegram, id: i64, thread: Option<i64>) -> Result<String, TelegramError> {
    let topic = thread.map(|it| it.to_string());
    let (sender, name, kind) = match (id, topic) {
        (1.., _) => (id, id.to_string(), ChatKind::Direct),
        (_, Some(topic)) => {
            let name = format!("{id}/{topic}");
            (PERSON, name, ChatKind::Group { id: id.to_string(), topic: Some(topic) })
        }
        (_, None) => (PERSON, id.to_string(), ChatKind::Group { id: id.to_string(), topic: None }),
    };
    let (channel, account) = (CHANNEL.to_owned(), ACCOUNT.to_owned());
    let chat = Chat { kind, ..Chat::direct(&channel, &account, &sender.to_string()) };
    if !twin.knows(&name) {
        twin.declare(&name, &chat, &[])?;
    }
    Ok(name)
}

#[expect(clippy::disallowed_methods, reason = "without a scenario, dates are the wall clock's")]
pub(crate) fn unix_now_s() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX))
}
