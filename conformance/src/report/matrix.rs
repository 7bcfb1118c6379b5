//! Several reports as one table: targets beside each other, requirements below each other.

mod html;
mod markdown;

use serde::Serialize;

use super::data::{Level, Light, Report, Requirement, Standing};

pub use self::{html::page, markdown::text};

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// The targets.
    pub columns: Vec<Column>,
    /// The requirements by area. Those that no gateway is judged by are not there.
    pub areas: Vec<Area>,
    /// How many are not there.
    pub excluded: usize,
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name and version.
    pub name: String,
    /// The contract profiles that it was judged by.
    pub profiles: String,
    /// Where it ran, on whose time.
    pub world: String,
    /// What the run amounts to.
    pub light: Light,
    /// The run's nonce.
    pub nonce: String,
    /// How many facts were seen.
    pub facts: usize,
    /// How many requirements came out in each way, in the order of [`ORDER`].
    pub counts: Vec<usize>,
    /// How many MUSTs held, and how many were held or broken.
    pub musts: (usize, usize),
}

/// One part of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    /// Such as `queue`.
    pub name: String,
    /// Such as `Queue`.
    pub title: String,
    /// Its requirements.
    pub rows: Vec<Row>,
}

/// A requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Such as `QUE-003`.
    pub id: String,
    /// How binding it is.
    pub level: Level,
    /// One sentence.
    pub text: String,
    /// What came of it, target by target.
    pub cells: Vec<Cell>,
    /// Whether one target keeps it and another one breaks it.
    pub differs: bool,
}

/// What came of a requirement for a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// In one sign.
    pub mark: &'static str,
    /// In a word.
    pub word: &'static str,
    /// Why, if the report says.
    pub why: Option<String>,
}

/// The standings in the order in which they are counted, those last that say nothing of the gateway.
pub const ORDER: [Standing; 10] = [
    Standing::Pass,
    Standing::Fail,
    Standing::KnownFailing,
    Standing::Error,
    Standing::Inconclusive,
    Standing::Vacuous,
    Standing::Unclaimed,
    Standing::NotApplicable,
    Standing::NotTestable,
    Standing::NotRun,
];

/// A standing in one sign. Its word always stands beside it or in a legend.
pub fn mark(standing: Standing) -> &'static str {
    match standing {
        Standing::Pass => "✓",
        Standing::Fail => "✗",
        Standing::KnownFailing => "✗?",
        Standing::Error => "!",
        Standing::Inconclusive => "?",
        Standing::Vacuous => "○",
        Standing::Unclaimed => "–",
        Standing::NotApplicable => "n/a",
        Standing::NotTestable => "…",
        Standing::Excluded | Standing::NotRun => "·",
    }
}

impl Matrix {
    /// Puts reports beside each other.
    pub fn of(reports: &[Report]) -> Self {
        let mut areas: Vec<Area> = Vec::new();
        let mut excluded = 0;
        for report in reports {
            for requirement in &report.requirements {
                if areas.iter().flat_map(|it| &it.rows).any(|it| it.id == requirement.id) {
                    continue;
                }
                match row(requirement, reports) {
                    Some(row) => area(&mut areas, report, requirement).rows.push(row),
                    None if std::ptr::eq(report, &raw const reports[0]) => excluded += 1,
                    None => (),
                }
            }
        }
        Self { columns: reports.iter().map(column).collect(), areas, excluded }
    }

    /// The standings that occur, of those that say nothing of a gateway too.
    pub(super) fn occurring(&self) -> Vec<(usize, Standing)> {
        let occurs = |index: usize| self.columns.iter().any(|it| it.counts[index] > 0);
        let always = [Standing::Pass, Standing::Fail];
        ORDER
            .into_iter()
            .enumerate()
            .filter(|(index, it)| always.contains(it) || occurs(*index))
            .collect()
    }
}

fn area<'a>(areas: &'a mut Vec<Area>, report: &Report, requirement: &Requirement) -> &'a mut Area {
    let found = report.areas.iter().find(|it| it.id == requirement.area);
    let (name, title) = found.map_or_else(
        || (requirement.area.clone(), requirement.area.clone()),
        |it| (it.name.clone(), it.title.clone()),
    );
    let index = areas.iter().position(|it| it.name == name).unwrap_or_else(|| {
        areas.push(Area { name, title, rows: Vec::new() });
        areas.len() - 1
    });
    &mut areas[index]
}

