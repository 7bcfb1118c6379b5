//! How long a provider may take, over real sockets and on a virtual clock: each limit cuts the connection and says which
//! it was, and what keeps within them is never cut.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/request.rs"]
mod request;

use std::time::Duration;

use creel_core::{run::ModelOutcome, session::Entry};
use creel_gateway::{
    http::Http,
    net::TokioNet,
    providers::{self, Api, Asked, Endpoint, Patience},
    secret::Secret,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::{Instant, sleep},
};

use self::request::request;

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const WORD: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"w\"}}]}\n\n";
const COMMENT: &[u8] = b": still thinking\n\n";
const END: &[u8] = b"data: [DONE]\n\n";

/// The limits: a first byte within 5 s, 2 s from part to part, 20 s in all.
const PATIENCE: Patience = Patience {
    first_byte: Some(Duration::from_secs(5)),
    idle: Some(Duration::from_secs(2)),
    total: Some(Duration::from_secs(20)),
};

/// Asks a server that writes these pieces, each after so many milliseconds, and then nothing more. Shows the outcome,
/// when it was known, and whether the connection was closed by then.
async fn check(pieces: &[(u64, &[u8])], expected: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let server = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"]}") {
            connection.read_buf(&mut asked).await.unwrap();
        }
        for (after_ms, piece) in pieces {
            sleep(Duration::from_millis(*after_ms)).await;
            if connection.write_all(piece).await.is_err() {
                return;
            }
        }
        // Ends when the gateway hangs up.
        while connection.read(&mut [0; 1024]).await.is_ok_and(|it| it > 0) {}
    };
    #[expect(clippy::disallowed_methods, reason = "a test measures")]
    let begun = Instant::now();
    let asking = async {
        let key = Secret::new("sk-1");
        let endpoint = Endpoint { base_url, api: Api::ChatCompletions, key, patience: PATIENCE };
        let asked = Asked {
            model: "m",
            tokens_max: None,
            request: &request([Entry::User("hi".into())]),
            pictures: &[],
        };
        let outcome = providers::complete(&Http::new(TokioNet), &endpoint, asked, None).await;
        let shown = match outcome {
            ModelOutcome::Answered(answer) => format!("answered {:?}", answer.text),
            ModelOutcome::Failed(failed) => format!("{:?}", failed.failure),
        };
        format!("{shown} at {:.1} s", begun.elapsed().as_secs_f64())
    };
    let (shown, ()) = tokio::join!(asking, server);
    assert_eq!(shown, expected);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_nothing_is_cut_at_the_first_limit() {
    check(&[], "Silent at 5.0 s").await;
    // A head is no part of an answer.
    check(&[(1_000, HEAD)], "Silent at 5.0 s").await;
    check(&[(4_900, HEAD), (0, WORD), (1_000, END)], "answered \"w\" at 6.9 s").await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stops_is_cut_at_the_second() {
    check(&[(0, HEAD), (1_000, WORD)], "Stalled at 3.0 s").await;
    check(&[(0, HEAD), (1_000, WORD), (1_900, WORD), (9_000, END)], "Stalled at 4.9 s").await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_whole_as_long_as_something_comes() {
    let drip = [(1_900, WORD); 8];
    let all: Vec<_> = [(0, HEAD)].into_iter().chain(drip).chain([(1_900, END)]).collect();
    check(&all, "answered \"wwwwwwww\" at 18.1 s").await;
    let thinking = [(1_900, COMMENT); 8];
    let all: Vec<_> =
        [(0, HEAD)].into_iter().chain(thinking).chain([(0, WORD), (0, END)]).collect();
    check(&all, "answered \"w\" at 16.2 s").await;
}

#[tokio::test(start_paused = true)]
async fn nothing_takes_longer_than_the_third() {
    let drip = [(1_900, COMMENT); 30];
    let all: Vec<_> = [(0, HEAD)].into_iter().chain(drip).collect();
    check(&all, "TooSlow at 20.0 s").await;
}
