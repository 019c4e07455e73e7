"""Events without a time that repeat or wait: the later arrival wins all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.schooltool_bridge.school import ANNA, SECTION, TOM, School


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    made = School.open(f"sqlite:///{tmp_path / 's.sqlite'}")
    yield made
    made.database.close()


def test_a_teacher_who_arrives_does_not_bring_a_former_name_of_the_section_back(
    school: School,
) -> None:
    school.push("new_section", **SECTION, teacheridnumber=9)
    school.push("new_section", **SECTION | {"name": "Algebra II"}, teacheridnumber=9)
    school.push("fetch_user", **TOM)
    (section,) = school.sections()
    assert (section["name"], section["teachers"]) == ("Algebra II", ["9"])
    assert school.inbox() == []


def test_a_teacher_who_arrives_late_is_not_put_before_their_successor(school: School) -> None:
    school.push("fetch_user", **ANNA)
    school.push("new_section", **SECTION, teacheridnumber=9)
    school.push("new_section", **SECTION | {"name": "Algebra II"}, teacheridnumber=1)
    school.push("fetch_user", **TOM)
    (section,) = school.sections()
    assert (section["name"], section["teachers"]) == ("Algebra II", ["1"])


def test_a_deleted_section_stays_deleted_when_its_teacher_arrives(school: School) -> None:
    school.push("new_section", **SECTION, teacheridnumber=9)
    school.push("delete_section", idnumber=5)
    school.push("fetch_user", **TOM)
    assert [s["status"] for s in school.sections()] == ["deleted"]
