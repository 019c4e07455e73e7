"""Who is in which section now, for many by few statements; folds as roster.py does.

For entries by hand and imports; a peer's single events go by roster.py. Source: RULES 1.6, R54,
R55.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.history import cells, identity, joined, roster
from schooltool_bridge.history.fold import EnrolmentRow, TeacherRow
from schooltool_bridge.history.fold_enrolments import row_of, timeline
from schooltool_bridge.store.model import (
    assessment,
    enrolment,
    enrolment_history,
    grade,
    section_history,
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
    """Read the histories of memberships; where a Moodle names teachers, one by one.

    Those in a section of ours with what the section that is joined with it says.
    """
    into = identity.roots(connection)
    asked = set(memberships)
    homes = joined.homes(connection, {section_id for section_id, _who in asked})
    there = {ours: theirs for theirs, ours in homes.items()}
    wanted = asked | {(there[s], who) for s, who in asked if s in there}
    history = enrolment_history
    rows: dict[Membership, list[EnrolmentRow]] = defaultdict(list)
    taught: set[int] = set()
    for part in in_parts(sorted(wanted)):
        sections = {section_id for section_id, _who in part}
        found = connection.execute(
            roster.HISTORY.where(
                history.c.section_id.in_(sections),
                history.c.person_id.in_(cells.rows_of_people(into, (who for _s, who in part))),
            )
        )
        of_part = set(part)
        for row in found:
            membership = row.section_id, into.get(row.person_id, row.person_id)
            if membership not in of_part:
                continue
            if membership in asked:
                rows[membership].append(row_of(row))
            at_home = homes.get(row.section_id, row.section_id), membership[1]
            if at_home != membership and at_home in asked:
                rows[at_home].append(row_of(row))
        naming = sa.select(section_history.c.section_id).where(
            section_history.c.section_id.in_(sections), section_history.c.teacheridnumber != ""
        )
        taught.update(connection.execute(naming.distinct()).scalars())
    teachers: dict[Membership, list[TeacherRow]] = {}
    for section_id, who in sorted(p for p in wanted if p[0] in taught):
        for at in {(section_id, who), (homes.get(section_id, section_id), who)} & asked:
            teachers[at] = roster.teacher_rows(connection, section_id, who)
    return Histories(rows, teachers)


def refold(connection: Connection, memberships: Iterable[Membership]) -> None:
    """Fold the histories of memberships anew into what holds now."""
    given = set(memberships)
    homes = joined.homes(connection, {section_id for section_id, _who in given})
    wanted = sorted(given | {(homes.get(s, s), who) for s, who in given})
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
    for part in in_parts(sorted(memberships)):
        rows = connection.execute(
            sa.select(assessment.c.section_id, grade.c.person_id)
            .join_from(grade, assessment, assessment.c.id == grade.c.assessment_id)
            .where(
                assessment.c.section_id.in_({section_id for section_id, _who in part}),
                grade.c.person_id.in_({who for _section_id, who in part}),
                grade.c.points.is_not(None),
                assessment.c.status == "active",
            )
            .distinct()
        )
        found.update(set(part) & {(row.section_id, row.person_id) for row in rows})
    return found


def _store(
    connection: Connection, holding: Mapping[tuple[int, int, str], dict[str, object]]
) -> None:
    ids: dict[tuple[int, int, str], int] = {}
    for part in in_parts(sorted(holding)):
        rows = connection.execute(
            sa.select(
                enrolment.c.id, enrolment.c.section_id, enrolment.c.person_id, enrolment.c.role
            ).where(
                enrolment.c.section_id.in_({section_id for section_id, _who, _role in part}),
                enrolment.c.person_id.in_({who for _section_id, who, _role in part}),
            )
        )
        ids.update({(r.section_id, r.person_id, r.role): r.id for r in rows})
    changed, new = [], []
    for at, values in holding.items():
        if at in ids:
            changed.append({"own": ids[at], **{f"new_{n}": v for n, v in values.items()}})
        else:
            section_id, person_id, role = at
            new.append({"section_id": section_id, "person_id": person_id, "role": role, **values})
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
