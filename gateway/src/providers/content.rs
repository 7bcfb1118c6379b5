//! What a message holds: words, or words and pictures.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer};

use crate::media::{Picture, Unavailable};

/// What a message holds.
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
    /// Words with pictures. In the place of a picture that cannot be had, the words say so.
    pub(super) fn of(
        text: &'a str,
        pictures: impl Iterator<Item = &'a Result<Picture, Unavailable>>,
    ) -> Self {
        let (mut words, mut shown) = (text.to_owned(), Vec::new());
        for picture in pictures {
            match picture {
                Ok(picture) => shown.push(Part::ImageUrl { image_url: data_address(picture) }),
                Err(why) => words.extend(["\n[media unavailable: ", &why.to_string(), "]"]),
            }
        }
        if shown.is_empty() && words == text {
            return Self::Text(text);
        }
        shown.insert(0, Part::Text { text: words });
        Self::Parts(shown)
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

fn data_address(Picture { mime, bytes }: &Picture) -> ImageUrl {
    ImageUrl { url: format!("data:{mime};base64,{}", BASE64_STANDARD.encode(bytes)) }
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
