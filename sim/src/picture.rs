//! The pictures of a scenario: tiny PNGs, one for each name, that any client can read.
//!
//! A picture is one pixel, whose colour follows from the name, with the name beside it in a text chunk. So two names are two
//! pictures, and the trace can tell them apart by their digest.

use bytes::Bytes;
use creel_judge::trace;

/// The largest picture, in bytes.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The media type of all of them.
pub const MIME: &str = "image/png";

/// A picture that a person sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its name in the scenario.
    pub name: String,
    /// It.
    pub bytes: Bytes,
    /// The platform has lost it: whoever asks for it is told so.
    pub is_lost: bool,
}

impl Picture {
    /// The picture of a name, with zeros behind it up to this many bytes.
    pub fn new(name: &str, padded_to: usize, is_lost: bool) -> Self {
        let mut bytes = png(name);
        bytes.resize(bytes.len().max(padded_to.min(BYTES_MAX)), 0);
        Self { name: name.to_owned(), bytes: Bytes::from(bytes), is_lost }
    }

    /// The picture as a trace has it.
    pub fn seen(&self) -> String {
        trace::picture(MIME, &self.bytes)
    }
}

/// A small picture of the same thing, as platforms make them. It is another picture.
pub fn thumbnail(name: &str) -> Bytes {
    Bytes::from(png(&format!("thumbnail of {name}")))
}

/// Any picture as a trace has it: its type by its first bytes.
pub fn seen(bytes: &[u8]) -> String {
    let mime = match bytes {
        [0x89, b'P', b'N', b'G', ..] => MIME,
        [0xff, 0xd8, ..] => "image/jpeg",
        [b'G', b'I', b'F', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', ..] => "image/webp",
        _ => "application/octet-stream",
    };
    trace::picture(mime, bytes)
}

fn png(name: &str) -> Vec<u8> {
    let sum = name.bytes().fold(7_u32, |sum, it| sum.wrapping_mul(31).wrapping_add(it.into()));
    let [_, red, green, blue] = sum.to_be_bytes();
    let row = [0, red, green, blue];
    // One stored block of deflate, in a zlib stream.
    let mut data = vec![0x78, 0x01, 0x01, 4, 0, 0xfb, 0xff];
    data.extend(row);
    data.extend(adler32(&row).to_be_bytes());
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0];
    let text = format!("Title\0{name}");
    for (kind, content) in
        [(b"IHDR", &header[..]), (b"tEXt", text.as_bytes()), (b"IDAT", &data), (b"IEND", &[])]
    {
        bytes.extend(u32::try_from(content.len()).expect("a name is short").to_be_bytes());
        let start = bytes.len();
        bytes.extend(kind);
        bytes.extend(content);
        let sum = crc32(&bytes[start..]);
        bytes.extend(sum.to_be_bytes());
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |it, _| (it >> 1) ^ (0xedb8_8320 * (it & 1)))
    };
    !bytes.iter().fold(!0, step)
}

fn adler32(bytes: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    };
    let (a, b) = bytes.iter().fold((1, 0), step);
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn every_name_is_a_picture_of_its_own() {
        let seen: std::collections::BTreeSet<String> =
            ["cat", "dog", "thumbnail of cat"].map(|it| Picture::new(it, 0, false).seen()).into();
        assert_eq!(seen.len(), 3);
        assert_eq!(Picture::new("cat", 5_000, false).bytes.len(), 5_000);
    }
}
