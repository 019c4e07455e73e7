"""How every student of a term or of the school stands in each section, as of a moment.

By a fixed number of statements for each ROWS_AT_ONCE grades and enrolments: an ordinary school
is read at once, and a very large one does not fill the memory. Source: RULES A.4, R78.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import deleted_at, reached
from schooltool_bridge.history.fold import EnrolmentState
from schooltool_bridge.history.meaning import Meaning
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.reports.stored_marks import StoredMark, stored_mark
from schooltool_bridge.school.labels import Person, School, people
from schooltool_bridge.store.model import assessment, enrolment, grade, section
from schooltool_bridge.store.model_joining import section_join
from schooltool_bridge.store.model_reports import final_mark

# About 50 MB while they are folded.
ROWS_AT_ONCE = 50_000
_NOBODY = Person(0, None, "", "", "")  # until all names are asked for at once


@dataclass(frozen=True, slots=True)
class Standing:
    """A student in a section; `reached` is the final percentage where there is a final mark."""

    person: Person
    snapshot: SectionSnapshot
    state: EnrolmentState
    means: Meaning
    final: StoredMark | None
    reached: Decimal | None


def of_sections(
    connection: Connection, school: School, term_id: int | None, at_unix_s: int | None
) -> list[Standing]:
    """Read everybody in a term's sections (None: every section), as of a moment (None: now).

    Without sections that were deleted then.
    """
    query, gone = sections_of(term_id), set[int]()
    if at_unix_s is None:
        query = query.where(section.c.status != "deleted")
    else:
        (gone,) = deleted_at.at_each(connection, query, [at_unix_s])
    found: list[tuple[int, Standing]] = []
    for some in _parts(connection, query):
        stood = _of_some(connection, school, some, at_unix_s)
        found += [(who, one) for who, one in stood if one.snapshot.id not in gone]
    known = people(connection, [who for who, _s in found])
    return [replace(s, person=known[who]) for who, s in found if who in known]


def sections_of(term_id: int | None) -> sa.Select[tuple[int]]:
    """Return the ids of the sections that are filed in a term; without one, of all.

    Also of deleted ones: on an earlier day they may have been there.
    """
    query = sa.select(section.c.id)
    return query if term_id is None else query.where(section.c.term_id == term_id)


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
    connection: Connection, school: School, wanted: sa.Select[tuple[int]], at_unix_s: int | None
) -> list[tuple[int, Standing]]:
    """Return how everybody stands in these sections (a select of ids), by their ids."""
    sections = reached.of_sections(connection, wanted, at_unix_s)
    rows = connection.execute(
        sa.select(final_mark)
        .where(
            final_mark.c.section_id.in_(wanted),
            sa.true() if at_unix_s is None else final_mark.c.recorded_unix_s <= at_unix_s,
        )
        .order_by(final_mark.c.id)
    )
    finals = {(m.section_id, m.person_id): m for m in map(stored_mark, rows)}
    found = []
    for one in sections:
        snapshot = one.snapshot
        for who in snapshot.people(STUDENT):
            state = snapshot.enrolments[who, STUDENT]
            final = finals.get((snapshot.id, who))
            percent = final.percent if final is not None else one.percents[who]
            means = school.meanings[state.code]
            found.append((who, Standing(_NOBODY, snapshot, state, means, final, percent)))
    return found
