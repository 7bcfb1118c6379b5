use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use hyper::HeaderMap;

use super::{
    Options, Texts,
    answer::{self, What},
    redact::Secrets,
    scenario::{self, Facts},
    tape::{Ending, Exchange, Tape},
};
use crate::{
    scenario::{Act, Part, Scenario, StreamEnd, parse},
    twins::openai::dialect::Dialect,
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// An answer of this status and kind, in pieces with their times.
fn exchange(
    dialect: Dialect,
    (status, kind): (u16, &str),
    pieces: &[(u64, &str)],
    ending: Ending,
) -> Exchange {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", kind.parse().expect("a kind"));
    Exchange {
        number: 1,
        at: ms(100),
        provider: "p".to_owned(),
        dialect,
        key: 0,
        model: "m".to_owned(),
        session: None,
        said: vec!["what \"is\" this:\n# not a comment \u{2028} {x}".to_owned()],
        head: Some((ms(20), status, headers)),
        pieces: pieces
            .iter()
            .map(|(at, text)| (ms(*at), Bytes::from((*text).to_owned())))
            .collect(),
        is_cut: false,
        end: Some((ms(900), ending)),
    }
}

fn stream(dialect: Dialect, pieces: &[(u64, &str)], ending: Ending) -> What {
    answer::did(&exchange(dialect, (200, "text/event-stream"), pieces, ending)).0.what
}

fn part(after: u64, text: &str) -> Part {
    Part { after: ms(after), text: text.to_owned() }
}

#[test]
fn parts_and_their_pauses_are_read_in_each_protocol() {
    let said = vec![part(10, "Hel"), part(300, "lo")];
    let chat = [
        (30, "data: {\"choices\":[{\"delta\":{\"content\":\"H\"}}]}\n\nda"),
        (32, "ta: {\"choices\":[{\"delta\":{\"content\":\"el\"}}]}\n\n"),
        (
            330,
            "data: {\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ),
    ];
    let found = stream(Dialect::ChatCompletions, &chat, Ending::Complete);
    assert_eq!(found, What::Stream(vec![part(10, "Hel"), part(298, "lo")], StreamEnd::Complete));
    let responses = [
        (
            30,
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hel\"}\n\n",
        ),
        (
            330,
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"lo\"}\n\ndata: {\"type\":\"response.completed\"}\n\n",
        ),
    ];
    let found = stream(Dialect::Responses, &responses, Ending::Complete);
    assert_eq!(found, What::Stream(said.clone(), StreamEnd::Complete));
    let messages = [
        (
            30,
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
        ),
        (
            330,
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
    ];
    let found = stream(Dialect::Messages, &messages, Ending::Complete);
    assert_eq!(found, What::Stream(said, StreamEnd::Complete));
}

#[test]
fn an_answer_can_end_in_many_ways() {
    let begun = [(30, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")];
    let check = |pieces: &[(u64, &str)], ending, expected| {
        assert_eq!(stream(Dialect::ChatCompletions, pieces, ending), expected);
    };
    let said = |ends| What::Stream(vec![part(10, "a")], ends);
    check(&begun, Ending::Cut, said(StreamEnd::Cut));
    check(&begun, Ending::Complete, said(StreamEnd::Eof));
    check(&begun, Ending::Left, said(StreamEnd::Stall));
    check(&[(30, "data: {\"cho\n\n")], Ending::Complete, What::Malformed(String::new()));
    let silent =
        Exchange { head: None, ..exchange(Dialect::Messages, (200, ""), &[], Ending::Left) };
    assert_eq!(answer::did(&silent).0.what, What::Hang);
    let refused = Exchange { end: Some((ms(3), Ending::Cut)), ..silent };
    assert_eq!(answer::did(&refused).0.what, What::Stream(Vec::new(), StreamEnd::Cut));
}

fn options(texts: Texts) -> Options {
    Options {
        upstreams: Vec::new(),
        listen: ([127, 0, 0, 1], 0).into(),
        out: PathBuf::new(),
        id: "regressions/incident".to_owned(),
        profile: Some("2026.9".to_owned()),
        texts,
        requests_max: None,
        idle_max: None,
    }
}

/// The file of some exchanges, which is a scenario.
#[track_caller]
fn written(exchanges: &[Exchange], secrets: &Secrets, texts: Texts) -> (String, Scenario) {
    let facts = Facts { exchanges, secrets, left_out: 0 };
    let (text, spoken, summary) = scenario::text(&facts, &options(texts)).expect("somebody spoke");
    assert_eq!(summary.requests, exchanges.len(), "{text}");
    assert!(spoken.iter().all(|it| secrets.left_in(it).is_none()), "{spoken:?}");
    let read = parse("regressions/incident", &text).unwrap_or_else(|it| panic!("{it:?}\n{text}"));
    (text, read)
}

const STREAM: (u16, &str) = (200, "text/event-stream");

#[test]
fn a_secret_that_stands_across_two_parts_is_not_written() {
    let event = |text: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let (first, second) = (event("it is opensesame-al"), event("ibaba, no?") + "data: [DONE]\n\n");
    let pieces = [(30, first.as_str()), (330, second.as_str())];
    let said = exchange(Dialect::ChatCompletions, STREAM, &pieces, Ending::Complete);
    let mut secrets = Secrets::default();
    let headers =
        [(hyper::header::AUTHORIZATION, "Bearer opensesame-alibaba".parse().expect("a value"))];
    secrets.see(1, &headers.into_iter().collect(), None);
    let (text, read) = written(std::slice::from_ref(&said), &secrets, Texts::Kept);
    let Act::Stream { parts, ends: StreamEnd::Complete } = &read.model["c1"][0].act else {
        panic!("{text}")
    };
    assert_eq!(*parts, [part(310, "it is [redacted], no?")]);
    let (text, _) = written(&[said], &Secrets::default(), Texts::Kept);
    assert!(text.contains("opensesame-al\""), "parts without secrets stay apart: {text}");
}

#[test]
fn what_ends_in_a_failure_may_go_on_in_the_replay() {
    let refused = exchange(Dialect::Messages, (500, "text/plain"), &[(20, "oh")], Ending::Complete);
    let (text, read) =
        written(std::slice::from_ref(&refused), &Secrets::default(), Texts::Replaced);
    assert!(text.contains("      more: true\n"), "{text}");
    assert_eq!(read.model["c1"].len(), 2, "whoever asks again is answered: {text}");
    let answered =
        exchange(Dialect::Messages, (200, "application/json"), &[(20, "{}")], Ending::Complete);
    let (text, read) = written(&[refused, answered], &Secrets::default(), Texts::Replaced);
    assert!(!text.contains("more: true") && read.model["c1"].len() == 2, "{text}");
}

#[test]
fn an_error_that_quotes_a_person_is_written_without_their_words() {
    let long = "x".repeat(500);
    let error = format!(
        "{{\"error\":{{\"message\":\"too long: [{{'content': 'my secret wish'}}] {long}\"}}}}"
    );
    let mut refused =
        exchange(Dialect::Messages, (400, "application/json"), &[(20, &error)], Ending::Complete);
    refused.said = vec!["my secret wish".to_owned(), "a".to_owned()];
    let (text, _) = written(std::slice::from_ref(&refused), &Secrets::default(), Texts::Replaced);
    assert!(text.contains("too long: [{'content': '[said]'}] xxx"), "{text}");
    assert!(!text.contains("wish") && !text.contains(&long), "{text}");
    let (text, _) = written(&[refused], &Secrets::default(), Texts::Kept);
    assert!(text.contains("my secret wish") && text.contains(&long), "{text}");
}

#[test]
fn an_answer_that_is_too_long_was_one_all_the_same() {
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let mut long = exchange(Dialect::ChatCompletions, STREAM, &[(30, event)], Ending::Complete);
    long.is_cut = true;
    let (text, read) = written(&[long], &Secrets::default(), Texts::Kept);
    assert!(text.contains("# The answer to request 1 was too long"), "{text}");
    assert!(matches!(read.model["c1"][0].act, Act::Stream { ends: StreamEnd::Complete, .. }));
}

#[test]
fn requests_without_a_persons_words_replace_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("incident.yaml");
    std::fs::write(&out, "earlier").expect("a file");
    let options = Options { out: out.clone(), ..options(Texts::Kept) };
    let tape = Tape::new(&options, tokio::sync::watch::channel(0).0);
    let body = Bytes::from_static(b"{\"model\":\"m\",\"messages\":[]}");
    let asked = ("/v1/chat/completions", &HeaderMap::new());
    tape.begin(1, "p", asked, &body).end(Ending::Complete);
    assert_eq!(tape.write().expect("nothing to write").requests, 0);
    assert_eq!(std::fs::read_to_string(&out).expect("it is there"), "earlier");
}

#[test]
fn what_is_written_is_a_scenario_whatever_was_said() {
    let json = "application/json";
    let error = "{\"error\":{\"type\":\"rate_limit_error\",\"code\":1113,\"message\":\"key sk-abcdefgh1234 is \\\"bad\\\": # {\"}}";
    let mut limited = exchange(Dialect::Messages, (429, json), &[(20, error)], Ending::Complete);
    let (_, _, headers) = limited.head.as_mut().expect("it has one");
    headers.insert("retry-after", "7".parse().expect("a value"));
    headers.insert("retry-after-ms", "7100".parse().expect("a value"));
    headers.insert("x-ratelimit-remaining", "0".parse().expect("a value"));
    let whole = "{\"content\":[{\"type\":\"text\",\"text\":\"It is: {a}\\n- b\"}]}";
    let mut answered = exchange(Dialect::Messages, (200, json), &[(20, whole)], Ending::Complete);
    answered.at = ms(7_300);
    let hung =
        Exchange { head: None, said: vec!["other".to_owned()], at: ms(8_000), ..answered.clone() };
    for texts in [Texts::Replaced, Texts::Kept] {
        let exchanges = [limited.clone(), answered.clone(), hung.clone()];
        let (text, read) = written(&exchanges, &Secrets::default(), texts);
        assert_eq!(read.model.len(), 2, "{text}");
        let acts: Vec<&Act> = read.model["c1"].iter().map(|it| &it.act).collect();
        let Act::Status(error) = acts[0] else { panic!("{acts:?}") };
        assert_eq!((error.status, error.retry_after_s), (429, Some(7)));
        assert_eq!(error.message.as_deref(), Some("key [redacted] is \"bad\": # {"));
        assert_eq!(error.kind.as_deref(), Some("rate_limit_error"));
        assert_eq!(error.code.as_deref(), Some("1113"));
        assert_eq!(
            error.headers.keys().collect::<Vec<_>>(),
            ["retry-after-ms", "x-ratelimit-remaining"]
        );
        assert_eq!(text.contains("It is"), texts == Texts::Kept, "{text}");
        assert_eq!(text.contains("not a comment"), texts == Texts::Kept, "{text}");
    }
}
