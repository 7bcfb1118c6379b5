//! The `creel-gateway` program.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    creel_gateway::cli::Cli::parse().run()
}
