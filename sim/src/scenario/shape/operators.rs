//! What operators' clients do.

use creel_document::shape::{Field, Shape};

use super::TEXTS;
use crate::scenario::{
    hooks::TOKENS,
    http,
    operators::{DEVICE_TOKENS, DEVICES},
};

const PROTOCOL: Shape = Shape::Integer { min: 1, max: 1_000 };

const HEADERS: Field = Field::optional(
    "headers",
    &Shape::MapOf(&Shape::Text),
    "Headers of the request, over those that it has anyway.",
);

const PADDED_TO: Field = Field::optional(
    "padded_to",
    &Shape::Integer { min: 1, max: LONG_BYTES_MAX },
    "How many bytes it has, all in all: `<padding>` in it becomes as long as needed.",
);

/// How long what clients send may be made: 32 MiB.
const LONG_BYTES_MAX: i64 = 1 << 25;

pub(super) static CONNECT: Shape = Shape::record(&[
    Field::required("as", &Shape::Text, "The client's name."),
    Field::optional("scopes", &TEXTS, "What it wants to be allowed. Default: read and write."),
    Field::optional("token", &Shape::Text, "Another token than the gateway's."),
    Field::optional(
        "device_token",
        &Shape::OneOf(DEVICE_TOKENS),
        "Instead of the gateway's token, the first or the last that its device was given.",
    ),
    Field::optional(
        "token_of",
        &Shape::Text,
        "The client whose device's token that is. Default: itself.",
    ),
    Field::optional("anonymous", &Shape::Bool, "Whether it shows no token. Default: false."),
    Field::optional(
        "device",
        &Shape::OneOf(DEVICES),
        "How it proves to be a device: with its own key's signature of the challenge, not at all, with a signature of a challenge that nobody was sent, or that another client was, of another key, or of an hour ago. Default: `signed`.",
    ),
    Field::optional(
        "protocol",
        &PROTOCOL,
        "The only protocol that it speaks. Default: the profile's.",
    ),
    Field::optional(
        "params",
        &Shape::MapOf(&Shape::Any),
        "Merged over what it says of itself. A null takes a key out.",
    ),
    Field::optional("first", &Shape::Text, "What it sends first instead, whatever that is."),
    PADDED_TO,
    HEADERS,
    Field::optional("silent", &Shape::Bool, "Whether it sends nothing at all. Default: false."),
]);

pub(super) static CALL: Shape = Shape::record(&[
    Field::required("as", &Shape::Text, "The client."),
    Field::required("method", &Shape::Text, "The method."),
    Field::optional(
        "name",
        &Shape::Text,
        "The name of the call, unique in the scenario. Default: `<client>-<n>`.",
    ),
    Field::optional(
        "params",
        &Shape::MapOf(&Shape::Any),
        "The parameters. A null takes a key out. `{ approval: TEXT, nth: 2 }` stands for the id of the second approval that was asked for with that text.",
    ),
    Field::optional(
        "text",
        &Shape::Text,
        "The message: `params.message`, with a token that finds it again unless it is a command.",
    ),
    Field::optional(
        "key",
        &Shape::Text,
        "`params.idempotencyKey`. Default, with a `text`: the call's name.",
    ),
    Field::optional(
        "again",
        &Shape::Text,
        "The same parameters, text and key as the call of this name, but for what is given here.",
    ),
    Field::optional("device_of", &Shape::Text, "`params.deviceId` is the device of this client."),
    Field::optional(
        "request_of",
        &Shape::Text,
        "`params.requestId` is the one under which this client was told that it waits to be let in.",
    ),
    Field::optional(
        "voice",
        &Shape::Text,
        "The key of `model` that answers the text. Default: the client's name.",
    ),
]);

pub(super) static HTTP: Shape = Shape::record(&[
    Field::required("as", &Shape::Text, "Who asks: a program outside, by a name of your choice."),
    Field::required("path", &Shape::Text, "What is asked for, such as `/metrics`."),
    Field::optional(
        "verb",
        &Shape::OneOf(http::VERBS),
        "How. Default: `POST` if something is said, else `GET`.",
    ),
    Field::optional(
        "name",
        &Shape::Text,
        "The name of the request, unique in the scenario. Default: `<caller>-<n>`.",
    ),
    Field::optional(
        "params",
        &Shape::MapOf(&Shape::Any),
        "The body, beside the text. A null takes a key out.",
    ),
    Field::optional(
        "text",
        &Shape::Text,
        "The words: for chat completions the last message, else `message`, with a token that finds them again.",
    ),
    Field::optional(
        "padded_to",
        &Shape::Integer { min: 1, max: LONG_BYTES_MAX },
        "The text is repeated up to this many bytes.",
    ),
    HEADERS,
    Field::optional(
        "token",
        &Shape::OneOf(http::TOKENS),
        "How the gateway's token is shown: as the bearer, with another in its place, or not at all. Default: `bearer`.",
    ),
    Field::optional(
        "again",
        &Shape::Text,
        "The same body as the request of this name, but for what is given here.",
    ),
    Field::optional(
        "voice",
        &Shape::Text,
        "The key of `model` that answers the text. Default: the caller's name.",
    ),
]);

pub(super) static HOOK: Shape = Shape::record(&[
    Field::required("as", &Shape::Text, "Who calls: a program outside, by a name of your choice."),
    Field::required(
        "path",
        &Shape::Text,
        "What is called below `hooks.path`, such as `agent` or `wake`.",
    ),
    Field::optional(
        "name",
        &Shape::Text,
        "The name of the call, unique in the scenario. Default: `<caller>-<n>`.",
    ),
    Field::optional(
        "params",
        &Shape::MapOf(&Shape::Any),
        "The body, beside the text. A null takes a key out.",
    ),
    Field::optional(
        "text",
        &Shape::Text,
        "The words: `text` of a `wake`, else `message`, with a token that finds them again.",
    ),
    Field::optional("key", &Shape::Text, "The header `Idempotency-Key`. Default: none."),
    Field::optional(
        "token",
        &Shape::OneOf(TOKENS),
        "How `hooks.token` is shown: as the bearer, in the header `x-openclaw-token`, in the address, with another in its place, or not at all. Default: `bearer`.",
    ),
    Field::optional(
        "again",
        &Shape::Text,
        "The same body and key as the call of this name, but for what is given here.",
    ),
    Field::optional(
        "voice",
        &Shape::Text,
        "The key of `model` that answers the text. Default: the caller's name.",
    ),
]);

pub(super) static FRAME: Shape = Shape::record(&[
    Field::required("as", &Shape::Text, "The client."),
    Field::required("text", &Shape::Text, "What it sends."),
    PADDED_TO,
    Field::optional("name", &Shape::Text, "The step's name. Default: `<client>-<n>`."),
]);
