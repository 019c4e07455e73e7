"""A school with everything that an export must cope with, and ways to export it and read that."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from mnet.settings import Settings
from schooltool_bridge.hand import assessments, enrolments, grades, people, sections
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.oneroster.checking import check
from schooltool_bridge.oneroster.export import Exported, export
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.oneroster.report import Report
from schooltool_bridge.store.model import section
from schooltool_bridge.store.model_school import category, course, school_year, term
from tests.helpers.school import NOW, School

HOSTILE = "=cmd|\"/c calc\"!A1, Ünï; 'x'"
B = "http://other.example.org"


def settings(folder: Path) -> Settings:
    return Settings(folder, "http://sis.example.org", 'Test "School", Paris', "Europe/Paris")


def tell(url: str) -> School:
    """Two Moodles push, people write by hand, some is filed and some is not."""
    school = School.open(url, "http://moodle.example.org", B)
    for number in (1, 2, 3):
        school.push(
            "fetch_user", idnumber=f"s{number}", username=f"pupil{number}", firstname="Anna",
            lastname=f"Pupil {number}", email=f"s{number}@example.org",
        )  # fmt: skip
    school.push("fetch_user", idnumber="s4", username="hostile", firstname=HOSTILE, lastname="@x")
    school.push("fetch_user", idnumber="t1", username="ms", firstname="Ms", lastname="Teacher")
    school.push("fetch_user", B, idnumber="s1", username="anna.b", firstname="A", lastname="P")
    school.push("new_section", idnumber="5", name="Algebra", teacheridnumber="t1")
    school.push("new_section", B, idnumber="5", name="Algebra elsewhere")
    school.push("new_section", idnumber="6", name=f"Gone {HOSTILE}")
    for who in ("s1", "s2", "s3", "s4"):
        school.push(
            "new_enrolment", sectionid="5", userid=who, role="student", timestart=NOW - 10**6
        )
    school.push("new_enrolment", B, sectionid="5", userid="s1", role="student")
    school.push("new_assessment", sectionid="5", idnumber="70", name=HOSTILE, pointval="10.5")
    school.push("new_assessment", sectionid="5", idnumber="71", name="Exam", pointval=100)
    school.push("new_grade", assessmentid="70", userid="s1", points_earned="9.5")
    school.push("new_grade", assessmentid="70", userid="s2", points_earned=None, excepted=True)
    school.push("new_grade", assessmentid="71", userid="s2", points_earned=None)
    school.push("new_grade", assessmentid="71", userid="s3", points_earned=120)
    school.push("end_enrolment", sectionid="5", userid="s3")
    school.push("delete_section", idnumber="6", timemodified=school.now + 5)
    school.now += 10
    _by_hand(school)
    return school


def _by_hand(school: School) -> None:
    with school.database.write() as connection:
        author = Author("clerk", school.now)
        tom = people.add(connection, author, Names("tom", "Tom", "Both", "b1"))
        people.set_staff_role(connection, author, tom, "counselor")
        people.add(connection, author, Names("nobody", "No", "Body"))
        chess = sections.add(connection, author, "Chess\u2028Club")
        enrolments.set_state(
            connection, author, chess, tom, "teacher", "a", timeend_unix_s=school.now + 10**7
        )
        anna = people.add(connection, author, Names("eve", "Eve", "Late"))
        enrolments.set_state(connection, author, chess, anna, "student", "p")
        enrolments.set_state(connection, author, chess, 1, "student", "a")
        kind = connection.execute(sa.select(category.c.id).limit(1)).scalar_one()
        detail = assessments.Detail(
            description='Two lines,\n"quoted"', category_id=kind, due_day=date(2026, 11, 30)
        )
        game = assessments.add(connection, author, chess, "Game", Decimal(5), detail=detail)
        grades.enter(connection, author, game, 1, Decimal("4.25"))
        _file(connection, chess)


def _file(connection: sa.Connection, section_id: int) -> None:
    year = connection.execute(
        sa.insert(school_year).values(
            title="2026/27", first_day=date(2026, 9, 1), last_day=date(2027, 6, 30)
        )
    ).inserted_primary_key
    assert year is not None
    fall = connection.execute(
        sa.insert(term).values(
            school_year_id=year[0],
            title="Fall",
            first_day=date(2026, 9, 1),
            last_day=date(2027, 1, 31),
        )
    ).inserted_primary_key
    taught = connection.execute(
        sa.insert(course).values(code="CH-1", title="Chess", description="", credits="")
    ).inserted_primary_key
    assert fall is not None
    assert taught is not None
    connection.execute(
        sa.update(section)
        .where(section.c.id == section_id)
        .values(course_id=taught[0], term_id=fall[0])
    )


def exported(school: School, target: Path, version: str = "1.1") -> Exported:
    return export(school.database, settings(target.parent), target, version, school.now)


def judged(path: Path) -> Report:
    with Package(path) as package:
        return check(package)


def table(folder: Path, name: str) -> list[dict[str, str]]:
    """Read a file as anybody would."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
