"""Sections as they were at a moment: who was in them, what was to be done, what was graded.

The one reader behind every report, list and gradebook page. It asks a fixed number of questions,
however many sections, people and grades there are, and folds the answers with the same rules as
events are applied (fold.py). Source: requirements 1.3, 1.5, 1.6, R58, R69, R73.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers.model import peer
from peers.policy import PeerPolicy
from schooltool_bridge import fold, identity
from schooltool_bridge.cells import MANUAL, PEER, row_of
from schooltool_bridge.fields import OWN_ID, STUDENT, TEACHER, key
from schooltool_bridge.fold import EnrolmentRow, EnrolmentState, TeacherRow, place
from schooltool_bridge.model import (
    assessment,
    assessment_history,
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    person,
    person_link,
    section,
    section_history,
)
from schooltool_bridge.model_school import assessment_detail, category_weight
from schooltool_bridge.reports.then import Entry, Item, SectionThen

ROLES = (STUDENT, TEACHER)


def of_person(
    connection: Connection, person_id: int, at_unix_s: int | None = None
) -> list[SectionThen]:
    """Read every section where somebody ever was, with this person's own places and grades only.

    Without a moment: all that is known.
    """
    everybody = identity.everybody(connection, person_id)
    theirs = sa.select(enrolment.c.section_id).where(enrolment.c.person_id.in_(everybody))
    found = _read(connection, theirs, everybody, at_unix_s)
    return [s for s in found if s.enrolments]


def of_section(
    connection: Connection, section_id: int, at_unix_s: int | None = None
) -> SectionThen:
    """Read a section with everybody in it."""
    only = sa.select(section.c.id).where(section.c.id == section_id)
    return _read(connection, only, None, at_unix_s)[0]


def of_sections(
    connection: Connection, wanted: sa.Select[tuple[int]], at_unix_s: int | None = None
) -> list[SectionThen]:
    """Read many sections, given by a select of their ids, with everybody in them."""
    return _read(connection, wanted, None, at_unix_s)


def _read(
    connection: Connection,
    wanted: sa.Select[tuple[int]],
    people: Sequence[int] | None,
    at_unix_s: int | None,
) -> list[SectionThen]:
    scope = _Scope(connection, wanted, people, at_unix_s, identity.roots(connection))
    policies: dict[int, str] = {}
    sections: dict[int, sa.Row[Any]] = {}
    for row in connection.execute(
        sa.select(section, peer.c.wwwroot, peer.c.policy)
        .select_from(section.outerjoin(peer, peer.c.id == section.c.peer_id))
        .where(section.c.id.in_(wanted))
        .order_by(section.c.id)
    ):
        sections[row.id] = row
        policies[row.id] = PeerPolicy.from_stored(row.policy or {}).out_of_range
    told = _by(lambda r: r.section_id, _rows(scope, section_history, section_history.c.section_id))
    items = _items(scope)
    entries, graded = _entries(scope, items, policies)
    people_in = _people_in(scope, told, graded)
    weights = _weights(scope)
    return [
        _section(row, told.get(i, ()), people_in[i], items.get(i, ()), entries[i], weights[i])
        for i, row in sections.items()
    ]


@dataclass(frozen=True, slots=True)
class _Scope:
    connection: Connection
    sections: sa.Select[tuple[int]]
    people: Sequence[int] | None
    at_unix_s: int | None
    roots: Mapping[int, int]

    def root(self, person_id: int) -> int:
        return self.roots.get(person_id, person_id)

    def by_then(self, table: sa.Table) -> sa.ColumnElement[bool]:
        if self.at_unix_s is None:
            return sa.true()
        return table.c.effective_unix_s <= self.at_unix_s

    def theirs(self, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        return sa.true() if self.people is None else column.in_(self.people)


def _section(
    row: sa.Row[Any],
    told: Sequence[sa.Row[Any]],
    people: _People,
    items: Sequence[Item],
    entries: Mapping[tuple[int, int], Entry],
    weights: Mapping[int, Decimal],
) -> SectionThen:
    ordered = sorted(told, key=place)
    named = [r.name for r in ordered if not r.deleted]
    return SectionThen(
        row.id,
        row.idnumber,
        row.segment,
        named[-1] if named else row.name,
        ordered[-1].deleted if ordered else False,
        row.wwwroot,
        row.course_id,
        row.term_id,
        people.enrolments,
        items,
        entries,
        people.joined,
        weights,
    )  # fmt: skip - in the order of the fields


def _rows(scope: _Scope, table: sa.Table, column: sa.Column[int]) -> list[sa.Row[Any]]:
    wanted = sa.select(table).where(column.in_(scope.sections), scope.by_then(table))
    return list(scope.connection.execute(wanted))


def _by(
    name: Callable[[sa.Row[Any]], int], rows: Iterable[sa.Row[Any]]
) -> dict[int, list[sa.Row[Any]]]:
    found: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        found[name(row)].append(row)
    return found


def _items(scope: _Scope) -> dict[int, list[Item]]:
    """Each section's assessments then, in the order in which they appeared."""
    history = assessment_history
    ever = sa.select(history.c.assessment_id).where(history.c.section_id.in_(scope.sections))
    rows = scope.connection.execute(
        sa.select(history, assessment.c.idnumber, peer.c.wwwroot)
        .select_from(
            history.join(assessment, assessment.c.id == history.c.assessment_id).outerjoin(
                peer, peer.c.id == assessment.c.peer_id
            )
        )
        .where(history.c.assessment_id.in_(ever), scope.by_then(history))
    )
    told = _by(lambda r: r.assessment_id, rows)
    details = _by(
        lambda r: r.assessment_id,
        scope.connection.execute(
            sa.select(assessment_detail)
            .where(assessment_detail.c.assessment_id.in_(ever), scope.by_then(assessment_detail))
            .order_by(assessment_detail.c.effective_unix_s, assessment_detail.c.id)
        ),
    )
    found: dict[int, list[Item]] = defaultdict(list)
    for assessment_id in sorted(told):
        ordered = sorted(told[assessment_id], key=place)
        if ordered[-1].deleted:
            continue
        then = [r for r in ordered if not r.deleted][-1]
        detail = details[assessment_id][-1] if assessment_id in details else None
        found[then.section_id].append(_item(then, ordered[0], detail))
    return found


