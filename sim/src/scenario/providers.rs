//! Reads the providers of a scenario: their credentials, their models, and what they answer whom.

use std::{collections::BTreeMap, time::Duration};

use super::{Act, Answer, answers, at::At, context::Context};
use crate::base;

/// A provider beside the base's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its credentials, by name: `one` is the profile `<provider>:one` of every agent.
    pub credentials: BTreeMap<String, Kind>,
    /// Its models, without its name.
    pub models: Vec<String>,
    /// What it answers, by who asks; each list from the front.
    pub answers: BTreeMap<Asker, Vec<Standing>>,
}

/// What kind of credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An API key.
    ApiKey,
    /// A token that is not refreshed.
    Token,
    /// A login.
    OAuth,
}

/// Whose requests a list of answers is for. Nothing stands for any.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asker {
    /// Those to this model.
    pub model: Option<String>,
    /// Those with this credential.
    pub credential: Option<String>,
}

/// An answer, and for how many requests it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The answer.
    pub answer: Answer,
    /// For how many requests.
    pub holds: Holds,
}

/// For how many requests an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// For so many.
    Times(u64),
    /// For all that come before this moment, since zero.
    Until(Duration),
    /// For all.
    Always,
}

/// The model of a provider that names none.
const MODEL: &str = "m";

pub(super) fn read(root: &At<'_>, context: &mut Context<'_>) -> BTreeMap<String, Provider> {
    let mut providers = BTreeMap::new();
    for (key, at) in root.entries_of("providers") {
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        if key.name == base::PROVIDER || !key.name.chars().all(is_plain) {
            let what = format!("`{}` cannot be a provider's name here", key.name);
            let help = "lower-case letters, digits and hyphens, and not the base's own";
            context.push(at.problem(what).help(help));
        }
        providers.insert(key.name.clone(), provider(&at, context));
    }
    providers
}

fn provider(at: &At<'_>, context: &mut Context<'_>) -> Provider {
    let mut credentials = BTreeMap::new();
    for item in at.items_of("credentials") {
        let name = item.text().or_else(|| item.text_of("name")).unwrap_or_default();
        let kind = match item.text_of("kind").as_deref() {
            Some("oauth") => Kind::OAuth,
            Some("token") => Kind::Token,
            _ => Kind::ApiKey,
        };
        if credentials.insert(name.clone(), kind).is_some() {
            context.push(item.problem(format!("the credential `{name}` stands here twice")));
        }
    }
    let models = at.texts_of("models").unwrap_or_else(|| vec![MODEL.to_owned()]);
    let mut answers = BTreeMap::new();
    for (key, at) in at.entries_of("answers") {
        let asker = Asker::of(&key.name);
        let has_model = asker.model.as_ref().is_none_or(|it| models.contains(it));
        let has_credential =
            asker.credential.as_ref().is_none_or(|it| credentials.contains_key(it));
        if !has_model || !has_credential {
            let what =
                format!("`{}` names a model or a credential that the provider has not", key.name);
            context.push(
                at.problem(what)
                    .help("`<model>@<credential>`, `@<credential>`, `<model>` or `any`"),
            );
        }
        let standing = |it: &At<'_>| standing(it, context);
        answers.insert(asker, at.items().iter().filter_map(standing).collect());
    }
    Provider { credentials, models, answers }
}

fn standing(at: &At<'_>, context: &mut Context<'_>) -> Option<Standing> {
    let answer = answers::answer(at, context)?;
    let times = at.number_of("times").map(Holds::Times);
    let until = at.duration_of("until").map(Holds::Until);
    let always = at.flag_of("always").map(|_| Holds::Always);
    let given: Vec<Holds> = [times, until, always].into_iter().flatten().collect();
    if given.len() > 1 {
        context.push(at.problem("expected one of `times`, `until` and `always`"));
    }
    let holds = given.first().copied().unwrap_or(Holds::Times(1));
    Some(Standing { answer, holds })
}

impl Asker {
    fn of(name: &str) -> Self {
        let given = |it: &str| Some(it.to_owned()).filter(|it| !it.is_empty());
        match name.split_once('@') {
            _ if name == "any" => Self::default(),
            Some((model, credential)) => {
                Self { model: given(model), credential: given(credential) }
            }
            None => Self { model: given(name), credential: None },
        }
    }

    /// The lists that may hold for a request, the most exact first.
    pub fn lists(model: &str, credential: &str) -> [Self; 4] {
        let (model, credential) = (Some(model.to_owned()), Some(credential.to_owned()));
        [
            Self { model: model.clone(), credential: credential.clone() },
            Self { model: None, credential },
            Self { model, credential: None },
            Self::default(),
        ]
    }
}

impl Provider {
    /// All of its answers.
    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        self.answers.values().flatten().map(|it| &it.answer.act)
    }
}
