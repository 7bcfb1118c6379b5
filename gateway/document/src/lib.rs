//! Documents that people write, read into trees that know where everything stood.
//!
//! A scenario (YAML) or an `openclaw.json` (JSON5) is read in two steps: [`yaml`] or [`json5`] makes a [`tree`] in which
//! every value and key has its place in the text, and [`check()`] compares the tree with a [`shape`] and returns *all*
//! problems of the file at once. What passed can be read without further errors, or checked further with the same
//! [`problem`]s. A map, in reading order:
//!
//! - [`tree`]: values with places; [`path`]: `steps[1].at`, to find and replace them.
//! - [`yaml`], [`json5`]: text to tree.
//! - [`shape`]: what a document may look like, as data; [`check()`] and [`schema`] are its two readers.
//! - [`duration`]: `1.4s`, exactly.
//! - [`problem`]: what is wrong, where, and what would be accepted; [`names`] finds what was probably meant.
//!
//! # Example
//!
//! ```
//! use creel_document::{check, problem::Report, shape::{Field, Shape, Unknown}, yaml};
//!
//! static LETTER: Shape = Shape::Record {
//!     fields: &[
//!         Field::required("to", &Shape::Text, "Who reads it."),
//!         Field::optional("after", &Shape::Duration, "How long it waits."),
//!     ],
//!     unknown: Unknown::Refuse,
//! };
//!
//! let text = "{ to: 3001, aftr: 5s }";
//! let tree = yaml::parse(text).expect("it is YAML");
//! let report = Report::new("letter.yaml", text, check(&tree, &LETTER).problems);
//! assert_eq!(
//!     report.plain(),
//!     "letter.yaml:1:7: to: found the number `3001`, expected text (put it in quotes)\n\
//!      letter.yaml:1:13: unknown key `aftr` (did you mean `after`?)\n"
//! );
//! ```

pub mod check;
pub mod duration;
pub mod edit;
pub mod json5;
pub mod names;
pub mod path;
pub mod problem;
pub mod schema;
pub mod shape;
pub mod tree;
pub mod yaml;

pub use check::check;

/// The longest document that is read, in bytes: 4 MiB.
pub const SIZE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many lists and maps may lie in one another.
pub const DEPTH_MAX: usize = 64;

/// How many problems of one document are reported. Further ones are dropped.
pub const PROBLEMS_MAX: usize = 100;
