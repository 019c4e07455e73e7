"""Grade tables that programs write: a Moodle's own export, and our gradebook's CSV.

A Moodle heads an assessment "Quiz: Checkpoint 1 (Real)", beside "(Percentage)", "(Letter)",
totals and what it knows of the person; our CSV heads it "Checkpoint 1 (20)". Both hold points,
whatever the school's score system is. Pure. Source: RULES R63, E63, E64; Moodle's grade/export.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mnet.language import N_, _, plain
from mnet.letters import nfc
from schooltool_bridge.gradebook.grid import Column
from schooltool_bridge.gradebook.upload import bare

# What stands beside the marks in most lists and is not read.
_BESIDE = (
    "name", "student", "first name", "last name", "surname", "full name", "email",
    "email address", "percent", "state", "total", "course total", "institution", "department",
    "last downloaded from this course", "Vorname", "Nachname", "E-Mail-Adresse", "Institution",
    "Abteilung",
)  # fmt: skip
# Columns of our own CSV, in the language that is spoken when it is written.
_OURS = (
    N_("Section"), N_("Last name"), N_("First name"), N_("Code"), N_("State"), N_("Percent"),
)  # fmt: skip
_DOWNLOADED = frozenset(
    bare(text) for text in ("Last downloaded from this course", "Zuletzt aus diesem Kurs geladen")
)
# How a Moodle says what a column holds; whatever else stands there are points.
_NO_POINTS = frozenset(
    {
        "percentage", "letter", "feedback", "prozentsatz", "prozent", "notenstufe", "buchstabe",
        "pourcentage", "lettre", "porcentaje", "letra", "rückmeldung",
    }
)  # fmt: skip
_POINTS = frozenset({"real", "punkte", "reell", "wert", "réel", "valeur"})
_TOLD = re.compile(r"(.+) \(([^()]{1,40})\)")
# What stands where there is no grade; and, in our own, for work before somebody came.
_NONE = frozenset({"-", "\N{EN DASH}", "\N{EM DASH}", "\N{MINUS SIGN}", "be"})
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class Meant:
    """What a heading means: an assessment's name, perhaps."""

    name: str
    in_points: bool = False
    is_left_aside: bool = False


@dataclass(frozen=True, slots=True)
class Headed:
    """The headings of a table, read together."""

    _meant: Mapping[str, Meant]
    # A program wrote them all, so that a name that is not known here is no slip.
    is_whole: bool
    # Our own CSV: a point in its numbers, in every language.
    is_ours: bool

    def meant(self, text: str) -> Meant:
        """What a heading means."""
        return self._meant[text]


def of_headings(texts: Collection[str], items: Mapping[str, Sequence[Column]]) -> Headed:
    """Read headings; `items` are the section's assessments by name."""
    is_whole = any(bare(text) in _DOWNLOADED for text in texts)
    found = {text: _of_heading(text, items) for text in texts}
    is_ours = False
    for text, meant in found.items():
        match = _TOLD.fullmatch(text)
        is_moodles = match is not None and match[2].casefold() in _POINTS
        is_whole = is_whole or meant.is_left_aside or (meant.in_points and is_moodles)
        is_ours = is_ours or (meant.in_points and not is_moodles)
    return Headed(found, is_whole, is_ours)


def _of_heading(text: str, items: Mapping[str, Sequence[Column]]) -> Meant:
    name = nfc(bare_text(text))
    match = _TOLD.fullmatch(name)
    if name in items or match is None:
        return Meant(name)
    title, kind = match[1], match[2].casefold()
    # The kind of activity stands before the name, which may have a colon of its own.
    for candidate in (title, title.partition(": ")[2]):
        if candidate not in items:
            continue
        if kind in _NO_POINTS:
            return Meant(candidate, is_left_aside=True)
        if kind in _POINTS or _is_worth(items[candidate], kind):
            return Meant(candidate, in_points=True)
    return Meant(name)


def _is_worth(columns: Iterable[Column], text: str) -> bool:
    return any(plain(column.item.points) == text for column in columns)


def beside() -> frozenset[str]:
    """Headings, as `bare` writes them, of what is not read."""
    return frozenset(bare(text) for text in (*_BESIDE, *_OURS, *(_(text) for text in _OURS)))


def is_none(text: str) -> bool:
    """Tell whether a cell says that there is no grade, or that none counts."""
    return text.casefold() in _NONE or text == _("BE")


def bare_text(text: str) -> str:
    """A text without the apostrophe that keeps a spreadsheet from running it as a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
