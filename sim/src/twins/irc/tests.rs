use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use creel_judge::trace::Kind;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream},
    task::JoinSet,
    time::{Duration, timeout},
};

use super::{Bot, CHANNEL, Irc, connection};
use crate::{
    recorder::Recorder,
    scenario::{Chat, ChatKind, SendFault},
    twins::Inbound,
};

/// A server with `alice` in a direct chat and in `#team`, and its recorder.
struct Server {
    twin: Irc,
    recorder: Recorder,
    tasks: JoinSet<()>,
}

/// A client that types what a test says.
struct Client {
    stream: BufReader<DuplexStream>,
}

impl Server {
    fn start() -> Self {
        let recorder = Recorder::new();
        let bot = Bot { account: "default".to_owned(), password: Some("secret".to_owned()) };
        let twin = Irc::new(recorder.clone(), vec![bot], 1_700_000_000);
        let direct = Chat::direct(CHANNEL, "default", "alice");
        let kind = ChatKind::Group { id: "#team".to_owned(), topic: None };
        twin.declare("room", &Chat { kind, ..direct.clone() }, &[]);
        twin.declare("direct", &direct, &[]);
        Self { twin, recorder, tasks: JoinSet::new() }
    }

    fn connect(&mut self) -> Client {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
        self.tasks.spawn(connection::attend(self.twin.clone(), theirs, from));
        Client { stream: BufReader::new(ours) }
    }

    /// A client that was let in as `bot`.
    async fn welcome(&mut self) -> Client {
        let mut client = self.connect();
        client.say("PASS secret\r\nNICK bot\r\nUSER bot 0 * :A bot").await;
        client.until(" 376 ").await;
        client
    }

    fn write(&self, chat: &str, text: &str) {
        let inbound = Inbound {
            name: "m1".to_owned(),
            chat: chat.to_owned(),
            text: text.to_owned(),
            canary: None,
            mention: false,
            reply_to: None,
            forged: None,
            image: None,
            events: None,
            apart: Duration::ZERO,
        };
        assert!(self.twin.deliver(&inbound));
    }

    /// What was recorded of messages, each in a few words.
    fn facts(&self) -> Vec<String> {
        let word = |kind: Kind| match kind {
            Kind::Inbound { place, text, sender, .. } => {
                format!("{sender} in {}: {text}", place.peer)
            }
            Kind::Fetched { message } => format!("fetched {message}"),
            Kind::Sent { place, text, .. } => format!("sent to {}: {text}", place.peer),
            Kind::Refused { status, text, .. } => format!("refused {status}: {text}"),
            other => format!("{other:?}"),
        };
        self.recorder.facts_from(0).into_iter().map(|it| word(it.kind)).collect()
    }
}

impl Client {
    async fn say(&mut self, line: &str) {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }

    /// The next line; empty at the end.
    async fn hear(&mut self) -> String {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        timeout(Duration::from_hours(1), read).await.expect("it says something").unwrap();
        line.trim_end().to_owned()
    }

