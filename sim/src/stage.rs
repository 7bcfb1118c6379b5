//! A stage: the twins of one run, the conductor that makes the scenario happen, and what comes of it.
//!
//! It is the same in both worlds; a world gives it a network, a gateway under test, and its end.

mod operating;
mod refusal;
mod restart;
pub(crate) mod waiting;
pub(crate) mod warm_up;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
};
use bytes::Bytes;
use creel_gateway::{http::Http, net::Net};
use creel_judge::{
    trace::{Kind, Place},
    turns,
};
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::header;
use tokio::time::{sleep, timeout};

use crate::{
    base::{Addresses, Configuration, PROVIDER},
    declared,
    http::serve,
    lives::Lives,
    operators::UNTOLD,
    recorder::{LastWord, Recorder},
    scenario::{
        Act, Action, Provider, RenewalAct, Scenario, Send, Step, StreamEnd, ToolAct, ToolAnswer,
    },
    twins::{
        Inbound, Interface, Platform, mcp::Servers, openai::OpenAi, push::Gateway,
        script::ModelScript, tokens::Tokens,
    },
    world::{jumps::Jumps, turmoil::tick},
};

/// What stands in a person's words for the id of the approval that their chat was shown last.
const SHOWN_APPROVAL: &str = "{approval}";

/// How long a run may go on after its last step, whatever the gateway does.
const TAIL_MAX: Duration = Duration::from_hours(2);

/// How many ticks of the simulated network may pass between two facts.
const HOPS_MAX: u32 = 10;

/// How often the conductor looks whether the gateway is ready, or the run is over.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The twins of one run.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What happens.
    pub scenario: Arc<Scenario>,
    /// What the gateway under test is configured with.
    pub configuration: Configuration,
    /// Where everything that is seen becomes a fact.
    pub recorder: Recorder,
    platforms: BTreeMap<String, Platform>,
    /// The base's own, then the scenario's.
    providers: Vec<(String, OpenAi)>,
    tools: Servers,
    script: ModelScript,
    /// Where the providers renew logins.
    pub(crate) tokens: Tokens,
    seed: u64,
    /// How much longer a run waits where nothing came yet of what was written last.
    pub(crate) patience: Duration,
    /// The clock of the gateway, where it can be moved.
    pub(crate) jumps: Option<Jumps>,
    /// The protocol of operators' clients.
    protocol: u64,
    /// The id of the approval that a chat was shown last.
    shown_approval: Arc<Mutex<Option<String>>>,
}

/// How the operator reaches the gateway under test.
#[derive(Clone, Debug)]
pub struct Operator<N: Net> {
    /// The network.
    pub http: Http<N>,
    /// The gateway, as `http://host:port`.
    pub gateway: String,
    /// The path that approves a pairing code, if the target has one.
    pub approve_path: Option<String>,
    /// The path that answers 200 when the gateway is ready, if the target has one.
    pub ready_path: Option<String>,
    /// How lives of the gateway end and begin.
    pub lives: Lives,
    /// The token.
    pub token: String,
}

/// Why a stage could not be set.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] crate::twins::Error);

impl Stage {
    /// Sets the stage, where `zero_unix_s` is the date at the scenario's zero.
    ///
    /// # Errors
    ///
    /// Refuses chats that the platform could not have.
    pub fn new(
        scenario: Arc<Scenario>,
        profile: &str,
        seed: u64,
        addresses: &Addresses,
        zero_unix_s: i64,
    ) -> Result<Self, Error> {
        let configuration = Configuration::of(&scenario, profile, seed, addresses);
        let recorder = Recorder::new();
        let platforms: BTreeMap<String, Platform> = configuration
            .accounts
            .iter()
            .map(|(channel, accounts)| {
                let twin = Platform::new(channel, accounts, recorder.clone(), zero_unix_s);
                (channel.clone(), twin)
            })
            .collect();
        for (name, chat) in &scenario.chats {
            let faults = scenario.platform.get(name).map_or(&[][..], Vec::as_slice);
            platforms[&chat.channel].declare(name, chat, faults)?;
        }
        let script = ModelScript::new(scenario.model.clone()).with_providers(&scenario.providers);
        let names = [PROVIDER].into_iter().chain(scenario.providers.keys().map(String::as_str));
        let logins = (configuration.logins.as_slice(), seed);
        let tokens = Tokens::new(recorder.clone(), logins, &scenario.providers);
        let provider = |name: &str| {
            let keys = configuration.keys_of(name);
            let twin = OpenAi::scripted(recorder.clone(), script.clone(), (name, keys))
                .with_logins(tokens.clone());
            (name.to_owned(), twin)
        };
        let providers = names.map(provider).collect();
        let tools =
            Servers::new(recorder.clone(), scenario.tools.clone()).saying(scenario.hints.clone());
        for (index, send) in scenario.sends().enumerate() {
            if send.canary {
                script.expect(&turns::canary(seed, index as u64), &send.name, &send.chat);
            }
        }
        for (origin, voice) in operating::said(&scenario) {
            script.expect(&operating::canary(&scenario, seed, origin), origin, voice);
        }
        let protocol = if profile == "2026.3" { 3 } else { 4 };
        let stage = Self {
            scenario,
            configuration,
            recorder,
            platforms,
            providers,
            tools,
            script,
            tokens,
            seed,
            patience: Duration::ZERO,
            jumps: None,
            protocol,
            shown_approval: Arc::default(),
        };
        Ok(stage)
    }

