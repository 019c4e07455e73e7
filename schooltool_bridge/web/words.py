"""Events, calls and payloads in words that a school's clerk reads. Pure.

Whatever a peer sent is cut to sane lengths and freed of what does not print; escaping is left to
the templates. Source: requirements 1.3, R89, R90.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mnet.faults import Conflict, Malformed, NotFound
from mnet.outcomes import of_code
from schooltool_bridge.applying import CREATED, UNCHANGED, UPDATED
from schooltool_bridge.calls import Call, is_failure
from schooltool_bridge.inbox import CONFLICT, DISMISSED, DONE, HELD, REJECTED

# A payload is shown up to here; no event of a Moodle comes near.
MAX_FIELDS, MAX_VALUE_CHARS, MAX_NAME_CHARS = 60, 500, 80
# In one line of a list.
MAX_SHORT_CHARS = 60
# Numbers in these fields are times, when they are between 1990 and 2100.
_TIMES = frozenset({"timemodified", "timestart", "timeend", "timecreated"})
_FIRST_TIME_UNIX_S, _LAST_TIME_UNIX_S = 631_152_000, 4_102_444_800
_TIME_DIGITS = 10
_SECOND_MS = 1000

_EVENTS = {
    "fetch_user": "Person",
    "new_section": "Section",
    "new_enrolment": "Enrolment",
    "new_assessment": "Assessment",
    "new_grade": "Grade",
    "end_enrolment": "End of an enrolment",
    "delete_section": "Section deleted",
    "delete_assessment": "Assessment deleted",
    "delete_grade": "Grade deleted",
}
_FIELDS = {
    "idnumber": "Id number",
    "username": "User name",
    "firstname": "First name",
    "lastname": "Last name",
    "email": "Email",
    "sectionid": "Section",
    "segment": "Segment",
    "teacheridnumber": "Teacher",
    "userid": "Person",
    "role": "Role",
    "status": "Status",
    "assessmentid": "Assessment",
    "points_earned": "Points earned",
    "pointval": "Points to earn",
    "excepted": "Excepted",
    "attempt_num": "Attempt",
    "name": "Name",
    "timemodified": "Changed in Moodle",
    "timestart": "From",
    "timeend": "Until",
    "seq": "Running number",
    "moodleid": "Moodle's own id",
    "to": "Addressed to",
    "cut": "Beginning of what was sent",
}
# Each state of the inbox: how it is called, and how urgent it looks.
STATUSES = {
    HELD: ("Held", "warning"),
    CONFLICT: ("In conflict", "urgent"),
    REJECTED: ("Rejected", "urgent"),
    DISMISSED: ("Dismissed", "quiet"),
    DONE: ("Applied", "good"),
}
_WAITS = {
    "user": "person {}",
    "section": "section {}",
    "assessment": "assessment {}",
    "username": "the user name {}",
}
_PAIRS = {
    "enrolment": "the enrolment of person {1} in section {0}",
    "grade": "a grade of person {1} for assessment {0}",
}
# What is refused for these is kept (events.py).
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
    return _EVENTS.get(event, plain(event, MAX_SHORT_CHARS))


def waits_for(key: str) -> str:
    """Say what an event waits for (a key such as user:987234)."""
    kind, _, name = key.partition(":")
    if kind in _PAIRS:
        first, _, second = name.partition("/")
        return _PAIRS[kind].format(plain(first), plain(second))
    if kind in _WAITS:
        return _WAITS[kind].format(plain(name))
    return plain(key)


def about(event: str, payload: object) -> str:
    """Say in a line whom or what an event is about; empty when it does not tell."""
    if not isinstance(payload, Mapping):
        return ""
    told = {name: _short(payload.get(name)) for name in _FIELDS}
    who = f"person {told['userid']}" if told["userid"] else ""
    if event == "fetch_user":
        name = f"{told['firstname']} {told['lastname']}".strip() or told["username"]
        return _named(name, told["idnumber"])
    if event.endswith("_enrolment"):
        return _join(who, told["sectionid"] and f"section {told['sectionid']}", " in ")
    if event.endswith("_grade"):
        return _join(who, told["assessmentid"] and f"assessment {told['assessmentid']}", ", ")
    return _named(told["name"], told["idnumber"])


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
    if is_failure(call.outcome):
        return call.outcome.capitalize(), "urgent"
    if call.reason:
        return f"{call.outcome.capitalize()}, in part", "warning"
    return call.outcome.capitalize(), _OUTCOMES.get(call.outcome, "quiet")


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
    return f"{duration_ms} ms" if is_short else f"{duration_ms / _SECOND_MS:.1f} s"


def plain(text: str, limit: int = MAX_SHORT_CHARS) -> str:
    """Return a text that prints, cut with a sign that it was."""
    cut = text[:limit] + "…" if len(text) > limit else text
    return "".join(c if c.isprintable() else "�" if c not in "\r\n\t" else " " for c in cut)


def _named(name: str, idnumber: str) -> str:
    return f"{name} ({idnumber})" if name and idnumber else name or idnumber


def _join(first: str, second: str, between: str) -> str:
    return between.join(part for part in (first, second) if part)


def _short(value: object) -> str:
    is_simple = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return plain(str(value)) if is_simple else ""


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "(nothing)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False, default=str)


def _time(value: object) -> int | None:
    text = str(value)
    is_number = text.isascii() and text.isdigit() and len(text) <= _TIME_DIGITS
    if isinstance(value, bool) or not is_number:
        return None
    return int(text) if _FIRST_TIME_UNIX_S <= int(text) < _LAST_TIME_UNIX_S else None
