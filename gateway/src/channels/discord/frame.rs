//! The Gateway's frames: what we say, and what we understand of what it says.

use serde::Deserialize;
use serde_json::{Value, json};

/// Guilds with their channels and threads, messages in them, direct messages, and the words in all of these.
const INTENTS: u32 = 1 << 0 | 1 << 9 | 1 << 12 | 1 << 15;

/// A frame as it comes.
#[derive(Debug, Deserialize)]
pub(super) struct Raw {
    op: u8,
    #[serde(default)]
    d: Value,
    s: Option<u64>,
    t: Option<String>,
}

/// What a frame says.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// Something happened: op 0, its number, its name and what.
    Event { seq: u64, name: String, what: Value },
    /// Op 1: the platform wants a heartbeat now.
    WantsHeartbeat,
    /// Op 7: connect again and resume.
    Reconnect,
    /// Op 9: there is no such session, or it cannot be taken up here.
    InvalidSession { resumable: bool },
    /// Op 10, with the time between two heartbeats in milliseconds.
    Hello { interval_ms: u64 },
    /// Op 11.
    HeartbeatHeard,
    /// What we have no use for.
    Other(u8),
}

/// Reads a frame; none if it is not one.
pub(super) fn read(text: &str) -> Option<Frame> {
    let Raw { op, d, s, t } = serde_json::from_str(text).ok()?;
    Some(match op {
        0 => Frame::Event { seq: s?, name: t?, what: d },
        1 => Frame::WantsHeartbeat,
        7 => Frame::Reconnect,
        9 => Frame::InvalidSession { resumable: d == json!(true) },
        10 => Frame::Hello { interval_ms: d.get("heartbeat_interval")?.as_u64()? },
        11 => Frame::HeartbeatHeard,
        other => Frame::Other(other),
    })
}

pub(super) fn heartbeat(seq: Option<u64>) -> String {
    json!({ "op": 1, "d": seq }).to_string()
}

pub(super) fn identify(token: &str) -> String {
    let properties = json!({ "os": std::env::consts::OS, "browser": "creel", "device": "creel" });
    let d = json!({ "token": token, "intents": INTENTS, "properties": properties });
    json!({ "op": 2, "d": d }).to_string()
}

pub(super) fn resume(token: &str, session: &str, seq: u64) -> String {
    json!({ "op": 6, "d": { "token": token, "session_id": session, "seq": seq } }).to_string()
}

/// The bot itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Me {
    pub(super) id: String,
    #[serde(default)]
    pub(super) username: String,
}

/// The event `READY`.
#[derive(Debug, Deserialize)]
pub(super) struct Ready {
    pub(super) user: Me,
    pub(super) session_id: String,
    pub(super) resume_gateway_url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let event = Frame::Event { seq: 3, name: "RESUMED".into(), what: Value::Null };
        assert_eq!(read(r#"{"op":0,"s":3,"t":"RESUMED","d":null}"#), Some(event));
        assert_eq!(read(r#"{"op":9,"d":true}"#), Some(Frame::InvalidSession { resumable: true }));
        assert_eq!(read(r#"{"op":9,"d":null}"#), Some(Frame::InvalidSession { resumable: false }));
        let hello = Some(Frame::Hello { interval_ms: 41_250 });
        assert_eq!(read(r#"{"op":10,"d":{"heartbeat_interval":41250}}"#), hello);
        assert_eq!(read(r#"{"op":10,"d":{}}"#), None);
        assert_eq!(read("not JSON"), None);
    }

    #[test]
    fn the_heartbeat_before_any_event_has_no_number() {
        assert_eq!(heartbeat(None), r#"{"d":null,"op":1}"#);
    }
}
