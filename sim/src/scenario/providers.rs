//! Reads the providers of a scenario: their credentials, their models, and what they answer whom.

use std::{collections::BTreeMap, time::Duration};

use super::{Act, Answer, answers, at::At, context::Context};
use crate::base;

/// A provider beside the base's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provider {
    /// Its credentials, by name: `one` is the profile `<provider>:one` of every agent.
    pub credentials: BTreeMap<String, Kind>,
    /// The logins among them that end and are renewed.
    pub logins: BTreeMap<String, Terms>,
    /// What comes of the first renewals of its logins. All further ones are granted.
    pub renewals: Vec<Renewal>,
    /// Its models, without its name.
    pub models: Vec<String>,
    /// What it answers, by who asks; each list from the front.
    pub answers: BTreeMap<Asker, Vec<Standing>>,
}

/// For how long a login is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its access ends so long after the scenario's zero.
    pub expires_in: Duration,
    /// Each renewed one ends so long after its renewal.
    pub lifetime: Duration,
    /// Whether all agents have the same login.
    pub is_shared: bool,
}

/// How long a renewed login is good, if the scenario does not say.
const LIFETIME: Duration = Duration::from_hours(1);

/// What comes of asking for a renewal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// How long the answer takes.
    pub after: Duration,
    /// What it is.
    pub act: RenewalAct,
}

/// What a token endpoint does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RenewalAct {
    /// It renews the login.
    #[default]
    Grant,
    /// It ends the login.
    Refuse,
    /// It answers this status.
    Status(u16),
    /// It never answers.
    Hang,
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
    let mut logins = BTreeMap::new();
    for item in at.items_of("credentials") {
        let name = item.text().or_else(|| item.text_of("name")).unwrap_or_default();
        let kind = match item.text_of("kind").as_deref() {
            Some("oauth") => Kind::OAuth,
            Some("token") => Kind::Token,
            _ => Kind::ApiKey,
        };
        if let Some(expires_in) = item.duration_of("expires_in") {
            if kind != Kind::OAuth {
                context.push(item.problem("only a credential of kind `oauth` ends"));
            }
            let lifetime = item.duration_of("lifetime").unwrap_or(LIFETIME);
            if lifetime.subsec_nanos() > 0 {
                context.push(
                    item.problem("a provider tells the `lifetime` of a login in whole seconds"),
                );
            }
            let is_shared = item.flag_of("shared").unwrap_or(false);
            logins.insert(name.clone(), Terms { expires_in, lifetime, is_shared });
        } else if let Some(key) = ["lifetime", "shared"].iter().find(|it| item.get(it).is_some()) {
            let what =
                format!("`{key}` is of a login that is renewed: expected `expires_in` beside it");
            context.push(item.problem(what));
        }
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
    let renewals: Vec<Renewal> = at.items_of("renewals").iter().map(renewal).collect();
    if !renewals.is_empty() && logins.is_empty() {
        let what = "no login of this provider is renewed: expected a credential of kind `oauth` with `expires_in`";
        context.push(at.problem(what));
    }
    Provider { credentials, logins, renewals, models, answers }
}

fn renewal(at: &At<'_>) -> Renewal {
    let act = match at.number_of("status") {
        Some(status) => RenewalAct::Status(status),
        None if at.get("refuse").is_some() => RenewalAct::Refuse,
        None if at.get("hang").is_some() => RenewalAct::Hang,
        None => RenewalAct::Grant,
    };
    Renewal { after: at.duration_of("after").unwrap_or_default(), act }
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
