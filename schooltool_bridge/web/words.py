"""Events, calls and payloads in words that a school's clerk reads. Pure.

Whatever a peer sent is cut to sane lengths and freed of what does not print; escaping is left to
the templates. Source: RULES 1.3, R89, R90.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mnet.faults import Conflict, Malformed, NotFound
from mnet.language import N_, _, ngettext, number, translated
from mnet.outcomes import FAULT, of_code
from peers.calls import Call, is_failure
from schooltool_bridge.events import kinds
from schooltool_bridge.events.applied import CREATED, ENROLMENT, UNCHANGED, UPDATED
from schooltool_bridge.events.inbox import CONFLICT, DECLINED, DISMISSED, DONE, HELD, REJECTED
from schooltool_bridge.events.naming import NUMBERS, Namer

# A payload is shown up to here; no event of a Moodle comes near.
MAX_FIELDS, MAX_VALUE_CHARS, MAX_NAME_CHARS = 60, 500, 80
# In one line of a list.
MAX_SHORT_CHARS = 60
# Numbers in these fields are times, when they are between 1990 and 2100.
_TIMES = frozenset({"timemodified", "timestart", "timeend", "timecreated"})
_FIRST_TIME_UNIX_S, _LAST_TIME_UNIX_S = 631_152_000, 4_102_444_800
_TIME_DIGITS = 10
_SECOND_MS = 1000

_FIELDS = {
    "idnumber": N_("ID number"),
    "username": N_("User name"),
    "firstname": N_("First name"),
    "lastname": N_("Last name"),
    "email": N_("Email"),
    "sectionid": N_("Section"),
    "segment": N_("Segment"),
    "teacheridnumber": N_("Teacher"),
    "userid": N_("Person"),
    "role": N_("Role"),
    "status": N_("Status"),
    "assessmentid": N_("Assessment"),
    "points_earned": N_("Points earned"),
    "pointval": N_("Points to earn"),
    "excepted": N_("Excepted"),
    "attempt_num": N_("Attempt"),
    "name": N_("Name"),
    "timemodified": N_("Changed in Moodle"),
    "timestart": N_("From"),
    "timeend": N_("Until"),
    "seq": N_("Running number"),
    "moodleid": N_("Moodle's own id"),
    "usermoodleid": N_("Moodle's own id of the person"),
    "teachermoodleid": N_("Moodle's own id of the teacher"),
    "sectionmoodleid": N_("Moodle's own id of the section"),
    "assessmentmoodleid": N_("Moodle's own id of the assessment"),
    "to": N_("Addressed to"),
    "cut": N_("Beginning of what was sent"),
}
# Each state of the inbox: how it is called, and how urgent it looks.
STATUSES = {
    HELD: (N_("Held"), "warning"),
    CONFLICT: (N_("In conflict"), "urgent"),
    REJECTED: (N_("Rejected"), "urgent"),
    DISMISSED: (N_("Dismissed"), "quiet"),
    DECLINED: (N_("Kept out"), "quiet"),
    DONE: (N_("Applied"), "good"),
}
_WAITS = {
    "user": N_("person %(name)s"),
    "section": N_("section %(name)s"),
    "assessment": N_("assessment %(name)s"),
    "username": N_("the user name %(name)s"),
    "approval": N_("a decision whether section %(name)s comes in"),
}
_PAIRS = {
    "enrolment": N_("the enrolment of person %(second)s in section %(first)s"),
    "grade": N_("a grade of person %(second)s for assessment %(first)s"),
}
# What is refused for these is kept (receiving.py).
_INBOX_OUTCOMES = {HELD, *(of_code(fault.code) for fault in (Malformed, NotFound, Conflict))}
_OUTCOMES = {
    CREATED: "good",
    UPDATED: "good",
    UNCHANGED: "quiet",
    "ok": "good",
    "skipped": "quiet",
    HELD: "warning",
}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a payload."""

    name: str
    # In plain English; empty for a field that only the sender knows.
    title: str
    text: str
    # The same as a time, when it is one.
    unix_s: int | None


def event_title(event: str) -> str:
    """Say what an event brought."""
    kind = kinds.BY_NAME.get(event)
    return _(kind.title) if kind else plain(event, MAX_SHORT_CHARS)


def _a_number(_kind: str, text: str) -> str:
    return text


