//! Generated cases: what is configured, who writes what when, and how providers behave.

use std::collections::BTreeMap;

use creel_judge::{
    context::{Chain, Cooldowns, Credential, CredentialKind},
    spec::failover::Reason,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

/// What comes of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    /// Why it fails, if it does, and as which of the shapes in which that can be told.
    pub(super) failure: Option<(Reason, usize)>,
    pub(super) after_ms: u64,
    /// How long the provider asks to be left alone.
    pub(super) rest_s: Option<u64>,
    /// An answer that asks for a tool, after whose result the model is asked again.
    pub(super) asks_tool: bool,
}

/// A time in which a credential's requests, or all of its provider, fail, whatever the script says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    provider: &'static str,
    credential: Option<&'static str>,
    from_ms: u64,
    lasts_ms: u64,
    reason: Reason,
    rest_s: Option<u64>,
}

/// A message or a command: how long after the last one, which person, and what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) gap_ms: u64,
    /// The first two write to `main`, the others to `work`.
    pub(super) person: usize,
    pub(super) text: &'static str,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) profile: &'static str,
    pub(super) kinds: Vec<CredentialKind>,
    pub(super) order: Option<&'static [&'static str]>,
    pub(super) models: &'static [&'static str],
    /// The model of `work` and perhaps its own fallbacks.
    pub(super) own: Option<(&'static str, Option<&'static [&'static str]>)>,
    pub(super) hours: Hours,
    pub(super) written: Vec<Written>,
    pub(super) script: Vec<Outcome>,
    pub(super) outages: Vec<Outage>,
}

pub(super) const REASONS: [Reason; 12] = [
    Reason::RateLimit,
    Reason::Overloaded,
    Reason::Timeout,
    Reason::ServerError,
    Reason::Auth,
    Reason::Billing,
    Reason::AuthPermanent,
    Reason::Format,
    Reason::ModelNotFound,
    Reason::ContextOverflow,
    Reason::Refusal,
    Reason::Local,
];

const CREDENTIALS: [(&str, &str); 4] = [("p", "one"), ("p", "two"), ("p", "three"), ("q", "only")];

/// What people write besides words.
const COMMANDS: &[&str] = &[
    "/model q/m",
    "/model p/m",
    "/model p/n@p:two",
    "/model p/m@p:two",
    "/model default",
    "/stop",
    "/stop",
    "/new again",
    "/new",
];

pub(super) fn cases() -> impl Strategy<Value = Case> {
    let kinds = select(&[CredentialKind::ApiKey, CredentialKind::Token, CredentialKind::OAuth][..]);
    // Whether a person may choose a credential that is not in the order, the contract leaves open: `two` is in each.
    let orders: &[&'static [&'static str]] =
        &[&["one", "two", "three"], &["three", "two"], &["two"]];
    let chains: &[&'static [&'static str]] =
        &[&["p/m"], &["p/m", "q/m"], &["p/m", "p/n", "q/m"], &["q/m", "p/m"]];
    let own: &[(&'static str, Option<&'static [&'static str]>)] = &[
        ("p/n", None),
        ("p/n", Some(&["q/m"])),
        ("q/m", Some(&[])),
        ("q/m", Some(&["p/m", "p/n"])),
    ];
    (
        select(&["2026.3", "2026.9"][..]),
        vec(kinds, CREDENTIALS.len()),
        option::of(select(orders)),
        select(chains),
        option::weighted(0.4, select(own)),
        hours(),
        vec(written(), 1..14),
        scripts(),
        vec(outage(), 0..4),
    )
        .prop_map(|(profile, kinds, order, models, own, hours, written, script, outages)| {
            Case { profile, kinds, order, models, own, hours, written, script, outages }
        })
}

/// `auth.cooldowns`, in hours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hours {
    window: Option<u64>,
    first: Option<u64>,
    first_of_p: Option<u64>,
    most: Option<u64>,
}

impl Hours {
    fn cooldowns(self) -> Cooldowns {
        let us = |it: u64| i64::try_from(it * 3_600_000_000).expect("a few hours");
        Cooldowns {
            failure_window_us: self.window.map(us),
            billing_backoff_us: self.first.map(us),
            billing_backoff_by_provider_us: self
                .first_of_p
                .map(|it| ("p".to_owned(), us(it)))
                .into_iter()
                .collect(),
            billing_max_us: self.most.map(us),
        }
    }
}

