"""The form by which sections are filed: which ones, under which course, in which term.

Source: RULES R43.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from mnet.language import _
from peers.changes import NotPossible
from peers.web.view import View
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, filing, suggested_courses, years
from schooltool_bridge.school.suggested_courses import Catalogue
from schooltool_bridge.web import filters

# What is meant beside the ticked ones: all on the page, or all that were found.
PAGE, FOUND = "page", "found"


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form; with a refusal it comes back so."""

    course: str = ""
    term_id: int | None = None
    why: str = ""
    which: str = ""
    ticked: Collection[int] = ()


def typed(view: View) -> Typed:
    """Read the form as it was sent."""
    return Typed(
        view.text("course"),
        filters.row_id(view.text("term")),
        view.text("why"),
        FOUND if FOUND in view.all("which") else view.text("which"),
        [filters.row_id(text) or 0 for text in view.all("section")],
    )


def blank(
    connection: Connection, today: date, term_id: int | None, course_id: int | None = None
) -> Typed:
    """Return the form before anything is typed: the term chosen above, else the one at hand."""
    if term_id is None:
        at_hand = years.term_at_hand(connection, today)
        term_id = at_hand.id if at_hand else None
    of_list = courses.one(connection, course_id) if course_id is not None else None
    return Typed(suggested_courses.shown(of_list) if of_list else "", term_id)


def digest(found: Sequence[int]) -> str:
    """Return what tells whether a list is still the one that somebody saw."""
    return hashlib.sha256(",".join(map(str, sorted(found))).encode()).hexdigest()[:20]


def chosen(view: View, form: Typed, found: Sequence[int]) -> list[int]:
    """Return the sections that are meant; `found` is the list as it is now. Raises NotPossible."""
    if form.which == FOUND:
        if view.text("seen") != digest(found):
            raise NotPossible(_("The list has changed meanwhile. Look at it once more."))
        return list(found)
    if form.which == PAGE:
        shown = [filters.row_id(text) for text in view.text("shown").split()]
        return [section_id for section_id in shown if section_id]
    return list(form.ticked)


def file(connection: Connection, view: View, some: Sequence[int]) -> tuple[int, str]:
    """File sections as the form says; return how many moved, and where they are.

    Raises NotPossible and NotThere.
    """
    form = typed(view)
    course = Catalogue.of(courses.all_courses(connection)).named(form.course)
    moved = filing.file(
        connection,
        Author(view.who, view.now_unix_s, form.why),
        some,
        course_id=course.id if course else None,
        term_id=form.term_id,
    )
    term = years.one_term(connection, form.term_id) if form.term_id is not None else None
    return moved, filing.filed_text(course, term)
