//! The closed lists of words in a report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An enum that is written as words which people read too.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that reports print.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

words! {
    /// A case in one word.
    Status {
        /// Everything held, with evidence.
        Pass = "pass",
        /// Something was broken.
        Fail = "fail",
        /// It is listed as failing, and failed as the list says.
        KnownFailing = "known failing",
        /// It is listed as failing, and passed, failed otherwise or was left out.
        Stale = "stale",
        /// An expectation was not exercised.
        Vacuous = "vacuous",
        /// The harness was late, or an order cannot be told.
        Inconclusive = "inconclusive",
        /// It was left out, for a reason that is said.
        Skipped = "skipped",
        /// The scenario, the target or the harness is at fault.
        Error = "error",
    }
}

words! {
    /// A check's verdict.
    CheckVerdict {
        /// It was exercised and it held.
        Pass = "pass",
        /// It was broken.
        Fail = "fail",
        /// Nothing exercised it.
        Vacuous = "vacuous",
        /// The harness was late, or an order cannot be told.
        Inconclusive = "inconclusive",
        /// A hook is missing.
        NotTestable = "not testable",
        /// The profile, the feature or the target's choice does not have it.
        NotApplicable = "not applicable",
    }
}

words! {
    /// What came of a requirement, over all cases.
    Standing {
        /// It held, with evidence, and nothing broke it.
        Pass = "pass",
        /// A check found it broken.
        Fail = "fail",
        /// Only cases that are listed as failing found it broken.
        KnownFailing = "known failing",
        /// A scenario that judges it could not be judged.
        Error = "error",
        /// It could not be told.
        Inconclusive = "inconclusive",
        /// Nothing exercised it, or its check was not shown to be able to fail.
        Vacuous = "vacuous",
        /// What would show it is not there, such as a virtual clock.
        NotTestable = "not testable",
        /// The profile or the target's choice does not have it.
        NotApplicable = "not applicable",
        /// The target does not claim it.
        Unclaimed = "unclaimed",
        /// No gateway is judged by it: the catalogue says why.
        Excluded = "excluded",
        /// No scenario of this run judges it.
        NotRun = "not run",
    }
}

words! {
    /// Why a case was left out.
    LeftOut {
        /// It needs virtual time, and this is a real clock.
        VirtualTime = "needs virtual time",
        /// The target does not claim it.
        Unclaimed = "unclaimed",
        /// The target made a choice that the scenario does not foresee.
        Unforeseen = "unforeseen choice",
    }
}

words! {
    /// What a control did: the same scenario with one edit, which must make checks fail.
    ControlStatus {
        /// The scenario has none.
        Absent = "absent",
        /// Nobody asked for it.
        LeftOut = "left out",
        /// It made all checks fail that it names.
        Flipped = "flipped",
        /// A check that it names did not fail.
        Stuck = "stuck",
        /// It could not be told.
        Unclear = "unclear",
        /// It could not be run.
        NotRun = "not run",
    }
}

words! {
    /// How a case is listed.
    KnownKind {
        /// It fails.
        Failing = "failing",
        /// It fails now and then.
        Flaky = "flaky",
    }
}

words! {
    /// How binding a requirement is.
    Level {
        /// A gateway that does not keep it breaks the contract.
        Must = "MUST",
        /// A gateway needs a reason not to keep it.
        Should = "SHOULD",
        /// A gateway may as well do otherwise.
        May = "MAY",
    }
}

words! {
    /// Who saw a fact.
    Track {
        /// A person's channel.
        Channel = "channel",
        /// A client of an operator, or a program outside.
        Operator = "operator",
        /// The gateway's process.
        Process = "process",
        /// A provider of models.
        Provider = "provider",
        /// A server of tools.
        Tools = "tools",
        /// The harness itself.
        Harness = "harness",
    }
}

words! {
    /// Which way something went.
    Way {
        /// To the gateway.
        In = "in",
        /// From the gateway.
        Out = "out",
        /// Neither: it happened where it was seen.
        Here = "here",
    }
}