    /// Serves the twins of the channels and of the provider, and makes their calls of the gateway at `gateway`, which is
    /// `http://host:port`, for as long as the future is polled.
    pub async fn serve<N: Net>(
        &self,
        channels: BTreeMap<String, N::Listener>,
        provider: N::Listener,
        (net, gateway): (N, &str),
    ) -> Infallible {
        let gateway = Gateway::at(gateway);
        let pushing = self.platforms.values().map(|it| it.push(net.clone(), gateway.clone()));
        let channels = channels.into_iter().map(async |(channel, listener)| {
            match self.platforms[&channel].interface() {
                Interface::Http(router) => serve(listener, self.bounded(router)).await,
                // It counts its lines itself.
                Interface::Irc(twin) => twin.serve(listener).await,
            }
        });
        let provider_router = self.bounded(self.provider_router());
        tokio::select! {
            biased;
            () = async { _ = join_all(channels).await } => unreachable!("a twin serves for ever"),
            () = async { _ = join_all(pushing).await }, if !self.platforms.is_empty() => {
                unreachable!("a twin makes calls for ever")
            }
            never = serve(provider, provider_router) => never,
        }
    }

    /// The base's provider at the root, each other below its name, and the servers of tools.
    fn provider_router(&self) -> Router {
        let mut router = self.tools.router();
        for (name, twin) in &self.providers {
            router = match name.as_str() {
                PROVIDER => router.merge(twin.router()),
                other => {
                    let both = twin.router().merge(self.tokens.router(other));
                    router.nest(&format!("/{other}"), both)
                }
            };
        }
        router
    }

    /// The same twin, which falls silent when a gateway has asked all twins for too much: a request without end must not
    /// be a run without end.
    fn bounded(&self, router: Router) -> Router {
        let recorder = self.recorder.clone();
        let count = move |request: Request, next: Next| {
            let recorder = recorder.clone();
            async move {
                if !recorder.admit_request() {
                    std::future::pending::<()>().await;
                }
                next.run(request).await
            }
        };
        router.layer(middleware::from_fn(count))
    }

    /// Lets the provider answer what the scenario has no answer for: with nothing to say, so that nobody is shown what no
    /// expectation could foresee. Messages that begin with one of `marks` are the gateway's own.
    pub(crate) fn spare_answers(&self, marks: &[String]) {
        self.script.set_apart(marks);
        self.script.spare("NO_REPLY");
    }

    /// Whether the gateway receives for every account.
    pub fn gateway_listens(&self) -> bool {
        self.configuration.accounts.iter().all(|(channel, accounts)| {
            accounts.keys().all(|account| self.platforms[channel].is_listened_to(account))
        })
    }

    /// Waits until the gateway listens; false if it does not within `within`.
    pub async fn await_gateway(&self, within: Duration) -> bool {
        let listening = async {
            while !self.gateway_listens() {
                sleep(LOOK_EVERY).await;
            }
        };
        timeout(within, listening).await.is_ok()
    }

    /// Makes the scenario happen, and returns when nothing more happens.
    ///
    /// # Errors
    ///
    /// Only where the gateway's clock can be moved, and could not be.
    pub async fn conduct<N: Net>(&self, operator: &Operator<N>) -> Result<(), waiting::Error> {
        self.recorder.begin();
        self.recorder.record(Kind::GatewayReady);
        let mut sends_done = 0;
        let mut clients = self.clients(operator);
        for Step { at, action } in &self.scenario.steps {
            self.wait_until(*at).await?;
            match action {
                Action::Send(send) => {
                    self.send(send, sends_done);
                    sends_done += 1;
                }
                Action::Redeliver { message } => {
                    self.platforms.values().for_each(|it| it.redeliver(message));
                }
                Action::Disconnect { channel, cut, lasts } => {
                    if let Some(platform) = self.platforms.get(channel) {
                        platform.cut(*cut, *lasts);
                    }
                }
                Action::ApprovePairing { chat } => self.approve(chat, operator).await,
                Action::Connect(_)
                | Action::Call(_)
                | Action::Hook(_)
                | Action::Http(_)
                | Action::Frame { .. }
                | Action::Drop { .. } => self.operate(action, &mut clients),
                Action::Restart { lasts } => self.restart(*lasts, operator).await,
            }
        }
        self.await_quiet().await?;
        self.look_at_state(&operator.lives);
        Ok(())
    }

