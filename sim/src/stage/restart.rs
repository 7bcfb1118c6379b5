//! The gateway's end and its next life, and what it leaves in its state folder.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use creel_gateway::net::Net;
use creel_judge::{trace::Kind, words::Word};
use http_body_util::Full;
use hyper::Request;
use tokio::time::{sleep, timeout};

use super::{LOOK_EVERY, Operator, Stage};
use crate::{
    lives::{Exit, Lives},
    scenario::Expectation,
};

/// How long a gateway may take to end.
const END_WITHIN: Duration = Duration::from_mins(1);

/// How long it may take to say whether it is ready, over a network that moves in ticks of a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// How long it may take to be ready again.
const READY_WITHIN: Duration = Duration::from_mins(1);

impl Stage {
    /// Ends the gateway in order, leaves it down for a while, and starts it again.
    pub(super) async fn restart<N: Net>(&self, lasts: Duration, operator: &Operator<N>) {
        let lives = &operator.lives;
        let Ok(Some(Exit { code, last_words })) = timeout(END_WITHIN, lives.end()).await else {
            return self.recorder.harness_error("the gateway did not end within 60 s of `restart`");
        };
        self.recorder.record(Kind::GatewayExited { code, last_words });
        self.look_at_state(lives);
        sleep(lasts).await;
        self.recorder.record(Kind::GatewayStarted);
        lives.begin().await;
        if timeout(READY_WITHIN, self.is_ready(operator)).await.is_err() {
            return self
                .recorder
                .harness_error("the gateway was not ready within 60 s of its start");
        }
        self.recorder.record(Kind::GatewayReady);
    }

    async fn is_ready<N: Net>(&self, operator: &Operator<N>) {
        let Some(path) = &operator.ready_path else { return };
        let address = format!("{}{path}", operator.gateway);
        loop {
            let request = Request::get(&address).body(Full::new(Bytes::new()));
            let request = request.expect("an address of ours is valid");
            let asked = operator.http.exchange(request, ANSWER_WITHIN, 64 * 1024).await;
            if asked.is_ok_and(|(status, _)| status.is_success()) {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Records the files of the state folder that the scenario's expectations speak of, without their secrets.
    pub(super) fn look_at_state(&self, lives: &Lives) {
        let file = |it: &Expectation| match &it.word {
            Word::State(claim) => Some(claim.file.clone()),
            _ => None,
        };
        let files: BTreeSet<String> = self.scenario.expect.iter().filter_map(file).collect();
        for file in files {
            match lives.state.read(&file) {
                Ok(text) => {
                    let text = text.map(|it| self.hidden(&it));
                    let zero_unix_ms = lives.zero_unix_ms(&self.recorder);
                    self.recorder.record(Kind::StateFile { file, text, zero_unix_ms });
                }
                Err(error) => self.recorder.harness_error(format!("read `{file}`: {error}")),
            }
        }
    }

    /// A text with the names of secrets in their places.
    fn hidden(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let keys = self.configuration.keys.iter().map(|(it, name)| (it.clone(), name.clone()));
        let logins = self.configuration.logins.iter();
        let logins = logins.map(|it| (it.refresh.clone(), format!("{} refresh", it.name)));
        for (secret, name) in keys.chain(logins).chain(self.tokens.issued()) {
            text = text.replace(&secret, &format!("<{name}>"));
        }
        text
    }
}
