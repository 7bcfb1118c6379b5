//! The `creel` program.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    creel::cli::Cli::parse().run()
}
