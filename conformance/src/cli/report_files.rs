//! `--report FORMAT=PATH`: the formats of a report, and where each is written.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::print;
use crate::report::{badge, data::Report, github, html, json, junit, markdown};

/// Where a report is written, and how.
#[derive(Clone, Debug)]
pub(super) struct ReportFile {
    format: Format,
    place: Place,
}

/// Where.
#[derive(Clone, Debug)]
enum Place {
    /// On standard output.
    Output,
    /// In a file.
    File(PathBuf),
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Json,
    Junit,
    Html,
    Markdown,
    Github,
    Badge,
}

impl Format {
    const ALL: [(&str, Self); 6] = [
        ("json", Self::Json),
        ("junit", Self::Junit),
        ("html", Self::Html),
        ("md", Self::Markdown),
        ("github", Self::Github),
        ("badge", Self::Badge),
    ];
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let why = || {
            let known = Format::ALL.map(|(name, _)| format!("`{name}=PATH`"));
            let [first @ .., last] = &known;
            format!("`{text}` is not a report: expected {} or {last}", first.join(", "))
        };
        let (name, path) = text.split_once('=').filter(|(_, it)| !it.is_empty()).ok_or_else(why)?;
        let (_, format) = Format::ALL.into_iter().find(|(it, _)| *it == name).ok_or_else(why)?;
        let place = if path == "-" { Place::Output } else { Place::File(path.into()) };
        Ok(Self { format, place })
    }
}

impl ReportFile {
    /// Writes the report.
    pub(super) fn write(&self, report: &Report) -> Result<(), String> {
        let text = match self.format {
            Format::Json => json::text(report),
            Format::Junit => junit::text(report).map_err(|it| it.to_string())?,
            Format::Html => html::page(report).map_err(|it| it.to_string())?,
            Format::Markdown => markdown::text(report),
            Format::Github => github::text(report),
            Format::Badge => badge::svg(report),
        };
        let text = text.trim_end();
        match &self.place {
            Place::Output if text.is_empty() => Ok(()),
            Place::Output => {
                print(text);
                Ok(())
            }
            Place::File(path) => write(path, &format!("{text}\n")),
        }
    }
}

/// Writes a file, and makes the folder that it is in.
pub(super) fn write(file: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = file.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|it| format!("make {}: {it}", folder.display()))?;
    }
    fs::write(file, text).map_err(|it| format!("write {}: {it}", file.display()))
}
