//! Images on their way: what a person attached to a message, and what an agent attaches to an answer.
//!
//! The core never has the picture of a platform: it knows where the shell finds it. So a transcript stays small, a
//! stranger's image is never fetched, and a slow download delays nobody but its own turn.
//!
//! Source: contract, sections 4 and 5; the documents on images.

use std::sync::Arc;

use crate::{ids::AgentId, origin::Route};

/// How many images one turn carries, of as many messages: each message shows its first.
pub const IMAGES_PER_TURN_MAX: usize = 4;

/// How many images of a conversation the model sees again in later turns, the last ones.
pub const IMAGES_KEPT_MAX: usize = 4;

/// What came with the words of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// A picture that the model can be shown.
    Image(Image),
    /// Anything else. The words name it.
    Other,
}

/// A picture, as its channel tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its media type, if the platform says so, such as `image/png`.
    pub mime: Option<Arc<str>>,
    /// Its size in bytes, if the platform says so.
    pub bytes: Option<u64>,
    /// Where it is.
    pub source: Source,
}

/// Where a picture is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The platform has it, under this name. Only the account that received it can ask.
    Platform(Arc<str>),
    /// It came with the message.
    Inline(Arc<[u8]>),
}

/// A picture that somebody showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where: its account can fetch it.
    pub route: Route,
    /// Which.
    pub image: Image,
}

impl Received {
    /// The picture of a message that is shown: its first.
    pub fn first_of(route: &Route, attachments: Vec<Attachment>) -> Option<Arc<Self>> {
        attachments.into_iter().find_map(|it| match it {
            Attachment::Image(image) => Some(Arc::new(Self { route: route.clone(), image })),
            Attachment::Other => None,
        })
    }
}

/// A picture that an agent shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Who shows it, and so which folder it may come from.
    pub agent: AgentId,
    /// Where it is: an address, or a path in the agent's workspace.
    pub source: Arc<str>,
}

/// What people said, and showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The words.
    pub text: Arc<str>,
    /// The pictures, at most [`IMAGES_PER_TURN_MAX`].
    pub images: Vec<Arc<Received>>,
}

impl Said {
    /// Words with pictures. The words tell of those that are too many.
    pub fn new(text: String, mut images: Vec<Arc<Received>>) -> Self {
        let extra = images.len().saturating_sub(IMAGES_PER_TURN_MAX);
        images.truncate(IMAGES_PER_TURN_MAX);
        let text =
            if extra == 0 { text } else { format!("{text}\n[{extra} more images are not shown]") };
        Self { text: text.into(), images }
    }

    /// Lets go of the pictures, and says so.
    pub fn forget_images(&mut self) {
        let images = match std::mem::take(&mut self.images).len() {
            1 => "1 earlier image is".to_owned(),
            count => format!("{count} earlier images are"),
        };
        self.text = format!("{}\n[{images} no longer kept]", self.text).into();
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self { text: text.into(), images: Vec::new() }
    }
}
