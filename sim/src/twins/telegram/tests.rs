//! The Bot API as a client meets it, with the facts that it leaves.

use std::{fmt::Write, time::Duration};

use creel_judge::trace::Kind;
use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::{
    http::testing::{self, Client},
    scenario::ChatKind,
};

const BOT: &str = "/bot7001:secret";
const SUPERGROUP: i64 = -100_777;

struct Stage {
    twin: Telegram,
    recorder: Recorder,
    client: Client,
    _server: JoinSet<()>,
}

/// Alice in a direct chat, Olga in topic 42 of a forum, and what the platform does with sends to Alice.
fn stage(faults: &[SendFault]) -> Stage {
    let recorder = Recorder::new();
    let (account, username) = ("default".to_owned(), "creel_bot".to_owned());
    let bot = Bot { account, token: "7001:secret".to_owned(), id: 7001, username };
    let twin = Telegram::new(recorder.clone(), vec![bot], 1_700_000_000);
    let chat = |kind, sender: &str| Chat { kind, ..Chat::direct(CHANNEL, "default", sender) };
    let group = ChatKind::Group { id: SUPERGROUP.to_string(), topic: Some("42".to_owned()) };
    twin.declare("alice", &chat(ChatKind::Direct, "3001"), faults).unwrap();
    twin.declare("olga", &chat(group, "3002"), &[]).unwrap();
    let (client, server) = testing::serve(twin.router());
    Stage { twin, recorder, client, _server: server }
}

impl Stage {
    fn write(&self, chat: &str, name: &str, text: &str) {
        self.twin.deliver(&inbound(chat, name, text)).unwrap();
    }

    async fn call(&self, method: &str, parameters: &Value) -> (u16, Value) {
        self.client.post(&format!("{BOT}/{method}"), parameters).await
    }

    async fn ok(&self, method: &str, parameters: &Value) -> Value {
        let (status, mut answer) = self.call(method, parameters).await;
        assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer}");
        answer["result"].take()
    }

    async fn refused(&self, method: &str, parameters: &Value) -> (u16, String) {
        let (status, answer) = self.call(method, parameters).await;
        assert_eq!((&answer["ok"], &answer["error_code"]), (&json!(false), &json!(status)));
        (status, answer["description"].as_str().unwrap().to_owned())
    }

    /// The ids of the updates in an answer.
    async fn poll(&self, parameters: &Value) -> Vec<i64> {
        let updates = self.ok("getUpdates", parameters).await;
        updates.as_array().unwrap().iter().map(|it| it["update_id"].as_i64().unwrap()).collect()
    }

    /// Everything that was recorded, a line each.
    fn facts(&self) -> String {
        let mut lines = String::new();
        for fact in self.recorder.take() {
            let at = fact.at_us / 1_000;
            let what = match &fact.kind {
                Kind::Inbound { message, place, platform_id, text, .. } => {
                    format!("inbound {message} {} #{platform_id} {text}", at_place(place))
                }
                Kind::Fetched { message } => format!("fetched {message}"),
                Kind::Acknowledged { message } => format!("acknowledged {message}"),
                Kind::Sent { place, platform_id, text, reply_to, .. } => {
                    let reply = reply_to.as_ref().map_or(String::new(), |it| format!(" to #{it}"));
                    format!("sent {} #{platform_id}{reply} {text}", at_place(place))
                }
                Kind::Edited { place, platform_id, text } => {
                    format!("edited {} #{platform_id} {text}", at_place(place))
                }
                Kind::Deleted { place, platform_id } => {
                    format!("deleted {} #{platform_id}", at_place(place))
                }
                Kind::Refused { place, status, retry_after_s, description, .. } => {
                    let place = place.as_ref().map_or("nowhere".to_owned(), at_place);
                    format!("refused {place} {status} {retry_after_s:?} {description}")
                }
                other => format!("{other:?}"),
            };
            writeln!(lines, "{at} {what}").unwrap();
        }
        lines
    }
}

fn inbound(chat: &str, name: &str, text: &str) -> Inbound {
    let (chat, name, text) = (chat.to_owned(), name.to_owned(), text.to_owned());
    Inbound {
        name,
        chat,
        text,
        canary: None,
        mention: false,
        reply_to: None,
        forged: None,
        image: None,
        events: None,
        apart: Duration::ZERO,
    }
}

fn at_place(place: &Place) -> String {
    let thread = place.thread.as_ref().map_or(String::new(), |it| format!("/{it}"));
    format!("{}:{}{thread}", place.account, place.peer)
}

