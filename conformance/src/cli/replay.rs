//! `creel replay`: judge a trace file again.

use std::{fs, path::PathBuf};

use clap::Args;
use creel_judge::{
    context::{Clock, Context},
    profile,
    trace::Trace,
    verdict::Verdict,
};
use creel_sim::{
    base::{Addresses, Configuration},
    declared, world,
};

use super::{Exit, complain, print, refuse};
use crate::{
    corpus,
    report::{console::Color, diagram, excerpt, terminal::Terminal, timeline::Timeline},
    suite::{self, Check, Status},
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A file that `creel run --trace` wrote.
    trace: PathBuf,
    /// Draw the trace against virtual time too, as `creel run --timeline` does.
    #[arg(long)]
    timeline: bool,
    /// The scenario's file, if it is not built in.
    #[arg(long)]
    scenario: Option<String>,
}

impl Arguments {
    pub(super) fn run(self) -> Exit {
        let read = fs::read_to_string(&self.trace)
            .map_err(|it| it.to_string())
            .and_then(|text| Trace::from_json_lines(&text).map_err(|it| chain(&it)));
        let trace = match read {
            Ok(trace) => trace,
            Err(why) => {
                complain(&format!("error: read {}: {why}", self.trace.display()));
                return Exit::Usage;
            }
        };
        let id = &trace.header.scenario;
        let selector = self.scenario.clone().unwrap_or_else(|| id.clone());
        let entries = match corpus::choose(&[selector]) {
            Ok(entries) => entries,
            Err(corpus::Error::Nothing { .. }) if self.scenario.is_none() => {
                complain(&format!(
                    "error: the trace's scenario `{id}` is not built in: give its file with `--scenario`"
                ));
                return Exit::Usage;
            }
            Err(error) => return refuse(error),
        };
        let Some(entry) = entries.iter().find(|it| it.scenario.name() == trace.header.scenario)
        else {
            complain(&format!("error: the trace is of scenario `{}`", trace.header.scenario));
            return Exit::Usage;
        };
        let Some(profile) = profile::named(&trace.header.profile) else {
            complain(&format!(
                "error: the trace has the unknown profile `{}`",
                trace.header.profile
            ));
            return Exit::Usage;
        };
        let clock = match trace.header.lateness {
            Some(it) => Clock::Measured { slack_us: it.slack_us, lateness_us: it.lateness_us },
            None => world::exact(&trace.header.world, &entry.scenario),
        };
        // Addresses are in no fact and in no check.
        let addresses = Addresses {
            gateway_port: 1,
            channels: std::collections::BTreeMap::new(),
            provider: String::new(),
            workspaces: String::new(),
            zero_unix_s: 0,
        };
        let configuration =
            Configuration::of(&entry.scenario, profile.name, trace.header.seed, &addresses);
        let context = declared::context(&entry.scenario, profile, &configuration, clock);
        let context = declared::context_of_run(context, trace.header.seed, &trace.facts);
        let context = Context { choices: trace.header.choices, ..context };
        let checks = suite::judge(&entry.scenario, &trace, &context);
        if self.timeline {
            let terminal = Terminal::of_output(Color::Off);
            print(&Timeline::of(&trace, &context).text(terminal));
        }
        for check in &checks {
            show(check, &trace, &context);
        }
        let errors = suite::harness_errors(&trace);
        for what in &errors {
            print(&format!("the harness or the scenario is at fault: {what}"));
        }
        let failed = checks.iter().filter(|it| matches!(it.verdict, Verdict::Fail(_))).count();
        print(&format!("trace {}\n{} checks, {failed} failed", trace.hash(), checks.len()));
        exit(Status::of(&checks, &errors))
    }
}

fn exit(status: Status) -> Exit {
    match status {
        Status::Pass => Exit::Ok,
        Status::Fail | Status::KnownFailing | Status::Stale | Status::Vacuous => Exit::Failed,
        Status::Inconclusive => Exit::Inconclusive,
        Status::Error => Exit::Usage,
        Status::Skipped => Exit::Nothing,
    }
}

fn show(check: &Check, trace: &Trace, context: &Context) {
    let ids = if check.requirements.is_empty() {
        String::new()
    } else {
        format!("  {}", check.requirements.join(" "))
    };
    print(&format!("{:<14} {}{ids}", check.verdict.word(), check.label));
    match &check.verdict {
        Verdict::Fail(failure) => {
            print(&format!(
                "    expected  {}\n    observed  {}",
                failure.expected, failure.observed
            ));
            let facts = excerpt::around(trace, context, &failure.witnesses);
            print(&diagram::draw(&facts, trace.facts.len()));
        }
        Verdict::Vacuous { why } if check.line.is_some() => print(&format!("    because   {why}")),
        Verdict::Inconclusive { why } => print(&format!("    because   {why}")),
        Verdict::Pass { .. }
        | Verdict::Vacuous { .. }
        | Verdict::NotTestable { .. }
        | Verdict::NotApplicable { .. } => (),
    }
}

fn chain(error: &creel_judge::trace::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
