//! What is known of a scenario while it is read: its names, and what is wrong so far.

use creel_document::{names, path::Part, problem::Problem};

use super::{Call, at::At};

/// The names that a scenario defines, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// The text of the file, to count lines.
    pub(super) text: &'a str,
    /// What is wrong so far.
    pub(super) problems: Vec<Problem>,
    chats: Vec<String>,
    messages: Vec<String>,
    /// The names under which the model answers what operators' clients say.
    voices: Vec<String>,
    /// The clients of operators that were connected so far.
    clients: Vec<String>,
    calls: Vec<Call>,
    /// How many of clients' steps have no name of their own.
    unnamed: usize,
    /// Whether all messages are known. If a step could not be read, its message may be any.
    knows_messages: bool,
}

impl<'a> Context<'a> {
    /// The context of a document which has these problems with its shape.
    pub(super) fn new(text: &'a str, root: &At<'_>, problems: Vec<Problem>) -> Self {
        let chats = root.entries_of("chats").into_iter().map(|(key, _)| key.name.clone()).collect();
        let in_steps = |it: &Problem| matches!(it.path.parts().first(), Some(Part::Key(name)) if name == "steps");
        let knows_messages = !problems.iter().any(in_steps) && root.get("steps").is_some();
        Self {
            text,
            problems,
            chats,
            messages: Vec::new(),
            voices: Vec::new(),
            clients: Vec::new(),
            calls: Vec::new(),
            unnamed: 0,
            knows_messages,
        }
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The name of a chat, which must be defined.
    pub(super) fn chat_of(&mut self, at: &At<'_>, name: &str) -> Option<String> {
        let at = at.get(name)?;
        let chat = at.text()?;
        self.require_chat(&at, &chat).then_some(chat)
    }

    /// Complains unless the chat is defined.
    pub(super) fn require_chat(&mut self, at: &At<'_>, chat: &str) -> bool {
        let known = self.chats.iter().any(|it| it == chat);
        if !known {
            let help = names::hint(chat, self.chats.iter().map(String::as_str));
            self.push(Problem { help, ..at.problem(format!("no chat is called `{chat}`")) });
        }
        known
    }

    /// The name of a chat or of an operator's voice, which must be defined.
    pub(super) fn voice_of(&mut self, at: &At<'_>, name: &str) -> Option<String> {
        let at = at.get(name)?;
        let voice = at.text()?;
        self.require_voice(&at, &voice).then_some(voice)
    }

    /// Complains unless a chat or an operator's voice has this name.
    pub(super) fn require_voice(&mut self, at: &At<'_>, name: &str) -> bool {
        self.voices.iter().any(|it| it == name) || self.require_chat(at, name)
    }

    /// An operator's words are answered by the script of this name.
    pub(super) fn define_voice(&mut self, at: &At<'_>, name: &str) {
        if self.chats.iter().any(|it| it == name) {
            self.push(at.problem(format!("a chat is already called `{name}`")));
        }
        self.voices.push(name.to_owned());
    }

    /// A name for what a client does, where none is given.
    pub(super) fn unnamed(&mut self, client: &str) -> String {
        self.unnamed += 1;
        format!("{client}-{}", self.unnamed)
    }

    /// A client asks for this.
    pub(super) fn define_call(&mut self, call: &Call) {
        self.calls.push(call.clone());
    }

    /// The call of this name above.
    pub(super) fn call(&self, name: &str) -> Option<Call> {
        self.calls.iter().find(|it| it.name == name).cloned()
    }

    /// A client of this name connects.
    pub(super) fn define_client(&mut self, name: &str) {
        self.clients.push(name.to_owned());
    }

    /// Complains unless a step above connects the client.
    pub(super) fn require_client(&mut self, at: &At<'_>, name: &str) {
        if !self.clients.iter().any(|it| it == name) {
            let help = names::hint(name, self.clients.iter().map(String::as_str));
            let what = format!("no step above connects a client called `{name}`");
            self.push(Problem { help, ..at.problem(what) });
        }
    }

    /// Complains if a message of that name was defined before.
    pub(super) fn define_message(&mut self, at: &At<'_>, name: &str) {
        if self.messages.iter().any(|it| it == name) {
            self.push(
                at.problem(format!("a message is already called `{name}`"))
                    .help("give it another name with `as`"),
            );
        } else {
            self.messages.push(name.to_owned());
        }
    }

    /// Complains unless the message is defined.
    pub(super) fn require_message(&mut self, at: &At<'_>, name: &str) {
        if self.knows_messages && !self.messages.iter().any(|it| it == name) {
            let help = names::hint(name, self.messages.iter().map(String::as_str));
            self.push(Problem { help, ..at.problem(format!("no message is called `{name}`")) });
        }
    }

    /// Whether the message is defined, as far as the steps were read.
    pub(super) fn has_message(&self, name: &str) -> bool {
        !self.knows_messages || self.messages.iter().any(|it| it == name)
    }
}
