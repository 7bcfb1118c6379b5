//! How far a run is: one line on a terminal, which goes again.

use std::io::{self, IsTerminal as _, Write as _};

/// A line on standard error, if that is a terminal.
pub(super) struct Progress {
    is_terminal: bool,
    done: usize,
    all: usize,
}

impl Progress {
    /// Of so many cases none is done.
    pub(super) fn new(all: usize) -> Self {
        let progress = Self { is_terminal: io::stderr().is_terminal(), done: 0, all };
        progress.write(&format!("0 of {all}"));
        progress
    }

    /// One more is done, and so many are not green.
    pub(super) fn show(&mut self, not_green: usize) {
        self.done += 1;
        self.write(&format!("{} of {}, {not_green} not green", self.done, self.all));
    }

    /// Makes place for a line.
    pub(super) fn hide(&self) {
        self.write("");
    }

    fn write(&self, text: &str) {
        if self.is_terminal {
            // Nobody is told less if it does not show.
            _ = write!(io::stderr(), "\r\u{1b}[K{text}");
            _ = io::stderr().flush();
        }
    }
}
