use super::*;

fn name(text: &str) -> MessageId {
    MessageId::new(text).unwrap()
}

fn main() -> SessionKey {
    SessionKey::canonical("agent:main:main").unwrap()
}

fn ended(at_ms: i64) -> End {
    End { began: None, at: WallTime::from_unix_ms(at_ms), how: Ended::Answered("yes".into()) }
}

#[test]
fn a_name_is_taken_once_and_tells_how_far_it_is() {
    let mut requests = Requests::default();
    let at = Timestamp::from_ms;
    let take = |it: &mut Requests, ms, text: &str| it.take(at(ms), (&name("a"), &main(), text));
    let again = |progress| Ok(Taken::Again { session: main(), progress });
    assert_eq!(take(&mut requests, 0, "hello"), Ok(Taken::New { session: main() }));
    assert_eq!(take(&mut requests, 1, "hello"), again(Progress::Waiting));
    assert_eq!(requests.run(vec![name("a"), name("b")], RunId(7)), [name("a")]);
    assert_eq!(take(&mut requests, 2, "hello"), again(Progress::Running(RunId(7))));
    assert_eq!(take(&mut requests, 2, "other"), Err(Refused::Conflict));
    assert!(requests.end(at(3), &name("a"), &ended(3)));
    assert!(!requests.end(at(4), &name("a"), &ended(4)), "it ends once");
    assert_eq!(requests.run(vec![name("a")], RunId(8)), [], "nor is it served again");
    assert_eq!(take(&mut requests, 5, "hello"), again(Progress::Ended(ended(3))));
    let later = 3 + i64::try_from(REMEMBERED_FOR.as_ms()).unwrap();
    let later = u64::try_from(later).unwrap();
    assert_eq!(take(&mut requests, later, "other"), Ok(Taken::New { session: main() }));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut requests = Requests::default();
    let now = Timestamp::from_ms(0);
    let take = |it: &mut Requests, of: usize| it.take(now, (&name(&of.to_string()), &main(), "x"));
    for number in 0..UNDER_WAY_MAX {
        assert!(take(&mut requests, number).is_ok());
    }
    assert_eq!(take(&mut requests, UNDER_WAY_MAX), Err(Refused::TooMany));
    for number in 0..UNDER_WAY_MAX {
        assert!(requests.end(now, &name(&number.to_string()), &ended(0)));
    }
    assert!(take(&mut requests, UNDER_WAY_MAX).is_ok());
    assert_eq!(requests.ended.len(), REMEMBERED_MAX - 1);
}
