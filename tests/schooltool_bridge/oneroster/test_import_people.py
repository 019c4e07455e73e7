"""Who is meant by a row: two people never become one; and whose school year it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.schooltool_bridge.oneroster.packages import (
    district,
    edited,
    empty,
    problems,
    setting,
    taken_in,
    write,
)
from tests.schooltool_bridge.oneroster.test_field_cases import homes


@pytest.mark.parametrize("is_delta", [False, True])
def test_a_number_that_another_has_makes_two_people_never_one(
    tmp_path: Path, *, is_delta: bool
) -> None:
    folder = district(tmp_path / "d")
    school = empty(tmp_path)
    taken_in(school, folder)
    edited(folder, "users", lambda rows: rows[0].update(identifier="n7"))
    another = {"sourcedId": "u9", "username": "bob", "givenName": "Bob", "identifier": "n1"}
    edited(folder, "users", lambda rows: rows.append({**rows[0], **another}))
    if is_delta:
        # Of somebody whom the file does not name we know all the same whose number it is.
        edited(folder, "users", lambda rows: rows.__delitem__(0))
        mode = {"propertyName": "file.users", "value": "delta"}
        write(folder, "manifest", mode)
    done = taken_in(school, folder)
    assert (problems(done), done.counts["users"]["new"]) == ([], 1)
    names = {p["firstname"]: p["idnumber"] for p in school.people()}
    assert names == (
        {"Zoé": "n1", "T": "u2", "Bob": "u9"} if is_delta else {"Zoé": "n7", "T": "u2", "Bob": "n1"}
    )
    again = taken_in(school, folder)
    assert set(again.counts["users"]) == {"unchanged"}
    assert {p["firstname"]: p["idnumber"] for p in school.people()} == names


@pytest.mark.requirement("D.2")
def test_two_rows_with_one_number_stay_two_however_often_they_come(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    edited(folder, "users", setting(identifier="990"))
    school = empty(tmp_path)
    for _time in range(2):
        assert problems(taken_in(school, folder)) == []
        found = {(p["firstname"], p["idnumber"]) for p in school.people()}
        assert found == {("Zoé", "u1"), ("T", "u2")}
    # One of them alone does not take the number from the others' file back.
    edited(folder, "users", lambda rows: rows.__delitem__(slice(1, None)))
    write(folder, "manifest", {"propertyName": "file.users", "value": "delta"})
    taken_in(school, folder)
    edited(
        folder, "users", lambda rows: rows[0].update(sourcedId="u8", givenName="X", username="x")
    )
    done = taken_in(school, folder)
    assert done.counts["users"] == {"new": 1}, "somebody else with the school's number"


def test_two_schools_words_for_the_same_days_are_one_term(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")

    def of_the_second_school(rows: list[dict[str, str]]) -> None:
        rows.append({**rows[0], "sourcedId": "Y2"})
        rows.append({**rows[1], "sourcedId": "T1", "parentSourcedId": "Y2"})

    edited(folder, "academicSessions", of_the_second_school)
    edited(folder, "classes", lambda rows: rows[1].update(termSourcedIds="T1"))
    school = empty(tmp_path)
    assert taken_in(school, folder).counts["academicSessions"] == {"new": 3, "unchanged": 2}
    in_the_first = ("M", "S1", "2026-12-31")
    assert homes(school) == {"Maths 1": in_the_first, "Maths 2": in_the_first}
    again = taken_in(school, folder)
    assert {what for counts in again.counts.values() for what in counts} == {"unchanged"}