#[tokio::test(start_paused = true)]
async fn an_update_stays_until_an_offset_passes_it() {
    let stage = stage(&[]);
    assert!(!stage.twin.polled("default"));
    assert_eq!(stage.poll(&json!({})).await, [0_i64; 0]);
    assert!(stage.twin.polled("default"));
    stage.write("alice", "m1", "one");
    stage.write("alice", "m2", "two");
    stage.twin.redeliver("m1");
    let ids = stage.poll(&json!({ "limit": 2 })).await;
    assert_eq!(ids, [730_000_001, 730_000_002]);
    assert_eq!(stage.poll(&json!({ "offset": ids[0] })).await.len(), 3);
    assert_eq!(stage.poll(&json!({ "offset": ids[1] + 1 })).await, [730_000_003]);
    assert_eq!(stage.poll(&json!({ "offset": ids[1] + 2 })).await, [0_i64; 0]);
    insta::assert_snapshot!(stage.facts(), @r#"
    0 inbound m1 default:3001 #1 one
    0 inbound m2 default:3001 #2 two
    0 inbound m1 default:3001 #1 one
    0 fetched m1
    0 fetched m2
    0 fetched m1
    0 acknowledged m1
    0 acknowledged m2
    0 acknowledged m1
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_negative_offset_keeps_the_last_ones() {
    let stage = stage(&[]);
    for name in ["m1", "m2", "m3"] {
        stage.write("alice", name, name);
    }
    assert_eq!(stage.poll(&json!({ "offset": -1 })).await, [730_000_003]);
    assert_eq!(stage.poll(&json!({ "offset": 0 })).await, [730_000_003]);
    assert_eq!(stage.poll(&json!({ "offset": -9 })).await, [730_000_003]);
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_with_a_message_or_its_timeout() {
    let stage = stage(&[]);
    let person = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        stage.write("alice", "m1", "hello");
    };
    let slow = json!({ "timeout": 30 });
    let (ids, ()) = tokio::join!(stage.poll(&slow), person);
    assert_eq!((ids.len(), stage.recorder.now_us()), (1, 7_000_000));
    assert_eq!(stage.poll(&json!({ "offset": ids[0] + 1, "timeout": 500 })).await, [0_i64; 0]);
    assert_eq!(stage.recorder.now_us(), 57_000_000, "the platform waits for 50 s at most");
}

#[tokio::test(start_paused = true)]
async fn a_second_poll_ends_the_first() {
    let stage = stage(&[]);
    let long = json!({ "timeout": 30 });
    let first = stage.refused("getUpdates", &long);
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.poll(&json!({ "timeout": 0 })).await
    };
    let ((status, description), _) = tokio::join!(first, second);
    assert_eq!((status, stage.recorder.now_us()), (409, 1_000_000));
    assert!(description.starts_with("Conflict: terminated by other getUpdates request"));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_was_given_up_harms_nobody() {
    let stage = stage(&[]);
    let long = json!({ "timeout": 30 });
    let given_up = stage.call("getUpdates", &long);
    tokio::time::timeout(Duration::from_secs(1), given_up).await.unwrap_err();
    stage.write("alice", "m1", "hello");
    assert_eq!(stage.poll(&json!({})).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn updates_carry_messages_as_the_platform_writes_them() {
    let stage = stage(&[]);
    stage.write("alice", "m1", "hello");
    let stop = Inbound { mention: true, ..inbound("olga", "m2", "/stop now") };
    stage.twin.deliver(&stop).unwrap();
    let asked =
        Inbound { mention: true, reply_to: Some("1".to_owned()), ..inbound("olga", "m3", "why?") };
    stage.twin.deliver(&asked).unwrap();
    let updates = stage.ok("getUpdates", &json!({})).await;
    let lines = updates.as_array().unwrap().iter().map(|it| format!("{it}\n"));
    insta::assert_snapshot!(lines.collect::<String>(), @r#"
    {"message":{"chat":{"first_name":"User 3001","id":3001,"type":"private","username":"user3001"},"date":1700000000,"from":{"first_name":"User 3001","id":3001,"is_bot":false,"language_code":"en","username":"user3001"},"message_id":1,"text":"hello"},"update_id":730000001}
    {"message":{"chat":{"id":-100777,"is_forum":true,"title":"Group 100777","type":"supergroup"},"date":1700000000,"entities":[{"length":15,"offset":0,"type":"bot_command"}],"from":{"first_name":"User 3002","id":3002,"is_bot":false,"language_code":"en","username":"user3002"},"is_topic_message":true,"message_id":1,"message_thread_id":42,"text":"/stop@creel_bot now"},"update_id":730000002}
    {"message":{"chat":{"id":-100777,"is_forum":true,"title":"Group 100777","type":"supergroup"},"date":1700000000,"entities":[{"length":10,"offset":0,"type":"mention"}],"from":{"first_name":"User 3002","id":3002,"is_bot":false,"language_code":"en","username":"user3002"},"is_topic_message":true,"message_id":2,"message_thread_id":42,"reply_to_message":{"chat":{"id":-100777,"is_forum":true,"title":"Group 100777","type":"supergroup"},"date":1700000000,"entities":[{"length":15,"offset":0,"type":"bot_command"}],"from":{"first_name":"User 3002","id":3002,"is_bot":false,"language_code":"en","username":"user3002"},"is_topic_message":true,"message_id":1,"message_thread_id":42,"text":"/stop@creel_bot now"},"text":"@creel_bot why?"},"update_id":730000003}
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_the_person_sees_is_sent_edited_and_deleted() {
    let stage = stage(&[]);
    stage.write("alice", "m1", "hello");
    let place = Place {
        channel: CHANNEL.to_owned(),
        account: "default".to_owned(),
        peer: "3001".to_owned(),
        thread: None,
    };
    let draft = json!({
        "chat_id": "3001", "text": " <b>1 &lt; 2</b>\n", "parse_mode": "HTML",
        "reply_parameters": "{\"message_id\":1}",
    });
    let sent = stage.ok("sendMessage", &draft).await;
    assert_eq!((&sent["message_id"], &sent["text"]), (&json!(2), &json!("1 < 2")));
    assert_eq!(sent["reply_to_message"]["text"], "hello");
    assert_eq!(stage.twin.last_text(&place).as_deref(), Some("1 < 2"));
    let edit = json!({ "chat_id": 3001, "message_id": 2, "text": "2 > 1" });
    assert_eq!(stage.ok("editMessageText", &edit).await["edit_date"], 1_700_000_000);
    let (status, description) = stage.refused("EDITMESSAGETEXT", &edit).await;
    assert_eq!(status, 400);
    assert!(description.starts_with("Bad Request: message is not modified"));
    assert_eq!(stage.twin.last_text(&place).as_deref(), Some("2 > 1"));
    stage.ok("deleteMessage", &json!({ "chat_id": 3001, "message_id": 2 })).await;
    assert_eq!(stage.twin.last_text(&place), None);
    let topic = json!({ "chat_id": SUPERGROUP, "message_thread_id": 42, "text": "in a topic" });
    let sent = stage.ok("sendMessage", &topic).await;
    assert_eq!((&sent["message_thread_id"], &sent["is_topic_message"]), (&json!(42), &json!(true)));
    insta::assert_snapshot!(stage.facts(), @r#"
    0 inbound m1 default:3001 #1 hello
    0 sent default:3001 #2 to #1 1 < 2
    0 edited default:3001 #2 2 > 1
    0 deleted default:3001 #2
    0 sent default:-100777/42 #1 in a topic
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_valid_is_refused_in_the_platforms_words() {
    let stage = stage(&[]);
    let long = "é".repeat(4_097);
    let rows = [
        ("sendMessage", json!({ "text": "x" })),
        ("sendMessage", json!({ "chat_id": 9, "text": "x" })),
        ("sendMessage", json!({ "chat_id": "@nobody", "text": "x" })),
        ("sendMessage", json!({ "chat_id": 3001, "text": " \n" })),
        ("sendMessage", json!({ "chat_id": 3001, "text": long })),
        ("sendMessage", json!({ "chat_id": 3001, "text": "x", "parse_mode": "BBCode" })),
        ("sendMessage", json!({ "chat_id": 3001, "text": "x", "reply_to_message_id": 99 })),
        ("sendMessage", json!({ "chat_id": SUPERGROUP, "text": "x", "message_thread_id": 43 })),
        ("editMessageText", json!({ "chat_id": 3001, "message_id": 9, "text": "x" })),
        ("deleteMessage", json!({ "chat_id": 3001, "message_id": 9 })),
        ("sendChatAction", json!({ "chat_id": 3001, "action": "dancing" })),
        ("setWebhook", json!({ "url": "http://example.org" })),
        ("setMyCommands", json!({ "commands": [{ "command": "Stop", "description": "x" }] })),
        ("noSuchMethod", json!({})),
    ];
    let mut lines = String::new();
    for (method, parameters) in rows {
        let (status, description) = stage.refused(method, &parameters).await;
        writeln!(lines, "{method} {status} {description}").unwrap();
    }
    let wrong = stage.client.post("/bot7001:other/sendMessage", &json!({ "text": "x" })).await;
    let answer = json!({ "ok": false, "error_code": 401, "description": "Unauthorized" });
    assert_eq!(wrong, (401, answer));
    lines.push_str("--\n");
    lines.push_str(&stage.facts());
    insta::assert_snapshot!(lines, @r#"
    sendMessage 400 Bad Request: chat_id is empty
    sendMessage 400 Bad Request: chat not found
    sendMessage 400 Bad Request: chat not found
    sendMessage 400 Bad Request: message text is empty
    sendMessage 400 Bad Request: message is too long
    sendMessage 400 Bad Request: unsupported parse_mode
    sendMessage 400 Bad Request: message to be replied not found
    sendMessage 400 Bad Request: message thread not found
    editMessageText 400 Bad Request: message to edit not found
    deleteMessage 400 Bad Request: message to delete not found
    sendChatAction 400 Bad Request: wrong parameter action in request
    setWebhook 400 Bad Request: bad webhook: An HTTPS URL must be provided for webhook
    setMyCommands 400 Bad Request: BOT_COMMAND_INVALID
    noSuchMethod 404 Not Found
    --
    0 refused nowhere 400 None Bad Request: chat_id is empty
    0 refused default:9 400 None Bad Request: chat not found
    0 refused nowhere 400 None Bad Request: chat not found
    0 refused default:3001 400 None Bad Request: message text is empty
    0 refused default:3001 400 None Bad Request: message is too long
    0 refused default:3001 400 None Bad Request: unsupported parse_mode
    0 refused default:3001 400 None Bad Request: message to be replied not found
    0 refused default:-100777/43 400 None Bad Request: message thread not found
    0 refused default:3001 400 None Bad Request: message to edit not found
    0 refused nowhere 401 None Unauthorized
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_scenario_slows_and_refuses_sends() {
    let faults = [
        SendFault::Refuse { status: 429, retry_after_s: Some(3) },
        SendFault::Slow { delay: Duration::from_secs(2) },
    ];
    let stage = stage(&faults);
    let send = json!({ "chat_id": 3001, "text": "x" });
    let (_, answer) = stage.call("sendMessage", &send).await;
    assert_eq!(answer["parameters"], json!({ "retry_after": 3 }));
    stage.ok("sendMessage", &send).await;
    assert_eq!(stage.recorder.now_us(), 2_000_000);
    stage.ok("sendMessage", &send).await;
    insta::assert_snapshot!(stage.facts(), @r#"
    0 refused default:3001 429 Some(3) Too Many Requests: retry after 3
    0 sent default:3001 #1 x
    2000 sent default:3001 #2 x
    "#);
}

#[tokio::test(start_paused = true)]
async fn chores_are_answered() {
    let stage = stage(&[]);
    let (_, me) = stage.client.get(&format!("{BOT}/getme?x=1")).await;
    assert_eq!(me["result"]["username"], "creel_bot");
    let commands = json!([{ "command": "stop", "description": "Stop" }]);
    stage.ok("setMyCommands", &json!({ "commands": commands })).await;
    assert_eq!(stage.ok("getMyCommands", &json!({})).await, commands);
    stage.ok("deleteMyCommands", &json!({})).await;
    assert_eq!(stage.ok("getMyCommands", &json!({})).await, json!([]));
    stage.write("alice", "m1", "hello");
    let info = stage.ok("getWebhookInfo", &json!({})).await;
    assert_eq!((&info["url"], &info["pending_update_count"]), (&json!(""), &json!(1)));
    stage.ok("deleteWebhook", &json!({ "drop_pending_updates": true })).await;
    assert_eq!(stage.poll(&json!({})).await, [0_i64; 0]);
    stage.ok("sendChatAction", &json!({ "chat_id": 3001, "action": "typing" })).await;
    let chat = stage.ok("getChat", &json!({ "chat_id": SUPERGROUP })).await;
    assert_eq!((&chat["type"], &chat["is_forum"]), (&json!("supergroup"), &json!(true)));
    let member = json!({ "chat_id": SUPERGROUP, "user_id": 3002 });
    assert_eq!(stage.ok("getChatMember", &member).await["status"], "member");
    let reaction = json!([{ "type": "emoji", "emoji": "👀" }]);
    let react = json!({ "chat_id": 3001, "message_id": 1, "reaction": reaction });
    assert_eq!(stage.ok("setMessageReaction", &react).await, json!(true));
    assert_eq!(stage.ok("close", &json!({})).await, json!(true));
}

#[tokio::test(start_paused = true)]
async fn ids_that_telegram_has_not_are_refused() {
    let stage = stage(&[]);
    let chat =
        |account: &str, kind, sender: &str| Chat { kind, ..Chat::direct(CHANNEL, account, sender) };
    let group = |id: &str| ChatKind::Group { id: id.to_owned(), topic: None };
    let refused = |chat: &Chat| stage.twin.declare("x", chat, &[]).unwrap_err().to_string();
    let rows = [
        chat("default", ChatKind::Direct, "bob"),
        chat("default", group("777"), "3001"),
        chat("other", ChatKind::Direct, "3001"),
    ];
    assert_eq!(
        rows.each_ref().map(refused),
        [
            "chat `x` has sender `bob`: expected a whole number, such as `3001`",
            "chat `x` has group `777`: expected a negative number",
            "chat `x` is in account `other`, which has no bot (known accounts: `default`)",
        ]
    );
}
