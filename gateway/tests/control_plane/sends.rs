//! Texts that operators send to chats: what became of them is the answer.

use super::*;
use crate::world::{BLOCKED, BOT_TOKEN};

fn to(chat: &str, key: &str) -> Value {
    json!({ "channel": "telegram", "to": chat, "message": "hello", "idempotencyKey": key })
}

#[tokio::test]
async fn who_sends_a_text_is_told_what_the_channel_calls_it() {
    for version in Version::ALL {
        let world = World::new();
        let served = world.serve().await;
        let gateway = Running::start(&served, version).await;
        let mut client = gateway.client().await;
        let expected =
            json!({ "runId": "k1", "messageId": "1000", "channel": "telegram", "chatId": "5" });
        for _ in 0..2 {
            let sent = client.call("send", &to("5", "k1"), WITHIN).await.unwrap();
            assert_eq!(sent, expected, "{version:?}");
        }
        assert_eq!(world.sent(), ["5: hello"]);
        // The only channel need not be named.
        let mut unnamed = to("5", "k2");
        unnamed.as_object_mut().unwrap().remove("channel");
        let sent = client.call("send", &unnamed, WITHIN).await.unwrap();
        assert_eq!(sent["channel"], "telegram");
        // A key of another request stands for nothing here.
        let say = json!({ "sessionKey": "main", "message": "hello", "idempotencyKey": "k1" });
        let started = client.call("chat.send", &say, WITHIN).await.unwrap();
        assert_eq!(started["status"], "started", "{started}");
    }
}

#[tokio::test]
async fn a_text_that_the_channel_refuses_is_an_error_with_its_reason_and_without_a_secret() {
    for version in Version::ALL {
        let world = World::new();
        let served = world.serve().await;
        let gateway = Running::start(&served, version).await;
        let mut client = gateway.client().await;
        for _ in 0..2 {
            let why = refused(&mut client, "send", to(BLOCKED, "k1")).await;
            assert_eq!(why, "UNAVAILABLE: 403 Forbidden: bot[secret] was blocked by the user");
            assert!(!why.contains(BOT_TOKEN));
        }
        assert_eq!(
            refused(&mut client, "send", to("5", "k1")).await,
            "INVALID_REQUEST: this idempotency key was used for another request"
        );
        assert_eq!(
            refused(
                &mut client,
                "send",
                json!({ "to": "5", "message": "a", "idempotencyKey": "k", "channel": "slack" })
            )
            .await,
            "INVALID_REQUEST: no such account on channel: slack"
        );
        assert!(world.sent().is_empty());
    }
}

#[tokio::test]
async fn a_turns_answer_is_shown_in_the_chat_that_is_named() {
    for version in Version::ALL {
        let world = World::new();
        let served = world.serve().await;
        let gateway = Running::start(&served, version).await;
        let mut client = gateway.client().await;
        let say = |key: &str, more: Value| {
            let mut say = json!({ "message": "report", "idempotencyKey": key, "deliver": true });
            say.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            say
        };
        assert_eq!(
            refused(&mut client, "agent", say("k1", json!({}))).await,
            "INVALID_REQUEST: found no chat to deliver to: nobody wrote here from that channel yet, so expected `channel` and `to`"
        );
        assert_eq!(
            refused(&mut client, "agent", say("k1", json!({ "channel": "slack", "to": "5" })))
                .await,
            "INVALID_REQUEST: no such account on channel: slack"
        );
        assert_eq!(
            refused(&mut client, "agent", say("k1", json!({ "channel": "webchat" }))).await,
            "INVALID_REQUEST: operators' own channel is none that an answer could be delivered to"
        );
        assert!(world.sent().is_empty());
        client
            .call("agent", &say("k2", json!({ "replyTo": "5", "to": "6" })), WITHIN)
            .await
            .unwrap();
        let ended = client.another(WITHIN).await.unwrap();
        let answer = ended["result"]["payloads"][0]["text"].as_str().unwrap();
        world.says(answer).await;
        assert_eq!(world.sent(), [format!("5: {answer}")]);
    }
}
