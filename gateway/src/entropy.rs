//! What nobody may guess: nonces and tokens. From the operating system, or from a seed inside a simulation.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::hmac;

/// A source of random bytes. A clone is the same source.
#[derive(Clone, Debug)]
pub enum Entropy {
    /// The operating system's.
    System,
    /// The same bytes for the same seed, in the same order.
    Seeded {
        /// Where they begin.
        seed: u64,
        /// How many were drawn.
        drawn: Arc<Mutex<u64>>,
    },
}

impl Entropy {
    /// A source for a simulation.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded { seed, drawn: Arc::default() }
    }

    /// 32 bytes.
    ///
    /// # Panics
    ///
    /// When the operating system has none: nothing that rests on it may go on.
    pub fn draw(&self) -> [u8; 32] {
        match self {
            Self::System => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes).expect("the operating system has random bytes");
                bytes
            }
            Self::Seeded { seed, drawn } => {
                let mut drawn = drawn.lock().expect("no holder of this lock panics");
                *drawn += 1;
                let key = hmac::Key::new(hmac::HMAC_SHA256, &seed.to_le_bytes());
                let tag = hmac::sign(&key, &drawn.to_le_bytes());
                tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
            }
        }
    }

    /// 32 bytes as a text of 43 letters that may stand in an address.
    pub fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.draw())
    }

    /// A name that nothing else bears, in the form of a UUID of version 4.
    pub fn uuid(&self) -> String {
        let mut bytes = self.draw();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let groups = [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..16]];
        groups.map(hex).join("-")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_again_and_no_bytes_twice() {
        let (one, other) = (Entropy::seeded(1), Entropy::seeded(1));
        let drawn = one.draw();
        assert_eq!(drawn, other.draw());
        assert_ne!(drawn, one.draw());
        assert_ne!(drawn, Entropy::seeded(2).draw());
        assert_ne!(Entropy::System.draw(), Entropy::System.draw());
    }

    #[test]
    fn names_have_the_form_of_a_uuid() {
        let name = Entropy::seeded(1).uuid();
        let lengths: Vec<usize> = name.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(name.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&name.as_bytes()[19]), "{name}");
    }
}
