//! One connection: lines in, lines out, and the end of clients that fall silent, flood, or leave.

use std::{net::SocketAddr, time::Duration};

use creel_judge::trace::Kind;
use tokio::{
    io::{
        AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader,
    },
    sync::mpsc::Receiver,
    time::{Instant, sleep_until},
};

use super::{
    Irc, SERVER, commands,
    line::{Command, LINE_BYTES_MAX, TAGS_BYTES_MAX},
    state::Out,
};

/// How long a client may say nothing before it is asked whether it is there.
const IDLE_MAX: Duration = Duration::from_mins(2);

/// How long it may take to answer, or to register.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// How many lines a client may send within [`FLOOD_WITHIN`].
const FLOOD_LINES_MAX: usize = 250;

const FLOOD_WITHIN: Duration = Duration::from_secs(10);

/// Serves a connection until one side ends it.
pub(super) async fn attend<S>(twin: Irc, stream: S, from: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    let (number, mut orders) = twin.state().seat(from.ip().to_string());
    let mut silence = Silence::begin();
    let mut flood = Flood::default();
    let mut bytes = Vec::new();
    let reason = loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Out::Line { text, message }) => if !write(&mut writer, &text).await {
                    break "Connection reset by peer";
                } else if let Some(message) = message {
                    twin.state().recorder.record(Kind::Fetched { message });
                },
                Some(Out::Close) | None => break "Closed",
            },
            () = sleep_until(silence.until) => if silence.is_asked {
                twin.state().tell(number, "ERROR :Closing Link: Ping timeout");
                drain(&mut orders, &mut writer).await;
                break "Ping timeout";
            } else {
                silence = silence.asked();
                twin.state().tell(number, format!("PING :{SERVER}"));
            },
            read = read_line(&mut reader, &mut bytes) => {
                let Some(length) = read else { break "Connection closed" };
                silence = Silence::begin();
                if flood.is_too_much() {
                    twin.state().tell(number, "ERROR :Closing Link: Excess Flood");
                    drain(&mut orders, &mut writer).await;
                    break "Excess Flood";
                }
                hear(&twin, number, (&bytes, length));
                bytes.clear();
            }
        }
    };
    twin.state().leave(number, reason);
    // The peer may be gone already.
    _ = writer.shutdown().await;
}

/// Takes a line, of which `kept` is what was kept of its `length` bytes.
fn hear(twin: &Irc, number: u64, (kept, length): (&[u8], usize)) {
    let text = String::from_utf8_lossy(kept);
    let text = text.trim_end_matches(['\r', '\n']);
    let tags = if text.starts_with('@') { text.find(' ').map_or(length, |it| it + 1) } else { 0 };
    let mut state = twin.state();
    if length.saturating_sub(tags) > LINE_BYTES_MAX || tags > TAGS_BYTES_MAX {
        return state.answer(number, 417, ":Input line was too long");
    }
    if !state.recorder.admit_request() {
        return;
    }
    if let Some(command) = Command::parse(text) {
        commands::perform(&mut state, number, &command);
    }
}

/// Reads a line into `kept`, as much of it as may ever be looked at, and says how long it was; none at the end. What was
/// read of a line stays when the future is dropped.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), kept: &mut Vec<u8>) -> Option<usize> {
    let mut length = kept.len();
    loop {
        let buffer = reader.fill_buf().await.ok()?;
        if buffer.is_empty() {
            return None;
        }
        let end = buffer.iter().position(|it| *it == b'\n').map(|it| it + 1);
        let taken = end.unwrap_or(buffer.len());
        let room = (LINE_BYTES_MAX + TAGS_BYTES_MAX + 1).saturating_sub(kept.len()).min(taken);
        kept.extend(buffer.iter().take(room));
        reader.consume(taken);
        length += taken;
        if end.is_some() {
            return Some(length);
        }
    }
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), line: &str) -> bool {
    let written = writer.write_all(format!("{line}\r\n").as_bytes()).await;
    written.is_ok() && writer.flush().await.is_ok()
}

/// Writes what is still to be said before the end.
async fn drain(orders: &mut Receiver<Out>, writer: &mut (impl AsyncWrite + Unpin)) {
    while let Ok(Out::Line { text, .. }) = orders.try_recv() {
        if !write(writer, &text).await {
            return;
        }
    }
}

/// How long a client has been silent.
struct Silence {
    until: Instant,
    is_asked: bool,
}

impl Silence {
    #[expect(
        clippy::disallowed_methods,
        reason = "a limit of the connection's, which no fact tells"
    )]
    fn begin() -> Self {
        Self { until: Instant::now() + IDLE_MAX, is_asked: false }
    }

    fn asked(self) -> Self {
        Self { until: self.until + ANSWER_WITHIN, is_asked: true }
    }
}

/// When a client's latest lines came.
#[derive(Default)]
struct Flood(std::collections::VecDeque<Instant>);

impl Flood {
    /// Counts a line.
    #[expect(
        clippy::disallowed_methods,
        reason = "a limit of the connection's, which no fact tells"
    )]
    fn is_too_much(&mut self) -> bool {
        let now = Instant::now();
        self.0.push_back(now);
        while self.0.front().is_some_and(|it| now.duration_since(*it) > FLOOD_WITHIN) {
            self.0.pop_front();
        }
        self.0.len() > FLOOD_LINES_MAX
    }
}
