//! Prometheus' text format, as far as it is needed here.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

use super::{Histogram, Labels};

/// A page under way: families of samples, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    /// What follows are samples of this family.
    pub(super) fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// A sample.
    pub(super) fn count(&mut self, labels: &[(&str, &str)], value: u64) {
        self.sample("", labels, format_args!("{value}"));
    }

    /// A histogram's samples.
    pub(super) fn histogram<const N: usize>(
        &mut self,
        (agent, channel): &Labels,
        bounds: &[f64; N],
        histogram: &Histogram<N>,
    ) {
        let own = [("agent", agent.as_str()), ("channel", channel.as_str())];
        let mut below = 0;
        for (bound, count) in bounds.iter().zip(histogram.counts) {
            below += count;
            let bound = bound.to_string();
            self.sample("_bucket", &[own[0], own[1], ("le", &bound)], format_args!("{below}"));
        }
        let all = histogram.all;
        self.sample("_bucket", &[own[0], own[1], ("le", "+Inf")], format_args!("{all}"));
        self.sample("_sum", &own, format_args!("{}", histogram.sum_s));
        self.sample("_count", &own, format_args!("{all}"));
    }

    /// The whole page.
    pub(super) fn text(self) -> String {
        self.text
    }

    fn sample(&mut self, ending: &str, labels: &[(&str, &str)], value: std::fmt::Arguments<'_>) {
        let name = self.name;
        let shown: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        if shown.is_empty() {
            self.line(format_args!("{name}{ending} {value}"));
        } else {
            self.line(format_args!("{name}{ending}{{{}}} {value}", shown.join(",")));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("writing to a string");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
