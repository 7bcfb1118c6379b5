//! What was logged lately, for clients that ask: a bounded ring of lines, each with its place among all that were written.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard},
};

use creel_core::time::WallTime;
use serde_json::{Value, json};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};

use crate::clock::WallClock;

/// How much is kept, in bytes.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// The last lines of the log. A clone is the same log.
#[derive(Clone, Debug, Default)]
pub struct Tail(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<String>,
    bytes: usize,
    /// How many bytes were written in all, those that are gone too, counted from `began`.
    written: u64,
    /// Where the first line began.
    began: u64,
}

/// Some of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where the next ones begin.
    pub cursor: u64,
    /// How many bytes are kept.
    pub bytes: usize,
    /// The lines, oldest first.
    pub lines: Vec<String>,
    /// Whether some before them were left out.
    pub truncated: bool,
    /// Whether the cursor was one of another log, such as an earlier life's of the gateway.
    pub reset: bool,
}

/// A log begins so many bytes after one that began a millisecond earlier: no log is written faster for long, so that a place in
/// one is none in the next. A program that reads numbers as floats still tells them apart.
const APART_BYTES_A_MS: u64 = 1_024;

impl Tail {
    /// The log of a process that began then.
    pub fn beginning(at: WallTime) -> Self {
        let began = u64::try_from(at.as_unix_ms()).unwrap_or_default() * APART_BYTES_A_MS;
        Self(Arc::new(Mutex::new(Ring { written: began, began, ..Ring::default() })))
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// Adds a line.
    pub fn push(&self, line: String) {
        let mut ring = self.ring();
        let bytes = line.len() + 1;
        ring.bytes += bytes;
        ring.written += bytes as u64;
        ring.lines.push_back(line);
        while ring.bytes > KEPT_BYTES_MAX {
            let Some(gone) = ring.lines.pop_front() else { return };
            ring.bytes -= gone.len() + 1;
        }
    }

    /// The lines after `cursor`, or the last ones: at most so many, and at most so many bytes.
    pub fn after(&self, cursor: Option<u64>, (lines_max, bytes_max): (usize, usize)) -> Page {
        let ring = self.ring();
        let reset = cursor.is_some_and(|it| it > ring.written || it < ring.began);
        let since = cursor.filter(|_| !reset).unwrap_or_default();
        let mut begins = ring.written - ring.bytes as u64;
        let mut truncated = cursor.is_some() && !reset && since < begins;
        let mut found: VecDeque<&String> = VecDeque::new();
        let mut bytes = 0;
        for line in &ring.lines {
            if begins >= since {
                found.push_back(line);
                bytes += line.len() + 1;
            }
            begins += line.len() as u64 + 1;
            while found.len() > lines_max || bytes > bytes_max {
                let Some(left_out) = found.pop_front() else { break };
                bytes -= left_out.len() + 1;
                truncated = true;
            }
        }
        let lines = found.into_iter().cloned().collect();
        Page { cursor: ring.written, bytes: ring.bytes, lines, truncated, reset }
    }
}

/// Writes what is logged into a [`Tail`], one JSON object a line, as clients of OpenClaw lay it out.
#[derive(Debug)]
pub struct Tailing {
    /// Where to.
    pub tail: Tail,
    /// What dates the lines.
    pub clock: WallClock,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Tailing {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut said = Said::default();
        attributes.record(&mut said);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(said);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        // What is done on behalf of a run says so, with the model and the credential.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(around) = span.extensions().get::<Said>() {
                said.add(around);
            }
        }
        let message = &said.message;
        let add = |fields: String, (name, value): &(_, _)| fields + &format!(" {name}={value}");
        let fields = said.fields.iter().fold(String::new(), add);
        let metadata = event.metadata();
        let subsystem = metadata.target().rsplit("::").next().unwrap_or_default();
        let level = match *metadata.level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARN",
            Level::INFO => "INFO",
            Level::DEBUG => "DEBUG",
            Level::TRACE => "TRACE",
        };
        let at = self.clock.now().to_string();
        let named = json!({ "subsystem": subsystem }).to_string();
        let line: Value = json!({
            "0": named, "1": format!("{message}{fields}"),
            "_meta": { "logLevelName": level, "date": at, "name": named }, "time": at,
        });
        self.tail.push(line.to_string());
    }
}

#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Said {
    /// Adds what is said around it, unless it is said here already.
    fn add(&mut self, around: &Self) {
        for (name, value) in &around.fields {
            if !self.fields.iter().any(|it| it.0 == *name) {
                self.fields.push((name, value.clone()));
            }
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            write!(self.message, "{value:?}").expect("writing to a string");
        } else {
            self.fields.push((field.name(), format!("{value:?}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn lines(tail: &Tail, cursor: Option<u64>, lines_max: usize) -> (String, u64, bool, bool) {
        let Page { cursor, lines, truncated, reset, .. } =
            tail.after(cursor, (lines_max, 1_000_000));
        (lines.join(" "), cursor, truncated, reset)
    }

    #[test]
    fn whoever_follows_misses_nothing_and_sees_nothing_twice() {
        let tail = Tail::default();
        assert_eq!(lines(&tail, None, 10), (String::new(), 0, false, false));
        tail.push("one".into());
        tail.push("two".into());
        assert_eq!(lines(&tail, None, 10), ("one two".into(), 8, false, false));
        assert_eq!(lines(&tail, None, 1), ("two".into(), 8, true, false));
        assert_eq!(lines(&tail, Some(4), 10), ("two".into(), 8, false, false));
        assert_eq!(lines(&tail, Some(8), 10), (String::new(), 8, false, false));
        assert_eq!(lines(&tail, Some(99), 10), ("one two".into(), 8, false, true));
    }

    #[test]
    fn a_place_in_one_log_is_none_in_the_next() {
        let [first, second] = [1_773_651_600_000, 1_773_651_601_000]
            .map(|it| Tail::beginning(WallTime::from_unix_ms(it)));
        first.push("one".into());
        let (_, cursor, ..) = lines(&first, None, 10);
        assert_eq!(lines(&first, Some(cursor), 10), (String::new(), cursor, false, false));
        second.push("two and more than one".into());
        let (found, _, truncated, reset) = lines(&second, Some(cursor), 10);
        assert_eq!((found.as_str(), truncated, reset), ("two and more than one", false, true));
    }

    #[test]
    fn a_line_says_what_it_is_about() {
        let tail = Tail::default();
        let tailing = Tailing { tail: tail.clone(), clock: WallClock::system() };
        let subscriber = tracing_subscriber::registry().with(tailing);
        tracing::subscriber::with_default(subscriber, || {
            let (run, model) = (7, "p/m");
            tracing::info_span!("model", run, %model).in_scope(|| {
                tracing::info!(run, status = 429, "model request failed");
                tracing::info_span!("inner", key = "k").in_scope(|| tracing::info!("asked"));
            });
            tracing::info!("over");
        });
        let said = |line: &String| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["1"].as_str().unwrap().to_owned()
        };
        let lines: Vec<String> = tail.after(None, (10, 10_000)).lines.iter().map(said).collect();
        assert_eq!(
            lines,
            [
                "model request failed run=7 status=429 model=p/m",
                "asked key=\"k\" run=7 model=p/m",
                "over"
            ]
        );
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let tail = Tail::default();
        for _ in 0..300 {
            tail.push("x".repeat(10_000));
        }
        let all = tail.after(Some(0), (10_000, usize::MAX));
        assert!(all.truncated && all.bytes <= KEPT_BYTES_MAX && all.lines.len() == 104);
        assert!(tail.after(None, (10_000, 25_000)).lines.len() == 2);
    }
}
