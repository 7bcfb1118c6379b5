//! The control of a scenario: the same scenario with one edit, which must make the checks fail that it names.

use creel_judge::verdict::Verdict;
use creel_sim::{scenario::Scenario, world};

use super::{Check, Controls, Missing, Plan, judging::judge_as_ours, missing};

/// What the control did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// The scenario has none.
    Absent,
    /// Nobody asked for it.
    LeftOut,
    /// It made so many checks fail, all that it names.
    Flipped(usize),
    /// A check that it names did not fail.
    Stuck(Vec<String>),
    /// No check that it names held, but some could not be told.
    Unclear(Vec<String>),
    /// It could not be run.
    NotRun(String),
}

/// Runs the edited scenario and looks whether the checks that it names fail.
pub(super) fn run(plan: &Plan, (scenario, profile): (&Scenario, &str)) -> Result<Control, Missing> {
    let Some(control) = &scenario.control else { return Ok(Control::Absent) };
    if plan.controls == Controls::LeftOut {
        return Ok(Control::LeftOut);
    }
    let edited = control.edited.clone();
    let run = match plan.world.run(&edited, profile, plan.seed) {
        Ok(run) => run,
        Err(error @ world::Error::Interrupted) => return Err(missing(&error)),
        Err(error @ world::Error::Clock(_)) => {
            return Ok(Control::Unclear(vec![error.to_string()]));
        }
        Err(error) => return Ok(Control::NotRun(error.to_string())),
    };
    let checks = judge_as_ours(&edited, &run.trace, &run.context);
    Ok(flipped(&control.flips, &checks))
}

/// What a control's checks say of those that it names.
fn flipped(flips: &[String], checks: &[Check]) -> Control {
    let (mut stuck, mut unclear) = (Vec::new(), Vec::new());
    for label in flips {
        match checks.iter().find(|it| it.label == *label) {
            Some(Check { verdict: Verdict::Fail(_), .. }) => (),
            Some(Check { verdict: Verdict::Inconclusive { why }, .. }) => {
                unclear.push(format!("`{label}`: {why}"));
            }
            Some(check) => stuck.push(format!("`{label}` was {}", check.verdict)),
            None => stuck.push(format!("`{label}` was not there")),
        }
    }
    match (stuck.as_slice(), unclear.as_slice()) {
        ([], []) => Control::Flipped(flips.len()),
        ([], _) => Control::Unclear(unclear),
        _ => Control::Stuck(stuck),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(label: &str, verdict: Verdict) -> Check {
        Check {
            label: label.to_owned(),
            title: None,
            line: None,
            requirements: Vec::new(),
            verdict,
        }
    }

    /// A machine that was late proves nothing, neither for a check nor against it.
    #[test]
    fn a_control_that_cannot_be_told_is_not_stuck() {
        let checks = [
            check("order", Verdict::fail("a", "b", vec![1])),
            check("gap", Verdict::Inconclusive { why: "late".to_owned() }),
            check("quiet", Verdict::pass(vec![1])),
        ];
        let of = |flips: &[&str]| {
            flipped(&flips.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(), &checks)
        };
        assert_eq!(of(&["order"]), Control::Flipped(1));
        assert_eq!(of(&["order", "gap"]), Control::Unclear(vec!["`gap`: late".to_owned()]));
        assert_eq!(of(&["gap", "quiet"]), Control::Stuck(vec!["`quiet` was pass".to_owned()]));
        assert_eq!(of(&["I1"]), Control::Stuck(vec!["`I1` was not there".to_owned()]));
    }
}
