"""What an import refuses: it names the file, row and column, and takes nothing in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oneroster.packages import district, edited, empty, gradebook, problems, taken_in, write
from tests.oneroster.story import table


@pytest.mark.parametrize(
    ("file", "change", "place"),
    [
        ("users", {"familyName": ""}, "users.csv, row 2, familyName"),
        ("users", {"sourcedId": "u2"}, "users.csv, row 3, sourcedId"),
        ("users", {"enabledUser": "perhaps"}, "users.csv, row 2, enabledUser"),
        ("users", {"username": "a\x00b"}, "users.csv, row 2, username"),
        ("classes", {"termSourcedIds": "nowhere"}, "classes.csv, row 2, termSourcedIds"),
        ("classes", {"courseSourcedId": "c9"}, "classes.csv, row 2, courseSourcedId"),
        ("enrollments", {"beginDate": "10/08/2026"}, "enrollments.csv, row 2, beginDate"),
        ("enrollments", {"userSourcedId": "u9"}, "enrollments.csv, row 2, userSourcedId"),
        ("enrollments", {"endDate": "2026-08-01"}, "enrollments.csv, row 2, endDate"),
        ("academicSessions", {"title": "x" * 300}, "academicSessions.csv, row 2"),
        ("academicSessions", {"endDate": "2027-02-30"}, "academicSessions.csv, row 2, endDate"),
        ("results", {"score": "-1"}, "results.csv, row 2, score"),
        ("results", {"score": "many"}, "results.csv, row 2, score"),
        ("results", {"scoreDate": "2027-09-06"}, "results.csv, row 2"),
        ("results", {"studentSourcedId": "u2"}, "results.csv, row 2"),
        ("lineItems", {"resultValueMax": "-5"}, "lineItems.csv, row 2, resultValueMax"),
    ],
)
def test_a_problem_names_its_place_and_nothing_is_applied(
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


def test_terms_and_years_that_overlap_are_refused(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    edited(folder, "academicSessions", lambda rows: rows[2].update(startDate="2026-12-01"))
    done = taken_in(empty(tmp_path), folder)
    assert any("overlaps S1" in p for p in problems(done))
    assert done.counts["academicSessions"]["failed"] == 1


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
