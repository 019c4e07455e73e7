"""What a student's page shows to whoever looks after students, as of any day.

The same for the office, and for counselors and principals at their own pages: photo, sections with
marks, what changed. Who may look is for the caller to know. Source: RULES R53, R55, R58, R70.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers.web.view import View
from schooltool_bridge.people.people_list import PersonRow
from schooltool_bridge.reports import own_progress, student_changes
from schooltool_bridge.reports.own_progress import LATER, NOW, PAST, STANDS, Moment, SectionShown
from schooltool_bridge.sign_on import pictures
from schooltool_bridge.web import filters

# A glance, and what somebody reads who looks for something; the rest is in the sections' histories.
FEW, MANY = 12, 300
TITLES = {
    NOW: N_("Sections now"), LATER: N_("Sections to come"), PAST: N_("Sections before"),
}  # fmt: skip
ON_THAT_DAY = N_("Sections on that day")


@dataclass(frozen=True, slots=True)
class Asked:
    """A day that a page's address asks about."""

    # As a date field shows it; empty for now.
    day: str
    moment: Moment


def asked(view: View, zone: ZoneInfo, until_unix_s: int | None = None) -> Asked:
    """Read the day that is asked about: its end; at most `until_unix_s`."""
    day = view.query.get("at", "")
    end = filters.day_start(day, zone, days_later=1)
    at = None if end is None else end - 1
    if until_unix_s is not None:
        at = until_unix_s if at is None else min(at, until_unix_s)
    return Asked("" if end is None else day, Moment(at, view.now_unix_s, zone))


def record(
    connection: Connection,
    view: View,
    row: PersonRow,
    when: Asked,
    zone: ZoneInfo,
    *,
    is_own: bool = False,
) -> Mapping[str, Any]:
    """Return a student's record as values of a template.

    `is_own`: it is of whoever looks, who sees no more of it here than on their own pages.
    """
    sections = own_progress.of_student(connection, row.id, when.moment, is_own=is_own)
    has_all = view.query.get("changes") == "all"
    limit = MANY if has_all else FEW
    changes = (
        []
        if is_own
        else student_changes.newest(
            connection, row.id, zone, at_unix_s=when.moment.at_unix_s, limit=limit + 1
        )
    )
    at = when.day
    return {
        "row": row,
        "is_own": is_own,
        "asked": when,
        "groups": grouped(sections, at),
        "changes": changes[:limit],
        "more_changes": len(changes) > limit,
        "all_changes": "" if has_all else filters.query(at=at, changes="all"),
        "picture": pictures.shown(connection, row.id),
        "initials": pictures.initials(row.name),
    }


def grouped(sections: list[SectionShown], day: str) -> list[tuple[str, list[SectionShown]]]:
    """Return sections under what they are now, or were on a day; without empty groups."""
    titles = {**TITLES, NOW: ON_THAT_DAY} if day else TITLES
    found = [(_(titles[s]), [x for x in sections if x.stands == s]) for s in STANDS]
    return [(title, some) for title, some in found if some]
