//! Which tools an agent may use: deny first, then each list of what is allowed must hold the tool.
//!
//! Layers only narrow: profile, `tools`, the agent's `tools` and, in sub-agents, `tools.subagents.tools`. A layer
//! without an `allow` list allows everything that it does not deny.

use super::{ToolOwner, ToolSpec, builtin};

/// All tools of `mcp.servers`, by the two names that configurations use.
const SERVERS: [&str; 2] = ["bundle-mcp", "group:plugins"];

/// The gateway's own tools by group.
const GROUPS: [(&str, &[&str]); 4] = [
    ("group:automation", &[builtin::GATEWAY]),
    (
        "group:sessions",
        &[
            builtin::SESSIONS_LIST,
            builtin::SESSIONS_HISTORY,
            builtin::SESSIONS_SEND,
            builtin::SESSIONS_SPAWN,
        ],
    ),
    ("group:messaging", &[builtin::MESSAGE]),
    (
        "group:openclaw",
        &[
            builtin::GATEWAY,
            builtin::SESSIONS_LIST,
            builtin::SESSIONS_HISTORY,
            builtin::SESSIONS_SEND,
            builtin::SESSIONS_SPAWN,
            builtin::MESSAGE,
        ],
    ),
];

/// What `tools.profile` allows, by its name; none is all.
const PROFILES: [(&str, Option<&[&str]>); 4] = [
    ("minimal", Some(&["session_status"])),
    ("coding", Some(&["group:fs", "group:runtime", "group:web", "group:sessions", "bundle-mcp"])),
    ("messaging", Some(&["group:messaging", "group:sessions", "session_status", "bundle-mcp"])),
    ("full", None),
];

/// The names of the profiles.
pub const PROFILE_NAMES: [&str; 4] = [PROFILES[0].0, PROFILES[1].0, PROFILES[2].0, PROFILES[3].0];

/// Names of tools, with `*` for any letters, and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolNames(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// Lower-cased, with `*` for any letters.
    Glob(String),
    /// Every tool of `mcp.servers`.
    Servers,
}

impl ToolNames {
    /// Names as the configuration has them; case does not matter. A group that holds none of our tools matches none.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut patterns = Vec::new();
        for name in names {
            let name = name.trim().to_lowercase();
            let group = GROUPS.iter().find(|(group, _)| *group == name);
            match group {
                Some((_, tools)) => {
                    patterns.extend(tools.iter().map(|it| Pattern::Glob((*it).to_owned())));
                }
                None if SERVERS.contains(&name.as_str()) => patterns.push(Pattern::Servers),
                None => patterns.push(Pattern::Glob(name)),
            }
        }
        Self(patterns)
    }

    /// Whether a tool is among them.
    pub fn hold(&self, tool: &ToolSpec) -> bool {
        let name = tool.name.as_str().to_lowercase();
        self.0.iter().any(|it| match it {
            Pattern::Glob(pattern) => is_match(pattern, &name),
            Pattern::Servers => matches!(tool.owner, ToolOwner::Server(_)),
        })
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a text matches a pattern in which `*` stands for any letters.
pub fn is_match(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// One layer's lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// What is allowed; empty is everything.
    pub allow: ToolNames,
    /// What is denied, whatever else allows it.
    pub deny: ToolNames,
}

impl Layer {
    /// Whether it lets a tool through.
    pub fn allows(&self, tool: &ToolSpec) -> bool {
        !self.deny.hold(tool) && (self.allow.is_empty() || self.allow.hold(tool))
    }
}

/// Which tools an agent may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    layers: Vec<Layer>,
}

impl Policy {
    /// A policy of these layers. Their order does not matter.
    pub fn of(layers: impl IntoIterator<Item = Layer>) -> Self {
        Self { layers: layers.into_iter().collect() }
    }

    /// The layer of `tools.profile`, with `tools.alsoAllow` beside what the profile allows. None of a name that no
    /// profile has.
    pub fn profile(name: &str, also: &[&str]) -> Option<Layer> {
        let (_, allowed) = PROFILES.iter().find(|(known, _)| *known == name)?;
        let allow = allowed.map(|it| ToolNames::of(it.iter().chain(also).copied()));
        Some(Layer { allow: allow.unwrap_or_default(), deny: ToolNames::default() })
    }

