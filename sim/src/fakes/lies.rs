//! The lies.

macro_rules! lies {
    ($($variant:ident $name:literal $what:literal;)*) => {
        /// One way to only look like a gateway.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Lie {
            $(#[doc = $what] $variant,)*
        }

        impl Lie {
            /// Every lie.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does, in one line.
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

lies! {
    AlwaysOk "always-ok" "Answers `ok` to everything and never asks the model.";
    RejectAll "reject-all" "Refuses every message visibly.";
    Echo "echo" "Answers with the question.";
    Silent "silent" "Asks the model and sends nothing.";
    AcknowledgesOnly "acknowledges-only" "Takes every message from the platform and does nothing with it.";
    DuplicateSend "duplicate-send" "Sends every answer twice.";
    DropEveryTenth "drop-every-tenth" "Forgets every tenth message.";
    LeakLastSession "leak-last-session" "Puts the words of whoever spoke last into the next prompt.";
    TimeBlind "time-blind" "Waits for nothing: neither for quiet nor as long as the platform asks.";
    Reorder "reorder" "Takes what waits in the wrong order.";
    WrongRoom "wrong-room" "Answers in the chat that was active last.";
    WrongThread "wrong-thread" "Answers to a topic in the group.";
    WrongBot "wrong-bot" "Sends every answer by one account.";
    OneSession "one-session" "Has one conversation for everybody.";
    ForgetsHistory "forgets-history" "Asks every question as if it were the first.";
    RunsRedeliveries "runs-redeliveries" "Takes a redelivered message for a new one.";
    WrongAgent "wrong-agent" "Asks the last agent's model whatever the bindings say.";
    SharedKey "shared-key" "Pays for every agent with one agent's key.";
    LeaksSecret "leaks-secret" "Quotes the key when the provider refuses.";
    MergesAll "merges-all" "Merges what waits from several rooms into one turn.";
    AnswersLate "answers-late" "Lies half a minute on every answer.";
    Storm "storm" "Asks the model the same question again and again.";
    Truncates "truncates" "Sends the first piece of a long answer.";
    Rewrites "rewrites" "Leaves the last word of every answer out.";
    SwallowsErrors "swallows-errors" "Says nothing when the provider fails.";
    PassesHalf "passes-half" "Passes half an answer off as a whole one.";
    AnswersFromCache "answers-from-cache" "Repeats a conversation's first answer.";
    IgnoresStop "ignores-stop" "Takes `/stop` for words.";
    RunsAtOnce "runs-at-once" "Runs a conversation's messages beside each other.";
    OneAtATime "one-at-a-time" "Runs one conversation at a time.";
    AnswersStrangers "answers-strangers" "Admits everybody.";
    NeverRetries "never-retries" "Gives an answer up when the platform stumbles.";
    TakesBack "takes-back" "Deletes every answer as soon as it is visible.";
    EditsAway "edits-away" "Replaces every answer by something else as soon as it is visible.";
}
