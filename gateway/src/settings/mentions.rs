//! `groupChat.mentionPatterns`, and the names in an agent's `identity`: by which words a message in a group speaks to an
//! agent.

use creel_core::mention::Mentions;
use serde::Deserialize;

use super::raw;

/// `groupChat`, of an agent or of all.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GroupChat {
    mention_patterns: Option<Vec<String>>,
}

/// `identity` of an agent.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Identity {
    name: Option<String>,
    emoji: Option<String>,
}

/// An agent's own patterns, else those of all, else its names. A list without a pattern is one too.
pub(super) fn mentions(
    document: &raw::Document,
    (path, agent): (&str, &raw::Agent),
    warnings: &mut Vec<String>,
) -> Mentions {
    let own = agent.group_chat.mention_patterns.as_ref();
    let general = document.messages.group_chat.mention_patterns.as_ref();
    let given = own.map(|it| (path, it)).or(general.map(|it| ("messages", it)));
    let Some((path, patterns)) = given else {
        let Identity { name, emoji } = &agent.identity;
        return Mentions::of_names([name, emoji].into_iter().flatten().map(String::as_str));
    };
    let (mentions, errors) = Mentions::of(patterns.iter().map(String::as_str));
    for error in errors {
        let warning = format!("{path}.groupChat.mentionPatterns: {error}, so it is left out");
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    mentions
}
