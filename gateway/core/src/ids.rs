//! One type per id, so that a sender cannot stand where an agent should.

use std::{fmt, sync::Arc};

/// An id was empty after trimming.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is empty: expected at least one character")]
pub struct Empty {
    /// Which kind of id.
    pub what: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $what:literal $normal:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id, trimmed and in its normal form.
            ///
            /// # Errors
            ///
            /// Refuses an id without a character in it.
            pub fn new(text: &str) -> Result<Self, Empty> {
                match text.trim() {
                    "" => Err(Empty { what: $what }),
                    found => Ok(Self($normal(found))),
                }
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

fn as_given(text: &str) -> Arc<str> {
    text.into()
}

fn lower_cased(text: &str) -> Arc<str> {
    text.to_lowercase().into()
}

ids! {
    /// An agent: its own workspace, model, credentials and sessions.
    AgentId "an agent id" lower_cased;
    /// A channel, for example `telegram`.
    Channel "a channel" lower_cased;
    /// An account on a channel, for example one bot.
    AccountId "an account id" lower_cased;
    /// A chat on a channel: a person's for a direct chat, else a group's or a channel's.
    PeerId "a peer id" as_given;
    /// A topic or thread inside a chat.
    ThreadId "a thread id" as_given;
    /// Whoever wrote a message.
    SenderId "a sender id" as_given;
    /// A message, as its platform numbers it inside its conversation.
    MessageId "a message id" as_given;
    /// A Discord guild.
    GuildId "a guild id" as_given;
    /// A Slack team.
    TeamId "a team id" as_given;
    /// A Discord role.
    RoleId "a role id" as_given;
    /// An approval of a call.
    ApprovalId "an approval id" as_given;
    /// A cron job.
    JobId "a job id" as_given;
    /// A model, as `provider/model`.
    ModelId "a model id" as_given;
    /// A model provider.
    ProviderId "a provider" as_given;
    /// A credential, by the name of its auth profile.
    ProfileId "an auth profile" as_given;
}

/// Counts runs of one gateway's life, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// Counts sends of one gateway's life, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SendId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run-{}", self.0)
    }
}

impl fmt::Display for SendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "send-{}", self.0)
    }
}

/// The `number`th word of a seed, by `SplitMix64`: its steps are bijections, so one seed repeats no word.
pub(crate) const fn word(seed: u64, number: u64) -> u64 {
    let mut word = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
