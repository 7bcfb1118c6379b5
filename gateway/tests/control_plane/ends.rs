//! How connections end: what either side says last.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};

use super::*;

/// A socket whose client has been greeted.
async fn greeted(gateway: &Running) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(&gateway.target.address).await.unwrap();
    let address = format!("ws://{}/", gateway.target.address);
    let (mut socket, _) = tokio_tungstenite::client_async(&address, stream).await.unwrap();
    let protocol = creel_gateway::control::connect::protocol(gateway.target.version);
    let connect = json!({ "type": "req", "id": "1", "method": "connect", "params": {
        "minProtocol": protocol, "maxProtocol": protocol, "auth": { "token": GATEWAY_TOKEN },
        "client": { "id": "gateway-client", "mode": "backend", "version": "1", "platform": "linux" },
    } });
    socket.send(Message::text(connect.to_string())).await.unwrap();
    let hello = socket.by_ref().filter(|it| {
        let text = it.as_ref().map(ToString::to_string).unwrap_or_default();
        std::future::ready(text.contains("hello-ok"))
    });
    assert!(soon("the handshake", Box::pin(hello).next()).await.is_some());
    socket
}

#[tokio::test]
async fn a_client_that_leaves_in_order_is_told_good_bye() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut socket = greeted(&gateway).await;
    let frame = CloseFrame { code: 1_000.into(), reason: "".into() };
    socket.send(Message::Close(Some(frame.clone()))).await.unwrap();
    let rest: Vec<Message> = soon("the end", socket.map(Result::unwrap).collect()).await;
    assert_eq!(rest.last(), Some(&Message::Close(Some(frame))), "{rest:?}");
}

#[tokio::test]
async fn who_says_too_much_at_once_is_told_so() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_9).await;
    let mut socket = greeted(&gateway).await;
    // The gateway stops listening in the middle of it.
    _ = socket.send(Message::text("x".repeat(27_000_000))).await;
    let close = loop {
        match soon("the end", socket.next()).await {
            Some(Ok(Message::Close(close))) => break close,
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    let close = close.unwrap();
    let told = (u16::from(close.code), close.reason.to_string());
    assert_eq!(told, (1_009, "a frame is longer than 26214400 bytes".to_owned()));
}

#[tokio::test]
async fn who_connects_is_told_how_the_gateway_is() {
    let world = World::new();
    let served = world.serve().await;
    let gateway = Running::start(&served, Version::V2026_3).await;
    let mut socket = greeted(&gateway).await;
    let told = soon("an event", socket.next()).await.unwrap().unwrap();
    let told: Value = serde_json::from_str(told.to_text().unwrap()).unwrap();
    assert_eq!((&told["event"], &told["seq"]), (&json!("health"), &json!(1)), "{told}");
    assert_eq!(told["payload"]["ok"], true);
    assert!(told["payload"]["durationMs"].is_u64() && told["stateVersion"]["health"].is_u64());
}