    /// Whether a tool may be used.
    pub fn allows(&self, tool: &ToolSpec) -> bool {
        self.layers.iter().all(|it| it.allows(tool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        owners::Authority,
        tools::{Consent, ServerName, ToolName},
    };

    fn tools() -> Vec<ToolSpec> {
        let foreign = ["notes__read", "notes__write", "mail__send"].map(|name| ToolSpec {
            name: ToolName::nearest(name),
            description: "".into(),
            parameters: "{}".into(),
            owner: ToolOwner::Server(ServerName(name.split("__").next().unwrap().into())),
            parallel: false,
            least: Authority::Guest,
            consent: Consent::Free,
        });
        builtin::specs().into_iter().chain(foreign).collect()
    }

    fn layer(allow: &[&str], deny: &[&str]) -> Layer {
        let of = |it: &[&str]| ToolNames::of(it.iter().copied());
        Layer { allow: of(allow), deny: of(deny) }
    }

    #[track_caller]
    fn check(layers: Vec<Layer>, expected: &str) {
        let policy = Policy::of(layers);
        let tools = tools();
        let allowed: Vec<_> =
            tools.iter().filter(|it| policy.allows(it)).map(|it| it.name.as_str()).collect();
        assert_eq!(allowed.join(" "), expected);
    }

    #[test]
    fn without_a_list_everything_is_allowed() {
        let all = "gateway message sessions_history sessions_list sessions_send sessions_spawn notes__read notes__write mail__send";
        check(vec![], all);
        check(vec![layer(&[], &[])], all);
        check(vec![Policy::profile("full", &[]).unwrap()], all);
    }

    #[test]
    fn deny_wins_over_allow() {
        check(vec![layer(&["notes__*"], &["NOTES__write"])], "notes__read");
        check(vec![layer(&["*"], &["*"])], "");
        check(vec![layer(&["mail__send"], &[]), layer(&[], &["mail__*"])], "");
    }

    #[test]
    fn layers_only_narrow() {
        check(vec![layer(&["notes__*"], &[]), layer(&["*__read", "message"], &[])], "notes__read");
    }

    #[test]
    fn groups_stand_for_their_tools() {
        let lists = "sessions_history sessions_list sessions_send sessions_spawn";
        check(vec![layer(&["group:sessions"], &[])], lists);
        check(
            vec![layer(&["bundle-mcp"], &["group:messaging"])],
            "notes__read notes__write mail__send",
        );
        check(vec![layer(&["group:fs"], &[])], "");
        check(vec![layer(&[], &["group:openclaw", "group:plugins"])], "");
    }

    #[test]
    fn a_profile_allows_its_groups_and_what_is_added() {
        check(vec![Policy::profile("minimal", &[]).unwrap()], "");
        check(vec![Policy::profile("minimal", &["notes__read"]).unwrap()], "notes__read");
        let messaging = Policy::profile("messaging", &[]).unwrap();
        check(
            vec![messaging, layer(&[], &["bundle-mcp"])],
            "message sessions_history sessions_list sessions_send sessions_spawn",
        );
        assert_eq!(Policy::profile("everything", &[]), None);
    }

    /// A tool that is in no group would be one that nobody's lists deny.
    #[test]
    fn every_tool_of_ours_is_in_a_group() {
        let policy = Policy::of([layer(&[], &["group:openclaw"])]);
        assert!(builtin::specs().iter().all(|it| !policy.allows(it)));
    }

    #[test]
    fn stars_stand_for_any_letters() {
        let yes = [
            ("*", ""),
            ("a*", "a"),
            ("a*c", "abc"),
            ("*b*", "abc"),
            ("a*b*c", "axbxc"),
            ("abc", "abc"),
        ];
        let no = [("a", "ab"), ("a*c", "ab"), ("*b", "abc"), ("a*a", "a"), ("ab*bc", "abc")];
        assert!(yes.iter().all(|(pattern, text)| is_match(pattern, text)));
        assert!(no.iter().all(|(pattern, text)| !is_match(pattern, text)));
    }
}