def _item(then: sa.Row[Any], first: sa.Row[Any], detail: sa.Row[Any] | None) -> Item:
    item = Item(
        then.assessment_id,
        then.idnumber or str(then.assessment_id),
        then.name,
        Decimal(then.points),
        then.extra_credit,
        then.chapternum,
        then.honors_required,
        then.nonhonors_required,
        then.wwwroot,
        first.effective_unix_s,
    )  # fmt: skip - in the order of the fields
    if detail is None:
        return item
    names = ("label", "description", "category_id", "worksheet_id", "score_system_id", "due_day")
    return Item(**_fields(item) | {name: getattr(detail, name) for name in names})


def _fields(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in Item.__slots__}


def _entries(
    scope: _Scope, items: Mapping[int, Sequence[Item]], policies: Mapping[int, str]
) -> tuple[dict[int, dict[tuple[int, int], Entry]], set[tuple[int, int]]]:
    """The cells of each section, and who has a grade in which."""
    of = {item.id: (section_id, item) for section_id, some in items.items() for item in some}
    ever = sa.select(assessment_history.c.assessment_id).where(
        assessment_history.c.section_id.in_(scope.sections)
    )
    rows = scope.connection.execute(
        sa.select(grade_history, grade.c.assessment_id, grade.c.person_id)
        .join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
        .where(
            grade.c.assessment_id.in_(ever),
            scope.theirs(grade.c.person_id),
            scope.by_then(grade_history),
        )
    )
    histories: dict[tuple[int, int], list[tuple[fold.GradeRow, str]]] = defaultdict(list)
    for row in rows:
        histories[row.assessment_id, scope.root(row.person_id)].append((row_of(row), row.why))
    found: dict[int, dict[tuple[int, int], Entry]] = defaultdict(dict)
    graded: set[tuple[int, int]] = set()
    for (assessment_id, person_id), history in histories.items():
        section_id, item = of.get(assessment_id, (None, None))
        if section_id is None or item is None:
            continue
        entry = _entry(history, item, policies.get(section_id, "accept"))
        if entry is not None:
            found[section_id][assessment_id, person_id] = entry
            graded |= {(section_id, person_id)} if entry.points is not None else set()
    return found, graded


def _entry(
    history: Sequence[tuple[fold.GradeRow, str]], item: Item, out_of_range: str
) -> Entry | None:
    cell = fold.cell([row for row, _why in history])
    counting = cell.counting
    if counting is None:
        return None
    told = cell.by_peer
    by_peer = fold.within(told.raw_points if told else None, item.points, out_of_range)
    return Entry(
        counting.raw_points if cell.by_hand else by_peer,
        counting.excepted,
        counting.attempt or 0,
        MANUAL if cell.by_hand else PEER,
        counting.effective_unix_s,
        counting.recorded_unix_s,
        by_peer if cell.by_hand else None,
        next(why for row, why in history if row is counting),
    )


@dataclass(slots=True)
class _People:
    enrolments: dict[tuple[int, str], EnrolmentState] = field(default_factory=dict)
    joined: dict[int, int] = field(default_factory=dict)


