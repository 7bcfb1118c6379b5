//! Lives of sessions: whether one is over, at random moments around the days on which clocks change.

use creel_core::{
    ids::{AccountId, Channel, PeerId, ThreadId},
    life::{Days, Life as CoreLife},
    origin::{Peer, PeerKind, Route, Thread},
    time::{Now, Timestamp, WallTime},
};
use creel_judge::{
    context::Wall,
    spec::{
        life::{Life, ends, policy},
        version::Version,
    },
};
use creel_sim::declared;
use proptest::{option, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{load, try_all};

const HOUR_MS: i64 = 3_600_000;

/// Zones whose clocks jump by an hour, by half an hour, at midnight, and not at all, each with a night of a jump: seconds
/// since 1970 at noon before it.
const NIGHTS: [(&str, i64); 7] = [
    ("Europe/Berlin", 1_774_695_600),
    ("Europe/Berlin", 1_792_836_000),
    ("America/New_York", 1_772_902_800),
    ("America/New_York", 1_793_462_400),
    ("Australia/Lord_Howe", 1_791_032_400),
    ("America/Santiago", 1_788_624_000),
    ("Asia/Kolkata", 1_774_695_600),
];

fn reset(modes: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let mode = select(modes);
    (mode, option::of(0..24_u8), option::of(select(&[1_u32, 30, 60, 600][..]))).prop_map(
        |(mode, hour, idle)| {
            let mut reset = json!({ "mode": mode });
            if let Some(hour) = hour {
                reset["atHour"] = json!(hour);
            }
            if let Some(idle) = idle {
                reset["idleMinutes"] = json!(idle);
            }
            reset
        },
    )
}

fn session(modes: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let kinds = select(&["direct", "group", "thread"][..]);
    let by_type = option::weighted(0.4, (kinds, reset(modes)));
    let by_channel = option::weighted(0.3, reset(modes));
    (option::weighted(0.7, reset(modes)), by_type, by_channel).prop_map(
        |(general, kind, channel)| {
            let mut session = json!({});
            if let Some(general) = general {
                session["reset"] = general;
            }
            if let Some((kind, reset)) = kind {
                session["resetByType"] = json!({ kind: reset });
            }
            if let Some(reset) = channel {
                session["resetByChannel"] = json!({ "telegram": reset });
            }
            session
        },
    )
}

/// Moments of a life in milliseconds since noon: the beginning, the last word of a person, of anybody, and now.
fn moments() -> impl Strategy<Value = [i64; 4]> {
    let step = || {
        prop_oneof![
            2 => 0..20 * HOUR_MS,
            2 => (0..20_i64).prop_map(|it| it * HOUR_MS),
            1 => select(&[0_i64, 1, 59_999, 60_000, 60_001, 1_800_000, 3_599_999, 3_600_001][..]),
        ]
    };
    (step(), step(), step(), step()).prop_map(|(a, b, c, d)| [a, a + b, a + b + c, a + b + c + d])
}

fn check(profile: &'static str, version: Version) {
    let modes: &[&str] = match version {
        Version::March => &["daily", "idle"],
        Version::September => &["daily", "idle", "none"],
    };
    let cases = (
        session(modes),
        select(&NIGHTS[..]),
        moments(),
        select(&["direct", "group", "thread"][..]),
    );
    try_all(3_000, &cases, |(session, (zone, noon_s), moments, kind)| {
        let config = json!({
            "session": session,
            "models": { "providers": { "openai": {
                "baseUrl": "http://localhost/v1", "apiKey": "k", "models": [{ "id": "m" }],
            } } },
            "agents": { "defaults": { "model": "openai/m" } },
        });
        let settings = load(&config, &[].into(), profile, zone).map_err(TestCaseError::reject)?;
        let [began, heard, updated, now] = moments;
        let wall = |ms: i64| WallTime::from_unix_ms(noon_s * 1_000 + ms);
        let at = |ms: i64| Timestamp::from_ms(u64::try_from(ms).expect("not before noon"));
        let life = CoreLife { began: wall(began), updated: wall(updated), heard: at(heard) };
        let present = Now { monotonic: at(now), wall: wall(now) };
        let peer_kind = if kind == "direct" { PeerKind::Direct } else { PeerKind::Group };
        let route = Route {
            channel: Channel::new("telegram").expect("a name"),
            account: AccountId::new("default").expect("a name"),
            peer: Peer { kind: peer_kind, id: PeerId::new("1").expect("an id") },
            thread: (kind == "thread").then(|| Thread::Topic(ThreadId::new("9").expect("an id"))),
        };
        let is_over = settings.core.life.is_over(&life, &route, present, &mut Days::default());

        let rules = declared::configuration(&config).session.reset;
        let policy = policy(&rules, version, kind, "telegram");
        let wall = Wall { zero_unix_us: noon_s * 1_000_000, zone: zone.to_owned() };
        let life = Life {
            started_us: began * 1_000,
            updated_us: updated * 1_000,
            heard_us: heard * 1_000,
        };
        let ends = ends(policy, version, Some(&wall), life);
        // The very moment at which it ends may be of either life.
        if ends.is_none_or(|(at_us, _)| at_us != now * 1_000) {
            let should = ends.is_some_and(|(at_us, _)| at_us < now * 1_000);
            prop_assert_eq!(is_over, should, "gateway, then specification, which says {:?}", ends);
        }
        Ok(())
    });
}

#[test]
fn lives_end_when_the_specification_says_in_2026_3() {
    check("2026.3", Version::March);
}

#[test]
fn lives_end_when_the_specification_says_in_2026_9() {
    check("2026.9", Version::September);
}
