use super::*;
use crate::control::scope::{Role, Scope};

struct Desk {
    hub: Hub,
    seat: Seat,
}

impl Desk {
    fn new() -> Self {
        let hub = Hub::new(WallClock::showing(|| WallTime::from_unix_ms(0)));
        let listener =
            Listener { role: Role::Operator, scopes: [Scope::Read].into_iter().collect() };
        let seat = hub.seat(listener, json!({}));
        Self { hub, seat }
    }

    fn tell(&self, what: Telling) {
        let asked = vec![MessageId::new("r1").expect("a name")];
        let session = SessionKey::canonical("agent:main:main").expect("a key");
        self.hub.tell(Told { session, run: Some(RunId(1)), asked, what });
    }

    fn wrote(&self, text: &str) {
        self.tell(Telling::Wrote(text.into()));
    }

    /// What chat events said, each with its state.
    async fn chats(&mut self) -> String {
        let shown = |it: &Value| format!("{} {}", it["state"], it["message"]["content"][0]["text"]);
        self.payloads().await.iter().map(shown).collect::<Vec<_>>().join("; ")
    }

    /// What chat events had with them.
    async fn payloads(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Ok(Ok(event)) =
            tokio::time::timeout(Duration::from_millis(1), self.seat.next(1)).await
        {
            let mut event: Value = serde_json::from_str(&event).expect("JSON");
            if event["event"] == "chat" {
                all.push(event["payload"].take());
            }
        }
        all
    }
}

#[tokio::test(start_paused = true)]
async fn words_are_told_together() {
    let mut desk = Desk::new();
    desk.tell(Telling::Started);
    for _ in 0..1_000 {
        desk.wrote("x");
    }
    assert_eq!(desk.chats().await, r#""delta" "x""#);
    tokio::time::advance(WORDS_EVERY).await;
    desk.wrote("y");
    assert_eq!(desk.chats().await, format!("\"delta\" \"{}y\"", "x".repeat(1_000)));
}

#[tokio::test(start_paused = true)]
async fn what_is_new_stands_beside_the_whole_and_replaces_what_was_taken_back() {
    let mut desk = Desk::new();
    desk.tell(Telling::Started);
    desk.wrote("Hello");
    tokio::time::advance(WORDS_EVERY).await;
    desk.wrote(" you");
    desk.tell(Telling::AskedAgain("".into()));
    let told = desk.payloads().await;
    let told: Vec<_> = told.iter().map(|it| (&it["deltaText"], &it["replace"])).collect();
    let (none, yes) = (Value::Null, json!(true));
    let (hello, you, nothing) = (json!("Hello"), json!(" you"), json!(""));
    assert_eq!(told, [(&hello, &none), (&you, &none), (&nothing, &yes)]);
}

#[tokio::test(start_paused = true)]
async fn all_words_are_told_before_the_end() {
    let mut desk = Desk::new();
    desk.tell(Telling::Started);
    desk.wrote("Yes");
    desk.wrote(", of course.");
    let how = Ended::Answered("Yes, of course.".into());
    desk.tell(Telling::Ended(End { began: None, at: WallTime::from_unix_ms(0), how }));
    let told = r#""delta" "Yes"; "delta" "Yes, of course."; "final" "Yes, of course.""#;
    assert_eq!(desk.chats().await, told);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_try_wrote_is_taken_back_and_what_was_said_stands_apart() {
    let mut desk = Desk::new();
    let mut words = desk.hub.words_of(&MessageId::new("r1").expect("a name"));
    desk.tell(Telling::Started);
    desk.wrote("Hello th");
    desk.tell(Telling::AskedAgain("".into()));
    assert_eq!(desk.chats().await, r#""delta" "Hello th"; "delta" """#);
    tokio::time::advance(WORDS_EVERY).await;
    desk.wrote("Looking.");
    tokio::time::advance(WORDS_EVERY).await;
    desk.tell(Telling::AskedAgain("Looking.".into()));
    desk.wrote("Found");
    assert_eq!(desk.chats().await, r#""delta" "Looking."; "delta" "Looking.\n\nFound""#);
    desk.tell(Telling::Ended(End {
        began: None,
        at: WallTime::from_unix_ms(0),
        how: Ended::Aborted,
    }));
    assert_eq!(desk.chats().await, r#""aborted" "Looking.\n\nFound""#);
    let mut heard = String::new();
    while let Some(part) = words.recv().await {
        heard.push_str(&part);
    }
    assert_eq!(heard, "Hello thLooking.\n\nFound", "what was passed on cannot be taken back");
}

#[tokio::test]
async fn who_has_given_up_waiting_takes_no_room() {
    let hub = Hub::new(WallClock::showing(|| WallTime::from_unix_ms(0)));
    let name = MessageId::new("never").unwrap();
    let waits = hub.end_of(&name);
    (0..10).for_each(|_| drop(hub.end_of(&name)));
    assert_eq!(hub.inner().waiters[&name].len(), 2, "the one that waits and the last one");
    drop(waits);
}
