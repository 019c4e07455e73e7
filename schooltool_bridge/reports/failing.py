"""The failing list: who stands below a percentage, or has a mark or state that does not pass.

By a fixed number of statements for each ROWS_AT_ONCE grades and enrolments: an ordinary school
is read at once, and a very large one does not fill the memory.
Source: RULES A.4 (failing report).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.folding import folded
from mnet.language import N_, _, translated
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import as_of
from schooltool_bridge.history.averages import percent_of, shown_mark
from schooltool_bridge.history.meaning import Meaning
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.reports import paper
from schooltool_bridge.reports.paper import Cell, Column, Paper, Table
from schooltool_bridge.reports.transcript import passes, stored_mark
from schooltool_bridge.school.labels import Person, School, people
from schooltool_bridge.store.model import assessment, enrolment, grade, section
from schooltool_bridge.store.model_joining import section_join
from schooltool_bridge.store.model_reports import final_mark

DEFAULT_BELOW = Decimal(60)
# About 50 MB while they are folded.
ROWS_AT_ONCE = 50_000
# Longer than this nobody reads it on a page; its CSV has all.
MAX_LINES = 2_000


@dataclass(frozen=True, slots=True)
class Failing:
    """A student who does not pass a section, and why."""

    person: Person
    snapshot: SectionSnapshot
    title: str
    percent: Decimal | None
    mark: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailingList:
    """Who does not pass, by section."""

    at_unix_s: int
    below: Decimal
    filed: str
    lines: Sequence[Failing]


def read(
    connection: Connection,
    *,
    below: Decimal,
    term_id: int | None,
    at_unix_s: int | None,
    now_unix_s: int,
) -> FailingList:
    """Read the list for a term (None: every section), as of a moment."""
    at_unix_s = paper.over(at_unix_s, now_unix_s)
    school = School(connection)
    query = sa.select(section.c.id).where(section.c.status != "deleted")
    if term_id is not None:
        query = query.where(section.c.term_id == term_id)
    found: list[tuple[int, Failing]] = []
    for some in _parts(connection, query):
        found += _of_some(connection, school, some, below, at_unix_s)
    known = people(connection, [who for who, _f in found])
    lines = [replace(f, person=known[who]) for who, f in found if who in known]
    lines.sort(key=lambda f: (folded(f.snapshot.name), f.snapshot.id, f.person.list_order))
    filed = _("All sections") if term_id is None else translated(school.filed(term_id))
    moment_unix_s = now_unix_s if at_unix_s is None else at_unix_s
    return FailingList(moment_unix_s, below, filed, lines)


def _parts(
    connection: Connection, wanted: sa.Select[tuple[int]]
) -> Iterator[sa.Select[tuple[int]]]:
    """Cut a select of ids of sections into selects with at most ROWS_AT_ONCE rows to read each.

    By the first and last id, so that a statement's length does not grow with the school.
    """
    rows: Counter[int] = Counter()
    graded = sa.select(assessment.c.section_id, sa.func.count()).join_from(grade, assessment)
    for counted, of in (
        (graded, assessment.c.section_id),
        (sa.select(enrolment.c.section_id, sa.func.count()), enrolment.c.section_id),
        # Another's people and grades may have stood in one that has none now.
        (sa.select(section_join.c.ours_id, sa.func.count()), section_join.c.ours_id),
    ):
        for section_id, count in connection.execute(counted.where(of.in_(wanted)).group_by(of)):
            rows[section_id] += count
    part: list[int] = []
    rows_of_part = 0
    for section_id in sorted(rows):
        if part and rows_of_part + rows[section_id] > ROWS_AT_ONCE:
            yield wanted.where(section.c.id.between(part[0], part[-1]))
            part, rows_of_part = [], 0
        part.append(section_id)
        rows_of_part += rows[section_id]
    if part:
        yield wanted.where(section.c.id.between(part[0], part[-1]))


def _of_some(
    connection: Connection,
    school: School,
    wanted: sa.Select[tuple[int]],
    below: Decimal,
    at_unix_s: int | None,
) -> list[tuple[int, Failing]]:
    """Return who fails in these sections (a select of ids), by their ids; not named yet."""
    sections = as_of.of_sections(connection, wanted, at_unix_s)
    rows = connection.execute(
        sa.select(final_mark)
        .where(
            final_mark.c.section_id.in_(wanted),
            sa.true() if at_unix_s is None else final_mark.c.recorded_unix_s <= at_unix_s,
        )
        .order_by(final_mark.c.id)
    )
    finals = {(m.section_id, m.person_id): m for m in map(stored_mark, rows)}
    nobody = Person(0, None, "", "", "")  # until all names are asked for at once
    found: list[tuple[int, Failing]] = []
    for snapshot in sections:
        for who in snapshot.people(STUDENT):
            state = snapshot.enrolments[who, STUDENT]
            final = finals.get((snapshot.id, who))
            reached = final.percent if final is not None else percent_of(snapshot, who)
            verdict = (
                passes(final, school.systems.get(final.score_system_id or 0)) if final else None
            )
            reason = _reason(school.meanings[state.code], reached, below, verdict)
            if reason:
                mark = final.mark if final is not None else ""
                mark = shown_mark(mark, reached)
                title = school.states.get(state.code, state.code)
                found.append((who, Failing(nobody, snapshot, title, reached, mark, reason)))
    return found


def _reason(
    means: Meaning,
    reached: Decimal | None,
    below: Decimal,
    passes_by_mark: bool | None,  # noqa: FBT001 - a verdict, not a switch
) -> str:
    """Why somebody does not pass; empty for whoever does, or has left without failing."""
    if means.failed:
        return _("state")
    if not means.holds:
        return ""
    if passes_by_mark is False:
        return _("final mark")
    is_below = reached is not None and reached < below
    return _("below %(percent)s", percent=paper.percent(below)) if is_below else ""


_COLUMNS = (
    Column(N_("Section"), share=1),
    Column(N_("Student")),
    Column(N_("Id number")),
    Column(N_("State")),
    Column(N_("Percent"), is_number=True),
    Column(N_("Mark")),
    Column(N_("Why")),
)


def paper_of(failing: FailingList, zone: tzinfo) -> Paper:
    """Return the list as a paper."""
    flat = Table("", paper.with_local_heads(_COLUMNS), [_row(f, f.percent) for f in failing.lines])
    some = [_row(f, paper.percent(f.percent)) for f in failing.lines[:MAX_LINES]]
    everybody = Table("", flat.columns, some, empty=_("Nobody."))
    more = len(failing.lines) - MAX_LINES
    shown = (
        everybody
        if more <= 0
        else replace(
            everybody,
            note=_(
                "These are the first %(count)s of %(total)s; the CSV has all. Or choose a term.",
                count=MAX_LINES,
                total=len(failing.lines),
            ),
        )
    )
    return Paper(
        kind="failing",
        title=_("Failing list"),
        subject=failing.filed,
        short=failing.filed,
        as_of=paper.as_of(failing.at_unix_s, zone),
        facts=[(_("Below"), paper.percent(failing.below))],
        tables=[shown],
        flat=flat,
    )


def _row(f: Failing, percent: Cell) -> list[Cell]:
    name, number, state = f.person.sorted_name, f.person.idnumber, translated(f.title)
    return [f.snapshot.name, name, number, state, percent, f.mark, f.reason]
