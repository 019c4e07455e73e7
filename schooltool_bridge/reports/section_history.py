"""Everything that ever happened in a section, in order: a page of it by one statement.

Grades, enrolments, teachers, assessments, weights, filings, and the section itself, each with when
it took effect, when it was recorded, by whom and why. Which rows belong to a page is decided in
SQL; history_lines.py says what each of them means. Source: RULES R55, R72, R73.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.ids import key
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.common.times import took_effect_sql
from schooltool_bridge.history import identity, joined, roster
from schooltool_bridge.store.model import (
    assessment,
    assessment_history,
    enrolment_history,
    grade,
    grade_history,
    section_history,
)
from schooltool_bridge.store.model_school import assessment_detail, category_weight, section_filing
from schooltool_bridge.store.model_teaching import named_teacher

# What may be asked for by kind, in the order in which things of one second are listed.
SECTION, FILING, TEACHERS, ENROLMENT, ASSESSMENT, WEIGHT, GRADE = KINDS = (
    "section", "filing", "teacher", "enrolment", "assessment", "weight", "grade",
)  # fmt: skip
# The tables behind them; the school's own words on an assessment are one of its kind.
DETAIL = "detail"
_RANKS = {name: rank for rank, name in enumerate((*KINDS, DETAIL))}
# A page of it at most, however much a caller asks for.
MAX_LINES = 1_000


@dataclass(frozen=True, slots=True)
class LineKey:
    """Where a line stands in the history: it names its row too."""

    effective_unix_s: int
    seq: int
    rank: int
    row_id: int

    @property
    def source(self) -> str:
        """The kind of table that its row is in."""
        return next(name for name, rank in _RANKS.items() if rank == self.rank)

    def __str__(self) -> str:
        """For an address, read back by `line_key_from`."""
        return f"{self.effective_unix_s}.{self.seq}.{self.rank}.{self.row_id}"


def line_key_from(text: str) -> LineKey | None:
    """Read a line key that stands in an address; None for anything else."""
    pieces = text.split(".")
    if len(pieces) != len(LineKey.__slots__) or len(text) > 60:  # noqa: PLR2004 - four long numbers
        return None
    try:
        numbers = [int(piece) for piece in pieces]
    except ValueError:
        return None
    return LineKey(*numbers) if all(abs(n) < 2**53 for n in numbers) else None


def line_keys(
    connection: Connection,
    section_id: int,
    *,
    person_id: int | None = None,
    kinds: Iterable[str] = KINDS,
    after: LineKey | None = None,
    newest_first: bool = False,
    limit: int = MAX_LINES,
) -> list[LineKey]:
    """Return where the lines of a page stand: of these kinds, of one person or of all.

    `after` is the last line of the page before; a page has at most MAX_LINES.
    """
    people = None if person_id is None else identity.everybody(connection, person_id)
    parts = joined.whole(connection, section_id).parts
    called = None if people is None else _called(connection, parts, people)
    legs = [
        leg for kind in KINDS if kind in set(kinds) for leg in _legs(kind, parts, people, called)
    ]
    if not legs:
        return []
    rows = sa.union_all(*legs).subquery()
    order = (rows.c.effective_unix_s, rows.c.seq, rows.c.rank, rows.c.row_id)
    query = sa.select(*order).limit(max(0, min(limit, MAX_LINES)))
    query = query.order_by(*(c.desc() for c in order) if newest_first else order)
    if after is not None:
        here = sa.tuple_(*order)
        there = sa.tuple_(
            *(
                sa.literal(n, sa.BigInteger)
                for n in (after.effective_unix_s, after.seq, after.rank, after.row_id)
            )
        )
        query = query.where(here < there if newest_first else here > there)
    return [LineKey(*row) for row in connection.execute(query)]


def of_person(
    connection: Connection,
    everybody: Sequence[int],
    *,
    until_unix_s: int | None = None,
    limit: int,
) -> list[tuple[int, LineKey]]:
    """Return where the newest lines about one person stand, in all sections; newest first.

    Each with its section, that of a grade as it is now. `everybody`: all rows of the person.
    """
    held = enrolment_history
    legs = [
        _leg(held, ENROLMENT, held.c.person_id.in_(everybody)).add_columns(
            held.c.section_id.label("section_id")
        ),
        _leg(grade_history, GRADE, grade.c.person_id.in_(everybody))
        .join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
        .join(assessment, assessment.c.id == grade.c.assessment_id)
        .add_columns(assessment.c.section_id.label("section_id")),
    ]
    rows = sa.union_all(*legs).subquery()
    order = (rows.c.effective_unix_s, rows.c.seq, rows.c.rank, rows.c.row_id)
    query = sa.select(rows.c.section_id, *order).order_by(*(c.desc() for c in order)).limit(limit)
    if until_unix_s is not None:
        query = query.where(rows.c.effective_unix_s <= until_unix_s)
    return [(section_id, LineKey(*where)) for section_id, *where in connection.execute(query)]


def _legs(
    kind: str, parts: Sequence[int], people: Sequence[int] | None, called: Sequence[str] | None
) -> list[sa.Select[tuple[int, int, int, int]]]:
    """The rows of one kind; what is about nobody is left out when one person is asked for."""
    if kind == GRADE:
        of_cells = sa.select(grade.c.id).where(grade.c.assessment_id.in_(ever_here(parts)))
        if people is not None:
            of_cells = of_cells.where(grade.c.person_id.in_(people))
        return [_leg(grade_history, GRADE, grade_history.c.grade_id.in_(of_cells))]
    if kind in {ENROLMENT, TEACHERS}:
        history = enrolment_history
        wanted = [history.c.section_id.in_(parts)]
        if people is not None:
            wanted.append(history.c.person_id.in_(people))
        is_teacher = sa.func.coalesce(history.c.role, "") == TEACHER
        if kind == ENROLMENT:
            return [_leg(history, ENROLMENT, *wanted, ~is_teacher)]
        named = section_history.c.teacheridnumber
        naming = [section_history.c.section_id.in_(parts), named != ""]
        if people is not None:
            naming.append(_names_one_of(people, called or ()))
        return [
            _leg(history, ENROLMENT, *wanted, is_teacher),
            _leg(section_history, TEACHERS, *naming),
        ]
    if people is not None:
        return []
    if kind == ASSESSMENT:
        return [
            _leg(assessment_history, ASSESSMENT,
                 assessment_history.c.assessment_id.in_(ever_here(parts))),
            _leg(assessment_detail, DETAIL,
                 assessment_detail.c.assessment_id.in_(ever_here(parts))),
        ]  # fmt: skip
    table = {SECTION: section_history, FILING: section_filing, WEIGHT: category_weight}[kind]
    # Where another's is filed and what it weighs counts for nothing while they are one.
    whose = parts if kind == SECTION else parts[:1]
    return [_leg(table, kind, table.c.section_id.in_(whose))]


def _leg(
    table: sa.Table, source: str, *wanted: sa.ColumnElement[bool]
) -> sa.Select[tuple[int, int, int, int]]:
    seq = table.c.seq if "seq" in table.c else sa.literal(-1, sa.BigInteger)
    return sa.select(
        took_effect_sql(table).label("effective_unix_s"),
        seq.label("seq"),
        sa.literal(_RANKS[source], sa.Integer).label("rank"),
        table.c.id.label("row_id"),
    ).where(*wanted)


def ever_here(parts: Sequence[int]) -> sa.Select[tuple[int]]:
    """Select the assessments that ever belonged to a section, or to what is joined with it."""
    return sa.select(assessment_history.c.assessment_id).where(
        assessment_history.c.section_id.in_(parts)
    )


def _names_one_of(people: Sequence[int], called: Sequence[str]) -> sa.ColumnElement[bool]:
    """Tell of a section's row whether it names one of these rows of a person as its teacher."""
    kept = sa.select(named_teacher.c.row_id)
    return sa.or_(
        section_history.c.id.in_(kept.where(named_teacher.c.person_id.in_(people))),
        sa.and_(
            section_history.c.teacheridnumber.in_(called),
            ~sa.exists(kept.where(named_teacher.c.row_id == section_history.c.id)),
        ),
    )


def _called(connection: Connection, parts: Sequence[int], people: Sequence[int]) -> list[str]:
    """The texts by which the section's rows name one of these rows of a person as its teacher."""
    keys = {name for part in parts for name in roster.names_at(connection, part, people)}
    texts = connection.execute(
        sa.select(section_history.c.teacheridnumber)
        .where(section_history.c.section_id.in_(parts))
        .distinct()
    ).scalars()
    return [t for t in texts if t and key(t) in keys]