/// A requirement's row, unless no gateway is judged by it.
fn row(requirement: &Requirement, reports: &[Report]) -> Option<Row> {
    let standing = |report: &Report| {
        report
            .requirement(&requirement.id)
            .map_or((Standing::NotRun, None), |it| (it.verdict, it.why.clone()))
    };
    let standings: Vec<_> = reports.iter().map(standing).collect();
    if standings.iter().all(|(it, _)| *it == Standing::Excluded) {
        return None;
    }
    let has = |wanted| standings.iter().any(|(it, _)| *it == wanted);
    let broken = has(Standing::Fail) || has(Standing::KnownFailing);
    let differs = has(Standing::Pass) && broken;
    let cell = |(standing, why): (Standing, Option<String>)| Cell {
        mark: mark(standing),
        word: standing.word(),
        why,
    };
    Some(Row {
        id: requirement.id.clone(),
        level: requirement.level,
        text: requirement.text.clone(),
        differs,
        cells: standings.into_iter().map(cell).collect(),
    })
}

fn column(report: &Report) -> Column {
    let musts = |standing| {
        let is_it = |it: &&Requirement| it.level == Level::Must && it.verdict == standing;
        report.requirements.iter().filter(is_it).count()
    };
    let held = musts(Standing::Pass);
    let broken = musts(Standing::Fail) + musts(Standing::KnownFailing);
    Column {
        name: report.target_name(),
        profiles: report.profiles.join(", "),
        world: report.world.clone(),
        light: report.light(),
        nonce: report.nonce.clone(),
        facts: report.evidence.facts,
        counts: ORDER.map(|it| report.standing(it)).to_vec(),
        musts: (held, held + broken),
    }
}

/// What a target's light means. What is known to fail is wrong, too, and nothing new.
pub(super) fn light_word(column: &Column) -> &'static str {
    let known = ORDER.iter().zip(&column.counts).find(|it| *it.0 == Standing::KnownFailing);
    match column.light {
        Light::Green if known.is_some_and(|it| *it.1 > 0) => "nothing new wrong",
        Light::Green => "nothing wrong",
        Light::Red => "something wrong",
        Light::Grey => "nothing shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{green, red};

    fn both() -> Matrix {
        Matrix::of(&[green(), red()])
    }

    #[test]
    fn targets_stand_beside_each_other() {
        let matrix = both();
        let row = &matrix.areas[0].rows[0];
        let words: Vec<&str> = row.cells.iter().map(|it| it.word).collect();
        assert_eq!((row.id.as_str(), words), ("QUE-001", vec!["pass", "fail"]));
        assert!(row.differs);
        let musts: Vec<(usize, usize)> = matrix.columns.iter().map(|it| it.musts).collect();
        assert_eq!(musts, [(1, 1), (0, 1)]);
    }

    #[test]
    fn what_only_one_catalogue_has_was_not_run_for_the_other() {
        let mut newer = green();
        newer.requirements[0].id = "QUE-002".to_owned();
        let matrix = Matrix::of(&[green(), newer]);
        let words: Vec<Vec<&str>> = matrix.areas[0]
            .rows
            .iter()
            .map(|it| it.cells.iter().map(|it| it.word).collect())
            .collect();
        assert_eq!(words, [["pass", "not run"], ["not run", "pass"]]);
    }

    #[test]
    fn what_no_gateway_is_judged_by_has_no_row() {
        let mut report = green();
        report.requirements[0].verdict = Standing::Excluded;
        let matrix = Matrix::of(&[report]);
        assert_eq!((matrix.areas.len(), matrix.excluded), (0, 1));
    }

    #[test]
    fn as_markdown() {
        insta::assert_snapshot!("matrix-markdown", text(&both()));
    }

    #[test]
    fn as_a_page_that_loads_nothing() {
        let page = page(&both()).unwrap();
        for part in ["scope=\"col\"", "scope=\"row\"", "<caption>", "✗</span> fail", "differs"] {
            assert!(page.contains(part), "the page lacks `{part}`:\n{page}");
        }
        for loading in ["src=\"", "http://", "https://", "url(", "@import", "fetch("] {
            assert!(!page.contains(loading), "the page holds `{loading}`");
        }
    }
}
