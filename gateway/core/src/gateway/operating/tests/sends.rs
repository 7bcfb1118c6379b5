//! Texts that operators send to chats.

use super::*;
use crate::{
    egress::{SendOutcome, Sent},
    operator::Addressee,
};

#[test]
fn a_text_for_no_chat_leaves_nothing_under_way() {
    let mut desk = Desk::new();
    let name = MessageId::new("a").unwrap();
    let to = |chat: &str| Addressee {
        channel: "telegram".to_owned(),
        account: "default".to_owned(),
        chat: chat.to_owned(),
    };
    let send = |desk: &mut Desk, chat| {
        desk.gateway.send_as_operator(desk.now(), (name.clone(), to(chat)), "hi", &mut desk.effects)
    };
    assert!(matches!(send(&mut desk, " "), Err(Refused::Empty(_))));
    assert_eq!(desk.gateway.progress(&name), None);
    assert!(matches!(send(&mut desk, "5"), Ok(Taken::New { .. })));
    assert!(matches!(desk.gateway.progress(&name), Some((_, Progress::Waiting))));
}

#[test]
fn who_sends_a_text_hears_what_became_of_it() {
    let ends = [
        (Sent::delivered(MessageId::new("77").ok()), r#"a sent Answered("77")"#),
        (Sent::failed(SendOutcome::Permanent, "blocked"), r#"a sent Failed("blocked")"#),
    ];
    for (sent, expected) in ends {
        let mut desk = Desk::new();
        let name = MessageId::new("a").unwrap();
        let to = Addressee {
            channel: "telegram".to_owned(),
            account: "default".to_owned(),
            chat: "5".to_owned(),
        };
        let ask = |desk: &mut Desk| {
            let asked = (name.clone(), to.clone());
            let taken =
                desk.gateway.send_as_operator(desk.now(), asked, "hi", &mut desk.effects).unwrap();
            desk.look();
            taken
        };
        assert!(matches!(ask(&mut desk), Taken::New { .. }));
        let again = ask(&mut desk);
        assert!(matches!(again, Taken::Again { progress: Progress::Waiting, .. }), "{again:?}");
        let flying = desk.sends.remove(0);
        let later = SendOutcome::Transient.into();
        desk.step(Event::SendEnded { send: flying.send, sent: later });
        assert_eq!(desk.told(), "", "it will be tried again");
        desk.wait(1_000);
        let flying = desk.sends.remove(0);
        desk.step(Event::SendEnded { send: flying.send, sent });
        assert_eq!(desk.told(), expected);
        let again = ask(&mut desk);
        assert!(matches!(again, Taken::Again { progress: Progress::Ended(_), .. }), "{again:?}");
        assert_eq!(desk.told(), "");
    }
}
