"""The honor roll: whose percentages are on average at least so high, with none below a floor.

Each section counts alike: by its final mark's percentage where there is one, else as it stands.
Whoever failed a section, or has nothing graded, is not on it; what was left does not count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mnet.language import N_, _, translated
from schooltool_bridge.reports import paper, standing
from schooltool_bridge.reports.paper import Cell, Column, Paper, Table
from schooltool_bridge.reports.report import SCHOOL, Asked, Report, number, term
from schooltool_bridge.reports.standing import Standing
from schooltool_bridge.reports.stored_marks import passes
from schooltool_bridge.school.labels import Person, School

# What is compared is not rounded; what is shown is.
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Honored:
    """Somebody on the roll."""

    person: Person
    sections: int
    average: Decimal
    lowest: Decimal


@dataclass(frozen=True, slots=True)
class HonorRoll:
    """Who is on it, by name; `filed` is the term."""

    filed: str
    lines: Sequence[Honored]


def read(asked: Asked) -> HonorRoll:
    """Read who is on the roll, as of a moment."""
    school, term_id = School(asked.connection), asked.choices["term"]
    at_unix_s = paper.over(asked.at_unix_s, asked.now_unix_s)
    stood: dict[int, list[Standing]] = defaultdict(list)
    for one in standing.of_sections(asked.connection, school, term_id, at_unix_s):
        if one.means.holds or one.means.passed or one.means.failed or one.means.is_over:
            stood[one.person.id].append(one)
    lines = []
    for of_person in stood.values():
        reached = [s.reached for s in of_person if s.reached is not None]
        if not reached or any(_failed(s, school) for s in of_person):
            continue
        average = sum(reached, Decimal(0)) / len(reached)
        if average >= asked.choices["average"] and min(reached) >= asked.choices["lowest"]:
            lines.append(Honored(of_person[0].person, len(reached), average, min(reached)))
    filed = _("All sections") if term_id is None else translated(school.filed(term_id))
    return HonorRoll(filed, sorted(lines, key=lambda h: h.person.list_order))


def _failed(stood: Standing, school: School) -> bool:
    final = stood.final
    if stood.means.failed or final is None:
        return stood.means.failed
    return passes(final, school.systems.get(final.score_system_id or 0)) is False


_COLUMNS = (
    Column(N_("Student"), share=1),
    Column(N_("ID number")),
    Column(N_("Sections"), is_number=True),
    Column(N_("Average"), is_number=True),
    Column(N_("Lowest"), is_number=True),
)


def paper_of(roll: HonorRoll, asked: Asked) -> Paper:
    """Return the roll as a paper."""
    columns = paper.with_local_heads(_COLUMNS)
    shown: list[list[Cell]] = []
    flat: list[list[Cell]] = []
    for h in roll.lines:
        who: list[Cell] = [h.person.sorted_name, h.person.idnumber, h.sections]
        average = h.average.quantize(_CENT)
        shown.append([*who, paper.percent(average), paper.percent(h.lowest)])
        flat.append([*who, average, h.lowest])
    moment_unix_s = paper.over(asked.at_unix_s, asked.now_unix_s) or asked.now_unix_s
    return Paper(
        kind="honor-roll",
        title=_("Honor roll"),
        subject=roll.filed,
        short=roll.filed,
        as_of=paper.as_of(moment_unix_s, asked.zone),
        facts=[
            (_("Average at least"), paper.percent(asked.choices["average"])),
            (_("No section below"), paper.percent(asked.choices["lowest"])),
            (_("Students"), str(len(roll.lines))),
        ],
        tables=[Table("", columns, shown, empty=_("Nobody."))],
        flat=Table("", columns, flat),
    )


REPORT = Report(
    title=N_("Honor roll"),
    about=N_("Whose average over all sections is at least a percentage."),
    subject=SCHOOL,
    read=read,
    paper=paper_of,
    choices=(
        number("average", N_("Average at least, percent"), "90"),
        number("lowest", N_("No section below, percent"), "0"),
        term(),
    ),
    is_long=True,
)
