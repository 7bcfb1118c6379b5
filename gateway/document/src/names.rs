//! Finding what a misspelt name probably meant, and listing what would be accepted.

/// Names longer than this many bytes are not compared, which would take quadratic time.
const COMPARED_BYTES_MAX: usize = 64;

/// The candidate that is nearest to `name`, if one is near enough to have been meant: at most a third of the letters
/// wrong. The first of equally near ones.
///
/// ```
/// use creel_document::names::nearest;
///
/// assert_eq!(nearest("qeue", ["queue", "model"]), Some("queue"));
/// assert_eq!(nearest("lane", ["queue", "model"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let wrong_max =
        |candidate: &str| candidate.chars().count().max(name.chars().count()).div_ceil(3);
    candidates
        .into_iter()
        .filter(|it| it.len() <= COMPARED_BYTES_MAX)
        .map(|it| (strsim::osa_distance(&it.to_lowercase(), &name.to_lowercase()), it))
        .filter(|(wrong, it)| *wrong <= wrong_max(it).min(it.chars().count().saturating_sub(1)))
        .min_by_key(|(wrong, _)| *wrong)
        .map(|(_, it)| it)
}

/// The hint for a name that is unknown: what was probably meant, or else what would be accepted.
pub fn hint<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(near) = nearest(name, candidates.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let accepted = list(candidates);
    (!accepted.is_empty()).then(|| format!("accepted: {accepted}"))
}

/// Names in a row, as messages print them: `` `a`, `b`, `c` ``.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
