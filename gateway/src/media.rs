//! Pictures: fetched for the model when its turn asks, and for people when an answer shows them.
//!
//! What a picture is says its beginning, not its name or what others call it. A picture that cannot be had never takes
//! its words with it: they go on, and say what is missing.

mod folder;
mod form;
mod host;
mod outbound;
mod public;
mod store;

use std::time::Duration;

use bytes::Bytes;
use creel_core::egress::Outgoing;

pub(crate) use self::public::is_public;
pub use self::{folder::Folder, form::Form, host::is_platform, outbound::load, store::Store};

/// The largest picture that a model is shown, in bytes.
pub const MODEL_BYTES_MAX: usize = 10 * MIB;

/// A mebibyte, the unit of `mediaMaxMb`.
pub const MIB: usize = 1024 * 1024;

/// The slowest line over which a picture is given to a platform, in bytes a second.
const UPLOAD_BYTES_PER_S: usize = 64 * 1024;

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its media type, by its first bytes.
    pub mime: &'static str,
    /// It.
    pub bytes: Bytes,
}

/// Why a picture cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// It is larger than this many bytes.
    #[error("the image is larger than {}", shown_size(*.0))]
    TooLarge(usize),
    /// It is none of the kinds that everybody can show.
    #[error("it is not an image that can be shown, expected PNG, JPEG, GIF or WebP")]
    NotAnImage,
    /// It may not be taken from where it is.
    #[error("it may not be taken from there: {0}")]
    NotAllowed(&'static str),
    /// The platform did not take it.
    #[error("the platform refused it")]
    Refused,
    /// It did not come.
    #[error("it could not be fetched")]
    NotFetched,
}

impl Picture {
    /// The picture that these bytes are.
    ///
    /// # Errors
    ///
    /// Refuses more than `bytes_max` bytes, and what is no picture.
    pub fn new(bytes: Bytes, bytes_max: usize) -> Result<Self, Unavailable> {
        if bytes.len() > bytes_max {
            return Err(Unavailable::TooLarge(bytes_max));
        }
        let mime = mime(&bytes).ok_or(Unavailable::NotAnImage)?;
        Ok(Self { mime, bytes })
    }

    /// What came of asking a platform for it: its content, none if that is more than `bytes_max`, or why it did not come.
    ///
    /// # Errors
    ///
    /// Says why it cannot be shown.
    pub fn fetched(
        content: Result<Option<Bytes>, impl std::fmt::Display>,
        bytes_max: usize,
    ) -> Result<Self, Unavailable> {
        match content {
            Ok(Some(bytes)) => Self::new(bytes, bytes_max),
            Ok(None) => Err(Unavailable::TooLarge(bytes_max)),
            Err(failure) => {
                tracing::warn!(%failure, "fetch an image");
                Err(Unavailable::NotFetched)
            }
        }
    }

    /// How long it may be on its way to a platform, beyond what an answer takes.
    pub fn upload_wait(&self) -> Duration {
        let seconds = self.bytes.len().div_ceil(UPLOAD_BYTES_PER_S);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX))
    }

    /// A name for it, where a platform wants one.
    pub fn file_name(&self) -> String {
        format!("image.{}", self.mime.rsplit('/').next().unwrap_or("bin"))
    }
}

/// The words of a piece whose image cannot be shown, which say so.
pub fn without_image(outgoing: &Outgoing, why: &Unavailable) -> Outgoing {
    tracing::warn!(%why, "an image of an answer is not shown");
    let Outgoing { text, .. } = outgoing;
    let gap = if text.is_empty() { "" } else { "\n" };
    let text = format!("{text}{gap}(An image is missing here: {why}.)");
    Outgoing { text, image: None, ..outgoing.clone() }
}

fn mime(bytes: &[u8]) -> Option<&'static str> {
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    let begins = [
        (&b"\x89PNG\r\n\x1a\n"[..], "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
    ];
    let found = begins.into_iter().find(|(start, _)| bytes.starts_with(start));
    found.map(|(_, mime)| mime).or(is_webp.then_some("image/webp"))
}

fn shown_size(bytes: usize) -> String {
    if bytes.is_multiple_of(MIB) { format!("{} MB", bytes / MIB) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_what_its_first_bytes_say() {
        let kind = |bytes: &'static [u8]| {
            Picture::new(Bytes::from_static(bytes), 100).map(|it| it.mime).ok()
        };
        assert_eq!(kind(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(kind(b"GIF89a..."), Some("image/gif"));
        assert_eq!(kind(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(kind(b"<svg/>"), None);
        assert_eq!(kind(b""), None);
    }

    #[test]
    fn a_large_picture_may_take_longer_to_arrive() {
        let of = |bytes: usize| Picture { mime: "image/png", bytes: vec![0; bytes].into() };
        assert_eq!(of(0).upload_wait(), Duration::ZERO);
        assert_eq!(of(1).upload_wait(), Duration::from_secs(1));
        assert_eq!(of(10 * MIB).upload_wait(), Duration::from_secs(160));
    }

    #[test]
    fn a_size_is_told_in_a_unit_that_reads_well() {
        assert_eq!(Unavailable::TooLarge(2 * MIB).to_string(), "the image is larger than 2 MB");
        assert_eq!(Unavailable::TooLarge(5).to_string(), "the image is larger than 5 bytes");
    }
}
