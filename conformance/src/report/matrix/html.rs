//! The matrix as one HTML file that loads nothing.

use serde::Serialize;

use super::{Matrix, light_word, mark};
use crate::report::{
    data::Light,
    html::{SCRIPT, STYLE, fill},
};

#[derive(Serialize)]
struct View<'a> {
    matrix: &'a Matrix,
    columns: Vec<ColumnView<'a>>,
    standings: Vec<(&'static str, &'static str)>,
    style: &'static str,
    script: &'static str,
}

#[derive(Serialize)]
struct ColumnView<'a> {
    name: &'a str,
    profiles: &'a str,
    world: &'a str,
    light: Light,
    word: &'static str,
    nonce: &'a str,
    facts: usize,
    held: usize,
    of: usize,
    counts: Vec<usize>,
}

/// The page.
///
/// # Errors
///
/// Only if the built-in template is broken.
pub fn page(matrix: &Matrix) -> Result<String, minijinja::Error> {
    let occurring = matrix.occurring();
    let column = |it: &'_ super::Column| -> Vec<usize> {
        occurring.iter().map(|(index, _)| it.counts[*index]).collect()
    };
    let columns = matrix.columns.iter().map(|it| ColumnView {
        name: &it.name,
        profiles: &it.profiles,
        world: &it.world,
        light: it.light,
        word: light_word(it),
        nonce: &it.nonce,
        facts: it.facts,
        held: it.musts.0,
        of: it.musts.1,
        counts: column(it),
    });
    let view = View {
        matrix,
        columns: columns.collect(),
        standings: occurring.iter().map(|(_, it)| (mark(*it), it.word())).collect(),
        style: STYLE,
        script: SCRIPT,
    };
    fill(include_str!("matrix.html"), &view)
}