def waits_for(key: str, name_of: Namer = _a_number) -> str:
    """Say what an event waits for (a key such as user:987234), by name where it is known."""
    kind, _colon, name = key.partition(":")
    if kind in _PAIRS:
        first, _slash, second = name.partition("/")
        of = name_of("section" if kind == "enrolment" else "assessment", first)
        return _(_PAIRS[kind], first=plain(of), second=plain(name_of("user", second)))
    if kind in _WAITS:
        return _(_WAITS[kind], name=plain(name_of(kind, name)))
    return plain(key)


def about(event: str, payload: object, name_of: Namer = _a_number) -> str:
    """Say in a line whom or what an event is about; empty when it does not tell."""
    if not isinstance(payload, Mapping):
        return ""
    texts = {name: _short(payload.get(name)) for name in _FIELDS}
    for field, kind in NUMBERS.items():
        texts[field] = texts[field] and plain(name_of(kind, texts[field]))
    who = _("person %(name)s", name=texts["userid"]) if texts["userid"] else ""
    known = kinds.BY_NAME.get(event)
    subject = known.key if known else ""
    if subject == kinds.USER:
        name = f"{texts['firstname']} {texts['lastname']}".strip() or texts["username"]
        return _named(name, texts["idnumber"])
    if subject == ENROLMENT:
        section = texts["sectionid"] and _("section %(name)s", name=texts["sectionid"])
        if who and section:
            return _("%(person)s in %(section)s", person=who, section=section)
        return who or section
    if subject == kinds.GRADE:
        assessment = texts["assessmentid"] and _("assessment %(name)s", name=texts["assessmentid"])
        return ", ".join(part for part in (who, assessment) if part)
    return _named(texts["name"], texts["idnumber"])


def field_rows(payload: object) -> list[FieldRow]:
    """Return a payload as a table's rows; what is no struct becomes one row."""
    if not isinstance(payload, Mapping):
        payload = {"value": payload}
    rows = []
    for name, value in list(payload.items())[:MAX_FIELDS]:
        text = plain(_text(value), MAX_VALUE_CHARS)
        unix_s = _time(value) if name in _TIMES else None
        rows.append(
            FieldRow(plain(str(name), MAX_NAME_CHARS), _FIELDS.get(str(name), ""), text, unix_s)
        )
    return rows


def outcome(call: Call) -> tuple[str, str]:
    """Say how a call ended, and how urgent that looks."""
    title = outcome_title(call.outcome)
    if is_failure(call.outcome):
        return title, "urgent"
    if call.reason:
        return _("%(outcome)s, in part", outcome=title), "warning"
    return title, _OUTCOMES.get(call.outcome, "quiet")


def outcome_title(outcome: str) -> str:
    """Say an outcome as the journal keeps it."""
    if outcome.startswith(FAULT):
        return _("Fault %(code)s", code=outcome.removeprefix(FAULT))
    return translated(outcome.capitalize())


def short_method(method: str) -> str:
    """Return a method's own name, without its path."""
    return plain(method.rpartition("/")[2] or method)


def fills_inbox(call: Call) -> bool:
    """Tell whether a call left events in the inbox: held, refused, or some of many."""
    if call.direction != "in":
        return False
    partly = bool(call.reason) and not is_failure(call.outcome)
    return partly or call.outcome in _INBOX_OUTCOMES


def took(duration_ms: int | None) -> str:
    """Write how long a call took."""
    if duration_ms is None:
        return ""
    is_short = duration_ms < _SECOND_MS
    return f"{duration_ms} ms" if is_short else number(f"{duration_ms / _SECOND_MS:.1f}") + " s"


def plain(text: str, limit: int = MAX_SHORT_CHARS) -> str:
    """Return a text that prints, cut with a sign that it was."""
    cut = text[:limit] + "…" if len(text) > limit else text
    return "".join(c if c.isprintable() else "�" if c not in "\r\n\t" else " " for c in cut)


def _named(name: str, idnumber: str) -> str:
    return f"{name} ({idnumber})" if name and idnumber else name or idnumber


def _short(value: object) -> str:
    is_simple = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return plain(str(value)) if is_simple else ""


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return _("(nothing)")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return json.dumps(value, ensure_ascii=False, default=str)


def _time(value: object) -> int | None:
    text = str(value)
    is_number = text.isascii() and text.isdigit() and len(text) <= _TIME_DIGITS
    if isinstance(value, bool) or not is_number:
        return None
    return int(text) if _FIRST_TIME_UNIX_S <= int(text) < _LAST_TIME_UNIX_S else None


def came_too(released: int) -> str:
    """Say behind a note how many events of the inbox came in with what was done."""
    if released <= 0:
        return ""
    return " " + ngettext(
        "%(num)s events that waited for it came in too.",
        "%(num)s events that waited for it came in too.",
        released,
    )
