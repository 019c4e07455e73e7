"""A student's percentages over time: how each section stood at the end of every week.

One reading of the histories, folded for each week (as_of.py). Source: RULES R69.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import tzinfo
from decimal import Decimal

from sqlalchemy.engine import Connection

from mnet.folding import folded
from schooltool_bridge.common.days import FIRST_DAY, LAST_DAY, ONE_DAY, day_of, first_moment
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import as_of, identity
from schooltool_bridge.history.averages import percent_of
from schooltool_bridge.reports import paper, progress
from schooltool_bridge.reports.charts import over_time
from schooltool_bridge.reports.paper import Paper, Picture
from schooltool_bridge.reports.progress import Progress

# A school year; each further week costs another fold.
WEEKS = 40


def progress_paper(connection: Connection, found: Progress, zone: tzinfo) -> Paper:
    """Return a progress report with its drawings, the same on a page, by a command and issued."""
    drawn = pictures(connection, found.person.id, found.at_unix_s, zone)
    return progress.paper_of(found, zone, drawn)


def pictures(connection: Connection, person_id: int, at_unix_s: int, zone: tzinfo) -> list[Picture]:
    """Draw each section that has a percentage at some week's end, until a moment."""
    root = identity.root(connection, person_id)
    moments = week_ends(at_unix_s, zone)
    curves: dict[int, dict[int, Decimal | None]] = defaultdict(dict)
    names: dict[int, str] = {}
    each = as_of.of_person_at_each(connection, root, moments)
    for moment_unix_s, sections in zip(moments, each, strict=True):
        for snapshot in sections:
            if (root, STUDENT) in snapshot.enrolments:
                curves[snapshot.id][moment_unix_s] = percent_of(snapshot, root)
                names[snapshot.id] = snapshot.name
    found = []
    for section_id, curve in sorted(curves.items(), key=lambda c: folded(names[c[0]])):
        first = next((m for m in moments if curve.get(m) is not None), None)
        if first is None:
            continue
        points = [(paper.day(m, zone), curve.get(m)) for m in moments if m >= first]
        found.append(Picture(names[section_id], over_time(names[section_id], points)))
    return found


def week_ends(at_unix_s: int, zone: tzinfo, weeks: int = WEEKS) -> list[int]:
    """Return the last seconds of the weeks (Sundays) before a moment, and the moment; unix seconds.

    Just the moment where the calendar does not reach.
    """
    day = day_of(at_unix_s, zone)
    if not FIRST_DAY < day < LAST_DAY:
        return [at_unix_s]
    back = [day.weekday() + 7 * n for n in reversed(range(weeks - 1))]
    mondays = [day - n * ONE_DAY for n in back if n <= (day - FIRST_DAY).days]
    return [*(first_moment(monday, zone) - 1 for monday in mondays), at_unix_s]
