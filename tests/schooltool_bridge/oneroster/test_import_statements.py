"""A large package takes no more statements than a small one, so that others wait little to write."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.helpers.school import School
from tests.schooltool_bridge.oneroster.packages import empty, problems, taken_in, write

FEW, MANY = 3, 30
# Every second student has left, which is written after the grades.
LEFT = {"beginDate": "2026-08-10", "endDate": "2026-10-01"}


def school_of(folder: Path, size: int, score: int = 5, title: str = "Class") -> Path:
    """As many students, courses, classes and items; everybody is in a class and has grades."""
    numbers = range(size)
    blank = {"enabledUser": "true", "orgSourcedIds": "o"}
    write(folder, "orgs", {"sourcedId": "o", "name": "School", "type": "school"})
    write(
        folder, "academicSessions",
        {"sourcedId": "y", "title": "2026", "type": "schoolYear", "startDate": "2026-08-01", "endDate": "2027-07-01", "parentSourcedId": "", "schoolYear": "2027"},
        {"sourcedId": "s", "title": "Fall", "type": "term", "startDate": "2026-08-01", "endDate": "2027-01-01", "parentSourcedId": "y", "schoolYear": "2027"},
    )  # fmt: skip
    write(
        folder, "courses",
        *({"sourcedId": f"c{n}", "title": f"Course {n}", "courseCode": f"C{n}", "orgSourcedId": "o"} for n in numbers),
    )  # fmt: skip
    write(
        folder, "classes",
        *({"sourcedId": f"k{n}", "title": f"{title} {n}", "courseSourcedId": f"c{n}", "classType": "scheduled", "schoolSourcedId": "o", "termSourcedIds": "s", "classCode": f"K{n}"} for n in numbers),
    )  # fmt: skip
    write(
        folder, "users",
        *({"sourcedId": f"u{n}", **blank, "role": "student", "username": f"u{n}", "givenName": "A", "familyName": f"B{n}", "identifier": f"n{n}"} for n in numbers),
    )  # fmt: skip
    write(
        folder, "enrollments",
        *({"sourcedId": f"e{n}", "classSourcedId": f"k{n}", "schoolSourcedId": "o", "userSourcedId": f"u{n}", "role": "student", "beginDate": "2026-08-10", "endDate": ""} | (LEFT if n % 2 else {}) for n in numbers),
    )  # fmt: skip
    write(folder, "categories", {"sourcedId": "g", "title": "Homework"})
    write(
        folder, "lineItems",
        *({"sourcedId": f"i{n}", "title": f"Item {n}", "description": "x", "assignDate": "2026-09-01", "dueDate": "2026-09-05", "classSourcedId": f"k{n}", "categorySourcedId": "g", "gradingPeriodSourcedId": "s", "resultValueMin": "0", "resultValueMax": "10"} for n in numbers),
    )  # fmt: skip
    write(
        folder, "results",
        *({"sourcedId": f"r{n}", "lineItemSourcedId": f"i{n}", "studentSourcedId": f"u{n}", "scoreStatus": "fully graded", "score": str(score), "scoreDate": "2026-09-06"} for n in numbers),
    )  # fmt: skip
    return folder


def statements(school: School, package: Path) -> int:
    """How many statements an import takes; one for many rows counts as one."""
    count = 0

    def counted(*_arguments: object) -> None:
        nonlocal count
        count += 1

    sa.event.listen(school.database.engine, "before_cursor_execute", counted)
    done = taken_in(school, package)
    sa.event.remove(school.database.engine, "before_cursor_execute", counted)
    assert problems(done) == []
    assert done.applied
    return count


@pytest.mark.parametrize(
    ("what", "score"), [("into an empty site", None), ("again", 5), ("with other grades", 7)]
)
def test_ten_times_the_rows_take_no_more_statements(
    tmp_path: Path, what: str, score: int | None
) -> None:
    counts = []
    for size in (FEW, MANY):
        school = empty(tmp_path, f"{size}")
        package = school_of(tmp_path / f"package-{size}", size)
        if score is not None:
            taken_in(school, package)
            school_of(package, size, score)
        counts.append(statements(school, package))
        with school.database.read() as connection:
            grades = sa.text("SELECT count(*) FROM grade WHERE points = :p")
            assert connection.execute(grades, {"p": str(score or 5)}).scalar() == size
        school.database.close()
    few, many = counts
    assert few == many, what
    assert few <= 100


def test_either_database_takes_a_package_in_and_again_and_with_other_grades(
    database_url: str, tmp_path: Path
) -> None:
    school = School.open(database_url)
    school.now += 100
    for score, outcome in ((5, "new"), (5, "unchanged"), (7, "updated")):
        done = taken_in(school, school_of(tmp_path / "package", MANY, score))
        assert problems(done) == []
        assert dict(done.counts["results"]) == {outcome: MANY}
    assert school.enrolments()["K0", "n0", "student"] == "a"
    assert school.enrolments()["K1", "n1", "student"] == "w", "left, with a grade"
    for n in range(MANY):
        assert list(school.grades(f"K{n}").values()) == [7], "of this class, and of no other"
    school.database.close()
