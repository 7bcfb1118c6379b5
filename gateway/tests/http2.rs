//! The client and servers that offer HTTP/2: in memory and in virtual time, so that half a minute of silence costs nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/tls.rs"]
mod tls;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Version, routing::get};
use bytes::Bytes;
use creel_gateway::http::{Error, Http};
use futures_util::{StreamExt as _, future::join_all, stream};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Barrier, mpsc},
};

use self::tls::{BOTH, HOST, HTTP_1, Memory, Say, Servers};

type Client = Http<Memory>;

const LONG: Duration = Duration::from_mins(10);

fn ask(path: &str) -> Request<Full<Bytes>> {
    let body = Full::new(Bytes::from_static(b"a question"));
    Request::get(format!("https://{HOST}{path}")).body(body).unwrap()
}

async fn piece(response: &mut Response<Incoming>) -> Result<Bytes, hyper::Error> {
    response.frame().await.unwrap().map(|it| it.into_data().unwrap())
}

#[tokio::test(start_paused = true)]
async fn one_connection_carries_many_requests_at_once() {
    let all_here = Arc::new(Barrier::new(20));
    let wait = move || async move { _ = all_here.wait().await };
    let app = Router::new().route("/", get(async || "hello")).route("/wait", get(wait));
    let (servers, client) = Servers::of_router(BOTH, app);
    assert_eq!(client.send(ask("/")).await.unwrap().version(), Version::HTTP_2);
    let answers = join_all((0..20).map(|_| client.exchange(ask("/wait"), LONG, 100))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(servers.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_comes_as_it_is_written_and_ends_there_when_nobody_wants_it() {
    let (write, written) = mpsc::channel::<&'static str>(1);
    let written = Arc::new(tokio::sync::Mutex::new(written));
    let stream = move || async move {
        let written = written.lock_owned().await;
        let pieces = stream::unfold(written, |mut it| async {
            it.recv().await.map(|piece| (Ok::<_, Infallible>(piece), it))
        });
        Body::from_stream(pieces.boxed())
    };
    let app = Router::new().route("/", get(async || "hello")).route("/stream", get(stream));
    let (servers, client) = Servers::of_router(BOTH, app);
    let mut answer = client.send(ask("/stream")).await.unwrap();
    for said in ["data: one\n\n", "data: two\n\n"] {
        write.send(said).await.unwrap();
        assert_eq!(piece(&mut answer).await.unwrap(), said);
    }
    assert!(client.exchange(ask("/"), LONG, 100).await.is_ok(), "another beside it");
    drop(answer);
    // The server lets go of the stream, and so of what others wait for; the connection stays.
    let again = tokio::time::timeout(LONG, client.send(ask("/stream"))).await.unwrap();
    assert!(again.unwrap().status().is_success());
    assert_eq!(servers.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_offers_http_1_alone_gets_it() {
    let app = Router::new().route("/", get(async || "hello"));
    let (_servers, client) = Servers::of_router(HTTP_1, app);
    assert_eq!(client.send(ask("/")).await.unwrap().version(), Version::HTTP_11);
}

#[tokio::test(start_paused = true)]
async fn over_http_1_a_connection_is_used_again_once_its_answer_was_read() {
    let endless = || stream::pending::<Result<Bytes, Infallible>>();
    let endless = async move || Body::from_stream(endless());
    let app = Router::new().route("/", get(async || "hello")).route("/endless", get(endless));
    let (servers, client) = Servers::of_router(HTTP_1, app);
    for _ in 0..3 {
        client.exchange(ask("/"), LONG, 100).await.unwrap();
    }
    assert_eq!(servers.connections(), 1);
    let unread = client.send(ask("/endless")).await.unwrap();
    client.exchange(ask("/"), LONG, 100).await.unwrap();
    assert_eq!(servers.connections(), 2, "the first one still carries an answer");
    drop(unread);
}

#[tokio::test(start_paused = true)]
async fn a_connection_of_its_own_is_http_1_wherever_it_leads() {
    let app = Router::new().route("/", get(async || "hello"));
    let (_servers, client) = Servers::of_router(BOTH, app);
    let mut stream = client.connect(format!("https://{HOST}/").parse().unwrap()).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A server may end without TLS's own goodbye.
    _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

/// Makes one request of servers that say what the script says, one line a request whichever connection it comes on, and
/// then answer well.
async fn check(script: &[&'static [Say]], expected: &str) {
    let (servers, client) = Servers::of_script(script);
    let outcome = match tokio::time::timeout(LONG, client.send(ask("/"))).await.unwrap() {
        Ok(response) => match response.into_body().collect().await {
            Ok(body) => String::from_utf8(body.to_bytes().to_vec()).unwrap(),
            Err(_) => "broken body".to_owned(),
        },
        Err(Error::Connect(_)) => "not taken".to_owned(),
        Err(Error::Exchange(_)) => "perhaps taken".to_owned(),
        Err(error) => panic!("{error}"),
    };
    let (asked, connections) = (servers.asked(), servers.connections());
    let found = format!("{outcome}: {asked} requests, {connections} connections");
    assert_eq!(found, expected, "{script:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_did_not_take_is_told_from_what_it_may_have_taken() {
    const NO_ERROR: u32 = 0;
    const INTERNAL: u32 = 2;
    const REFUSED: u32 = 7;
    const CANCEL: u32 = 8;
    const CALM_DOWN: u32 = 11;
    const LEAVES: &[Say] = &[Say::GoAway { last: 0, why: NO_ERROR }];
    const FULL: &[Say] = &[Say::Reset(REFUSED)];

    check(&[], "well: 1 requests, 1 connections").await;
    check(&[LEAVES], "well: 2 requests, 2 connections").await;
    check(&[LEAVES; 3], "not taken: 3 requests, 3 connections").await;
    check(&[&[Say::GoAway { last: 0, why: CALM_DOWN }]], "not taken: 1 requests, 1 connections")
        .await;
    check(&[FULL, FULL], "well: 3 requests, 1 connections").await;
    check(&[FULL; 3], "not taken: 3 requests, 1 connections").await;

    let taken = "perhaps taken: 1 requests, 1 connections";
    check(&[&[Say::Reset(INTERNAL)]], taken).await;
    check(&[&[Say::Reset(CANCEL)]], taken).await;
    check(&[&[Say::End]], taken).await;
    check(&[&[Say::GoAway { last: 1, why: NO_ERROR }, Say::End]], taken).await;
    check(
        &[&[Say::GoAway { last: 1, why: NO_ERROR }, Say::Well]],
        "well: 1 requests, 1 connections",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_is_not_a_whole_one() {
    const INTERNAL: u32 = 2;
    const REFUSED: u32 = 7;
    const CANCEL: u32 = 8;
    let broken = "broken body: 1 requests, 1 connections";
    check(&[&[Say::Begin, Say::Reset(INTERNAL)]], broken).await;
    check(&[&[Say::Begin, Say::Reset(CANCEL)]], broken).await;
    check(&[&[Say::Begin, Say::Reset(REFUSED)]], broken).await;
    check(&[&[Say::Begin, Say::GoAway { last: 1, why: 0 }, Say::End]], broken).await;
    check(&[&[Say::Begin, Say::End]], broken).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_unnoticed_takes_no_later_request_with_it() {
    let (servers, client) = Servers::of_script(&[&[Say::Nothing]]);
    let begun = creel_gateway::clock::instant();
    assert!(matches!(client.send(ask("/")).await, Err(Error::Exchange(_))));
    assert_eq!(begun.elapsed().as_secs(), 45);
    assert!(ok(&client).await);
    assert_eq!((servers.asked(), servers.connections()), (2, 2));
}

async fn ok(client: &Client) -> bool {
    client.exchange(ask("/"), LONG, 100).await.is_ok()
}
