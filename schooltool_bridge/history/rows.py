"""Rows of the histories, read for many sections at once: the only statements behind as_of.py.

A fixed number of them, however much there is; nothing is folded here. Source: RULES 1.3, R69, R72,
R73.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

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
# More sections than these are asked for by what they are wanted for, not by their ids.
NAMED_AT_MOST = 200


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


class _Statements(NamedTuple):
    """Whatever is asked of some sections, in the order of `Read`."""

    spells: sa.Select[Any]
    section_rows: sa.Select[Any]
    assessments: sa.Select[Any]
    details: sa.Select[Any]
    grades: sa.Select[Any]
    enrolments: sa.Select[Any]
    teachers: sa.Select[Any]
    names: sa.Select[Any]
    weights: sa.Select[Any]
    filings: sa.Select[Any]


def _statements(
    asked: sa.Select[tuple[int]],
    wanted: sa.Select[tuple[int]],
    people: Sequence[int] | sa.BindParameter[Any] | None,
    until_unix_s: int | sa.BindParameter[Any] | None,
) -> _Statements:
    """Put the statements together; `wanted` are the asked sections and what was one with them."""

    def by_then(
        query: sa.Select[Any], table: sa.FromClause, *which: sa.ColumnElement[bool]
    ) -> sa.Select[Any]:
        """What of a history had taken effect by then."""
        if until_unix_s is not None:
            which = (*which, times.in_effect_by(table, until_unix_s))
        return query.where(*which)

    ever = sa.select(assessment_history.c.assessment_id).where(
        assessment_history.c.section_id.in_(wanted)
    )
    taught = sa.and_(enrolment.c.section_id.in_(wanted), enrolment.c.role == TEACHER)
    graded: sa.ColumnElement[bool] = grade.c.assessment_id.in_(ever)
    enrolled: sa.ColumnElement[bool] = enrolment_history.c.section_id.in_(wanted)
    if people is not None:
        graded = sa.and_(graded, grade.c.person_id.in_(people))
        # One list and not two conditions with "or", for which a database reads every row.
        theirs = sa.select(person.c.id).where(person.c.id.in_(people))
        others = identity.with_merged(sa.select(enrolment.c.person_id).where(taught))
        enrolled = sa.and_(enrolled, enrolment_history.c.person_id.in_(sa.union(theirs, others)))
    teachers = sa.union(sa.select(enrolment.c.person_id).where(taught), identity.MERGED)
    details, weights, filings = assessment_detail.c, _WEIGHTS.c, section_filing.c
    return _Statements(
        spells=joined.spells_of(asked),
        # All of it: a later row decides from when on a later enrolment counts.
        section_rows=teacher_names.ROWS.where(section_history.c.section_id.in_(wanted)),
        assessments=by_then(
            _ASSESSMENTS, assessment_history, assessment_history.c.assessment_id.in_(ever)
        ),
        details=by_then(
            sa.select(assessment_detail), assessment_detail, details.assessment_id.in_(ever)
        ),
        grades=by_then(_GRADES, grade_history, graded),
        # All of it: an enrolment in a later row may have begun before.
        enrolments=roster.HISTORY.where(enrolled),
        teachers=_TEACHERS.where(taught).order_by(enrolment.c.id),
        names=_NAMES.where(person.c.id.in_(teachers)),
        weights=by_then(sa.select(_WEIGHTS), _WEIGHTS, weights.section_id.in_(wanted)),
        # All of it: whether it was ever filed by then tells only what came later.
        filings=sa.select(section_filing).where(filings.section_id.in_(wanted)),
    )


@cache
def _prepared(*, of_some: bool, until: bool) -> _Statements:
    """Return the statements for sections named by their ids, put together once.

    To put them together each time takes longer than to ask a database for a section or two.
    """

    def listed(name: str) -> sa.BindParameter[Any]:
        return sa.bindparam(name, expanding=True)

    asked, wanted = (
        sa.select(section.c.id).where(section.c.id.in_(listed(name)))
        for name in ("asked", "wanted")
    )
    people = listed("people") if of_some else None
    return _statements(asked, wanted, people, sa.bindparam("until_unix_s") if until else None)


def read(
    connection: Connection,
    asked: sa.Select[tuple[int]],
    people: Sequence[int] | None,
    until_unix_s: int | None,
    roots: Mapping[int, int] | None = None,
) -> Read:
    """Read the sections that a select of ids gives, by a moment (unix seconds; None: all).

    `people` limits grades to theirs, and enrolments to theirs and the teachers'; `roots` is what
    identity.roots says, where that was asked before.
    """
    sections = connection.execute(_SECTIONS.where(section.c.id.in_(asked))).all()
    ids = [row.id for row in sections]
    if is_few := len(ids) <= NAMED_AT_MOST:
        ask = _prepared(of_some=people is not None, until=until_unix_s is not None)
    else:
        ask = _statements(asked, asked, people, until_unix_s)
    given = {"asked": ids, "wanted": ids, "people": people, "until_unix_s": until_unix_s}
    spells = [joined.Spell(*row) for row in connection.execute(ask.spells, given)]
    if spells:
        either = {i for s in spells for i in (s.ours_id, s.theirs_id)}
        given["wanted"] = sorted(either.union(ids))
        if not is_few:
            which = sa.or_(section.c.id.in_(asked), section.c.id.in_(either))
            wanted = sa.select(section.c.id).where(which)
            ask = _statements(asked, wanted, people, until_unix_s)

    def rows(statement: sa.Select[Any]) -> Rows:
        return connection.execute(statement, given).all()

    def in_order(statement: sa.Select[Any]) -> Rows:
        # Not by the database, which would rather read a whole table in the order of its ids.
        return sorted(rows(statement), key=attrgetter("id"))

    roots = identity.roots(connection) if roots is None else roots
    names = rows(ask.names)
    return Read(
        sections=sections,
        section_rows=in_order(ask.section_rows),
        assessments=in_order(ask.assessments),
        details=in_order(ask.details),
        grades=in_order(ask.grades),
        enrolments=rows(ask.enrolments),
        teachers=rows(ask.teachers),
        names=names,
        former=links.former(connection, former_numbers(names), roots),
        apart=connection.execute(_APART).all(),
        weights=in_order(ask.weights),
        filings=rows(ask.filings),
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
