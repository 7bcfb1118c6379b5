//! The gateway that does not begin.

use creel_judge::trace::Kind;

use super::Stage;

impl Stage {
    /// Whether the gateway's end is what the scenario expects: it never was ready.
    pub(crate) fn is_refused(&self) -> bool {
        self.scenario.expects_refusal() && !self.recorder.has(&Kind::GatewayReady)
    }

    /// What it tells that the gateway ended by itself, with these words.
    pub(crate) fn ended(&self, last_words: String) -> Kind {
        if self.is_refused() {
            Kind::GatewayRefused { text: last_words }
        } else {
            Kind::GatewayExited { code: None, last_words }
        }
    }
}
