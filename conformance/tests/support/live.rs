//! Programs on real sockets: the gateway, twins that it talks to, and what stands between; all ended with the test.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long anything may take. A machine under load is slow, and a test that waits less is red for nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often something is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program that says where it listens.
pub(crate) struct Program {
    child: Child,
    /// `127.0.0.1:<port>`.
    pub(crate) address: String,
    rest: BufReader<std::process::ChildStdout>,
}

impl Program {
    /// Starts it, and waits until it listens.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program can be started");
        let mut rest = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        rest.read_line(&mut line).expect("it says something");
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_default();
        assert!(!address.is_empty(), "it says `{line}`");
        Self { child, address: address.to_owned(), rest }
    }

    /// Waits until it ends by itself. Its exit code, and what it said.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.rest.read_to_string(&mut said).expect("it writes text");
        (self.child.wait().expect("it is ours").code(), said)
    }

    /// Asks it to end as an operator does.
    pub(crate) fn terminate(self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status().expect("`kill` is there");
        assert!(killed.success());
        self.ended()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A gateway in a folder of its own, which logs into it.
pub(crate) struct Gateway {
    child: Child,
    log: std::path::PathBuf,
}

impl Gateway {
    /// Starts it with this configuration and these keys, by profile, and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(
        mut command: Command,
        folder: &Path,
        (mut config, profile): (Value, &str),
        keys: &[(&str, &str)],
    ) -> Self {
        let port = free_port();
        config["gateway"] = json!({ "port": port });
        fs::write(folder.join("openclaw.json"), config.to_string()).expect("a file can be written");
        let entry = |(id, key): &(&str, &str)| {
            let provider = id.split(':').next().unwrap_or_default();
            ((*id).to_owned(), json!({ "type": "api_key", "provider": provider, "key": key }))
        };
        let profiles: serde_json::Map<_, _> = keys.iter().map(entry).collect();
        let agent = folder.join("state/agents/main/agent");
        fs::create_dir_all(&agent).expect("a folder can be made");
        let profiles = json!({ "version": 1, "profiles": profiles }).to_string();
        fs::write(agent.join("auth-profiles.json"), profiles).expect("a file can be written");
        let log = folder.join("gateway.log");
        let file = fs::File::create(&log).expect("a file can be made");
        let both = file.try_clone().expect("a file has two handles");
        command.args(["gateway", "serve", "--config", "openclaw.json", "--state-dir", "state"]);
        command.args(["--profile", profile]);
        let child = command.stdout(file).stderr(both).spawn().expect("the program can be started");
        let gateway = Self { child, log };
        let address = format!("127.0.0.1:{port}");
        until("the gateway is ready", || {
            TcpStream::connect(&address).is_ok() && call(&address, "GET", "/ready", None).0 == 200
        });
        gateway
    }

    /// Its log so far, without colours.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log is text")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Waits until something is so.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "what is waited for is another program")]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "within {PATIENCE:?}: {what}");
        thread::sleep(LOOK_EVERY);
    }
}

/// Writes as the person, and waits for what she is shown: all texts from the bot so far.
#[track_caller]
pub(crate) fn say(telegram: &str, text: &str, answer: &str) {
    let (status, _) = call(telegram, "POST", "/twin/messages", Some(&json!({ "text": text })));
    assert_eq!(status, 200);
    until(&format!("`{text}` is answered with `{answer}`"), || {
        call(telegram, "GET", "/twin/messages", None).1.contains(answer)
    });
}

/// Calls a program. The status, and the body; nothing at all if the connection was closed.
pub(crate) fn call(address: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
    call_with(address, (method, path), &[], body)
}

/// The same with headers.
pub(crate) fn call_with(
    address: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> (u16, String) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let headers: Vec<String> =
        headers.iter().map(|(name, it)| format!("{name}: {it}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    let mut stream = TcpStream::connect(address).expect("the program listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is no zero");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("the program reads");
    let mut answer = Vec::new();
    // A connection that is cut is what some tests are about.
    _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
