//! What people said and showed: words, or words and pictures.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer};

use crate::media::{Picture, Unavailable};

/// What a person said and showed, for a protocol to write down.
#[derive(Debug)]
pub(super) struct Spoken<'a> {
    pub(super) words: Cow<'a, str>,
    pub(super) pictures: Vec<&'a Picture>,
}

impl<'a> Spoken<'a> {
    /// Words with pictures. In the place of a picture that cannot be had, the words say so.
    pub(super) fn of(
        text: &'a str,
        pictures: impl Iterator<Item = &'a Result<Picture, Unavailable>>,
    ) -> Self {
        let mut spoken = Self { words: text.into(), pictures: Vec::new() };
        for picture in pictures {
            match picture {
                Ok(picture) => spoken.pictures.push(picture),
                Err(why) => {
                    let lost = ["\n[media unavailable: ", &why.to_string(), "]"];
                    spoken.words.to_mut().extend(lost);
                }
            }
        }
        spoken
    }
}

/// What a message of a chat completion holds.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// Words alone.
    Text(&'a str),
    /// Words, and what else there is.
    Parts(Vec<Part>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Debug, Serialize)]
pub(super) struct ImageUrl {
    url: String,
}

impl<'a> Content<'a> {
    /// What was said: a text where there is nothing else.
    pub(super) fn of(
        text: &'a str,
        pictures: impl Iterator<Item = &'a Result<Picture, Unavailable>>,
    ) -> Self {
        let Spoken { words, pictures } = Spoken::of(text, pictures);
        if let (Cow::Borrowed(text), true) = (&words, pictures.is_empty()) {
            return Self::Text(text);
        }
        let shown = pictures
            .into_iter()
            .map(|it| Part::ImageUrl { image_url: ImageUrl { url: data_address(it) } });
        let words = Part::Text { text: words.into_owned() };
        Self::Parts(std::iter::once(words).chain(shown).collect())
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Parts(parts) => parts.serialize(serializer),
        }
    }
}

/// A picture as an address that holds all of it.
pub(super) fn data_address(picture: &Picture) -> String {
    format!("data:{};base64,{}", picture.mime, base64(picture))
}

/// A picture's bytes as a text.
pub(super) fn base64(picture: &Picture) -> String {
    BASE64_STANDARD.encode(&picture.bytes)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(pictures: &[Result<Picture, Unavailable>], expected: &serde_json::Value) {
        let content = Content::of("look", pictures.iter());
        assert_eq!(serde_json::to_value(&content).unwrap(), *expected);
    }

    #[test]
    fn pictures_stand_behind_the_words_and_words_alone_are_a_text() {
        let picture = Picture { mime: "image/png", bytes: Bytes::from_static(b"abc") };
        check(&[], &json!("look"));
        check(
            &[Ok(picture), Err(Unavailable::NotFetched)],
            &json!([
                {"type": "text", "text": "look\n[media unavailable: it could not be fetched]"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}},
            ]),
        );
    }
}
