"""The audit trail in the words of whoever reads it; it is kept in English. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from mnet import language
from mnet.language import N_, _, ngettext, translated
from mnet.stored_sentences import localized

# What names the subject of an entry, or a detail (by its name and value), when it is known.
Namer = Callable[[str, object], str | None]
# Kept in English with each entry; a name that is not here is shown as it is kept.
NAMES = (
    N_("address"),
    N_("address after"),
    N_("address before"),
    N_("after"),
    N_("aliases"),
    N_("application"),
    N_("as of"),
    N_("before"),
    N_("by"),
    N_("by hand"),
    N_("came by"),
    N_("certificate from"),
    N_("code"),
    N_("copy of what was there"),
    N_("course"),
    N_("credits"),
    N_("days"),
    N_("decision"),
    N_("detail"),
    N_("event"),
    N_("file"),
    N_("filter"),
    N_("fingerprint"),
    N_("fingerprint after"),
    N_("fingerprint before"),
    N_("form"),
    N_("grades"),
    N_("id"),
    N_("kept"),
    N_("kind"),
    N_("label"),
    N_("links"),
    N_("marks"),
    N_("meaning"),
    N_("merged"),
    N_("name"),
    N_("own password"),
    N_("peer"),
    N_("peers"),
    N_("people"),
    N_("person"),
    N_("persons"),
    N_("place"),
    N_("published"),
    N_("report"),
    N_("role"),
    N_("rows"),
    N_("score system"),
    N_("scores"),
    N_("sections"),
    N_("staff role"),
    N_("state"),
    N_("status"),
    N_("subject"),
    N_("subscribed"),
    N_("title"),
    N_("was"),
    N_("why"),
)
# How a key came (mnet/protocol.py, KeyCame, and the file or key swap of a new peer).
KEY_CAME = (
    N_("fault 7025"),
    N_("fault 7025, unproven"),
    N_("verified TLS"),
    N_("keyswap"),
    N_("sent by a stranger"),
    N_("admin"),
    N_("file"),
)
# Other words of ours among the values.
VALUES = (
    N_("default"),
    N_("disabled"),
    N_("enabled"),
    N_("everybody"),
    N_("production"),
    N_("test"),
    # A report.
    N_("failing"),
    N_("gradebook"),
    N_("history"),
    N_("progress"),
    N_("roster"),
    N_("section"),
    N_("transcript"),
)
# Whose values are words of ours; any other may be the school's own and stays as it is.
_OUR_WORDS = frozenset(
    {
        "by", "came by", "certificate from", "decision", "filter", "form", "kind", "label",
        "meaning", "report", "role", "score system", "state", "status", "was",
    }
)  # fmt: skip
_OUR_CHANGES = frozenset({"label changed", "staff role given", "staff role taken"})
# Another word than an assessment's label.
_CALLED = {"label": N_("site label")}
# A day as English writes it, also without its year.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = re.compile(rf"\b([0-9]{{1,2}}) ({'|'.join(_MONTHS)})(?: ([0-9]{{4}}))?\b")
_WITH_DAYS = frozenset({"year added", "year changed", "term added", "term changed"})
# What an entry is about, when it is neither a site nor an account.
_SUBJECTS = {
    "assessment": N_("assessment %(id)s"),
    "person": N_("person %(id)s"),
    "report": N_("report %(id)s"),
    "section": N_("section %(id)s"),
}
_SUBJECT = re.compile(r"(assessment|person|report|section) ([0-9][0-9-]*)|([0-9]+) people")


def _nobody(_field: str, _value: object) -> None:
    return None


def action(text: str) -> str:
    """Say what was done."""
    return localized(text)


def subject(text: str, name_of: Namer = _nobody) -> str:
    """Say what it was done to, by name where one is known."""
    if name := name_of("subject", text):
        return f"{name} ({_subject_text(text)})"
    return _subject_text(text)


def _subject_text(text: str) -> str:
    found = _SUBJECT.fullmatch(text)
    if found is None:
        return text
    if found[3]:
        return ngettext("%(num)s person", "%(num)s people", int(found[3]))
    return _(_SUBJECTS[found[1]], id=found[2])


def details(
    action: str, detail: Mapping[str, object], name_of: Namer = _nobody
) -> list[tuple[str, str]]:
    """Say each detail's name and value."""
    return [
        (
            translated(_CALLED.get(name, name.replace("_", " "))),
            name_of(name, value)
            or _value(
                days_again(value) if isinstance(value, str) and action in _WITH_DAYS else value,
                is_ours=_is_ours(action, name),
            ),
        )
        for name, value in detail.items()
        if value != ""  # a label with nothing beside it says nothing
    ]


def days_again(text: str) -> str:
    """Write the days in a text that was kept in English as the language spoken here does."""
    return _DAY.sub(_day_again, text)


def _day_again(found: re.Match[str]) -> str:
    day, month, year = int(found[1]), _MONTHS.index(found[2]) + 1, found[3]
    try:
        return (
            language.day(date(int(year), month, day))
            if year
            # Any year that has the 29th of February.
            else language.day_in_its_year(date(2000, month, day))
        )
    except ValueError:
        return found[0]


def _is_ours(action: str, name: str) -> bool:
    return name in _OUR_WORDS or (name in ("before", "after") and action in _OUR_CHANGES)


def _value(value: object, *, is_ours: bool) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str):
        return localized(value) if is_ours else value
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, Iterable):
        return ", ".join(_value(each, is_ours=False) for each in value)
    return str(value)


def _mapping(value: Mapping[str, object]) -> str:
    """What changed, or how many of each."""
    texts = {name: _value(each, is_ours=each == "default") for name, each in value.items()}
    if texts.keys() == {"before", "after"}:
        if texts["before"] == texts["after"]:
            return texts["before"] or "-"
        return f"{texts['before'] or '-'} → {texts['after'] or '-'}"
    return ", ".join(f"{name} {each}" for name, each in texts.items())
