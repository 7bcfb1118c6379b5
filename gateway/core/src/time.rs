//! Time as the core knows it: handed in, never read.

use std::{fmt, ops::Add, time::Duration};

/// A span of time in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(u64);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `ms` milliseconds.
    pub const fn new(ms: u64) -> Self {
        Self(ms)
    }

    /// A span of `s` seconds.
    pub const fn from_s(s: u64) -> Self {
        Self(s * 1_000)
    }

    /// The span in milliseconds.
    pub const fn as_ms(self) -> u64 {
        self.0
    }
}

impl From<Millis> for Duration {
    fn from(span: Millis) -> Self {
        Self::from_millis(span.0)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms % 1_000 == 0 => write!(f, "{} s", ms / 1_000),
            ms => write!(f, "{ms} ms"),
        }
    }
}

/// A moment on the gateway's monotonic clock, in milliseconds since 1970 as the wall clock had it when the gateway started.
/// Durations are measured on it, so that a jump of the wall clock moves none; what an earlier life of the gateway left has
/// its place on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `ms` milliseconds after 1970 began.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970 began, as the wall clock had it at the start.
    pub const fn as_ms(self) -> u64 {
        self.0
    }
}

impl Timestamp {
    /// How long it is from `earlier` to this moment; no time if it is not earlier.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Millis> for Timestamp {
    type Output = Self;

    fn add(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// A moment on the wall clock, in milliseconds since 1970 in UTC. Calendar rules are read off it, and nothing else: it
/// may jump either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime(i64);

impl WallTime {
    /// The moment `ms` milliseconds after 1970 began.
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970 began.
    pub const fn as_unix_ms(self) -> i64 {
        self.0
    }
}

/// As ISO 8601 writes it, in UTC: `2026-03-16T09:00:00.5Z`. Beyond what a calendar counts it is a number.
impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => moment.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

/// The present moment, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For durations.
    pub monotonic: Timestamp,
    /// For calendar rules.
    pub wall: WallTime,
}

/// A world whose wall clock began with the gateway.
impl From<Timestamp> for Now {
    fn from(monotonic: Timestamp) -> Self {
        let ms = i64::try_from(monotonic.as_ms()).unwrap_or(i64::MAX);
        Self { monotonic, wall: WallTime::from_unix_ms(ms) }
    }
}
