//! Programs outside: one request each, and its answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use creel_gateway::{http::Http, net::Net};
use creel_judge::trace::{Kind, Operation, Saw};
use http_body_util::Full;
use hyper::{Request, header};

use super::{Ground, answer, worded};
use crate::{
    base,
    scenario::{Call, Hook, HookToken, merge},
};

/// How long an answer may take: as long as a run may.
const ANSWER_WITHIN: Duration = Duration::from_mins(10);

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The header beside the usual one that may bear the token.
const OWN_HEADER: &str = "x-openclaw-token";

/// A call that was made.
#[derive(Debug)]
pub(super) struct Posted {
    client: String,
    call: String,
    request: Request<Full<Bytes>>,
    ground: Arc<Ground>,
}

impl Posted {
    /// Makes the call, which is recorded now: that the packets are under way is nothing that anybody sees.
    pub(super) fn of(
        Hook { call, token }: &Hook,
        canary: Option<String>,
        ground: Arc<Ground>,
    ) -> Self {
        let words = if call.method == "wake" { "text" } else { "message" };
        let mut body = worded(words, call, canary.as_deref());
        merge(&mut body, &call.params);
        let path = format!("{}/{}", ground.hooks.path, call.method);
        let posted = Self {
            client: call.client.clone(),
            call: call.name.clone(),
            request: request((&ground, &path), (call, *token), body.to_string()),
            ground,
        };
        posted.record(Saw::Asked {
            call: call.name.clone(),
            method: Some(format!("POST {path}")),
            key: call.key.clone().or_else(|| Some(body["idempotencyKey"].as_str()?.to_owned())),
            canary,
            headers: BTreeMap::new(),
            text: body.to_string(),
        });
        posted
    }

    fn record(&self, saw: Saw) {
        let client = self.client.clone();
        self.ground.recorder.record(Kind::Operator(Operation { client, saw }));
    }

    /// Lives until it is answered.
    pub(super) async fn live<N: Net>(self, http: Http<N>) {
        let request = self.request.clone();
        let saw = match http.exchange(request, ANSWER_WITHIN, ANSWER_BYTES_MAX).await {
            Ok((status, body)) => answer::answered(&self.call, status, &body),
            Err(why) => Saw::Closed { code: None, reason: why.to_string() },
        };
        self.record(saw);
    }
}

fn request(
    (ground, path): (&Ground, &str),
    (call, token): (&Call, HookToken),
    body: String,
) -> Request<Full<Bytes>> {
    let own = ground.hooks.token.as_str();
    let query = if token == HookToken::Query { format!("?token={own}") } else { String::new() };
    let mut request = Request::post(format!("{}{path}{query}", ground.gateway))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = &call.key {
        request = request.header("idempotency-key", key);
    }
    let bearer = |token: &str| format!("Bearer {token}");
    request = match token {
        HookToken::Bearer => request.header(header::AUTHORIZATION, bearer(own)),
        HookToken::Header => request.header(OWN_HEADER, own),
        HookToken::Wrong => {
            let other = base::token(ground.seed, "hooks", "another token");
            request.header(header::AUTHORIZATION, bearer(&other))
        }
        HookToken::Query | HookToken::None => request,
    };
    request.body(Full::new(Bytes::from(body))).expect("an address of ours is valid")
}