fn hours() -> impl Strategy<Value = Hours> {
    let seldom = |hours: std::ops::Range<u64>| option::weighted(0.2, hours);
    (seldom(1..5), seldom(1..12), seldom(1..40), seldom(1..40))
        .prop_map(|(window, first, first_of_p, most)| Hours { window, first, first_of_p, most })
}

fn written() -> impl Strategy<Value = Written> {
    // Steps of the ladders and their edges, and times in between.
    let gap_ms = prop_oneof![
        3 => 0_u64..5_000,
        3 => 0_u64..70_000,
        3 => select(&[25_000_u64, 29_000, 30_000, 31_000, 56_000, 59_000, 60_000, 61_000][..]),
        2 => select(&[297_000_u64, 300_001, 599_000, 601_000, 1_497_000, 1_501_000][..]),
        2 => 0_u64..4_000_000,
        1 => select(&[3_599_000_u64, 3_601_000, 17_998_000, 18_001_000, 36_001_000, 86_401_000][..]),
    ];
    let text = prop_oneof![8 => Just("hello"), 2 => select(COMMANDS)];
    let person = prop_oneof![4 => Just(0_usize), 3 => Just(1), 2 => Just(2), 1 => Just(3)];
    (gap_ms, person, text).prop_map(|(gap_ms, person, text)| Written { gap_ms, person, text })
}

fn rest() -> impl Strategy<Value = Option<u64>> {
    option::weighted(0.2, prop_oneof![4 => 1_u64..90, 3 => 1_u64..4_000, 1 => 1_u64..200_000])
}

fn scripts() -> impl Strategy<Value = Vec<Outcome>> {
    let after_ms = prop_oneof![8 => 0_u64..5_000, 1 => 5_000_u64..130_000];
    let reason = (select(&REASONS[..]), 0_usize..8);
    let failure = prop_oneof![2 => Just(None), 4 => reason.prop_map(Some)];
    let outcome = (failure, after_ms, rest(), prop::bool::weighted(0.2)).prop_map(
        |(failure, after_ms, rest_s, asks_tool)| Outcome { failure, after_ms, rest_s, asks_tool },
    );
    // Long outages of one kind, which reach the ladder's end and the last try.
    let long = (select(&REASONS[..7]), 1_usize..60).prop_map(|(reason, n)| {
        let failure = Some((reason, 0));
        vec![Outcome { failure, after_ms: 500, rest_s: None, asks_tool: false }; n]
    });
    prop_oneof![2 => vec(outcome, 1..40), 1 => long]
}

fn outage() -> impl Strategy<Value = Outage> {
    let whose = select(&[
        ("p", Some("one")),
        ("p", Some("two")),
        ("p", Some("three")),
        ("p", None),
        ("q", None),
    ]);
    let from_ms = prop_oneof![Just(0_u64), 0_u64..600_000, 0_u64..20_000_000];
    let lasts_ms = prop_oneof![1_000_u64..120_000, 1_000_u64..4_000_000, Just(200_000_000)];
    (whose, from_ms, lasts_ms, select(&REASONS[..7]), rest()).prop_map(
        |((provider, credential), from_ms, lasts_ms, reason, rest_s)| Outage {
            provider,
            credential,
            from_ms,
            lasts_ms,
            reason,
            rest_s,
        },
    )
}

impl Case {
    /// What comes of the request of this number, from 0.
    pub(super) fn outcome(&self, number: usize, now_ms: u64, who: (&str, &str)) -> Outcome {
        let well = Outcome { failure: None, after_ms: 5, rest_s: None, asks_tool: false };
        let scripted = self.script.get(number).copied().unwrap_or(well);
        let is_out = |it: &&Outage| {
            it.provider == who.0
                && it.credential.is_none_or(|it| it == who.1)
                && (it.from_ms..it.from_ms + it.lasts_ms).contains(&now_ms)
        };
        match self.outages.iter().find(is_out) {
            Some(it) => {
                Outcome { failure: Some((it.reason, number)), rest_s: it.rest_s, ..scripted }
            }
            None => scripted,
        }
    }

