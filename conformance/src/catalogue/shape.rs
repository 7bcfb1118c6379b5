//! What a file of the catalogue may look like.

use creel_document::shape::{Case, Field, Shape};

/// The areas: their ids, and the names of their files and of the scenarios' folders, in the order in which a message
/// passes through them.
pub(super) const AREAS: [(&str, &str); 11] = [
    ("ADM", "admission"),
    ("RTE", "routing"),
    ("SES", "session"),
    ("QUE", "queue"),
    ("RUN", "run"),
    ("FLO", "failover"),
    ("EGR", "egress"),
    ("CTL", "control"),
    ("JRN", "journal"),
    ("SEC", "security"),
    ("OPS", "operations"),
];

const AREA_IDS: [&str; AREAS.len()] = {
    let mut ids = [""; AREAS.len()];
    let mut index = 0;
    while index < AREAS.len() {
        ids[index] = AREAS[index].0;
        index += 1;
    }
    ids
};

static TEXTS: Shape = Shape::ListOf(&Shape::Text);

/// A file.
pub(super) static FILE: Shape = Shape::record(&[
    Field::required(
        "area",
        &Shape::OneOf(&AREA_IDS),
        "The area's id, which begins its requirements' ids.",
    ),
    Field::required("title", &Shape::Text, "The area's title."),
    Field::required("requirement", &Shape::ListOf(&REQUIREMENT), "The requirements, by number."),
]);

static REQUIREMENT: Shape = Shape::Choice {
    common: &[
        Field::required("id", &Shape::Text, "Such as `QUE-003`."),
        Field::required("level", &Shape::OneOf(&["MUST", "SHOULD", "MAY"]), "How binding it is."),
        Field::required("contract", &TEXTS, "Where the contract says it, such as `4.3.1`."),
        Field::required("text", &Shape::Text, "One sentence with the level's word in it."),
        Field::optional(
            "profiles",
            &Shape::ListOf(&Shape::OneOf(&["2026.3", "2026.9"])),
            "The contract profiles that it holds for. Default: all.",
        ),
        Field::optional("feature", &Shape::Text, "What a gateway must have for it."),
        Field::optional("invariant", &Shape::Text, "The invariant that judges it, such as `I1`."),
    ],
    cases: &[
        Case::new("excluded", &Shape::Text, "Why it is not judged."),
        Case::new("evidence", &Shape::ListOf(&EVIDENCE), "What it rests on.").with(&[
            Field::required(
                "observe",
                &Shape::ListOf(&Shape::OneOf(&[
                    "channel", "provider", "control", "state", "process",
                ])),
                "Who sees it.",
            ),
            Field::required("clock", &Shape::OneOf(&["any", "virtual"]), "Which clock shows it."),
            Field::optional("outcomes", &TEXTS, "What is allowed beside what the text says."),
            Field::required(
                "control",
                &Shape::Text,
                "What is changed so that the check must fail.",
            ),
            Field::optional(
                "pending",
                &Shape::Text,
                "What the reference gateway still lacks for it.",
            ),
        ]),
    ],
};

static EVIDENCE: Shape = Shape::record(&[
    Field::required("grade", &Shape::OneOf(&["A", "B", "C", "D"]), "How good it is."),
    Field::required(
        "source",
        &Shape::OneOf(&["docs-3", "docs-9", "run-3", "run-9", "seed", "bug", "ours"]),
        "Where it is from.",
    ),
    Field::required("place", &Shape::Text, "The page, the row, or our reason."),
    Field::optional("quote", &Shape::Text, "What stands there: a sentence at the most."),
]);
