"""Grades of assessments that an import has just made: many at once, by the rules of hand/grades.py.

One by one each would be folded with a history that cannot be there yet, which takes minutes for a
school. Source: requirements 1.5, R66.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import sqlalchemy as sa

from schooltool_bridge.cells import MANUAL
from schooltool_bridge.fields import MAX_DECIMALS, MAX_POINTS, STUDENT, decimal_text
from schooltool_bridge.hand.author import Refused
from schooltool_bridge.model import assessment, enrolment, grade, grade_history
from schooltool_bridge.oneroster.import_work import Work

ROWS_AT_ONCE = 1000


@dataclass(slots=True)
class NewGrades:
    """Collects entries for cells that are not there yet, and writes them in parts."""

    work: Work
    _students: set[tuple[int, int]] = field(default_factory=set)
    _sections: dict[int, int] = field(default_factory=dict)
    _waiting: list[dict[str, object]] = field(default_factory=list)

    @classmethod
    def begin(cls, work: Work) -> NewGrades:
        """Read who is a student where."""
        students = sa.select(enrolment.c.section_id, enrolment.c.person_id)
        found = cls(work)
        for row in work.connection.execute(students.where(enrolment.c.role == STUDENT)):
            found._students.add((row.section_id, row.person_id))
        for row in work.connection.execute(sa.select(assessment.c.id, assessment.c.section_id)):
            if row.id in work.new_items:
                found._sections[row.id] = row.section_id
        return found

    def enter(
        self,
        item_id: int,
        person_id: int,
        points: Decimal | None,
        *,
        excepted: bool,
        effective_unix_s: int,
    ) -> None:
        """Take one entry; raises Refused as hand.grades.enter does."""
        if points is not None:
            if points < 0:
                raise Refused("points", "Points are not below zero.")
            if points > MAX_POINTS:
                raise Refused("points", f"Points are at most {MAX_POINTS}.")
            points = round(points, MAX_DECIMALS)
        if (self._sections[item_id], person_id) not in self._students:
            raise Refused("person", "This person never was a student of the section.")
        author = self.work.author
        author.place((), effective_unix_s)
        self._waiting.append(
            {
                "assessment_id": item_id,
                "person_id": person_id,
                "points": decimal_text(points),
                "excepted": excepted,
                "attempt": 0,
                "exists": True,
                "authority": MANUAL,
                "effective_unix_s": effective_unix_s,
                "seq": -1,
                "recorded_unix_s": author.now_unix_s,
            }
        )
        if len(self._waiting) >= ROWS_AT_ONCE:
            self.write()

    def write(self) -> None:
        """Write what waits: the cells, and the entry in the history of each."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        made = self.work.connection.execute(
            sa.insert(grade).returning(grade.c.id, grade.c.assessment_id, grade.c.person_id),
            waiting,
        )
        ids = {(row.assessment_id, row.person_id): row.id for row in made}
        author = self.work.author
        self.work.connection.execute(
            sa.insert(grade_history),
            [
                {
                    "grade_id": ids[row["assessment_id"], row["person_id"]],
                    "raw_points": row["points"],
                    "excepted": row["excepted"],
                    "attempt": None,
                    "deleted": False,
                    **author.columns((int(str(row["effective_unix_s"])), -1)),
                }
                for row in waiting
            ],
        )
