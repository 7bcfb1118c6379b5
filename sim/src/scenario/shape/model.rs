//! What a scenario may say of providers and of what their models answer.

use creel_document::shape::{Case, Field, Shape};

use super::{COUNT, ERROR_STATUS};

/// How many chunks an answer may have.
const CHUNKS_MAX: i64 = 10_000;

const AFTER: Field =
    Field::optional("after", &Shape::Duration, "How long the model waits first. Default: `0s`.");

/// One answer of a chat's list.
pub(super) static ANSWER: Shape = Shape::Choice { common: &[AFTER], cases: &CASES };

/// One answer of a provider's list, which may hold for several requests.
static STANDING: Shape = Shape::Choice {
    common: &[
        AFTER,
        Field::optional("times", &COUNT, "For so many requests. Default: 1."),
        Field::optional(
            "until",
            &Shape::Duration,
            "For all requests that come before this moment, since zero.",
        ),
        Field::optional("always", &Shape::True, "For all requests from now on."),
    ],
    cases: &CASES,
};

/// A provider.
pub(super) static PROVIDER: Shape = Shape::record(&[
    Field::required(
        "credentials",
        &Shape::ListOf(&CREDENTIAL),
        "Its credentials, each of which every agent has its own of: `one` is the profile `<provider>:one`.",
    ),
    Field::optional("models", &Shape::ListOf(&Shape::Text), "Its models. Default: `m`."),
    Field::optional(
        "renewals",
        &Shape::ListOf(&RENEWAL),
        "What comes of the first renewals of its logins. All further ones are granted.",
    ),
    Field::optional(
        "answers",
        &Shape::MapOf(&Shape::ListOf(&STANDING)),
        "What it answers, by who asks: `<model>@<credential>`, `@<credential>`, `<model>` or `any`; the first that has an answer left, else the chat's `model`.",
    ),
]);

static CREDENTIAL: Shape = Shape::Either(&[
    Shape::Text,
    Shape::record(&[
        Field::required("name", &Shape::Text, "Its name."),
        Field::required("kind", &Shape::OneOf(KINDS), "Of which kind."),
        Field::optional(
            "expires_in",
            &Shape::Duration,
            "An `oauth` login ends so long after the scenario's zero, and is renewed. Default: in the year 2100.",
        ),
        Field::optional(
            "lifetime",
            &Shape::Duration,
            "How long each renewed login is good, in whole seconds. Default: `1h`.",
        ),
        Field::optional(
            "shared",
            &Shape::Bool,
            "Whether all agents have the same login. Default: false.",
        ),
    ]),
]);

static RENEWAL: Shape = Shape::Choice {
    common: &[Field::optional(
        "after",
        &Shape::Duration,
        "How long the answer takes. Default: `0s`.",
    )],
    cases: &[
        Case::new("grant", &Shape::True, "The login is renewed, with another refresh token."),
        Case::new("refuse", &Shape::True, "The login is over."),
        Case::new("status", &ERROR_STATUS, "The endpoint answers this error status."),
        Case::new("hang", &Shape::True, "It never answers."),
    ],
};

/// The kinds of credential, as `auth-profiles.json` names them. The first is usual.
pub(in crate::scenario) const KINDS: &[&str] = &["api_key", "token", "oauth"];

static CASES: [Case; 8] = [
        Case::new(
            "say",
            &Shape::Text,
            "It answers this text, with the request's key in place of `<key>`.",
        ).with(&[
            Field::optional(
                "chunks",
                &Shape::Integer { min: 1, max: CHUNKS_MAX },
                "In so many chunks. Default: 1.",
            ),
            Field::optional(
                "every",
                &Shape::Duration,
                "With this pause between two chunks. Default: `0s`.",
            ),
        ]),
        Case::new(
            "stream",
            &Shape::ListOf(&PART),
            "It answers with these parts, each after a pause of its own. Where no stream is asked for, the whole comes at once, after all pauses.",
        ).with(&[
            Field::optional(
                "ends",
                &Shape::OneOf(ENDS),
                "How it ends: as an answer does, by closing the connection, without a finish reason, not at all, with an event of a server error or of an overloaded provider, as an answer that failed, that was refused, or that reached its longest. Default: `complete`. Cut without any part, not even a status is written.",
            ),
        ]),
        Case::new("call", &Shape::ListOf(&TOOL_USE), "It asks for these tools.").with(&[
            Field::optional("saying", &Shape::Text, "What it says beside."),
        ]),
        Case::new("status", &ERROR_STATUS, "It answers this error status.").with(&[
            Field::optional(
                "message",
                &Shape::Text,
                "The error's message, with the request's key in place of `<key>`. Default: the provider's usual one.",
            ),
            Field::optional(
                "type",
                &Shape::Text,
                "The error's type. Default: the provider's usual one.",
            ),
            Field::optional(
                "code",
                &Shape::Text,
                "The error's code, where the protocol has one. Default: the provider's usual one.",
            ),
            Field::optional(
                "retry_after",
                &Shape::Duration,
                "The wait that it asks for, in whole seconds.",
            ),
            Field::optional(
                "headers",
                &Shape::MapOf(&Shape::Text),
                "Headers beside, for example `retry-after-ms: \"250\"`.",
            ),
        ]),
        Case::new("hang", &Shape::True, "It accepts the request and never answers."),
        Case::new(
            "cut",
            &Shape::Text,
            "It writes this part of an answer, then closes the connection.",
        ),
        Case::new(
            "malformed",
            &Shape::Text,
            "It writes this part of an answer, then an event that is not JSON, then a proper end.",
        ),
        Case::new(
            "eof",
            &Shape::Text,
            "It writes this part of an answer, then ends the body without a finish reason.",
        ),
    ];

static PART: Shape = Shape::record(&[
    Field::required("say", &Shape::Text, "The part's text."),
    Field::optional("after", &Shape::Duration, "The pause before it. Default: `0s`."),
]);

/// How a stream can end, in the order of [`crate::scenario::StreamEnd`].
pub(in crate::scenario) const ENDS: &[&str] =
    &["complete", "cut", "eof", "stall", "error", "overloaded", "failed", "refused", "length"];

static TOOL_USE: Shape = Shape::record(&[
    Field::required(
        "tool",
        &Shape::Text,
        "The tool's name, as the gateway offers it: `<server>__<tool>`.",
    ),
    Field::optional("arguments", &Shape::MapOf(&Shape::Any), "The arguments. Default: none."),
    Field::optional(
        "times",
        &Shape::Integer { min: 1, max: crate::scenario::tools::TIMES_MAX },
        "So often in the one answer. Default: 1.",
    ),
]);