    /// The lines up to the one that holds this.
    async fn until(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.hear().await);
            let last = lines.last().unwrap();
            assert!(!last.is_empty(), "`{text}` never came: {lines:?}");
            if last.contains(text) {
                return lines;
            }
        }
    }

    /// What it is told first after it said this.
    async fn ask(&mut self, line: &str) -> String {
        self.say(line).await;
        self.hear().await
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_the_password_is_welcomed_and_heard() {
    let mut server = Server::start();
    assert!(!server.twin.is_listened_to("default"));
    let mut client = server.welcome().await;
    assert!(!server.twin.is_listened_to("default"), "it is in no room yet");
    client.say("JOIN #TEAM").await;
    let joined = client.until(" 366 ").await;
    assert_eq!(joined[0], ":bot!~bot@127.0.0.1 JOIN #team");
    assert_eq!(joined[1], ":irc.creel.test 353 bot = #team :bot alice");
    assert!(!server.twin.is_listened_to("default"), "it was welcomed just now");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(server.twin.is_listened_to("default"));
    server.write("room", "hello room");
    let line = ":alice!alice@people.creel.test PRIVMSG #team :hello room";
    assert_eq!(client.hear().await, line);
    server.write("direct", "one\ntwo");
    assert_eq!(client.hear().await, ":alice!alice@people.creel.test PRIVMSG bot :one");
    assert_eq!(client.hear().await, ":alice!alice@people.creel.test PRIVMSG bot :two");
    client
        .say(
            "PRIVMSG #team :to all\r\nNOTICE Alice :to one\r\nPRIVMSG alice :\u{1}ACTION nods\u{1}",
        )
        .await;
    assert_eq!(client.ask("PING x").await, ":irc.creel.test PONG irc.creel.test :x");
    let expected = [
        "alice in #team: hello room",
        "fetched m1",
        "alice in alice: one\ntwo",
        "fetched m1",
        "sent to #team: to all",
        "sent to alice: to one",
        "sent to alice: * bot nods",
    ];
    assert_eq!(server.facts(), expected);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_say_it_is_sent_away() {
    let mut server = Server::start();
    let mut client = server.connect();
    client.say("PASS wrong\r\nNICK bot\r\nUSER bot 0 * :A bot").await;
    assert_eq!(client.hear().await, ":irc.creel.test 464 bot :Password incorrect");
    assert_eq!(client.hear().await, "ERROR :Closing Link: Bad password");
    assert_eq!(client.hear().await, "");
}

#[tokio::test(start_paused = true)]
async fn sasl_stands_for_the_password() {
    let mut server = Server::start();
    let mut client = server.connect();
    let offer = client.ask("CAP LS 302").await;
    assert!(offer.contains("LS :echo-message message-tags sasl=PLAIN server-time"), "{offer}");
    client.say("NICK bot\r\nUSER bot 0 * :A bot").await;
    assert_eq!(
        client.ask("CAP REQ :sasl nonsense").await,
        ":irc.creel.test CAP bot NAK :sasl nonsense"
    );
    assert_eq!(
        client.ask("CAP REQ :sasl server-time").await,
        ":irc.creel.test CAP bot ACK :sasl server-time"
    );
    assert_eq!(
        client.ask("AUTHENTICATE EXTERNAL").await,
        ":irc.creel.test 908 bot PLAIN :are available SASL mechanisms"
    );
    assert!(client.hear().await.contains(" 904 "));
    assert_eq!(client.ask("AUTHENTICATE PLAIN").await, "AUTHENTICATE +");
    // `bot`, `bot`, `wrong`, and then the right one.
    assert!(client.ask("AUTHENTICATE Ym90AGJvdAB3cm9uZw==").await.contains(" 904 "));
    assert_eq!(client.ask("AUTHENTICATE PLAIN").await, "AUTHENTICATE +");
    assert!(client.ask("AUTHENTICATE Ym90AGJvdABzZWNyZXQ=").await.contains(" 900 "));
    client.until(" 903 ").await;
    client.say("CAP END").await;
    client.until(" 376 ").await;
    server.write("direct", "hello");
    let line = client.hear().await;
    assert!(line.starts_with("@time=2023-11-14T22:13:20.000Z :alice!"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn nobody_has_the_nick_of_somebody_else() {
    let mut server = Server::start();
    let _first = server.welcome().await;
    let mut client = server.connect();
    assert_eq!(
        client.ask("NICK BOT").await,
        ":irc.creel.test 433 * BOT :Nickname is already in use"
    );
    assert!(client.ask("NICK Alice").await.contains(" 433 "));
    assert!(client.ask("NICK 3001").await.contains(" 432 "));
    assert!(client.ask("JOIN #team").await.contains(" 451 "));
    client.say("PASS secret\r\nNICK bot_\r\nUSER bot 0 * :Another").await;
    client.until(" 376 ").await;
    assert!(client.ask("WHOIS bot").await.contains(" 311 bot_ bot ~bot 127.0.0.1 * :A bot"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_said_is_refused_and_told() {
    let mut server = Server::start();
    let mut client = server.welcome().await;
    assert!(client.ask("PRIVMSG #team :x").await.contains(" 404 "));
    assert!(client.ask("PRIVMSG #other :x").await.contains(" 403 "));
    assert!(client.ask("PRIVMSG nobody :x").await.contains(" 401 "));
    assert!(client.ask("PRIVMSG alice").await.contains(" 412 "));
    assert!(client.ask("FROBNICATE").await.contains(" 421 bot FROBNICATE"));
    let long = "y".repeat(520);
    assert!(client.ask(&format!("PRIVMSG alice :{long}")).await.contains(" 417 "));
    server.twin.script("direct", SendFault::Refuse { status: 404, retry_after_s: None });
    assert!(client.ask("PRIVMSG alice :x").await.contains(" 404 "));
    let refused = ["refused 404: x", "refused 403: x", "refused 401: x", "refused 404: x"];
    assert_eq!(server.facts(), refused);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_behind_a_name_is_cut_as_others_see_it() {
    let mut server = Server::start();
    let mut client = server.welcome().await;
    let room = 510 - "PRIVMSG alice :".len();
    client.say(&format!("PRIVMSG alice :{}", "z".repeat(room))).await;
    client.ask("PING x").await;
    let seen = server.facts().remove(0);
    let expected = 510 - ":bot!~bot@127.0.0.1 PRIVMSG alice :".len();
    assert_eq!(seen.matches('z').count(), expected);
}

#[tokio::test(start_paused = true)]
async fn rooms_have_operators_topics_and_others_in_them() {
    let mut server = Server::start();
    let mut client = server.welcome().await;
    client.say("JOIN #own").await;
    assert!(client.until(" 366 ").await[1].ends_with(":@bot"));
    assert_eq!(client.ask("TOPIC #own :mine").await, ":bot!~bot@127.0.0.1 TOPIC #own :mine");
    assert!(client.ask("MODE #own").await.contains(" 324 bot #own +nt"));
    assert!(client.hear().await.contains(" 329 "));
    client.say("JOIN #team").await;
    client.until(" 366 ").await;
    assert!(client.ask("TOPIC #team :mine").await.contains(" 482 "));
    assert!(client.ask("WHO #team").await.contains(" 352 bot #team ~bot 127.0.0.1"));
    assert!(client.until(" 315 ").await[0].contains("#team alice people.creel.test"));
    let mut other = server.connect();
    other.say("PASS secret\r\nNICK two\r\nUSER two 0 * :Two\r\nJOIN #team").await;
    other.until(" 366 ").await;
    assert_eq!(client.hear().await, ":two!~two@127.0.0.1 JOIN #team");
    assert_eq!(other.ask("QUIT :enough").await, "ERROR :Closing Link: enough");
    assert!(client.hear().await.contains("QUIT :"));
    assert!(client.ask("PART #team :bye").await.ends_with("PART #team :bye"));
    assert!(client.ask("PART #team").await.contains(" 442 "));
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_is_asked_and_then_gone() {
    let mut server = Server::start();
    let mut client = server.welcome().await;
    assert_eq!(client.hear().await, "PING :irc.creel.test");
    assert_eq!(
        client.ask("PONG :irc.creel.test\r\nPING y").await,
        ":irc.creel.test PONG irc.creel.test :y"
    );
    assert_eq!(client.hear().await, "PING :irc.creel.test");
    assert_eq!(client.hear().await, "ERROR :Closing Link: Ping timeout");
    assert_eq!(client.hear().await, "");
    assert!(!server.twin.is_listened_to("default"));
}

#[tokio::test(start_paused = true)]
async fn who_floods_is_gone() {
    let mut server = Server::start();
    let mut client = server.welcome().await;
    client.say(&"PONG x\r\n".repeat(300)).await;
    let mut rest = String::new();
    client.stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("Excess Flood"), "{rest}");
}
