//! Which planted defects the suite was seen to notice: read from the table that is committed beside them.
//!
//! `creel mutants` writes the table. It is the record of a run that takes long, so it is read and not made anew.

use std::{collections::BTreeMap, sync::LazyLock};

include!(concat!(env!("OUT_DIR"), "/defects.rs"));

/// A defect that was planted for a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Its name.
    pub id: String,
    /// Whether the corpus noticed it.
    pub killed: bool,
}

/// The defects of each requirement, by its id. Empty where no table is committed.
pub fn built_in() -> &'static BTreeMap<String, Vec<Defect>> {
    static BUILT_IN: LazyLock<BTreeMap<String, Vec<Defect>>> = LazyLock::new(|| read(TABLE));
    &BUILT_IN
}

/// The defects that were planted for a requirement.
pub fn of(requirement: &str) -> &'static [Defect] {
    built_in().get(requirement).map_or(&[], Vec::as_slice)
}

/// Reads a table: the requirements that a defect breaks, the defect, what it imitates, and what killed it, which is bold where nothing did.
fn read(table: &str) -> BTreeMap<String, Vec<Defect>> {
    let mut defects: BTreeMap<String, Vec<Defect>> = BTreeMap::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", requirement, defect, _, by, ..] = cells.as_slice() else { continue };
        let Some(id) = defect.strip_prefix('`').and_then(|it| it.strip_suffix('`')) else {
            continue;
        };
        let killed = !by.is_empty() && !by.starts_with("**");
        for requirement in requirement.split(", ") {
            let defect = Defect { id: id.to_owned(), killed };
            defects.entry(requirement.to_owned()).or_default().push(defect);
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_was_noticed() {
        let table = "# Planted defects\n\n2 of 3 killed.\n\n\
            | requirement | defect | imitates | killed by | cases | profiles | first |\n\
            |---|---|---|---|---|---|---|\n\
            | QUE-009 | `queue-lifo` | last first | `queue/a`: request#1 | 4 | 2026.3 | ✓ |\n\
            | QUE-009 | `queue-other` | other | **survived** | – | – | – |\n\
            | SES-001, SES-002 | `session-one` | one | `session/b`: I9 | 1 | 2026.9 | QUE-009 |\n";
        let of = |id: &str, killed| Defect { id: id.to_owned(), killed };
        let read = read(table);
        assert_eq!(read["QUE-009"], [of("queue-lifo", true), of("queue-other", false)]);
        assert_eq!(read["SES-001"], [of("session-one", true)]);
        assert_eq!(read["SES-002"], [of("session-one", true)]);
        assert_eq!(read.len(), 3);
    }
}
