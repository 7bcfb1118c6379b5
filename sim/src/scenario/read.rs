//! Reads a whole scenario but for its control.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use creel_document::{check, duration, names, problem::Problem, tree::Node};

use super::{
    Action, Chat, Scenario, Step, answers,
    at::At,
    chats, clock,
    context::Context,
    covers, expect, providers,
    shape::{PROFILES, shape},
    steps, tools, variants,
};

/// The folders under `scenarios/`, which are the areas of the catalogue, and one for bugs that came back.
pub(super) const AREAS: [&str; 12] = [
    "admission",
    "routing",
    "session",
    "queue",
    "run",
    "failover",
    "egress",
    "control",
    "journal",
    "security",
    "operations",
    "regressions",
];

/// The least latency of the simulated network, which moves in steps of this.
const LATENCY_MIN: Duration = Duration::from_millis(1);

/// How long nothing may happen before a run is over, if the scenario does not say.
const SETTLE: Duration = Duration::from_secs(3);

/// Reads the scenario `id` from its tree, without its control. `text` is the file, for line numbers.
pub(super) fn read(id: &str, text: &str, tree: &Node) -> Result<Scenario, Vec<Problem>> {
    let root = At::root(tree);
    let mut context = Context::new(text, &root, check(tree, shape()).problems);
    let read = scenario(id, &root, &mut context);
    if context.problems.is_empty() {
        Ok(read.expect("a document that has its shape can be read"))
    } else {
        Err(context.problems)
    }
}

fn scenario(id: &str, root: &At<'_>, context: &mut Context<'_>) -> Option<Scenario> {
    check_id(id, root, context);
    check_bugs(root, context);
    let profiles = profiles(root, context);
    let latency = latency(root, context);
    let chats = chats::read(root, context);
    let clock = clock::read(root, context);
    let steps = steps::read(root, context);
    check_forgeries(root, &steps, &chats, context);
    let variants = variants::read(root, &steps, context);
    variants::check(root, &variants, context);
    let model = answers::read(root, context);
    let providers = providers::read(root, context);
    let tools = tools::read(root);
    let hints = tools::hints(root, context);
    let images = root.entries_of("images").into_iter();
    let images = images
        .map(|(key, at)| (key.name.clone(), at.items().iter().filter_map(At::text).collect()));
    let platform = chats::read_platform(root, context);
    let state = root.entries_of("state").into_iter();
    let state = state.map(|(key, at)| (key.name.clone(), at.node.to_json()));
    let expect = expect::read(root, context);
    let scenario = Scenario {
        id: root.text_of("id")?,
        variant: None,
        title: root.text_of("title")?,
        bugs: root.texts_of("bugs").unwrap_or_default(),
        covers: covers::of_all(&expect),
        profiles,
        state: state.collect(),
        gateway: root.get("gateway").map_or_else(|| serde_json::json!({}), |it| it.node.to_json()),
        chats,
        model,
        providers,
        tools,
        hints,
        images: images.collect(),
        platform,
        latency: latency?,
        clock,
        steps,
        lasts: root.duration_of("lasts").unwrap_or_default(),
        settle: root.duration_of("settle").unwrap_or(SETTLE),
        virtual_only: root.text_of("virtual_only"),
        expect,
        control: None,
        variants: Vec::new(),
    };
    let variants = variants.into_iter().map(|it| Arc::new(scenario.varied(it))).collect();
    Some(Scenario { variants, ..scenario })
}

fn check_id(id: &str, root: &At<'_>, context: &mut Context<'_>) {
    let Some(at) = root.get("id") else { return };
    let Some(found) = at.text() else { return };
    let (area, fact) = found.split_once('/').unwrap_or((&found, ""));
    let in_fact = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    if !AREAS.contains(&area) {
        let help = names::hint(area, AREAS);
        context.push(Problem { help, ..at.problem(format!("`{area}` is not an area")) });
    } else if fact.is_empty() || !fact.chars().all(in_fact) {
        let message = format!("found the id `{found}`, expected `<area>/<fact-it-shows>`");
        context.push(at.problem(message).help("lower-case letters, digits and hyphens"));
    } else if found != id {
        context.push(
            at.problem(format!("found the id `{found}`, expected `{id}`"))
                .help("the file's path below `scenarios/`"),
        );
    }
}

fn check_bugs(root: &At<'_>, context: &mut Context<'_>) {
    for at in root.items_of("bugs") {
        let fits = |it: &str| {
            it.split_once('-').is_some_and(|(area, number)| {
                (1..=2).contains(&area.len())
                    && area.bytes().all(|it| it.is_ascii_uppercase())
                    && number.len() == 2
                    && number.bytes().all(|it| it.is_ascii_digit())
            })
        };
        if let Some(found) = at.text().filter(|it| !fits(it)) {
            context.push(at.problem(format!(
                "found the text `{found}`, expected a row of the bug corpus such as `Q-01`"
            )));
        }
    }
}

/// Where the gateway asks for its messages, nobody can bring it one in the platform's name.
fn check_forgeries(
    root: &At<'_>,
    steps: &[Step],
    chats: &BTreeMap<String, Chat>,
    context: &mut Context<'_>,
) {
    for step in steps {
        let Action::Send(send) = &step.action else { continue };
        let pulls = chats
            .get(&send.chat)
            .is_some_and(|it| matches!(&*it.channel, "telegram" | "discord" | "irc"));
        if send.forged.is_some() && pulls {
            let what = "a `forged` message needs a chat of a platform that calls the gateway";
            context.push(root.problem(format!("message `{}`: {what}", send.name)));
        }
    }
}

fn profiles(root: &At<'_>, context: &mut Context<'_>) -> Vec<String> {
    let Some(at) = root.get("profiles") else {
        return PROFILES.iter().map(|it| (*it).to_owned()).collect();
    };
    let mut profiles = Vec::new();
    for item in at.items() {
        let Some(profile) = item.text() else { continue };
        if profiles.contains(&profile) {
            context.push(item.problem(format!("the profile `{profile}` stands here twice")));
        }
        profiles.push(profile);
    }
    if at.node.items().is_empty() {
        context.push(
            at.problem("found no profile, expected one at the least")
                .help("leave `profiles` out for all of them"),
        );
    }
    profiles
}

/// `1ms` for a fixed latency, `1ms..20ms` for a changing one.
fn latency(root: &At<'_>, context: &mut Context<'_>) -> Option<Range<Duration>> {
    let Some(at) = root.get("network").and_then(|it| it.get("latency")) else {
        return Some(LATENCY_MIN..LATENCY_MIN);
    };
    let found = at.text()?;
    let (from, to) = found.split_once("..").unwrap_or((&found, &found));
    match (duration::parse(from), duration::parse(to)) {
        (Ok(from), Ok(to)) if LATENCY_MIN <= from && from <= to => return Some(from..to),
        (Ok(from), Ok(to)) if from <= to => {
            context.push(
                at.problem(format!("found the latency `{found}`, expected `1ms` at the least")),
            );
        }
        (Ok(_), Ok(_)) => context.push(at.problem("the second bound is less than the first")),
        (Err(error), _) | (_, Err(error)) => context.push(at.problem(error.to_string())),
    }
    None
}
