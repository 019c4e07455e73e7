"""Who holds which places now, for many places by few statements; the same folding as roster.py's.

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
from schooltool_bridge.history import cells, identity, roster
from schooltool_bridge.history.fold import EnrolmentRow, TeacherRow
from schooltool_bridge.history.fold_enrolments import row_of, timeline
from schooltool_bridge.store.model import (
    assessment,
    enrolment,
    enrolment_history,
    grade,
    section_history,
)

Place = tuple[int, int]  # section, and the row that stands for the person


@dataclass(frozen=True, slots=True)
class Told:
    """All that was ever told of some places."""

    rows: Mapping[Place, list[EnrolmentRow]]
    teachers: Mapping[Place, list[TeacherRow]]

    def of(self, place: Place) -> list[EnrolmentRow | TeacherRow]:
        """Everything about one."""
        return [*self.rows.get(place, ()), *self.teachers.get(place, ())]


def read(connection: Connection, places: Collection[Place]) -> Told:
    """Read what was told of places; of sections whose Moodle names teachers, one by one."""
    into = identity.roots(connection)
    wanted = set(places)
    history = enrolment_history
    rows: dict[Place, list[EnrolmentRow]] = defaultdict(list)
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
        for said in found:
            place = said.section_id, into.get(said.person_id, said.person_id)
            if place in of_part:
                rows[place].append(row_of(said))
        naming = sa.select(section_history.c.section_id).where(
            section_history.c.section_id.in_(sections), section_history.c.teacheridnumber != ""
        )
        taught.update(connection.execute(naming.distinct()).scalars())
    teachers = {p: roster.teacher_rows(connection, *p) for p in sorted(wanted) if p[0] in taught}
    return Told(rows, teachers)


def refold(connection: Connection, places: Iterable[Place]) -> None:
    """Fold what was told of places anew into what holds now."""
    wanted = sorted(set(places))
    told = read(connection, wanted)
    ended = [p for p in wanted if any(r.code is None for r in told.rows.get(p, ()))]
    with_grade = graded(connection, ended)
    holding: dict[tuple[int, int, str], dict[str, object]] = {}
    for place in wanted:
        for role in roster.ROLES:
            found = timeline(
                told.rows.get(place, ()),
                told.teachers.get(place, ()) if role == TEACHER else (),
                role=role,
                has_grade=place in with_grade,
            )
            values = roster.stored(found)
            if values is not None:
                holding[*place, role] = values
    _store(connection, holding)


def graded(connection: Connection, places: Collection[Place]) -> set[Place]:
    """Return those of the places in which there is a grade now (as roster.is_graded)."""
    found: set[Place] = set()
    for part in in_parts(sorted(places)):
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
