"""What an import refuses, and what it takes in with a note: each names its file, row and column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from schooltool_bridge.store.model_school import term
from tests.schooltool_bridge.oneroster.packages import (
    district,
    edited,
    empty,
    gradebook,
    problems,
    setting,
    taken_in,
    write,
)
from tests.schooltool_bridge.oneroster.story import table

OTHER = {"sourcedId": "u2"}


@pytest.mark.requirement("D.2")
@pytest.mark.parametrize(
    ("file", "change", "place"),
    [
        ("users", OTHER, "users.csv, row 3, sourcedId: 'u2' stands there twice, and not alike"),
        ("enrollments", {"endDate": "2026-08-01"}, "enrollments.csv, row 2, endDate"),
        ("academicSessions", {"endDate": "2026-07-01"}, "academicSessions.csv, row 2, endDate"),
        ("lineItems", {"resultValueMin": "11"}, "lineItems.csv, row 2, resultValueMax"),
    ],
)
def test_a_contradiction_names_its_place_and_nothing_is_applied(
    tmp_path: Path, file: str, change: dict[str, str], place: str
) -> None:
    folder = district(tmp_path / "d")
    gradebook(folder, "7")
    edited(folder, file, lambda rows: rows[0].update(change))
    school = empty(tmp_path)
    before = school.counts()
    done = taken_in(school, folder)
    assert not done.applied
    assert any(p.startswith(place) for p in problems(done)), problems(done)
    assert school.counts() == before


def test_a_file_of_which_no_row_can_be_read_is_refused(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    edited(folder, "enrollments", setting(beginDate="10/08/2026"))
    assert taken_in(empty(tmp_path), folder).applied, "two may be slips"
    edited(folder, "enrollments", lambda rows: rows.append(rows[0]))
    done = taken_in(empty(tmp_path, "other"), folder)
    assert problems(done) == ["enrollments.csv: not one row of it can be read; the notes say why"]
    notes = [str(w) for w in done.report.warnings]
    assert any("'10/08/2026' is no date like 2026-11-21" in n for n in notes)


LEFT_OUT = "this row is left out"


@pytest.mark.requirement("D.2")
@pytest.mark.parametrize(
    ("file", "change", "note"),
    [
        ("users", {"familyName": ""}, "users.csv, row 2, familyName: is empty; the user name"),
        ("users", {"enabledUser": "perhaps"}, "users.csv, row 2, enabledUser: 'perhaps' is neither"),
        ("users", {"username": "a\x00b"}, "users.csv, row 2, username: is empty; u1 was used"),
        ("users", {"role": "Schüler"}, "users.csv, row 2, role: 'Schüler' is none of the standard's"),
        ("users", {"givenName": "Zo\té"}, "users.csv, row 2, givenName: 'Zo\\té' was read as 'Zo é'"),
        ("users", {"sourcedId": "u9"}, f"enrollments.csv, row 2, userSourcedId: names 'u1', which is not in users.csv; {LEFT_OUT}"),
        ("users", {"sourcedId": "#1"}, "users.csv, row 2, sourcedId: idnumber must not begin with #"),
        ("classes", {"termSourcedIds": "nowhere"}, "classes.csv, row 2, termSourcedIds: names no term that is kept here; the section is ongoing"),
        ("classes", {"termSourcedIds": ""}, "classes.csv, row 2, termSourcedIds: names no term"),
        ("classes", {"courseSourcedId": "c9"}, "classes.csv, row 2, courseSourcedId: names no course"),
        ("enrollments", {"beginDate": "10/08/2026"}, f"enrollments.csv, row 2, beginDate: '10/08/2026' is no date like 2026-11-21; {LEFT_OUT}"),
        ("enrollments", {"beginDate": "2026-08-10T00:00:00Z"}, "enrollments.csv, row 2, beginDate: '2026-08-10T00:00:00Z' was read as '2026-08-10'"),
        ("academicSessions", {"title": "x" * 300}, "academicSessions.csv, row 2, title:"),
        ("academicSessions", {"endDate": "2027-02-30"}, f"academicSessions.csv, row 2, endDate: '2027-02-30' is no date like 2026-11-21; {LEFT_OUT}"),
        ("academicSessions", {"endDate": "2026-08-01"}, "academicSessions.csv, row 2, endDate: '2026' is not kept: 2026-08-01 is the first day that is out"),
        ("results", {"score": "-1"}, f"results.csv, row 2, score: Zoé Ö (u1): Points are not below zero; {LEFT_OUT}"),
        ("results", {"scoreDate": "2027-09-06"}, "results.csv, row 2, scoreDate: Zoé Ö (u1): This day is still to come"),
        ("results", {"studentSourcedId": "u2"}, "results.csv, row 2, studentSourcedId: T E (u2): This person never was"),
        ("results", {"score": "7,5"}, "results.csv, row 2, score: '7,5' was read as '7.5'"),
        ("results", {"scoreStatus": "Fully_Graded"}, "results.csv, row 2, scoreStatus: 'Fully_Graded' was read as 'fully graded'"),
        ("results", {"scoreDate": ""}, "results.csv, row 2, scoreDate: is empty; the grade counts from now on"),
        ("lineItems", {"categorySourcedId": "g9"}, "lineItems.csv, row 2, categorySourcedId: names 'g9'"),
        ("lineItems", {"dueDate": "soon"}, "lineItems.csv, row 2, dueDate: 'soon' is no date like 2026-11-21; not read"),
        ("lineItems", {"resultValueMax": ""}, "lineItems.csv, row 2, resultValueMax: is empty"),
    ],
)  # fmt: skip
def test_what_else_is_odd_is_taken_in_or_left_out_with_a_note(
    tmp_path: Path, file: str, change: dict[str, str], note: str
) -> None:
    folder = district(tmp_path / "d")
    gradebook(folder, "7")
    edited(folder, file, lambda rows: rows[0].update(change))
    school = empty(tmp_path)
    done = taken_in(school, folder)
    assert (problems(done), done.applied) == ([], True)
    notes = [str(w) for w in done.report.warnings]
    assert any(n.startswith(note) for n in notes), notes
    again = taken_in(school, folder)
    assert {what for counts in again.counts.values() for what in counts} == {"unchanged"}


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"oneroster.version": "v1.1.2"}, "oneroster.version: 'v1.1.2' was read as 1.1"),
        ({"oneroster.version": "2.0"}, "oneroster.version: '2.0' is none of 1.1, 1.2"),
        ({"FILE.USERS": "Bulk", "file.Results": "Absent"}, ""),
        ({"file.results": "bulk"}, "results.csv: is missing, though the manifest says bulk"),
        ({"file.users": "all of it"}, "file.users: 'all of it' is none of absent, bulk, delta"),
    ],
)
def test_a_manifest_is_read_as_it_is_meant(
    tmp_path: Path, said: Mapping[str, str], note: str
) -> None:
    folder = district(tmp_path / "d")
    write(folder, "manifest", *({"propertyName": n, "value": v} for n, v in said.items()))
    done = taken_in(empty(tmp_path), folder)
    assert (problems(done), done.applied) == ([], True)
    assert note in "\n".join(str(w) for w in done.report.warnings)
    assert done.counts["users"]["new"] == 2


def test_rows_that_are_alike_are_one_and_rows_of_commas_are_none(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    for name in ("academicSessions", "courses", "classes", "users"):
        edited(folder, name, lambda rows: rows.extend([dict.fromkeys(rows[0], ""), rows[0]]))
    done = taken_in(empty(tmp_path), folder)
    assert (problems(done), done.applied) == ([], True)
    notes = "\n".join(str(w) for w in done.report.warnings)
    assert "users.csv, row 6, sourcedId: 'u1' stands there twice, alike" in notes
    assert done.counts["classes"] == {"new": 2}


def test_many_rows_of_which_one_thing_is_to_be_said_are_one_note(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    edited(
        folder, "enrollments",
        lambda rows: rows.extend({**rows[0], "sourcedId": f"a{n}", "role": "aide"} for n in range(50)),
    )  # fmt: skip
    notes = [str(w) for w in taken_in(empty(tmp_path), folder).report.warnings]
    (aides,) = [n for n in notes if "'aide' is neither" in n]
    assert "row 4, role" in aides
    assert aides.endswith("(also row " + ", ".join(map(str, range(5, 24))) + ", and 30 more)")


def test_terms_and_years_that_overlap_are_left_out_and_told(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    edited(folder, "academicSessions", lambda rows: rows[2].update(startDate="2026-12-01"))
    done = taken_in(empty(tmp_path), folder)
    assert done.applied
    said = "academicSessions.csv, row 4, startDate: 'S2' is not kept: it overlaps S1 (2026-08-01 to 2026-12-31)"
    assert said in [str(w) for w in done.report.warnings]


def test_terms_that_move_together_may_pass_through_each_other(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    school = empty(tmp_path)
    taken_in(school, folder)
    edited(folder, "academicSessions", lambda rows: rows[1].update(endDate="2027-02-01"))
    done = taken_in(school, folder)
    said = "startDate: it overlaps S2 (2027-01-01 to 2027-06-30); no days were changed"
    assert said in "\n".join(str(w) for w in done.report.warnings)
    edited(folder, "academicSessions", lambda rows: rows[2].update(startDate="2027-02-01"))
    assert taken_in(school, folder).counts["academicSessions"] == {"unchanged": 1, "updated": 2}


def test_a_closed_terms_days_stay_and_both_are_named(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    school = empty(tmp_path)
    taken_in(school, folder)
    with school.database.write() as connection:
        closed = sa.update(term).where(term.c.title == "S1").values(closed_unix_s=school.now)
        connection.execute(closed)
    edited(folder, "academicSessions", lambda rows: rows[1].update(endDate="2026-12-31"))
    done = taken_in(school, folder)
    assert done.applied
    assert (
        "academicSessions.csv, row 3, endDate: the term S1 is closed and stays as it is: here 'S1' "
        "from 2026-08-01 to 2026-12-31, in the file 'S1' from 2026-08-01 to 2026-12-30, both days "
        "included"
    ) in [str(w) for w in done.report.warnings]


@pytest.mark.requirement("E64")
def test_a_missing_column_is_named_and_an_old_name_is_taken(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    rows = table(folder, "enrollments")
    write(
        folder,
        "enrollments",
        *({"userId" if n == "userSourcedId" else n: v for n, v in r.items()} for r in rows),
    )
    done = taken_in(empty(tmp_path), folder)
    assert problems(done) == []
    assert any("was read as userSourcedId" in str(w) for w in done.report.warnings)
    write(folder, "enrollments", *({n: v for n, v in r.items() if n != "role"} for r in rows))
    done = taken_in(empty(tmp_path, "other"), folder)
    assert "enrollments.csv, row 1, role: this column is missing" in problems(done)
