"""The school in figures as of a moment: how many there are, who came and left, where they stand.

Source: RULES A.4, R58, R70.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mnet.folding import folded
from schooltool_bridge.common.days import day_of
from schooltool_bridge.history.enrolled_at import students_at_each
from schooltool_bridge.reports import paper, standing
from schooltool_bridge.reports.kinds.failing import DEFAULT_BELOW
from schooltool_bridge.reports.over_time import week_ends
from schooltool_bridge.reports.standing import Standing, sections_of
from schooltool_bridge.school.labels import School

WEEKS = 12
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Week:
    """A week until a day: who was enrolled at its end, and who came and left in it."""

    until: date
    enrolled: int
    came: int
    left: int


@dataclass(frozen=True, slots=True)
class SectionFigures:
    """A section: its students, their average, and how many of them are below."""

    id: int
    name: str
    students: int
    average: Decimal | None
    below: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The school at a moment; enrolments are of students alone."""

    at_unix_s: int
    # When it was counted.
    counted_unix_s: int
    students: int
    enrolments: int
    # With a student in them, by name.
    sections: Sequence[SectionFigures]
    weeks: Sequence[Week]
    # Of every enrolment that has one.
    percents: Sequence[Decimal]
    below: Decimal = DEFAULT_BELOW

    @property
    def below_count(self) -> int:
        """How many enrolments are below."""
        return sum(s.below for s in self.sections)


def read(connection: Connection, at_unix_s: int | None, now_unix_s: int, zone: ZoneInfo) -> Figures:
    """Read the school as of a moment; without one, as it is now."""
    at_unix_s = paper.over(at_unix_s, now_unix_s)
    moment_unix_s = now_unix_s if at_unix_s is None else at_unix_s
    school = School(connection)
    there = [
        s
        for s in standing.of_sections(connection, school, None, at_unix_s)
        if s.means.holds and not s.means.in_error
    ]
    by_section: dict[int, list[Standing]] = defaultdict(list)
    for one in there:
        by_section[one.snapshot.id].append(one)
    sections = [_section(some) for some in by_section.values()]
    return Figures(
        at_unix_s=moment_unix_s,
        counted_unix_s=now_unix_s,
        students=len({s.person.id for s in there}),
        enrolments=len(there),
        sections=sorted(sections, key=lambda s: (folded(s.name), s.id)),
        weeks=_weeks(connection, moment_unix_s, zone),
        percents=[s.reached for s in there if s.reached is not None],
    )


def _section(some: Sequence[Standing]) -> SectionFigures:
    percents = [s.reached for s in some if s.reached is not None]
    average = (sum(percents, Decimal(0)) / len(percents)).quantize(_CENT) if percents else None
    below = sum(p < DEFAULT_BELOW for p in percents)
    of = some[0].snapshot
    return SectionFigures(of.id, of.name, len(some), average, below)


def _weeks(connection: Connection, moment_unix_s: int, zone: ZoneInfo) -> list[Week]:
    moments = week_ends(moment_unix_s, zone, WEEKS + 1)
    found = students_at_each(connection, sections_of(None), moments)
    at_each: list[set[tuple[int, int]]] = [set() for _moment in moments]
    for section_id, states in found.items():
        for there, of_section in zip(at_each, states, strict=True):
            there |= {(section_id, who) for who, state in of_section.items() if state.holds}
    return [
        Week(day_of(until, zone), len(after), len(after - before), len(before - after))
        for until, (before, after) in zip(moments[1:], pairwise(at_each), strict=True)
    ]
