"""Who is in which section now, for many by few statements; folds as roster.py does.

For entries by hand, imports, and a peer's events that come together. Source: RULES 1.6, R54, R55.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet import database
from mnet.database import in_parts
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.history import identity, joined, present, roster, teacher_names
from schooltool_bridge.history.fold import EnrolmentRow, TeacherRow
from schooltool_bridge.history.fold_enrolments import row_of, timeline
from schooltool_bridge.store.model import (
    assessment,
    enrolment,
    enrolment_history,
    grade,
)

Membership = tuple[int, int]  # section, and the row that stands for the person


@dataclass(frozen=True, slots=True)
class Histories:
    """The histories of some memberships."""

    rows: Mapping[Membership, list[EnrolmentRow]]
    teachers: Mapping[Membership, list[TeacherRow]]

    def of(self, membership: Membership) -> list[EnrolmentRow | TeacherRow]:
        """Everything about one."""
        return [*self.rows.get(membership, ()), *self.teachers.get(membership, ())]


def read(connection: Connection, memberships: Collection[Membership]) -> Histories:
    """Read the histories of memberships.

    Those in a section of ours with what the section that is joined with it says.
    """
    into = identity.roots(connection)
    homes = joined.homes(connection, (section_id for section_id, _who in memberships))
    there = {ours: theirs for theirs, ours in homes.items()}
    both = {(s, who): (there[s], who) for s, who in memberships if s in there}
    wanted = list(dict.fromkeys([*memberships, *both.values()]))
    rows_of = identity.rows_of(into, (who for _section_id, who in wanted))
    places = [(section_id, row) for section_id, who in wanted for row in rows_of[who]]
    place = sa.tuple_(enrolment_history.c.section_id, enrolment_history.c.person_id)
    rows: dict[Membership, list[EnrolmentRow]] = defaultdict(list)
    for part in in_parts(places):
        for row in connection.execute(roster.HISTORY.where(place.in_(part))):
            rows[row.section_id, into.get(row.person_id, row.person_id)].append(row_of(row))
    teachers = teacher_names.teacher_rows(connection, wanted, rows_of)
    for ours, theirs in both.items():
        rows[ours] = [*rows.get(ours, ()), *rows.get(theirs, ())]
        teachers[ours] = [*teachers.get(ours, ()), *teachers.get(theirs, ())]
    return Histories(rows, teachers)


def current(
    connection: Connection, memberships: Collection[Membership]
) -> dict[Membership, dict[str, roster.Now]]:
    """Return what people are in sections, by role (as roster.current)."""
    table, now_unix_s = present.as_peers_say(connection), database.now_unix_s(connection)
    place = sa.tuple_(table.c.section_id, table.c.person_id)
    found: dict[Membership, dict[str, roster.Now]] = defaultdict(dict)
    for part in in_parts(list(dict.fromkeys(memberships))):
        for row in connection.execute(roster.currents(connection).where(place.in_(part))):
            found[row.section_id, row.person_id][row.role] = roster.now_of(row, now_unix_s)
    return found


def refold(connection: Connection, memberships: Iterable[Membership]) -> None:
    """Fold the histories of memberships anew into what holds now."""
    given = list(dict.fromkeys(memberships))
    homes = joined.homes(connection, (section_id for section_id, _who in given))
    wanted = list(dict.fromkeys([*given, *((homes.get(s, s), who) for s, who in given)]))
    histories = read(connection, wanted)
    ended = [p for p in wanted if any(r.code is None for r in histories.rows.get(p, ()))]
    with_grade = graded(connection, ended)
    holding: dict[tuple[int, int, str], dict[str, object]] = {}
    for membership in wanted:
        for role in roster.ROLES:
            found = timeline(
                histories.rows.get(membership, ()),
                histories.teachers.get(membership, ()) if role == TEACHER else (),
                role=role,
                has_grade=membership in with_grade,
            )
            values = roster.stored(found)
            if values is not None:
                holding[*membership, role] = values
    _store(connection, holding)


def graded(connection: Connection, memberships: Collection[Membership]) -> set[Membership]:
    """Return the memberships in which there is a grade now (as roster.is_graded)."""
    found: set[Membership] = set()
    place = sa.tuple_(assessment.c.section_id, grade.c.person_id)
    for part in in_parts(list(memberships)):
        rows = connection.execute(
            sa.select(assessment.c.section_id, grade.c.person_id)
            .join_from(grade, assessment, assessment.c.id == grade.c.assessment_id)
            .where(place.in_(part), grade.c.points.is_not(None), assessment.c.status == "active")
            .distinct()
        )
        found.update((row.section_id, row.person_id) for row in rows)
    return found


def _store(
    connection: Connection, holding: Mapping[tuple[int, int, str], dict[str, object]]
) -> None:
    """Store what changed of what memberships are by their roles."""
    there: dict[tuple[int, int, str], sa.Row[tuple[object, ...]]] = {}
    place = sa.tuple_(enrolment.c.section_id, enrolment.c.person_id)
    wanted = list(dict.fromkeys((section_id, who) for section_id, who, _role in holding))
    for part in in_parts(wanted):
        rows = connection.execute(sa.select(enrolment).where(place.in_(part)))
        there.update({(r.section_id, r.person_id, r.role): r for r in rows})
    changed: list[dict[str, object]] = []
    new: list[dict[str, object]] = []
    for at, values in holding.items():
        row = there.get(at)
        if row is None:
            section_id, person_id, role = at
            new.append({"section_id": section_id, "person_id": person_id, "role": role, **values})
        elif any(getattr(row, name) != value for name, value in values.items()):
            changed.append({"own": row.id, **{f"new_{n}": v for n, v in values.items()}})
    if changed:
        connection.execute(_CHANGE, changed)
    if new:
        connection.execute(sa.insert(enrolment), new)


_CHANGE = (
    sa.update(enrolment)
    .where(enrolment.c.id == sa.bindparam("own"))
    .values(
        {
            n: sa.bindparam(f"new_{n}")
            for n in (
                "code",
                "since_unix_s",
                "note",
                "next_code",
                "next_unix_s",
                "last_code",
                "last_unix_s",
            )
        }
    )
)
