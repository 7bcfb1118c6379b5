//! Jobs, and what is wrong with them.

use super::*;
use crate::settings::{self, Source};

const CONFIG: &str = r#"{
    agents: { list: [{ id: "main", model: "openai/a" }, { id: "work", model: "openai/b" }] },
    models: { providers: { openai: { baseUrl: "http://localhost/v1", apiKey: "k", models: [{ id: "a" }, { id: "b" }] } } },
    channels: { telegram: { botToken: "1:t", dmPolicy: "open", allowFrom: ["*"] } },
}"#;

fn load(config: &str, version: Version, jobs: &str) -> Result<settings::Loaded, String> {
    settings::load(&Source {
        state_file: &|file| Ok((file == FILE).then(|| jobs.to_owned())),
        ..Source::alone(version, config)
    })
    .map_err(|it| it.plain())
}

fn jobs(jobs: &str) -> Result<settings::Loaded, String> {
    load(CONFIG, Version::V2026_3, &format!(r#"{{"version": 1, "jobs": [{jobs}]}}"#))
}

#[track_caller]
fn check_jobs(written: &str, expected: &[&str]) {
    let loaded = jobs(written).unwrap();
    let job = |it: &Job| {
        let what = match &it.work {
            Work::Event(text) => format!("event {text:?}"),
            Work::Isolated(work) => {
                let delivery = match &work.delivery {
                    Delivery::To(route) => format!("to {}", route.peer.id),
                    other => format!("{other:?}").to_lowercase(),
                };
                format!("{:?} {delivery}", work.message)
            }
        };
        format!("{} of {}: {what}", it.id, it.agent)
    };
    let warnings = loaded.warnings.iter().filter(|it| it.contains("cron")).cloned();
    let shown: Vec<_> = loaded.settings.core.cron.jobs.iter().map(job).chain(warnings).collect();
    assert_eq!(shown, expected);
}

/// `expected` is each problem's line, and how it begins.
#[track_caller]
fn check_refused(written: &str, expected: &[(u32, &str)]) {
    let refused = jobs(written).unwrap_err();
    let lines: Vec<_> = refused.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{refused}");
    for (line, (number, begins)) in lines.iter().zip(expected) {
        let rest = line.strip_prefix(&format!("/state/{FILE}:{number}:"));
        let (_, says) = rest.and_then(|it| it.split_once(": ")).unwrap_or_else(|| panic!("{line}"));
        assert!(says.starts_with(begins), "{line}");
    }
}

#[test]
fn jobs_are_read_as_openclaw_writes_them() {
    check_jobs(
        r#"{"id": "a", "name": "Brief", "enabled": true, "createdAtMs": 1,
            "schedule": {"kind": "cron", "expr": "0 7 * * *", "tz": "America/Los_Angeles"},
            "sessionTarget": "isolated", "wakeMode": "now",
            "payload": {"kind": "agentTurn", "message": "sum up"},
            "delivery": {"mode": "announce", "channel": "telegram", "to": "3001"}, "state": {}},
           {"id": "b", "agentId": "Work", "schedule": {"kind": "every", "everyMs": 1000, "anchorMs": 5},
            "payload": {"kind": "agentTurn", "message": "look", "model": "openai/b"}, "delivery": {"mode": "none"}},
           {"id": "c", "schedule": {"kind": "at", "at": "2026-03-16T09:00:00"}, "sessionTarget": "main",
            "payload": {"kind": "systemEvent", "text": "think"}},
           {"id": "d", "agentId": "gone", "schedule": {"kind": "every", "everyMs": 1},
            "payload": {"kind": "agentTurn", "message": "x"}},
           {"id": "e", "enabled": false, "schedule": {"kind": "cron", "expr": "nonsense"},
            "payload": {"kind": "agentTurn", "message": "x"}}"#,
        &[
            "a of main: \"sum up\" to 3001",
            "b of work: \"look\" nowhere",
            "c of main: event \"think\"",
            "d of main: \"x\" last(none)",
            "cron job `d` is for agent `gone`, which is not configured: `main` does it",
        ],
    );
}

#[test]
fn every_mistake_has_its_place() {
    check_refused(
        r#"
{"id": "a", "schedule": {"kind": "cron", "expr": "61 * * * *"}, "payload": {"kind": "agentTurn", "message": "x"}},
{"id": "a", "schedule": {"kind": "at", "at": "soon"}, "payload": {"kind": "agentTurn", "message": "x"}},
{"id": "b", "schedule": {"kind": "every"}, "payload": {"kind": "agentTurn"}},
{"id": "c", "schedule": {"kind": "cron", "expr": "* * * * *", "tz": "Mars"}, "payload": {"kind": "systemEvent", "text": "x"}, "sessionTarget": "isolated"},
{"id": "d", "schedule": {"kind": "every", "everyMs": 1}, "payload": {"kind": "agentTurn", "message": "x", "model": "openai/z"}, "delivery": {"channel": "slack"}},
{"id": "e", "schedule": {"kind": "every", "everyMs": 1}, "payload": {"kind": "agentTurn", "message": "x"}, "delivery": {"to": "bob", "accountId": "x"}}"#,
        &[
            (
                2,
                "jobs[0].schedule.expr: found `61 * * * *`, expected a cron expression of 5 fields",
            ),
            (3, "jobs[1].schedule.at: found `soon`, expected a moment"),
            (4, "jobs[2].schedule: a schedule of kind `every` needs `everyMs`"),
            (4, "jobs[2].payload: a turn needs `message`"),
            (5, "jobs[3].schedule.tz: found `Mars`, expected a zone"),
            (5, "jobs[3].sessionTarget: found `isolated`, expected `main`"),
            (6, "jobs[4].payload.model: found `openai/z`, expected a model"),
            (6, "jobs[4].delivery.channel: found `slack`, expected a channel"),
            (7, "jobs[5].delivery.accountId: found `x`, expected an account"),
        ],
    );
}

#[test]
fn the_shape_is_told_first() {
    check_refused(
        r#"{"id": "a", "schedule": {"kind": "stream"}, "payload": {"kind": "agentTurn"}, "delivery": {"mode": "webhook"}}"#,
        &[(1, "jobs[0].schedule.kind: found"), (1, "jobs[0].delivery.mode: found")],
    );
}

#[test]
fn jobs_may_be_off_and_one_version_sets_how_many_run() {
    let job = r#"{"jobs": [{"id": "a", "schedule": {"kind": "every", "everyMs": 1}, "payload": {"kind": "agentTurn", "message": "x"}}]}"#;
    let with = |cron: &str| CONFIG.replacen('{', &format!("{{ cron: {cron},"), 1);
    let off = load(&with("{ enabled: false }"), Version::V2026_3, "not even JSON").unwrap();
    assert!(off.settings.core.cron.jobs.is_empty());
    let three = load(&with("{ maxConcurrentRuns: 3 }"), Version::V2026_3, job).unwrap();
    assert_eq!(three.settings.core.cron.max_concurrent, 3);
    let refused = load(&with("{ maxConcurrentRuns: 3 }"), Version::V2026_9, job).unwrap_err();
    assert!(refused.contains("cron.maxConcurrentRuns: 2026.9 has no"), "{refused}");
}
