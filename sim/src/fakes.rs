//! Fake gateways: a small honest one, and the same with one lie each.
//!
//! A suite that can be trusted fails every gateway that lies, and passes one that does not lie although it is nothing like
//! the reference: this one shares no code with it but the HTTP client. It speaks Telegram and OpenAI, knows `collect` and
//! `followup`, and leaves out whatever the named scenarios do not need. A lie is one deviation at one place, looked up
//! by `Fake::tells`.

mod gateway;
mod lies;
mod outside;
mod parts;
mod rooms;

pub use self::lies::Lie;

/// A fake gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fake {
    /// It does what it says.
    Honest,
    /// It does, but for this.
    Liar(Lie),
}

impl Fake {
    /// Its name, as reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Liar(lie) => lie.name(),
        }
    }

    /// Whether it tells this lie.
    fn tells(self, lie: Lie) -> bool {
        self == Self::Liar(lie)
    }
}

pub(crate) use gateway::run;
