//! `creel matrix`: which gateway keeps what.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, complain, print, report_files::write};
use crate::report::{
    json,
    matrix::{self, Matrix},
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Reports, one a target, as `--report json=PATH` wrote them.
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// Write it as one HTML file.
    #[arg(long, value_name = "PATH")]
    html: Option<PathBuf>,
    /// Write it as Markdown. So it is printed, where no file is asked for.
    #[arg(long, value_name = "PATH")]
    md: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        match self.made() {
            Ok(()) => Exit::Ok,
            Err(why) => {
                complain(&format!("error: {why}"));
                Exit::Usage
            }
        }
    }

    fn made(&self) -> Result<(), String> {
        let read = |it: &PathBuf| json::read(it).map_err(|it| it.to_string());
        let reports = self.reports.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let matrix = Matrix::of(&reports);
        if let Some(path) = &self.html {
            write(path, &matrix::page(&matrix).map_err(|it| it.to_string())?)?;
        }
        if let Some(path) = &self.md {
            write(path, &matrix::text(&matrix))?;
        }
        if self.html.is_none() && self.md.is_none() {
            print(matrix::text(&matrix).trim_end());
        }
        Ok(())
    }
}
