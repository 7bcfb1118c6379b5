//! The matrix as Markdown.

use std::fmt::Write as _;

use super::{Area, Cell, Column, Matrix, Row, light_word, mark};
use crate::report::markdown::cell;

/// The whole document.
pub fn text(matrix: &Matrix) -> String {
    let mut text = "# Which gateway keeps what\n\n\
        Every column is one run of the conformance suite. MUSTs kept counts those that were held or broken.\n\n"
        .to_owned();
    targets(&mut text, matrix);
    let legend = matrix.occurring();
    let legend: Vec<String> =
        legend.iter().map(|(_, it)| format!("{} {}", mark(*it), it.word())).collect();
    line(&mut text, &format!("\nIn the tables below: {}.", legend.join(", ")));
    if matrix.excluded > 0 {
        let excluded = matrix.excluded;
        line(
            &mut text,
            &format!("{excluded} requirements that no gateway is judged by are not listed."),
        );
    }
    let heads: Vec<String> =
        matrix.columns.iter().map(|it| format!("{} ({})", cell(&it.name), it.profiles)).collect();
    for Area { title, rows, .. } in &matrix.areas {
        line(&mut text, &format!("\n## {title}\n"));
        line(&mut text, &format!("| requirement | {} |", heads.join(" | ")));
        line(&mut text, &format!("|---|{}", ":---:|".repeat(heads.len())));
        for Row { id, text: sentence, cells, .. } in rows {
            let marks: Vec<&str> = cells.iter().map(|Cell { mark, .. }| *mark).collect();
            let marks = marks.join(" | ");
            line(&mut text, &format!("| **{id}** {} | {marks} |", cell(sentence)));
        }
    }
    text
}

fn targets(text: &mut String, matrix: &Matrix) {
    let standings = matrix.occurring();
    let heads: Vec<&str> = standings.iter().map(|(_, it)| it.word()).collect();
    line(text, &format!("| target | profiles | world | MUSTs kept | {} | |", heads.join(" | ")));
    line(text, &format!("|---|---|---|---:|{}---|", "---:|".repeat(heads.len())));
    for column in &matrix.columns {
        let Column { name, profiles, world, counts, musts: (held, of), .. } = column;
        let counts: Vec<String> =
            standings.iter().map(|(index, _)| counts[*index].to_string()).collect();
        line(
            text,
            &format!(
                "| {} | {profiles} | {world} | {held} of {of} | {} | {} |",
                cell(name),
                counts.join(" | "),
                light_word(column)
            ),
        );
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string");
}
