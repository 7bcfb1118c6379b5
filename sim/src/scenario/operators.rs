//! Reads what operators' clients do.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Action, at::At, context::Context, hooks, http, steps::takes_canary};

/// How a client can prove to be a device, as scenarios write it.
pub(super) const DEVICES: &[&str] = &["signed", "none", "replayed", "foreign", "forged", "stale"];

/// Which of its device's tokens a client can show, as scenarios write it.
pub(super) const DEVICE_TOKENS: &[&str] = &["first", "last"];

/// What stands for the length of a long text.
const PADDING: &str = "<padding>";

/// What a client may do unless a scenario says otherwise.
const SCOPES: [&str; 2] = ["operator.read", "operator.write"];

/// A client connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Its name.
    pub client: String,
    /// What it sends first.
    pub first: First,
    /// What it wants to be allowed.
    pub scopes: Vec<String>,
    /// The token that it shows.
    pub token: Token,
    /// How it proves to be a device.
    pub device: DeviceProof,
    /// The only protocol that it speaks; none for the profile's.
    pub protocol: Option<u64>,
    /// What is merged over what it says of itself. A map.
    pub params: Value,
    /// Headers of the request that becomes the connection.
    pub headers: BTreeMap<String, String>,
}

/// The token that a client shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// The gateway's.
    Gateway,
    /// Another.
    Other(String),
    /// The last one that this client's device was given.
    OfDevice(String),
    /// The first one that this client's device was given.
    FirstOfDevice(String),
    /// None.
    None,
}

/// What a client sends first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// The request that the protocol wants.
    Connect,
    /// Something else.
    Text(String),
    /// Nothing.
    Silence,
}

/// How a client proves to be a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceProof {
    /// It signs the challenge with its key.
    Signed,
    /// It does not.
    None,
    /// It signed another challenge.
    Replayed,
    /// It signed the challenge that another client was sent.
    Foreign,
    /// Another key signed.
    Forged,
    /// It signed an hour ago.
    Stale,
}

/// A client asks for something: over its connection, or a program outside by calling a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The client.
    pub client: String,
    /// The call's name, unique in the scenario.
    pub name: String,
    /// The method; of a hook, its path below `hooks.path`.
    pub method: String,
    /// The parameters, a map, without text and key.
    pub params: Value,
    /// The message, if it has one.
    pub text: Option<String>,
    /// Whether the harness appends a canary to the text.
    pub canary: bool,
    /// The call whose words these are: its own name, unless it is another one's again.
    pub origin: String,
    /// The key.
    pub key: Option<String>,
    /// The key of the scenario's `model` that answers.
    pub voice: String,
    /// The client whose device it is about: `deviceId`.
    pub device_of: Option<String>,
    /// The client whose request to be let in it is about: `requestId`.
    pub request_of: Option<String>,
}

/// What a step has an operator's client do, if it is of one.
pub(super) fn action(at: &At<'_>, context: &mut Context<'_>) -> Option<Action> {
    if let Some(at) = at.get("connect") {
        return connect(&at, context).map(Action::Connect);
    }
    if let Some(at) = at.get("call") {
        return call(&at, context).map(Action::Call);
    }
    if let Some(at) = at.get("frame") {
        let client = client(&at, context)?;
        let name = name(&at, &client, context);
        let text = padded(at.text_of("text")?, &at);
        return Some(Action::Frame { client, name, text });
    }
    if let Some(at) = at.get("hook") {
        return hooks::read(&at, context).map(Action::Hook);
    }
    if let Some(at) = at.get("http") {
        return http::read(&at, context).map(Action::Http);
    }
    let at = at.get("drop")?;
    let client = at.text()?;
    context.require_client(&at, &client);
    Some(Action::Drop { client })
}

