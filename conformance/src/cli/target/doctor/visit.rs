//! One message to a target, and what is seen of it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use creel_judge::trace::{Kind, Trace};
use creel_sim::{
    scenario::{self, Scenario},
    target::{Target, install},
    world::{self, World, real::Keep},
};

use super::{Found, trouble};

/// What the provider says.
const ANSWER: &str = "I am well, thank you";

/// A channel, a person on it, and how a gateway gets that channel's messages.
pub(super) type Channel = (&'static str, &'static str, &'static str);

const CHANNELS: [Channel; 6] = [
    (
        "telegram",
        "3001",
        "`getUpdates` at `channels.telegram.apiRoot` with the account's `botToken`",
    ),
    ("discord", "3001", "the gateway socket that `channels.discord` leads to"),
    (
        "irc",
        "alice",
        "a client that registers at `channels.irc.host` and `port`, by the account's `nick` and `password`",
    ),
    ("slack", "U3001", "the Socket Mode connection that `channels.slack` leads to"),
    ("whatsapp", "+15550001", "calls at `/webhooks/whatsapp/<account>` on `{{ port }}`"),
    ("webhook", "alice", "calls at `/webhooks/webhook/<account>` on `{{ port }}`"),
];

/// How much is shown of what a target said, in lines.
const LINES_MAX: usize = 14;

/// A run of one message.
pub(super) struct Visit {
    world: World,
    scenario: Arc<Scenario>,
    profile: String,
    folder: PathBuf,
    is_kept: bool,
    /// The channel that it is tried on; none if it claims none, and is asked over HTTP.
    pub(super) channel: Option<Channel>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.is_kept {
            // If it cannot go, it is a temporary folder still.
            _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl Visit {
    /// Prepares a run under a profile.
    pub(super) fn new(target: Target, profile: &str, keep: Option<&Path>) -> Result<Self, String> {
        let claimed = |it: &&Channel| {
            target.claims.features.as_ref().is_none_or(|features| features.contains(it.0))
        };
        // One that plays a channel's scenarios on another is tried on that other.
        let stands_for = |it: &Channel| {
            let first = target.channels.get(it.0).and_then(|others| others.first())?;
            CHANNELS.iter().find(|it| it.0 == first).copied()
        };
        let channel = CHANNELS.iter().find(claimed).map(|it| stands_for(it).unwrap_or(*it));
        let text = channel.map_or_else(over_http, |it| on_channel(it, profile));
        let scenario = scenario::parse("run/doctor", &text)
            .map_err(|it| format!("a bug of ours, the doctor's scenario is not right: {it:?}"))?;
        let temporary =
            || std::env::temp_dir().join(format!("creel-doctor-{}", std::process::id()));
        let folder = keep.map_or_else(temporary, Path::to_owned);
        let creel = std::env::current_exe().map_err(|it| format!("find creel: {it}"))?;
        Ok(Self {
            world: world::real(target, creel, Keep::In(folder.clone())),
            scenario: Arc::new(scenario),
            profile: profile.to_owned(),
            folder,
            is_kept: keep.is_some(),
            channel,
        })
    }

    pub(super) fn run(&self) -> Result<Trace, world::Error> {
        self.world.run(&self.scenario, &self.profile, 1).map(|it| it.trace)
    }

    fn target(&self) -> &Target {
        let World::Real(real) = &self.world else { unreachable!("it was made so") };
        &real.target
    }

    /// Why a program is not there.
    pub(super) fn program_advice(&self) -> String {
        let target = self.target();
        match &target.install {
            Some(it) => {
                let folder = install::folder(&target.name);
                format!("give `--install`, or in {}: {}", folder.display(), it.hint.trim())
            }
            None => "the first of `argv` is a program in PATH or a whole path, `{{ here }}/my-gateway` for one beside \
                     the manifest; it must be executable"
                .to_owned(),
        }
    }

    /// Why nothing listens.
    pub(super) fn channel_advice(&self) -> String {
        let how = self.channel.map_or("its port", |it| it.2);
        let of = match self.channel {
            Some((name, ..)) => format!("`openclaw.channels.{name}`"),
            None => "`openclaw.gateway`".to_owned(),
        };
        format!(
            "the harness waits for {how}; see that your configuration takes it from {of}, that no proxy or built-in \
             address is used instead, and that `ready.within-s` is long enough"
        )
    }

    /// Whether the provider was asked about the message.
    pub(super) fn asked(&self, trace: &Trace) -> Found {
        let requests = trace.facts.iter().filter_map(|it| match &it.kind {
            Kind::ModelRequest { chat, model, credential, .. } => Some((chat, model, credential)),
            _ => None,
        });
        let requests: Vec<_> = requests.collect();
        let words = last_words(trace);
        if let Some((_, model, credential)) = requests.iter().find(|it| it.0.is_some()) {
            let key = if *credential == "?" { ", with a key that is none of ours" } else { "" };
            return Found::Fine(format!(": it asked `{model}`{key}"));
        }
        if !requests.is_empty() {
            return trouble(
                format!("the provider was asked, without the person's words{words}"),
                "the message's text must be in the request as it was written; see what your prompt is made of",
            );
        }
        let fetched = trace.facts.iter().any(|it| matches!(it.kind, Kind::Fetched { .. }));
        let why = if fetched || self.channel.is_none() {
            "it took the message, and asked no provider"
        } else {
            "it listened, and took no message"
        };
        trouble(
            format!("{why}{words}"),
            "see that it asks `openclaw.models.providers.openai.baseUrl` (chat completions) with the key `{{ keys.main }}` \
             and the agent's model, and that everybody may speak: `dmPolicy` is `open`",
        )
    }

    /// Whether a person was shown the answer.
    pub(super) fn shown(trace: &Trace) -> Found {
        let is_shown = |kind: &Kind| {
            let told = matches!(kind, Kind::Sent { .. } | Kind::Edited { .. } | Kind::Operator(_));
            told && serde_json::to_string(kind).is_ok_and(|it| it.contains(ANSWER))
        };
        if trace.facts.iter().any(|it| is_shown(&it.kind)) {
            return Found::Fine(String::new());
        }
        let refused = trace.facts.iter().find_map(|it| match &it.kind {
            Kind::Refused { description, .. } => Some(description.clone()),
            _ => None,
        });
        let why = refused.map_or("nobody was shown what the provider said".to_owned(), |it| {
            format!("the platform refused what was sent: {it}")
        });
        trouble(
            format!("{why}{}", last_words(trace)),
            "see that it reads the provider's answer (a stream, if it asked for one) and sends the text as it is to the \
             chat that the message came from",
        )
    }

    /// Whether it ended in good order.
    pub(super) fn ended(&self, trace: &Trace) -> Found {
        let exit = trace.facts.iter().enumerate().find_map(|(at, it)| match &it.kind {
            Kind::GatewayExited { code, .. } => Some((at, it.at_us, *code)),
            _ => None,
        });
        let Some((at, at_us, code)) = exit else {
            return trouble("its end was not seen", "see what it says");
        };
        let before_us = at.checked_sub(1).map_or(0, |it| trace.facts[it].at_us);
        let grace_s = self.target().grace_s;
        let settled_us = i64::try_from(self.scenario.settle.as_micros()).unwrap_or(i64::MAX);
        let grace_us = i64::try_from(grace_s).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        if code.is_none() && at_us - before_us >= settled_us.saturating_add(grace_us) {
            return trouble(
                format!("it did not end within {grace_s} s after SIGTERM, and was killed"),
                "see that it ends at SIGTERM, also where a shell starts it (`exec` it there), or give it more time: \
                 `grace-s`",
            );
        }
        match code {
            Some(0) | None => Found::Fine(String::new()),
            Some(code) => Found::Fine(format!(", with {code}")),
        }
    }

    /// Whether something of it is left, and whether it called what is not there.
    pub(super) fn left(&self, trace: &Trace) -> Found {
        let left = processes_of(&self.folder);
        if !left.is_empty() {
            return trouble(
                format!("these processes still know its folder: {}", left.join(", ")),
                "see that it ends its children, and starts none in a session of their own",
            );
        }
        match crate::suite::harness_errors(trace).first() {
            None => Found::Fine(String::new()),
            Some(first) => trouble(
                first.clone(),
                "turn off what is called there, by `[patch]` or `config`; if your gateway needs it, the twins lack it",
            ),
        }
    }
}

fn on_channel((name, person, _): Channel, profile: &str) -> String {
    format!(
        "id: run/doctor\ntitle: A message is answered\nprofiles: [\"{profile}\"]\n\
         chats: {{ person: {{ channel: {name}, dm: \"{person}\" }} }}\n\
         model: {{ person: [{{ say: \"{ANSWER}\" }}] }}\n\
         steps: [{{ at: 0s, send: {{ chat: person, text: \"how are you?\", as: m1 }} }}]\n\
         expect: [{{ exactly: {{ n: 1, of: model-request, chat: person }} }}]\n"
    )
}

fn over_http() -> String {
    format!(
        "id: run/doctor\ntitle: A request is answered\n\
         gateway: {{ gateway: {{ http: {{ endpoints: {{ chatCompletions: {{ enabled: true }} }} }} }} }}\n\
         model: {{ app: [{{ say: \"{ANSWER}\" }}] }}\n\
         steps: [{{ at: 0s, http: {{ as: app, path: /v1/chat/completions, text: \"how are you?\" }} }}]\n\
         expect: [{{ exactly: {{ n: 1, of: model-request, chat: app }} }}]\n"
    )
}

/// How long it took to get ready, in seconds.
pub(super) fn ready_after_s(trace: &Trace) -> f64 {
    let at =
        |wanted: &Kind| trace.facts.iter().find(|it| it.kind == *wanted).map_or(0, |it| it.at_us);
    let us = at(&Kind::GatewayReady) - at(&Kind::GatewayStarted);
    std::time::Duration::from_micros(us.unsigned_abs()).as_secs_f64()
}

/// A text of many lines, with only the last of those behind its first one.
pub(super) fn shortened(text: &str) -> String {
    let Some((first, rest)) = text.split_once('\n') else { return text.to_owned() };
    format!("{first}\n{}", end_of(rest.trim_end()))
}

/// What the target said last, and what the twins did not understand, on lines of their own.
fn last_words(trace: &Trace) -> String {
    let last = trace.facts.iter().rev().find_map(|it| match &it.kind {
        Kind::GatewayExited { last_words, .. } => Some(last_words.trim()),
        _ => None,
    });
    let harness = crate::suite::harness_errors(trace).into_iter().next();
    let harness = harness.map(|it| format!("\nthe twins saw: {it}")).unwrap_or_default();
    match last.filter(|it| !it.is_empty()) {
        Some(words) => format!("{harness}\nits last words:\n{}", end_of(words)),
        None => harness,
    }
}

fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].join("\n")
}

/// The processes whose arguments, environment or folder name a run's folder in this one. Only Linux tells.
fn processes_of(folder: &Path) -> Vec<String> {
    let wanted = folder.join("creel-run-doctor").into_os_string();
    let names_it =
        |bytes: &[u8]| bytes.windows(wanted.len()).any(|it| it == wanted.as_encoded_bytes());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|it| it.is_ascii_digit()) {
            continue;
        }
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let stands_in = fs::read_link(entry.path().join("cwd"));
        let stands_in = stands_in.is_ok_and(|it| names_it(it.as_os_str().as_encoded_bytes()));
        if stands_in || names_it(&read("cmdline")) || names_it(&read("environ")) {
            let program = String::from_utf8_lossy(&read("comm")).trim().to_owned();
            found.push(format!("{name} ({program})"));
        }
    }
    found.sort();
    found
}
