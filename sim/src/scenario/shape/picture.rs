//! What a picture may look like.

use creel_document::shape::{Field, Shape};

/// The same as the largest picture.
const BYTES_MAX: i64 = 4 * 1024 * 1024;

pub(super) static IMAGE: Shape = Shape::record(&[
    Field::required("name", &Shape::Text, "Its name. Every name is a picture of its own."),
    Field::optional(
        "padded_to",
        &Shape::Integer { min: 1, max: BYTES_MAX },
        "It has this many bytes.",
    ),
    Field::optional("lost", &Shape::True, "The platform has lost it."),
]);