fn connect(at: &At<'_>, context: &mut Context<'_>) -> Option<Connect> {
    let client = at.text_of("as")?;
    context.define_client(&client);
    let first = match at.text_of("first") {
        Some(text) => First::Text(padded(text, at)),
        None if at.flag_of("silent") == Some(true) => First::Silence,
        None => First::Connect,
    };
    let device = match at.text_of("device").as_deref() {
        Some("none") => DeviceProof::None,
        Some("replayed") => DeviceProof::Replayed,
        Some("foreign") => DeviceProof::Foreign,
        Some("forged") => DeviceProof::Forged,
        Some("stale") => DeviceProof::Stale,
        Some(_) | None => DeviceProof::Signed,
    };
    let whose = whose_token(at, &client, context);
    let token = match (at.text_of("token"), at.text_of("device_token").as_deref()) {
        (Some(other), _) => Token::Other(other),
        (None, Some("first")) => Token::FirstOfDevice(whose),
        (None, Some(_)) => Token::OfDevice(whose),
        (None, None) if at.flag_of("anonymous") == Some(true) => Token::None,
        (None, None) => Token::Gateway,
    };
    Some(Connect {
        client,
        first,
        scopes: at.texts_of("scopes").unwrap_or_else(|| SCOPES.map(str::to_owned).into()),
        token,
        device,
        protocol: at.number_of("protocol"),
        params: at.get("params").map_or_else(|| json!({}), |it| it.node.to_json()),
        headers: http::headers(at),
    })
}

/// Whose device's token a client shows.
fn whose_token(at: &At<'_>, client: &str, context: &mut Context<'_>) -> String {
    let Some(at) = at.get("token_of") else { return client.to_owned() };
    let whose = at.text().unwrap_or_default();
    context.require_client(&at, &whose);
    whose
}

/// A text that stands in for a long one: `<padding>` in it is as long as the whole needs.
fn padded(text: String, at: &At<'_>) -> String {
    let Some(bytes) = at.number_of::<usize>("padded_to") else { return text };
    let own = text.len() - PADDING.len();
    text.replacen(PADDING, &"x".repeat(bytes.saturating_sub(own)), 1)
}

fn client(at: &At<'_>, context: &mut Context<'_>) -> Option<String> {
    let at = at.get("as")?;
    let client = at.text()?;
    context.require_client(&at, &client);
    Some(client)
}

/// The name of what a client does.
pub(super) fn name(at: &At<'_>, client: &str, context: &mut Context<'_>) -> String {
    let given = at.get("name");
    let name = given.as_ref().and_then(At::text).unwrap_or_else(|| context.unnamed(client));
    context.define_message(given.as_ref().unwrap_or(at), &name);
    name
}

fn call(at: &At<'_>, context: &mut Context<'_>) -> Option<Call> {
    let client = client(at, context)?;
    let method = at.text_of("method")?;
    let call = asked(at, (client, method), context)?;
    // What has no name cannot be asked for twice.
    let key = call.key.or_else(|| call.text.as_ref().map(|_| call.name.clone()));
    let mut whose = |name: &str| {
        let at = at.get(name)?;
        let client = at.text()?;
        context.require_client(&at, &client);
        Some(client)
    };
    let (device_of, request_of) = (whose("device_of"), whose("request_of"));
    let call = Call { key, device_of, request_of, ..call };
    context.define_call(&call);
    Some(call)
}

/// What a client asks for, as far as that is the same however it is asked.
pub(super) fn asked(
    at: &At<'_>,
    (client, method): (String, String),
    context: &mut Context<'_>,
) -> Option<Call> {
    let name = name(at, &client, context);
    let earlier = match at.get("again") {
        Some(at) => {
            let wanted = at.text()?;
            let earlier = context.call(&wanted);
            if earlier.is_none() {
                context.push(at.problem(format!("no step above is a call named `{wanted}`")));
            }
            Some(earlier?)
        }
        None => None,
    };
    let mut params =
        earlier.as_ref().map_or_else(|| Value::Object(Map::new()), |it| it.params.clone());
    if let Some(more) = at.get("params") {
        merge(&mut params, &more.node.to_json());
    }
    let own = at.text_of("text");
    let is_new = own.is_some() || earlier.is_none();
    let text = own.or_else(|| earlier.as_ref()?.text.clone());
    let voice = at.text_of("voice").or_else(|| Some(earlier.as_ref()?.voice.clone()));
    let voice = voice.unwrap_or_else(|| client.clone());
    if text.is_some() {
        context.define_voice(at, &voice);
    }
    let key = at.text_of("key").or_else(|| earlier.as_ref()?.key.clone());
    Some(Call {
        canary: text.as_deref().is_some_and(takes_canary),
        key,
        origin: earlier.filter(|_| !is_new).map_or_else(|| name.clone(), |it| it.origin),
        method,
        client,
        name,
        params,
        text,
        voice,
        device_of: None,
        request_of: None,
    })
}

/// Lays one value over another. A null takes a key out.
pub(crate) fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    base.remove(key);
                } else {
                    merge(base.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}
