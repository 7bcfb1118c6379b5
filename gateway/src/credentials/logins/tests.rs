//! Renewals against a token endpoint on a socket, with files on a disk.

use std::net::SocketAddr;

use axum::{Form, Json, Router, routing::post};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::{net::TokioNet, state::StateFolder};

/// What was shown, in order.
type Shown = Arc<Mutex<Vec<String>>>;

/// A provider whose tokens end at once, so that each use is a renewal: the n-th gives `a<n>` and `r<n>`.
async fn provider() -> (SocketAddr, Shown, JoinSet<()>) {
    let shown = Shown::default();
    let noted = shown.clone();
    let renew = move |Form(form): Form<BTreeMap<String, String>>| async move {
        let mut shown = noted.lock().unwrap();
        shown.push(form["refresh_token"].clone());
        let next = shown.len() + 1;
        let (access, refresh) = (format!("a{next}"), format!("r{next}"));
        Json(json!({ "access_token": access, "refresh_token": refresh, "expires_in": 0 }))
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/t", post(renew));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, shown, server)
}

#[tokio::test]
async fn a_login_that_no_file_has_is_not_forgotten_for_the_one_that_is_used_up() {
    let (address, shown, _server) = provider().await;
    let disk = tempfile::tempdir().unwrap();
    let folder = StateFolder::Disk(disk.path().to_owned());
    let file = "agents/main/agent/auth-profiles.json";
    let text =
        r#"{"profiles":{"p:one":{"type":"oauth","access":"a1","refresh":"r1","expires":1}}}"#;
    folder.replace(file, text).unwrap();
    // Where the new file would be written stands a folder.
    let name = format!("agents/main/agent/.auth-profiles.json.{}.new", std::process::id());
    let obstacle = disk.path().join(name);
    std::fs::create_dir(&obstacle).unwrap();

    let holder = (AgentId::new("main").unwrap(), ProfileId::new("p:one").unwrap());
    let tokens = (Some("a1".to_owned()), Some("r1".to_owned()));
    let renewable = Renewable {
        provider: "p".to_owned(),
        endpoint: TokenEndpoint { url: format!("http://{address}/t"), client: None },
        login: Login::of(tokens, Some(1.0), None).unwrap(),
    };
    let keeper = Keeper::new(folder.clone());
    let held = [(holder.clone(), renewable)].into();
    let logins = Arc::new(Logins::new(Http::new(TokioNet), keeper, WallClock::system(), held));
    let stored =
        || -> Value { serde_json::from_str(&folder.read(file).unwrap().unwrap()).unwrap() };
    let refresh = || stored()["profiles"]["p:one"]["refresh"].clone();
    for access in ["a2", "a3"] {
        let given = logins.access(&holder.0, &holder.1).await.unwrap().unwrap();
        assert_eq!(given.expose(), access);
    }
    assert_eq!(*shown.lock().unwrap(), ["r1", "r2"], "none is shown twice");
    assert_eq!(refresh(), "r1", "the file could not be written");

    std::fs::remove_dir(&obstacle).unwrap();
    logins.settle().await;
    assert_eq!(refresh(), "r3", "it is written once more at the end");
    logins.access(&holder.0, &holder.1).await.unwrap().unwrap();
    assert_eq!(refresh(), "r4");

    // Somebody logs in anew.
    folder.replace(file, &text.replace("r1", "mine")).unwrap();
    logins.access(&holder.0, &holder.1).await.unwrap().unwrap();
    assert_eq!(shown.lock().unwrap().last().unwrap(), "mine");
}
