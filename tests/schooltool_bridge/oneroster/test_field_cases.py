"""Packages as schools really had them: each is taken in as its makers meant, twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from schooltool_bridge.oneroster.importing import Imported
from schooltool_bridge.store.model import enrolment_history, person, section
from schooltool_bridge.store.model_school import course, term
from tests.helpers.school import School
from tests.helpers.site import Refused, Site
from tests.schooltool_bridge.oneroster.packages import problems, taken_in

ZONE = ZoneInfo("Europe/Paris")  # as tests.oneroster.story has it
FOLDER = Path(__file__).with_name("field_cases")
USUAL = {
    ("ALG-1", "T900", "teacher"): "a",
    ("ALG-1", "N100", "student"): "a",
    ("ALG-1", "N200", "student"): "a",
}  # fmt: skip
THREE_LINES = [("2026-08-15", "a"), ("2026-09-19", "w"), ("2026-10-05", "a")]


@dataclass(frozen=True)
class Right:
    """What must come out, both times; notes that must be among those that are told."""

    enrolments: Mapping[tuple[str, str, str], str] = field(default_factory=lambda: USUAL)
    notes: tuple[str, ...] = ()
    grades: Mapping[str, float] = field(default_factory=dict)
    more: Callable[[School], None] = lambda _school: None


def called(school: School) -> set[tuple[str, str]]:
    return {(p["firstname"], p["username"]) for p in school.people()}


def three_people(school: School) -> None:
    assert called(school) == {("Tina", "tina.teach"), ("Ann", "ann.lee"), ("Bob", "bob.ray")}
    assert {p["idnumber"] for p in school.people()} == {"TCH_1", "STU_1", "STU_2"}


def two_people(school: School) -> None:
    assert called(school) == {("Ann", "ann.lee"), ("Bob", "bob.ray")}


def since_the_fifth(school: School) -> None:
    assert lines(school) == [("2026-10-05", "a")]


def left_and_came_back(school: School) -> None:
    assert [(day, code[:1]) for day, code in lines(school)] == THREE_LINES
    first = int(datetime(2026, 9, 1, tzinfo=ZONE).timestamp())
    assert school.enrolments(first)["ALG-1", "N100", "student"] == "a"
    between = int(datetime(2026, 9, 30, tzinfo=ZONE).timestamp())
    assert school.enrolments(between)["ALG-1", "N100", "student"] == "wn"


def lines(school: School) -> list[tuple[str, str]]:
    """Ann's history, in the order that holds."""
    history = enrolment_history
    wanted = (
        sa.select(history.c.effective_unix_s, history.c.code)
        .join(person, person.c.id == history.c.person_id)
        .where(person.c.idnumber == "N100")
        .order_by(history.c.effective_unix_s, history.c.seq, history.c.id)
    )
    rows = school.read(lambda connection: connection.execute(wanted).all())
    return [(str(datetime.fromtimestamp(at, ZONE).date()), code) for at, code in rows]


def homes(school: School) -> dict[str, tuple[str | None, str | None, str | None]]:
    """Course, term and the term's last day of each section."""
    wanted = (
        sa.select(section.c.name, course.c.code, term.c.title, term.c.last_day)
        .join_from(section, course, course.c.id == section.c.course_id, isouter=True)
        .join(term, term.c.id == section.c.term_id, isouter=True)
    )
    rows = school.read(lambda connection: connection.execute(wanted).all())
    return {name: (code, title, day and str(day)) for name, code, title, day in rows}


def filed(expected: Mapping[str, tuple[str | None, str | None, str | None]]) -> Any:
    def look(school: School) -> None:
        assert homes(school) == expected

    return look


