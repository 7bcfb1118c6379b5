//! The wall clock of a process under test, moved while its timers go on: libfaketime, with its offset in a file.
//!
//! What waits for a date, such as a credential that rests or a session that ends at night, is there at once. What waits by a
//! timer, such as a pause between two tries, takes as long as ever, so the clock is moved only while nothing is under way.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use creel_gateway::clock::WallClock;

use crate::recorder::Recorder;

/// Where Debian and its kind have the library, and where others have it.
const LIBRARIES: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
];

/// A clock that can be moved. A clone is another handle on the same one.
#[derive(Clone, Debug)]
pub(crate) struct Jumps {
    file: PathBuf,
    library: &'static str,
    offset_ms: Arc<Mutex<i64>>,
}

/// Where the library is, if this machine has it.
pub fn library() -> Option<&'static str> {
    LIBRARIES.into_iter().find(|it| Path::new(it).exists())
}

impl Jumps {
    /// A clock that shows this date, in milliseconds since 1970, and whose offset stands in this file.
    ///
    /// # Errors
    ///
    /// Says what is missing.
    pub(crate) fn new(file: PathBuf, unix_ms: i64) -> Result<Self, String> {
        let library = library().ok_or_else(|| {
            "its clock cannot be moved without libfaketime: install it (Debian: `apt install faketime`), or say `clock = \"wall\"` in the manifest".to_owned()
        })?;
        let jumps = Self { file, library, offset_ms: Arc::default() };
        jumps.show(unix_ms)?;
        Ok(jumps)
    }

    /// What the process needs in its environment.
    pub(crate) fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", self.library.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Lets the clock show this date, in milliseconds since 1970.
    pub(crate) fn show(&self, unix_ms: i64) -> Result<(), String> {
        self.set(unix_ms.saturating_sub(WallClock::system().now().as_unix_ms()))
    }

    /// Lets time pass for everybody: for the process, and for the facts.
    pub(crate) fn pass(&self, time: Duration, recorder: &Recorder) -> Result<(), String> {
        let by_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let offset_ms = *self.offset_ms.lock().expect("nothing panics while it holds an offset");
        self.set(offset_ms.saturating_add(by_ms))?;
        recorder.pass(time);
        Ok(())
    }

    fn set(&self, offset_ms: i64) -> Result<(), String> {
        self.write(offset_ms)?;
        *self.offset_ms.lock().expect("nothing panics while it holds an offset") = offset_ms;
        Ok(())
    }

    /// The file is replaced as a whole: the library reads it at every call.
    fn write(&self, offset_ms: i64) -> Result<(), String> {
        let sign = if offset_ms < 0 { '-' } else { '+' };
        let (seconds, ms) = (offset_ms.unsigned_abs() / 1_000, offset_ms.unsigned_abs() % 1_000);
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{sign}{seconds}.{ms:03}\n"))
            .and_then(|()| fs::rename(&next, &self.file))
            .map_err(|it| format!("move its clock by {}: {it}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_written_whole_and_adds_up() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("offset");
        let clock = Jumps { file: file.clone(), library: "", offset_ms: Arc::default() };
        let written = || fs::read_to_string(&file).unwrap();
        clock.set(-1_500).unwrap();
        assert_eq!(written(), "-1.500\n");
        let recorder = Recorder::new();
        clock.pass(Duration::from_millis(3_661_507), &recorder).unwrap();
        assert_eq!(written(), "+3660.007\n");
        assert!(recorder.now_us() >= 3_661_507_000);
        clock.show(0).unwrap();
        assert!(written().starts_with("-1"), "1970 is long ago: {}", written());
    }
}