    pub(super) fn config(&self) -> Value {
        let provider = |models: &[&str]| {
            let models: Vec<Value> = models.iter().map(|it| json!({ "id": it })).collect();
            json!({ "baseUrl": "http://localhost/v1", "api": "openai-completions", "models": models })
        };
        let mut work = json!({ "id": "work" });
        if let Some((primary, fallbacks)) = self.own {
            work["model"] = match fallbacks {
                Some(fallbacks) => json!({ "primary": primary, "fallbacks": fallbacks }),
                None => json!(primary),
            };
        }
        let to_work = |person: usize| {
            let peer = json!({ "kind": "direct", "id": (person + 1).to_string() });
            json!({ "agentId": "work", "match": { "channel": "telegram", "peer": peer } })
        };
        let mut config = json!({
            "agents": {
                "defaults": { "model": { "primary": self.models[0], "fallbacks": self.models[1..] } },
                "list": [{ "id": "main", "default": true }, work],
            },
            "bindings": [to_work(2), to_work(3)],
            "models": { "providers": { "p": provider(&["m", "n"]), "q": provider(&["m"]) } },
            "channels": { "telegram": { "botToken": "1:x", "dmPolicy": "open", "allowFrom": ["*"] } },
            "session": { "dmScope": "per-channel-peer", "reset": { "mode": "idle", "idleMinutes": 600_000 } },
            "messages": { "queue": { "mode": "followup" } },
            "auth": {},
        });
        if let Some(order) = self.order {
            let order: Vec<String> = order.iter().map(|it| format!("p:{it}")).collect();
            config["auth"]["order"] = json!({ "p": order });
        }
        let Hours { window, first, first_of_p, most } = self.hours;
        let given = [
            ("failureWindowHours", window.map(Value::from)),
            ("billingBackoffHours", first.map(Value::from)),
            ("billingBackoffHoursByProvider", first_of_p.map(|it| json!({ "p": it }))),
            ("billingMaxHours", most.map(Value::from)),
        ];
        for (key, value) in given {
            if let Some(value) = value {
                config["auth"]["cooldowns"][key] = value;
            }
        }
        config
    }

    pub(super) fn files(&self) -> BTreeMap<String, String> {
        let profile = |it: &Credential| {
            let (kind, key) = match it.kind {
                CredentialKind::OAuth => ("oauth", "access"),
                CredentialKind::Token => ("token", "token"),
                CredentialKind::ApiKey => ("api_key", "key"),
            };
            let expires = 4_102_444_800_000_u64;
            let value =
                json!({ "type": kind, "provider": it.provider, key: "secret", "expires": expires });
            (format!("{}:{}", it.provider, it.name), value)
        };
        let profiles: serde_json::Map<String, Value> =
            self.credentials().iter().map(profile).collect();
        let file = json!({ "version": 1, "profiles": profiles }).to_string();
        let of = |agent: &str| format!("agents/{agent}/agent/auth-profiles.json");
        [(of("main"), file.clone()), (of("work"), file)].into()
    }

    fn credentials(&self) -> Vec<Credential> {
        let credential = |(&(provider, name), &kind): (&(&str, &str), &CredentialKind)| {
            Credential { provider: provider.to_owned(), name: name.to_owned(), kind }
        };
        CREDENTIALS.iter().zip(&self.kinds).map(credential).collect()
    }

    /// What an agent asks with, and a mark of where that is said.
    pub(super) fn chain(&self, agent: &str) -> (Chain, &'static str) {
        let order = self.order.iter();
        let order =
            order.map(|it| ("p".to_owned(), it.iter().map(|it| (*it).to_owned()).collect()));
        let shared = &self.models[1..];
        let (models, mark) = match self.own.filter(|_| agent == "work") {
            None => (self.models.to_vec(), "models of all agents"),
            Some((own, Some(fallbacks))) => ([&[own], fallbacks].concat(), "an agent's own models"),
            Some((own, None)) if self.profile == "2026.3" => {
                ([&[own], shared].concat(), "an agent's own model, then those of all")
            }
            Some((own, None)) => (vec![own], "an agent's own model alone"),
        };
        let chain = Chain {
            choices: Vec::new(),
            models: models.into_iter().map(str::to_owned).collect(),
            credentials: self.credentials(),
            order: order.collect(),
            cooldowns: self.hours.cooldowns(),
        };
        (chain, mark)
    }
}