IN_FALL = filed({"Algebra A": ("ALG", "Fall", "2027-01-09")})
ONGOING = "the section is ongoing"
RIGHT = {
    "01-identifier-is-the-school": Right(
        {("ALG-1", w, r): "a" for w, r in (("TCH_1", "teacher"), ("STU_1", "student"), ("STU_2", "student"))},
        ("users.csv, row 2, identifier: '990' stands in several rows", "(also row 3, 4)"),
        more=three_people,
    ),
    "03-ids-differ-in-case-only": Right(
        {("ALG-1", "1", "student"): "a", ("ALG-1", "2", "student"): "a"},
        ("differs from another row's by capitals alone",),
        more=two_people,
    ),
    "05-old-row-tobedeleted-after-the-new": Right(
        {("ALG-1", "N100", "student"): "a"}, more=since_the_fifth
    ),
    "06a-left-and-came-back": Right({("ALG-1", "N100", "student"): "a"}, more=left_and_came_back),
    "06b-left-and-came-back-other-order": Right(
        {("ALG-1", "N100", "student"): "a"}, more=left_and_came_back
    ),
    "08-file-names-with-capitals": Right(
        notes=("Users.csv: was read as users.csv", "Manifest.csv: was read"), more=IN_FALL
    ),
    "09-term-without-school-year": Right(
        notes=("there is no school year that holds it", ONGOING),
        more=filed({"Algebra A": ("ALG", None, None)}),
    ),
    "10-semesters-and-quarters": Right(
        notes=("'Quarter 1' is not kept: it overlaps Semester 1", f"classes.csv, row 3, termSourcedIds: names no term that is kept here; {ONGOING}"),
        more=filed({"Algebra A": ("ALG", "Semester 1", "2027-01-09"), "Health": ("ALG", None, None)}),
    ),
    "11b-two-schools-same-titles-other-days": Right(
        notes=("'Semester 1' is not kept: there is another 'Semester 1' already", ONGOING),
        more=filed({"Algebra A": ("ALG", "Semester 1", "2027-01-09"), "Math 7": ("ALG", None, None)}),
    ),
    "12-grade-of-somebody-no-longer-enrolled": Right(
        {("ALG-1", "N100", "student"): "a"},
        ("results.csv, row 3, studentSourcedId: Bob Ray (U2): This person never was a student",),
        {"N100": 18},
    ),
    "13-zipped-on-a-mac": Right(more=IN_FALL),
    "14-line-item-with-text-marks-only": Right(
        {("ALG-1", "T900", "teacher"): "a", ("ALG-1", "N100", "student"): "a"},
        ("lineItems.csv, row 2, resultValueMax: is empty, and an assessment says what it is worth; 'Effort' is left out",),
        {"N100": 18},
    ),
    "15-school-year-as-2026-2027": Right(
        notes=("schoolYear: '2026-2027' is no year like 2026; it is not kept here (also row 3)",),
        more=IN_FALL,
    ),
    "16-words-with-capitals": Right(
        notes=(
            "users.csv, row 4, role: 'Student' was read as 'student'",
            "classes.csv, row 2, classType: 'Scheduled' was read as 'scheduled'",
        ),
        more=IN_FALL,
    ),
    "17-a-role-we-do-not-keep": Right(
        notes=("enrollments.csv, row 5, role: 'aide' is neither student nor teacher; left out",)
    ),
    "18-19-section-for-them": Right(),
    "23-score-date-still-to-come": Right(
        notes=("results.csv, row 3, scoreDate: Bob Ray (U2): This day is still to come",),
        grades={"N100": 18},
    ),
    "26-school-files-without-courses": Right(
        notes=("names no course that is there; the section is under none",),
        more=filed({"Algebra A": (None, "Fall", "2027-01-09")}),
    ),
}  # fmt: skip


def test_every_case_is_in_the_table() -> None:
    there = {file.stem for file in FOLDER.glob("*.zip")}
    assert there == RIGHT.keys() | {"07-nothing-of-oneroster-in-it"}


@pytest.mark.requirement("D.2")
@pytest.mark.parametrize("name", RIGHT)
def test_what_schools_have_is_taken_in_and_again_changes_nothing(
    database_url: str, name: str
) -> None:
    right = RIGHT[name]
    school = School.open(database_url)
    school.now += 100
    first = taken_in(school, FOLDER / f"{name}.zip")
    must_be(right, school, first)
    before = school.counts()
    again = taken_in(school, FOLDER / f"{name}.zip")
    must_be(right, school, again)
    assert {what for counts in again.counts.values() for what in counts} == {"unchanged"}
    after = school.counts()
    after["audit_entry"] -= 1  # that there was an import
    assert after == before
    school.database.close()


def must_be(right: Right, school: School, done: Imported) -> None:
    assert (problems(done), done.applied) == ([], True)
    notes = "\n".join(str(w) for w in done.report.warnings)
    for note in right.notes:
        assert note in notes
    there = school.enrolments()
    assert {key: code for key, code in there.items() if key[0] == "ALG-1"} == right.enrolments
    assert {who: points for (_item, who), points in school.grades("ALG-1").items()} == right.grades
    right.more(school)


@pytest.mark.requirement("D.2")
def test_what_holds_nothing_of_oneroster_is_refused_however_it_is_asked(tmp_path: Path) -> None:
    site, file = Site(tmp_path / "home"), FOLDER / "07-nothing-of-oneroster-in-it.zip"
    for option in ((), ("--preview",), ("--check",)):
        with pytest.raises(Refused) as refused:
            site.text("import", "oneroster", str(file), *option)
        assert refused.value.status == 1
        assert f"{file.name}: there is no file of OneRoster in it" in refused.value.stdout
