"""How many students each section had at the end of every week, and who came and went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import sqlalchemy as sa

from mnet import language
from mnet.folding import folded
from mnet.language import N_, _, translated
from schooltool_bridge.common.days import day_of
from schooltool_bridge.history.enrolled_at import students_at_each
from schooltool_bridge.reports import paper
from schooltool_bridge.reports.over_time import week_ends
from schooltool_bridge.reports.paper import Cell, Column, Paper, Table
from schooltool_bridge.reports.report import SCHOOL, Asked, Report, number, term
from schooltool_bridge.reports.standing import sections_of
from schooltool_bridge.school.labels import School
from schooltool_bridge.store.model import section

# What fits across a page; earlier weeks stand in a table of their own.
WEEKS_ACROSS = 12
MAX_WEEKS = 53


@dataclass(frozen=True, slots=True)
class Week:
    """A section at the end of a week."""

    enrolled: int
    came: int
    left: int


@dataclass(frozen=True, slots=True)
class Line:
    """A section, with as many weeks as there are ends."""

    name: str
    name_for_scripts: str
    weeks: Sequence[Week]


@dataclass(frozen=True, slots=True)
class Enrolments:
    """The sections by name; `ends` are the last days of the weeks, oldest first."""

    filed: str
    ends: Sequence[date]
    lines: Sequence[Line]


def read(asked: Asked) -> Enrolments:
    """Read the last weeks before a moment; the week before them shows who came in the first."""
    at_unix_s = paper.over(asked.at_unix_s, asked.now_unix_s) or asked.now_unix_s
    moments = week_ends(at_unix_s, asked.zone, int(asked.choices["weeks"]) + 1)
    term_id = asked.choices["term"]
    wanted = sections_of(term_id)
    known = asked.connection.execute(
        sa.select(section.c.id, section.c.name, section.c.idnumber).where(section.c.id.in_(wanted))
    )
    names = {r.id: (r.name, r.idnumber or str(r.id)) for r in known}
    found = students_at_each(asked.connection, wanted, moments)
    lines = []
    for section_id, at_each in found.items():
        there = [{who for who, state in at.items() if state.holds} for at in at_each]
        weeks = [Week(len(b), len(b - a), len(a - b)) for a, b in pairwise(there)]
        if any(week.enrolled or week.left for week in weeks):
            lines.append(Line(*names[section_id], weeks))
    lines.sort(key=lambda line: (folded(line.name), line.name_for_scripts))
    filed = _("All sections")
    if term_id is not None:
        filed = translated(School(asked.connection).filed(term_id))
    return Enrolments(filed, [day_of(m, asked.zone) for m in moments[1:]], lines)


_FLAT = tuple(
    Column(title)
    for title in (
        N_("Section"), N_("Section name"), N_("Week until"), N_("Enrolled"), N_("Came"), N_("Left"),
    )
)  # fmt: skip


def paper_of(found: Enrolments, asked: Asked) -> Paper:
    """Return it as a paper: sections by weeks, the latest weeks first."""
    flat: list[list[Cell]] = [
        [line.name_for_scripts, line.name, end.isoformat(), week.enrolled, week.came, week.left]
        for line in found.lines
        for end, week in zip(found.ends, line.weeks, strict=True)
    ]
    firsts = range(max(len(found.ends) - WEEKS_ACROSS, 0), -WEEKS_ACROSS, -WEEKS_ACROSS)
    moment_unix_s = paper.over(asked.at_unix_s, asked.now_unix_s) or asked.now_unix_s
    return Paper(
        kind="enrolments-by-week",
        title=_("Enrolments by week"),
        subject=found.filed,
        short=found.filed,
        as_of=paper.as_of(moment_unix_s, asked.zone),
        facts=[(_("Sections"), str(len(found.lines)))],
        tables=[
            _table(found, max(first, 0), min(first + WEEKS_ACROSS, len(found.ends)))
            for first in firsts
            if found.ends
        ],
        flat=Table("", paper.with_local_heads(_FLAT), flat),
        notes=[
            _(
                "How many were enrolled at each week's end, and beside it how many came and left "
                "in that week. The last week ends with this day."
            )
        ],
        is_landscape=True,
    )


def _table(found: Enrolments, first: int, end: int) -> Table:
    heads = [language.day_in_its_year(day) for day in found.ends[first:end]]
    columns = [
        Column(_("Section"), share=4),
        *(Column(head, is_number=True, share=1) for head in heads),
    ]
    rows: list[list[Cell]] = [
        [line.name, *(_cell(week) for week in line.weeks[first:end])] for line in found.lines
    ]
    together = [_together([line.weeks[n] for line in found.lines]) for n in range(first, end)]
    if rows:
        rows.append([_("Together"), *(_cell(week) for week in together)])
    since, until = found.ends[first], found.ends[end - 1]
    title = _("%(first)s to %(last)s", first=language.day(since), last=language.day(until))
    return Table(title, columns, rows, empty=_("Nobody is enrolled."))


def _together(weeks: Sequence[Week]) -> Week:
    return Week(
        sum(w.enrolled for w in weeks), sum(w.came for w in weeks), sum(w.left for w in weeks)
    )


def _cell(week: Week) -> str:
    came = f" +{week.came}" if week.came else ""
    left = f" \N{MINUS SIGN}{week.left}" if week.left else ""
    return f"{week.enrolled}{came}{left}"


REPORT = Report(
    title=N_("Enrolments by week"),
    about=N_("How many students each section had at every week's end, and how many came and left."),
    subject=SCHOOL,
    read=read,
    paper=paper_of,
    choices=(
        number("weeks", N_("Weeks"), str(WEEKS_ACROSS), lowest=1, highest=MAX_WEEKS),
        term(),
    ),
    is_long=True,
)
