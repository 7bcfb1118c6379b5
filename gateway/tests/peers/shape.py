"""The shape of answers, and how one differs from another: fields and their JSON types, words that clients act on, no values."""

import dataclasses

ABSENT = "absent"

# Fields whose words clients act on, so that they are compared as they stand.
WORDS = {
    "ok", "status", "protocol", "aborted", "deleted", "state", "stream", "phase", "stopReason", "role", "authMode", "kind",
}

# What is not the protocol's but an operator's: the configuration, as `config.get` shows it.
NOT_OURS = {
    "config.get": tuple(f"payload.{it}" for it in ("config", "parsed", "resolved", "sourceConfig", "runtimeConfig")),
}


@dataclasses.dataclass(frozen=True, order=True)
class Difference:
    """In what an answer of ours differs: where, what ours has and what theirs."""

    subject: str
    field: str
    ours: str
    theirs: str

    def line(self):
        return line(dataclasses.asdict(self))


def line(it):
    """A difference as it is written and listed."""
    return f"{it['subject']} {it['field']}: ours {it['ours']}, theirs {it['theirs']}"


def kind(value):
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"


def shape(values):
    """By field, what several answers of one kind have there: types, or words where clients act on them."""
    found = {}
    for value in values:
        note(value, "", found)
    return {path: " or ".join(sorted(it)) for path, it in found.items()}


def note(value, path, found):
    name = path.rpartition(".")[2]
    is_word = name in WORDS or path.startswith("error.") and name != "message"
    if is_word and isinstance(value, str | bool | int):
        found.setdefault(path, set()).add(str(value).lower() if isinstance(value, bool) else f"`{value}`")
    else:
        found.setdefault(path, set()).add(kind(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            note(inner, f"{path}.{key}" if path else key, found)
    if isinstance(value, list):
        for inner in value:
            note(inner, f"{path}[]", found)


def parent(path):
    if path.endswith("[]"):
        return path[:-2]
    return path.rpartition(".")[0]


def has_inside(path, found):
    return any(parent(it) == path for it in found if it)


def compare(subject, ours, theirs):
    """The differences between our answers of one kind and theirs; of what is absent, only its topmost field.

    Of a list or an object that is empty in theirs nobody knows what it would hold."""
    ours, theirs = shape(ours), shape(theirs)
    differences = []
    for path in sorted(ours.keys() | theirs.keys()):
        above = parent(path)
        if path.startswith(tuple(f"{it}." for it in NOT_OURS.get(subject, ()))):
            continue
        if path and (above not in ours or above not in theirs):
            continue
        if path not in theirs and path and not has_inside(above, theirs):
            continue
        mine, other = ours.get(path, ABSENT), theirs.get(path, ABSENT)
        if mine != other:
            differences.append(Difference(subject, path, mine, other))
    return differences