def _people_in(
    scope: _Scope,
    told: Mapping[int, Sequence[sa.Row[Any]]],
    graded: set[tuple[int, int]],
) -> dict[int, _People]:
    """Who was in each section."""
    history = enrolment_history
    rows: dict[tuple[int, int], list[EnrolmentRow]] = defaultdict(list)
    found: dict[int, _People] = defaultdict(_People)
    for r in scope.connection.execute(
        sa.select(history).where(
            history.c.section_id.in_(scope.sections),
            scope.theirs(history.c.person_id),
            scope.by_then(history),
        )
    ):
        who = scope.root(r.person_id)
        rows[r.section_id, who].append(
            EnrolmentRow(r.id, r.effective_unix_s, r.seq, r.role, r.code, r.note, r.by_actor)
        )
        if r.role == STUDENT and r.code in fold.ACTIVE_CODES:
            joined = found[r.section_id].joined
            came = r.timestart_unix_s or r.effective_unix_s
            joined[who] = min(came, joined.get(who, came))
    taught = _taught(scope, told)
    for place_of in rows.keys() | taught.keys():
        section_id, person_id = place_of
        for role in ROLES:
            state = fold.enrolment_state(
                rows.get(place_of, ()),
                taught.get(place_of, ()) if role == TEACHER else (),
                role=role,
                has_grade=place_of in graded,
            )
            if state is not None:
                found[section_id].enrolments[person_id, role] = state
    return found


def _taught(
    scope: _Scope, told: Mapping[int, Sequence[sa.Row[Any]]]
) -> dict[tuple[int, int], list[TeacherRow]]:
    """For everybody who ever taught a section: the rows that name its teacher."""
    teachers = sa.and_(
        enrolment.c.section_id.in_(scope.sections),
        enrolment.c.role == TEACHER,
        scope.theirs(enrolment.c.person_id),
    )
    names = _names_of(scope, sa.select(enrolment.c.person_id).where(teachers))
    others = _kept_apart(scope)
    found = {}
    for row in scope.connection.execute(
        sa.select(enrolment.c.section_id, enrolment.c.person_id, section.c.peer_id)
        .join_from(enrolment, section, section.c.id == enrolment.c.section_id)
        .where(teachers)
    ):
        who = scope.root(row.person_id)
        apart = {name for name, of in others[row.peer_id] if of != who}
        known_as = (names[who, None] - apart) | names[who, row.peer_id]
        rows = [
            TeacherRow(r.id, r.effective_unix_s, r.seq, key(r.teacheridnumber) in known_as)
            for r in told.get(row.section_id, ())
            if r.teacheridnumber
        ]
        if rows:
            found[row.section_id, who] = rows
    return found


def _names_of(
    scope: _Scope, people: sa.Select[tuple[int]]
) -> dict[tuple[int, int | None], set[str]]:
    """What each of these people is called: (person, peer) to names; peer None: by everybody."""
    names: dict[tuple[int, int | None], set[str]] = defaultdict(set)
    for row in scope.connection.execute(
        sa.select(
            person.c.id,
            person.c.idnumber_key,
            person_link.c.peer_id,
            person_link.c.idnumber_key.label("link_key"),
            person_link.c.moodle_id,
        )
        .select_from(person.outerjoin(person_link, person_link.c.person_id == person.c.id))
        .where(sa.or_(person.c.id.in_(people), person.c.merged_into_id.is_not(None)))
    ):
        who, own = scope.root(row.id), OWN_ID + row.moodle_id if row.moodle_id else None
        names[who, None] |= {row.idnumber_key} - {None}
        names[who, row.peer_id] |= {row.link_key, own} - {None}
    return names


def _kept_apart(scope: _Scope) -> dict[int, set[tuple[str, int]]]:
    """Whom a peer calls by an idnumber that at the school is somebody else's."""
    found: dict[int, set[tuple[str, int]]] = defaultdict(set)
    link = person_link.c
    rows = sa.select(link.peer_id, link.idnumber_key, link.person_id).where(link.kept_apart)
    for row in scope.connection.execute(rows):
        found[row.peer_id].add((row.idnumber_key, scope.root(row.person_id)))
    return found


def _weights(scope: _Scope) -> dict[int, dict[int, Decimal]]:
    found: dict[int, dict[int, Decimal]] = defaultdict(dict)
    rows = _rows(scope, category_weight, category_weight.c.section_id)
    for row in sorted(rows, key=lambda r: (r.effective_unix_s, r.id)):
        if row.weight:
            found[row.section_id][row.category_id] = Decimal(row.weight)
        else:
            found[row.section_id].pop(row.category_id, None)
    return found
