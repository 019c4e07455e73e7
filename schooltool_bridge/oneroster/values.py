"""Single cells of a OneRoster file: whether a text is an id, a date, a number, one of the words.

Pure; of columns as data (tables.py). Source: RULES D.2 (types, enumerations).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

from schooltool_bridge.oneroster.tables import ENDED, OWN_WORD, V1_1, Column, Kind

MAX_ID_CHARS = 255
MAX_NUMBER_CHARS = 60
# What fits into a line of a message.
_SHOWN_CHARS = 60
_ID = re.compile(r"[0-9A-Za-z./@_-]{1,255}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_WHOLE = re.compile(r"-?\d+", re.ASCII)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def why_wrong(column: Column, value: str, version: str, *, strict: bool) -> str:
    """Return what is wrong with a value that is not empty, to follow on it; empty for nothing."""
    if column.kind is Kind.CHOICE:
        return _why_no_choice(column, value, version, strict=strict)
    if column.kind is Kind.CHOICES:
        fits = not strict or set(value.split(",")) <= set(column.choices)
        return "" if fits else "is no list of " + ", ".join(column.choices)
    return _BY_KIND[column.kind](value, strict)


def is_date(value: str) -> bool:
    """Tell whether a text is a day of the calendar, as 2026-11-21."""
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def shortened(value: str) -> str:
    """A value as a message shows it; a hostile one may be long."""
    return repr(value if len(value) <= _SHOWN_CHARS else value[:_SHOWN_CHARS] + "…")


def _why_no_choice(column: Column, value: str, version: str, *, strict: bool) -> str:
    if value in column.choices or (not strict and value in ENDED):
        return ""
    if value.startswith(OWN_WORD) and version != V1_1 and not column.is_closed:
        return ""
    return "is none of " + ", ".join(column.choices)


def _why_no_id(value: str, strict: bool) -> str:  # noqa: FBT001 - one shape for all kinds
    if strict:
        return "" if _ID.fullmatch(value) else "is no id of 0-9 A-Z a-z . / @ _ -"
    fits = 0 < len(value) <= MAX_ID_CHARS and value.isprintable()
    return "" if fits else f"is no id of up to {MAX_ID_CHARS} characters"


def _why_no_ids(value: str, strict: bool) -> str:  # noqa: FBT001 - the same
    found = (_why_no_id(one.strip(), strict) for one in value.split(","))
    return next(filter(None, found), "")


def _why_no_text(value: str, strict: bool) -> str:  # noqa: FBT001 - the same
    if strict and ("\n" in value or "\r" in value):
        return "has a line break; a cell is one line"
    return "has a character that cannot be shown" if _CONTROLS.search(value) else ""


def _why_no_moment(value: str, strict: bool) -> str:  # noqa: FBT001 - the same
    fits = not strict or (_MOMENT.fullmatch(value) and _is_time(value))
    return "" if fits else "is no time like 2026-11-21T08:30:00.000Z"


def _why_no_yes_or_no(value: str, strict: bool) -> str:  # noqa: FBT001 - the same
    compared = value if strict else value.casefold()
    return "" if compared in ("true", "false") else "is neither true nor false"


def _why_no_number(form: re.Pattern[str], name: str) -> Callable[[str, bool], str]:
    def why(value: str, _strict: bool) -> str:  # noqa: FBT001 - the same
        fits = len(value) <= MAX_NUMBER_CHARS and form.fullmatch(value)
        return "" if fits else f"is no {name}"

    return why


_BY_KIND: Mapping[Kind, Callable[[str, bool], str]] = {
    Kind.ID: _why_no_id,
    Kind.REFERENCE: _why_no_id,
    Kind.REFERENCES: _why_no_ids,
    Kind.TEXT: _why_no_text,
    Kind.DATE: lambda v, _: "" if is_date(v) else "is no date like 2026-11-21",
    Kind.MOMENT: _why_no_moment,
    Kind.YEAR: lambda v, _: "" if _YEAR.fullmatch(v) else "is no year like 2026",
    Kind.YES_NO: _why_no_yes_or_no,
    Kind.NUMBER: _why_no_number(_NUMBER, "number"),
    Kind.WHOLE: _why_no_number(_WHOLE, "whole number"),
}
