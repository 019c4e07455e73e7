"""Rows of the histories, read for many sections at once: the only statements behind as_of.py.

A fixed number of them, however much there is; nothing is folded here. Source: RULES 1.3, R69, R72,
R73.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers.model import peer
from schooltool_bridge.common import times
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.history import identity, joined, links, roster, teacher_names
from schooltool_bridge.store.model import (
    assessment,
    assessment_history,
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    person,
    person_history,
    person_link,
    section,
    section_history,
)
from schooltool_bridge.store.model_school import (
    assessment_detail,
    category_weight,
    school_year,
    section_filing,
    weight_choice,
)

Rows = Sequence[sa.Row[Any]]


@dataclass(frozen=True, slots=True)
class Read:
    """Whatever is known of some sections; each history in the order of its ids."""

    # With the wwwroot and the policy of the peer that brought it.
    sections: Rows
    # With whom they name as teacher, where that is kept.
    section_rows: Rows
    # With the shared idnumber and the wwwroot of the peer that brought it.
    assessments: Rows
    details: Rows
    # With assessment_id and person_id.
    grades: Rows
    enrolments: Rows
    # Who ever taught which section, and what each of them is called by whom.
    teachers: Rows
    names: Rows
    # Person, peer, and what that peer called them before it corrected the number.
    former: Collection[tuple[int, int, str]]
    # Links that were kept apart: whom a peer calls by what is somebody else's idnumber here.
    apart: Rows
    # Of categories; without one it says whose weights count.
    weights: Rows
    # Under which course and term they were filed.
    filings: Rows
    # When which of them was one with another; the rows are those of both.
    spells: Sequence[joined.Spell]
    # Every merged row of a person: the one that stands for them.
    roots: Mapping[int, int]

    def root(self, person_id: int) -> int:
        """Return the row that stands for this person."""
        return self.roots.get(person_id, person_id)


@dataclass(frozen=True, slots=True)
class _Scope:
    connection: Connection
    sections: sa.Select[tuple[int]]
    people: Sequence[int] | None
    until_unix_s: int | None

    def history(
        self,
        table: sa.FromClause,
        *wanted: sa.ColumnElement[bool],
        of: sa.Select[Any] | None = None,
    ) -> Rows:
        """Read what of a history had taken effect by then."""
        query = sa.select(table) if of is None else of
        if self.until_unix_s is not None:
            wanted = (*wanted, times.in_effect_by(table, self.until_unix_s))
        rows = self.connection.execute(query.where(*wanted)).all()
        # Not by the database, which would rather read a whole table in the order of its ids.
        return sorted(rows, key=attrgetter("id"))

    def theirs(self, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        return sa.true() if self.people is None else column.in_(self.people)

    def theirs_or(self, others: sa.Select[tuple[int]]) -> sa.ColumnElement[bool]:
        """Whether a row of enrolment_history is theirs or that of others, found by its index.

        One list and not two conditions with "or", for which a database reads every row.
        """
        if self.people is None:
            return sa.true()
        theirs = sa.select(person.c.id).where(person.c.id.in_(self.people))
        return enrolment_history.c.person_id.in_(sa.union(theirs, identity.with_merged(others)))


def read(
    connection: Connection,
    wanted: sa.Select[tuple[int]],
    people: Sequence[int] | None,
    until_unix_s: int | None,
    roots: Mapping[int, int] | None = None,
) -> Read:
    """Read the sections that a select of ids gives, by a moment (unix seconds; None: all).

    `people` limits grades to theirs, and enrolments to theirs and the teachers'; `roots` is what
    identity.roots says, where that was asked before.
    """
    asked, spells = wanted, joined.spells(connection, wanted)
    if spells:
        either = [i for s in spells for i in (s.ours_id, s.theirs_id)]
        wanted = sa.select(section.c.id).where(
            sa.or_(section.c.id.in_(asked), section.c.id.in_(either))
        )
    scope = _Scope(connection, wanted, people, until_unix_s)
    ever = sa.select(assessment_history.c.assessment_id).where(
        assessment_history.c.section_id.in_(wanted)
    )
    taught = sa.and_(enrolment.c.section_id.in_(wanted), enrolment.c.role == TEACHER)
    roots = identity.roots(connection) if roots is None else roots
    names = connection.execute(
        _NAMES.where(
            person.c.id.in_(
                sa.union(sa.select(enrolment.c.person_id).where(taught), identity.MERGED)
            )
        )
    ).all()
    return Read(
        sections=connection.execute(_SECTIONS.where(section.c.id.in_(asked))).all(),
        # All of it: a later row decides from when on a later enrolment counts.
        # Put in order here: SQLite would rather read the whole table by its id.
        section_rows=sorted(
            connection.execute(teacher_names.ROWS.where(section_history.c.section_id.in_(wanted))),
            key=lambda row: row.id,
        ),
        assessments=scope.history(
            assessment_history, assessment_history.c.assessment_id.in_(ever), of=_ASSESSMENTS
        ),
        details=scope.history(assessment_detail, assessment_detail.c.assessment_id.in_(ever)),
        grades=scope.history(
            grade_history,
            grade.c.assessment_id.in_(ever),
            scope.theirs(grade.c.person_id),
            of=_GRADES,
        ),
        # All of it: an enrolment in a later row may have begun before.
        enrolments=connection.execute(
            roster.HISTORY.where(
                enrolment_history.c.section_id.in_(wanted),
                scope.theirs_or(sa.select(enrolment.c.person_id).where(taught)),
            )
        ).all(),
        teachers=connection.execute(_TEACHERS.where(taught).order_by(enrolment.c.id)).all(),
        names=names,
        former=links.former(connection, former_numbers(names), roots),
        apart=connection.execute(_APART).all(),
        weights=scope.history(_WEIGHTS, _WEIGHTS.c.section_id.in_(wanted)),
        # All of it: whether it was ever filed by then tells only what came later.
        filings=connection.execute(
            sa.select(section_filing).where(section_filing.c.section_id.in_(wanted))
        ).all(),
        spells=spells,
        roots=roots,
    )


def former_numbers(names: Rows) -> list[tuple[int, int, str]]:
    """Return the idnumbers that a peer once gave its people and that are not theirs there now."""
    return [
        (r.id, r.peer_id, r.former_number)
        for r in names
        if r.former_number is not None and not r.unlinked and key(r.former_number) != r.link_key
    ]


_WEIGHTS = sa.union_all(
    *(
        sa.select(
            of.c.id,
            of.c.section_id,
            category_id,
            weight,
            of.c.effective_unix_s,
            of.c.recorded_unix_s,
        )
        for of, category_id, weight in (
            (category_weight, category_weight.c.category_id, category_weight.c.weight),
            (
                weight_choice,
                sa.cast(sa.null(), sa.Integer).label("category_id"),
                weight_choice.c.whose.label("weight"),
            ),
        )
    )
).subquery("weights")
_SECTION_ROWS: sa.Select[Any] = sa.select(section_history, teacher_names.TEACHER_ID).select_from(
    teacher_names.WITH_TEACHER
)
_SECTIONS: sa.Select[Any] = (
    sa.select(
        section,
        peer.c.wwwroot,
        peer.c.policy,
        # The first day of the school's first year (past.py).
        sa.select(sa.func.min(school_year.c.first_day)).scalar_subquery().label("school_began"),
    )
    .select_from(section.outerjoin(peer, peer.c.id == section.c.peer_id))
    .order_by(section.c.id)
)
_ASSESSMENTS: sa.Select[Any] = sa.select(
    assessment_history, assessment.c.idnumber, peer.c.wwwroot
).select_from(
    assessment_history.join(
        assessment, assessment.c.id == assessment_history.c.assessment_id
    ).outerjoin(peer, peer.c.id == assessment.c.peer_id)
)
_GRADES: sa.Select[Any] = sa.select(
    grade_history, grade.c.assessment_id, grade.c.person_id
).join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
_TEACHERS: sa.Select[Any] = sa.select(
    enrolment.c.section_id, enrolment.c.person_id, section.c.peer_id
).join_from(enrolment, section, section.c.id == enrolment.c.section_id)
_NAMES: sa.Select[Any] = sa.select(
    person.c.id,
    person.c.idnumber_key,
    person_link.c.peer_id,
    person_link.c.idnumber_key.label("link_key"),
    person_link.c.moodle_id,
    person_link.c.unlinked,
    links.FORMER_NUMBER,
).select_from(
    person.outerjoin(person_link, person_link.c.person_id == person.c.id).outerjoin(person_history)
)
_APART: sa.Select[Any] = sa.select(
    person_link.c.peer_id, person_link.c.idnumber_key, person_link.c.person_id
).where(person_link.c.kept_apart)
