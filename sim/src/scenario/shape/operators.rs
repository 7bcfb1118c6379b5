//! What operators' clients do.

use creel_document::shape::{Field, Shape};

use super::TEXTS;
use crate::scenario::{hooks::TOKENS, operators::DEVICES};

const PROTOCOL: Shape = Shape::Integer { min: 1, max: 1_000 };

pub(super) static CONNECT: Shape = Shape::record(&[
    Field::required("as", &Shape::Text, "The client's name."),
    Field::optional("scopes", &TEXTS, "What it wants to be allowed. Default: read and write."),
    Field::optional("token", &Shape::Text, "Another token than the gateway's."),
    Field::optional("anonymous", &Shape::Bool, "Whether it shows no token. Default: false."),
    Field::optional(
        "device",
        &Shape::OneOf(DEVICES),
        "How it proves to be a device: with its own key's signature of the challenge, not at all, with a signature of another challenge, of another key, or of an hour ago. Default: `signed`.",
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
    Field::optional(
        "voice",
        &Shape::Text,
        "The key of `model` that answers the text. Default: the client's name.",
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
    Field::optional("name", &Shape::Text, "The step's name. Default: `<client>-<n>`."),
]);
