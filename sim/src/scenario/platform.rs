//! What a platform does that people do not: news in several events, forged calls, cut connections.

/// How a platform cuts its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// With this code.
    Close(u16),
    /// Without a word.
    Drop,
    /// By asking to connect again.
    Reconnect,
    /// By ending the session.
    Invalid,
    /// By saying nothing any more, on connections that stay open and on new ones.
    Silent,
}

/// What Slack calls the news of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a message in a conversation.
    Message,
    /// The bot is mentioned.
    AppMention,
}

impl Event {
    /// Slack's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::AppMention => "app_mention",
        }
    }
}

/// What is wrong with a call that somebody else makes in a platform's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// It is signed with another secret.
    WrongSecret,
    /// The signature is that of another body.
    OtherBody,
    /// The signature was right an hour ago. For platforms that sign the date.
    StaleDate,
    /// It is not signed.
    Unsigned,
}
