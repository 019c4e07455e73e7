"""A small story that reports are asked about: corrections, latecomers, a withdrawal, a merge."""

from __future__ import annotations

from typing import Any, Self
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import event

from schooltool_bridge.history import cells
from schooltool_bridge.history.finding import find_person, find_section
from schooltool_bridge.reports import progress, transcript
from schooltool_bridge.store.model import grade_history, section
from schooltool_bridge.store.model_reports import final_mark
from schooltool_bridge.store.model_school import (
    assessment_detail,
    category,
    category_weight,
    course,
    school_year,
    score_system,
    section_filing,
    term,
)
from tests.helpers.school import School

ZONE = ZoneInfo("Europe/Paris")
DAY_S = 86_400
LETTERS = "The story's letters"
# Monday, 7 September 2026, 0:00 in Paris; days of the story count from here.
FIRST = 1_788_732_000
ADA, BOB, CLEO, TEACHER = "1001", "1002", "1003", "9001"


def on(day: float) -> int:
    return FIRST + int(day * DAY_S)


def begin(url: str) -> School:
    """Two sections and their people: Ada from the first day, Bob from the tenth."""
    school = School.open(url)
    school.now, school.is_story = on(0), True
    for idnumber, first, last in (
        (ADA, "Ada", "Lovelace"), (BOB, "Bob", "Boole"), (CLEO, "Cleo", "Cantor"),
        (TEACHER, "Jane", "Smith"),
    ):  # fmt: skip
        school.push("fetch_user", idnumber=idnumber, username=first.lower(), firstname=first, lastname=last, timemodified=on(0))  # fmt: skip
    school.push("new_section", idnumber="algebra", name="Algebra", teacheridnumber=TEACHER, timemodified=on(0))  # fmt: skip
    school.push("new_section", idnumber="fall", name="Fall Drama", timemodified=on(0))
    enrol(school, "algebra", ADA, 0)
    enrol(school, "algebra", BOB, 10)
    item(school, "quiz", "Quiz", 20, 1)
    item(school, "essay", "Essay", 80, 2)
    return school


def enrol(school: School, where: str, who: str, day: float, **more: Any) -> None:
    school.push("new_enrolment", sectionid=where, userid=who, role="student", timemodified=on(day), **more)  # fmt: skip


def item(school: School, idnumber: str, name: str, points: int, day: float, **more: Any) -> None:
    school.push("new_assessment", sectionid="algebra", idnumber=idnumber, name=name, pointval=points, timemodified=on(day), **more)  # fmt: skip


def graded(school: School, what: str, who: str, points: Any, day: float, **more: Any) -> None:
    school.push("new_grade", assessmentid=what, userid=who, points_earned=points, timemodified=on(day), **more)  # fmt: skip


def person_id(school: School, who: str) -> int:
    with school.database.read() as connection:
        return find_person(connection, who)


def section_id(school: School, what: str = "algebra") -> int:
    with school.database.read() as connection:
        return find_section(connection, what)


def progress_on(school: School, who: str, day: float | None) -> dict[str, Any]:
    with school.database.read() as connection:
        found = progress.read(
            connection, find_person(connection, who),
            None if day is None else on(day), school.now, ZONE,
        )  # fmt: skip
    return progress.as_json(found)


def percent_on(school: School, who: str, day: float | None, what: str = "algebra") -> Any:
    found = {s["section"]: s["percent"] for s in progress_on(school, who, day)["sections"]}
    return found.get(what, "not there")


def transcript_of(school: School, who: str) -> transcript.Transcript:
    with school.database.read() as connection:
        return transcript.read(connection, find_person(connection, who), school.now)


def by_hand(school: School, what: str, who: str, points: str | None, day: float, why: str) -> None:
    """Write a grade as somebody here does."""
    from schooltool_bridge.store.model import assessment

    with school.database.write() as connection:
        assessment_id = connection.execute(
            sa.select(assessment.c.id).where(assessment.c.idnumber == what)
        ).scalar_one()
        pupil = find_person(connection, who)
        cell = (assessment_id, pupil)
        connection.execute(
            sa.insert(grade_history).values(
                grade_id=cells.make_all(connection, [cell])[cell], raw_points=points,
                excepted=False, attempt=None, deleted=False, effective_unix_s=on(day), seq=-1,
                recorded_unix_s=on(day) + 60, by_actor="head", why=why,
            )
        )  # fmt: skip
        cells.refold(connection, assessment_id, pupil)


def file_under_a_term(school: School, what: str = "algebra", *, day: float = 20) -> None:
    """File a section under a term and a course of two credits, weighted by category."""
    from datetime import date

    from schooltool_bridge.store.model import assessment

    where = section_id(school, what)
    with school.database.write() as connection:

        def add(table: sa.Table, **values: Any) -> int:
            made = connection.execute(sa.insert(table).values(**values)).inserted_primary_key
            assert made is not None
            return int(made[0])

        year = add(
            school_year, title="2026/27", first_day=date(2026, 9, 1), last_day=date(2027, 7, 1)
        )
        in_term = add(
            term,
            school_year_id=year,
            title="Autumn",
            first_day=date(2026, 9, 1),
            last_day=date(2026, 12, 20),
        )
        in_course = add(course, code="MAT1", title="Mathematics", description="", credits="2")
        hand: dict[str, Any] = {
            "effective_unix_s": on(day),
            "recorded_unix_s": on(day),
            "by_actor": "head",
        }
        add(section_filing, section_id=where, course_id=in_course, term_id=in_term, **hand)
        connection.execute(
            sa.update(section)
            .where(section.c.id == where)
            .values(course_id=in_course, term_id=in_term)
        )
        for idnumber, weight in (("quiz", "1"), ("essay", "3")):
            kind = add(category, title=f"c-{idnumber}")
            add(category_weight, section_id=where, category_id=kind, weight=weight, **hand)
            of = connection.execute(
                sa.select(assessment.c.id).where(assessment.c.idnumber == idnumber)
            ).scalar_one()
            add(
                assessment_detail,
                assessment_id=of,
                label="",
                description="",
                category_id=kind,
                **hand,
            )


def final(
    school: School, who: str, mark: str, percent: str, *, day: float, code: str = "a"
) -> None:
    """Store a final mark by a score system of letters."""
    with school.database.write() as connection:
        system = connection.execute(
            sa.select(score_system.c.id).where(score_system.c.title == LETTERS)
        ).scalar()
        if system is None:
            scores = [
                {"score": "A", "percent": "95", "from": "90", "passes": True},
                {"score": "F", "percent": "40", "from": "0", "passes": False},
            ]
            made = connection.execute(
                sa.insert(score_system).values(title=LETTERS, kind="values", scores=scores)
            ).inserted_primary_key
            assert made is not None
            system = made[0]
        connection.execute(
            sa.insert(final_mark).values(
                section_id=find_section(connection, "algebra"),
                person_id=find_person(connection, who), percent=percent, mark=mark,
                score_system_id=system, code=code, recorded_unix_s=on(day), by_actor="head",
            )
        )  # fmt: skip


class Counted:
    """Counts the statements that a database runs while the block runs."""

    def __init__(self, school: School) -> None:
        self._engine = school.database.engine
        self.count = 0

    def _one(self, *_arguments: Any) -> None:
        self.count += 1

    def __enter__(self) -> Self:
        event.listen(self._engine, "before_cursor_execute", self._one)
        return self

    def __exit__(self, *_exc: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._one)
