//! Cron jobs that come, change and go while the gateway runs.

use super::*;

async fn call(client: &mut Client<TokioNet>, method: &str, params: Value) -> Value {
    client.call(method, &params, WITHIN).await.unwrap_or_else(|it| panic!("{method}: {it}"))
}

fn hourly(message: &str) -> Value {
    json!({
        "name": "Brief", "schedule": { "kind": "every", "everyMs": 3_600_000 },
        "payload": { "kind": "agentTurn", "message": message }, "delivery": { "mode": "none" },
    })
}

#[tokio::test]
async fn a_job_is_added_run_changed_and_removed() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let mut added = call(&mut client, "cron.add", hourly("sum up")).await;
    let id = added["id"].as_str().unwrap().to_owned();
    assert!(added["state"]["nextRunAtMs"].is_u64(), "{added}");
    assert_eq!((&added["sessionTarget"], &added["enabled"]), (&json!("isolated"), &json!(true)));
    let kept = gateway.target.state.read("cron/jobs.json").unwrap().unwrap();
    assert!(kept.contains(&id) && kept.contains("sum up"), "{kept}");
    call(&mut client, "cron.run", json!({ "jobId": id })).await;
    world.asked(&format!("[cron:{id} Brief] sum up")).await;
    let runs = loop {
        let runs = call(&mut client, "cron.runs", json!({ "jobId": id })).await;
        if runs["total"] == 1 {
            break runs;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let run = &runs["entries"][0];
    assert_eq!((&run["status"], &run["deliveryStatus"]), (&json!("ok"), &json!("not-requested")));
    assert_eq!(run["summary"], format!("you said [cron:{id} Brief] sum up"));
    let failed = call(&mut client, "cron.runs", json!({ "status": "error" })).await;
    assert_eq!(failed["total"], 0);
    let patch = json!({ "enabled": false, "name": "Letter", "payload": { "kind": "agentTurn", "message": "sum it up" } });
    let changed = call(&mut client, "cron.update", json!({ "id": id, "patch": patch })).await;
    assert_eq!(changed["payload"], json!({ "kind": "agentTurn", "message": "sum it up" }));
    assert_eq!(changed["state"]["lastRunStatus"], "ok");
    assert_eq!(changed["state"]["nextRunAtMs"], Value::Null, "it is not due any more");
    assert_eq!(call(&mut client, "cron.list", json!({})).await["total"], 0);
    let all =
        call(&mut client, "cron.list", json!({ "includeDisabled": true, "query": "letter" })).await;
    assert_eq!(all["jobs"], json!([changed]));
    added["state"] = json!({});
    for removed in [true, false] {
        let answer = call(&mut client, "cron.remove", json!({ "jobId": id })).await;
        assert_eq!(answer, json!({ "ok": true, "removed": removed }));
    }
    let all = call(&mut client, "cron.list", json!({ "includeDisabled": true })).await;
    assert_eq!(all["total"], 0);
    assert_eq!(
        refused(&mut client, "cron.run", json!({ "jobId": id })).await,
        format!("INVALID_REQUEST: unknown cron job id: {id}")
    );
}

#[tokio::test]
async fn a_job_that_is_removed_ends_its_turn() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut client = gateway.client().await;
    world.hold();
    let id =
        call(&mut client, "cron.add", hourly("sum up")).await["id"].as_str().unwrap().to_owned();
    call(&mut client, "cron.run", json!({ "id": id })).await;
    world.asked(&format!("[cron:{id} Brief] sum up")).await;
    let listed = call(&mut client, "cron.list", json!({})).await;
    assert!(listed["jobs"][0]["state"]["runningAtMs"].is_u64(), "{listed}");
    call(&mut client, "cron.remove", json!({ "id": id })).await;
    let runs = call(&mut client, "cron.runs", json!({})).await;
    assert_eq!(
        (&runs["entries"][0]["status"], &runs["entries"][0]["error"]),
        (&json!("error"), &json!("stopped"))
    );
    world.release();
}

#[tokio::test]
async fn what_is_done_once_is_gone_when_it_is_done() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let mut job = hourly("once");
    job["schedule"] = json!({ "kind": "at", "at": "2035-01-01T00:00:00Z" });
    let id = call(&mut client, "cron.add", job).await["id"].as_str().unwrap().to_owned();
    assert_eq!(call(&mut client, "cron.list", json!({})).await["total"], 1);
    call(&mut client, "cron.run", json!({ "jobId": id })).await;
    soon("it is gone", async {
        while call(&mut client, "cron.list", json!({})).await["total"] != 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let kept = gateway.target.state.read("cron/jobs.json").unwrap().unwrap();
    assert!(!kept.contains(&id), "{kept}");
    assert_eq!(call(&mut client, "cron.runs", json!({ "jobId": id })).await["total"], 1);
}

#[tokio::test]
async fn what_is_no_job_is_refused_and_nothing_is_written() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut client = gateway.client().await;
    let with = |key: &str, value: Value| {
        let mut job = hourly("x");
        job[key] = value;
        job
    };
    let turn = |more: Value| {
        let mut payload = json!({ "kind": "agentTurn", "message": "x" });
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with("payload", payload)
    };
    let rows = [
        (
            json!({ "name": "x" }),
            "INVALID_REQUEST: invalid cron.add params: must have required property 'schedule'",
        ),
        (
            with("bogus", json!(1)),
            "INVALID_REQUEST: invalid cron.add params: at root: unexpected property 'bogus'",
        ),
        (
            with("trigger", json!({})),
            "INVALID_REQUEST: invalid cron.add params: at root: unexpected property 'trigger'",
        ),
        (
            turn(json!({ "bogus": 1 })),
            "INVALID_REQUEST: invalid cron.add params: at /payload: unexpected property 'bogus'",
        ),
        (turn(json!({ "thinking": "high" })), "UNAVAILABLE: payload.thinking: "),
        (
            turn(json!({ "model": "q/none" })),
            "INVALID_REQUEST: invalid cron.add params: payload.model: found `q/none`",
        ),
        (
            with("schedule", json!({ "kind": "cron", "expr": "x" })),
            "INVALID_REQUEST: invalid cron.add params: schedule.expr: found `x`",
        ),
        (
            with("schedule", json!({ "kind": "at", "at": "2020-01-01T00:00:00Z" })),
            "INVALID_REQUEST: invalid cron.add params: at /schedule/at: the moment has passed",
        ),
        (
            with("schedule", json!({ "kind": "every", "everyMs": 0 })),
            "INVALID_REQUEST: invalid cron.add params: schedule.everyMs: ",
        ),
        (with("agentId", json!("nobody")), "INVALID_REQUEST: unknown agent id"),
        (
            with("sessionTarget", json!("main")),
            "INVALID_REQUEST: invalid cron.add params: sessionTarget: ",
        ),
        (
            with("delivery", json!({ "mode": "webhook", "to": "http://x" })),
            "UNAVAILABLE: delivery.mode: ",
        ),
    ];
    for (job, expected) in rows {
        let told = refused(&mut client, "cron.add", job.clone()).await;
        assert!(told.starts_with(expected), "{job}: {told}");
    }
    let unknown = json!({ "jobId": "none", "patch": { "enabled": false } });
    assert_eq!(
        refused(&mut client, "cron.update", unknown).await,
        "INVALID_REQUEST: unknown cron job id: none"
    );
    assert_eq!(gateway.target.state.read("cron/jobs.json").unwrap(), None);
}