    fn send(&self, send: &Send, index: u64) {
        let canary = send.canary.then(|| turns::canary(self.seed, index));
        let mut text = send.text.clone();
        if text.contains(SHOWN_APPROVAL) {
            let place: Place = declared::place(&self.scenario.chats[&send.chat]);
            let shown = self.platforms[&place.channel].last_text(&place).unwrap_or_default();
            let mut last = self.shown_approval.lock().expect("nothing panics while it holds an id");
            *last = approval_in(&shown).or(last.take());
            text = text.replace(SHOWN_APPROVAL, last.as_deref().unwrap_or(UNTOLD));
        }
        if let Some(bytes) = send.padded_to {
            text = text.chars().cycle().take(bytes).collect();
        }
        if let Some(canary) = &canary {
            text = format!("{text} {canary}");
        }
        self.platforms[&self.scenario.chats[&send.chat].channel].deliver(&Inbound {
            name: send.name.clone(),
            chat: send.chat.clone(),
            text,
            canary,
            mention: send.mention,
            reply_to: None,
            forged: send.forged,
            image: send.image.clone(),
            events: send.events.clone(),
            apart: send.apart,
        });
    }

    /// The operator reads the code that the chat was shown, and approves it.
    async fn approve<N: Net>(&self, chat: &str, operator: &Operator<N>) {
        let place: Place = declared::place(&self.scenario.chats[chat]);
        let Some(code) =
            self.platforms[&place.channel].last_text(&place).as_deref().and_then(pairing_code)
        else {
            let what =
                format!("`approve` found no pairing code in the last message of chat `{chat}`");
            return self.recorder.harness_error(what);
        };
        let Some(path) = &operator.approve_path else {
            return self.recorder.harness_error("the target's manifest has no `[approve-pairing]`");
        };
        let body = serde_json::json!({ "channel": place.channel, "code": code }).to_string();
        let request = Request::post(format!("{}{path}", operator.gateway))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", operator.token))
            .body(Full::new(Bytes::from(body)))
            .expect("an address of ours is valid");
        match operator.http.exchange(request, Duration::from_secs(10), 64 * 1024).await {
            Ok((status, _)) => {
                let call = "pairing.approve".to_owned();
                self.recorder.record(Kind::OperatorCalled { call, status: status.as_u16() });
            }
            Err(error) => self.recorder.harness_error(format!("approve a pairing code: {error}")),
        }
    }

    /// How many requests the twins have not answered to their end.
    fn unfinished(&self) -> usize {
        let asked: usize = self.providers.iter().map(|(_, it)| it.unfinished()).sum();
        asked + self.tools.unfinished() + self.tokens.unfinished()
    }

    /// Waits until `lasts` is over and nothing has happened for `settle` while no provider was busy.
    async fn await_quiet(&self) -> Result<(), waiting::Error> {
        // A message on its way over a coarse network is not quiet.
        let settle = self.scenario.settle.max(tick(&self.scenario) * HOPS_MAX);
        self.wait_until(self.scenario.lasts).await?;
        let quiet = async {
            loop {
                let seen = self.recorder.count();
                // What was put off is still to come.
                let settle = settle + self.recorder.put_off_for();
                let more = timeout(settle, self.recorder.more_than(seen)).await.is_ok();
                if more || self.unfinished() > 0 {
                    continue;
                }
                // Of what was written last nothing came yet: this gateway may only be slow.
                let is_awaited = self.recorder.last_word() == Some(LastWord::Written);
                if !is_awaited
                    || self.patience.is_zero()
                    || timeout(self.patience, self.recorder.more_than(seen)).await.is_err()
                {
                    return;
                }
            }
        };
        if timeout(TAIL_MAX, quiet).await.is_err() {
            let hours = TAIL_MAX.as_secs() / 3600;
            self.recorder.harness_error(format!("the run was not quiet {hours} h after its end"));
        }
        Ok(())
    }
}

/// Whether a scenario has answers that never end by themselves.
pub fn hangs(scenario: &Scenario) -> bool {
    let hang = |it: &ToolAnswer| it.act == ToolAct::Hang;
    let standing = scenario.providers.values().flat_map(Provider::acts);
    let scripted = scenario.model.values().flatten().map(|it| &it.act);
    let never_ends =
        |it: &Act| matches!(it, Act::Hang | Act::Stream { ends: StreamEnd::Stall, .. });
    let renewals = scenario.providers.values().flat_map(|it| &it.renewals);
    scripted.chain(standing).any(never_ends)
        || renewals.into_iter().any(|it| it.act == RenewalAct::Hang)
        || scenario.tools.values().flat_map(BTreeMap::values).flatten().any(hang)
}

/// The id of the approval that a text asks for: the word behind its first `/approve`.
fn approval_in(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().skip_while(|it| *it != "/approve");
    words.nth(1).map(str::to_owned)
}

/// The pairing code in a text: its last word of eight capital letters and digits.
fn pairing_code(text: &str) -> Option<String> {
    let is_code = |word: &&str| {
        word.len() == 8 && word.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
    };
    text.split(|it: char| !it.is_alphanumeric()).rfind(is_code).map(str::to_owned)
}
