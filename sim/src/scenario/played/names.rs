//! The names of people and groups on the other channel.

use crate::twins::irc;

/// A channel, the one that stands for it, and what their names are to each other.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) from: String,
    pub(super) to: String,
}

impl Exchange {
    /// The exchange of one channel for another.
    ///
    /// # Errors
    ///
    /// If there is no way to play the one on the other.
    pub(super) fn new(from: &str, to: &str) -> Result<Self, String> {
        match (from, to) {
            ("telegram", "irc") => Ok(Self { from: from.to_owned(), to: to.to_owned() }),
            _ => Err(format!("there is no way to play {from} on {to}: only telegram on irc")),
        }
    }

    /// A person's nick: `u3001` for `3001`, since no nick begins with a digit.
    pub(super) fn person(id: &str) -> Result<String, String> {
        match id.parse::<u64>() {
            Ok(number) => Ok(format!("u{number}")),
            Err(_) => Err(format!("person like `{id}`")),
        }
    }

    /// A group's room: `#g100777` for `-100777`.
    pub(super) fn room(id: &str) -> Result<String, String> {
        match id.strip_prefix('-').map(str::parse::<u64>) {
            Some(Ok(number)) => Ok(format!("#g{number}")),
            _ => Err(format!("group like `{id}`")),
        }
    }

    /// Whichever of the two it is, with the space around it as it was. What means everybody stays.
    pub(super) fn peer(text: &str) -> Result<String, String> {
        let id = text.trim();
        let name = match id {
            "*" | "" => return Ok(text.to_owned()),
            _ if id.starts_with('-') => Self::room(id)?,
            _ => Self::person(id)?,
        };
        Ok(text.replacen(id, &name, 1))
    }

    /// Whom something is sent to: an id, alone or behind the channel's name.
    pub(super) fn recipient(&self, text: &str) -> Result<String, String> {
        let prefixes = [format!("{}:", self.from), "tg:".to_owned()];
        let behind = prefixes.iter().find_map(|it| text.strip_prefix(it.as_str()));
        match behind {
            Some(id) => Ok(format!("{}:{}", self.to, Self::peer(id)?)),
            None => Self::peer(text),
        }
    }

    /// Somebody in a list of those who are let in. A nick is anybody's, so that they are named with user and host.
    pub(super) fn allowed(&self, text: &str) -> Result<String, String> {
        let name = self.recipient(text)?;
        Ok(if name.contains('*') { name } else { irc::mask(&name) })
    }

    /// Whether a text is the channel's name, however it is written.
    pub(super) fn is_from(&self, text: &str) -> bool {
        text.trim().eq_ignore_ascii_case(&self.from)
    }

    /// The other channel's name, written as this one's was.
    pub(super) fn channel(&self, text: &str) -> String {
        let name = text.trim();
        let is_loud = name.chars().all(|it| !it.is_lowercase());
        let other = if is_loud { self.to.to_uppercase() } else { self.to.clone() };
        text.replacen(name, &other, 1)
    }

    /// A text with parts between colons, such as a session key: `agent:main:telegram:group:-100777`, or `telegram:3001`.
    pub(super) fn key(&self, text: &str) -> Result<String, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let Some(place) = parts.iter().position(|it| self.is_from(it)) else {
            return Ok(text.to_owned());
        };
        let mut parts: Vec<String> = parts.into_iter().map(str::to_owned).collect();
        for (index, part) in parts.iter_mut().enumerate().skip(place) {
            let is_id = part.trim_start_matches('-').parse::<u64>().is_ok();
            if index == place {
                *part = self.channel(part);
            } else if part == "topic" {
                return Err("topics".to_owned());
            } else if is_id {
                *part = Self::peer(part)?;
            }
        }
        Ok(parts.join(":"))
    }
}
