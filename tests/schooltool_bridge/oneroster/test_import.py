"""The import: what it takes in, twice, by preview, from us and from others."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import audit
from schooltool_bridge.hand import enrolments, people
from schooltool_bridge.history import roster
from schooltool_bridge.history.author import Author
from schooltool_bridge.oneroster.importing import import_package
from schooltool_bridge.oneroster.reading import Package, Style
from schooltool_bridge.store.model import enrolment, person
from schooltool_bridge.store.model_school import course
from tests.helpers.school import School
from tests.schooltool_bridge.oneroster.packages import (
    district,
    edited,
    empty,
    gradebook,
    problems,
    taken_in,
    write,
)
from tests.schooltool_bridge.oneroster.story import exported, judged, settings, table, tell


@pytest.mark.requirement("D.2")
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_an_export_taken_in_elsewhere_exports_the_same(
    database_url: str, tmp_path: Path, version: str
) -> None:
    there = tell(database_url)
    exported(there, tmp_path / "first", version)
    there.database.close()
    school = empty(tmp_path)
    done = taken_in(school, tmp_path / "first")
    assert problems(done) == []
    assert done.applied
    exported(school, tmp_path / "second", version)
    assert judged(tmp_path / "second").ok
    first, second = (by_names(tmp_path / name) for name in ("first", "second"))
    # The two sections of two Moodles that share a number: ours have it once.
    twice = [r for r in first["classes"] if r["title"] == "Algebra elsewhere"]
    assert [r["classCode"] for r in twice] == ["5"]
    for row in twice:
        row["classCode"] = ""
    # What people are called at Moodles is no business of a site that does not know those.
    first.pop("userProfiles", None)
    second.pop("userProfiles", None)
    # 1.1 has one word for principals and counselors, who may see everybody: nobody is made that.
    for row in first["users"]:
        if row.get("role") == "administrator":
            row["role"] = "teacher"
    # The ongoing container spans from the first day to the last of what the site itself knows.
    for package in (first, second):
        for row in package["academicSessions"]:
            if row["title"] == "Ongoing":
                row["startDate"] = row["endDate"] = ""
    for name in first:
        assert sorted(map(json.dumps, second[name])) == sorted(map(json.dumps, first[name])), name


def by_names(folder: Path) -> dict[str, list[dict[str, str]]]:
    """A package with every id replaced by what it stands for."""
    files = {f.stem: table(folder, f.stem) for f in folder.iterdir() if f.stem != "manifest"}
    names: dict[str, str] = {}
    for stem, column in (
        ("orgs", "name"), ("academicSessions", "title"), ("courses", "title"), ("classes", "title"),
        ("users", "username"), ("categories", "title"), ("lineItems", "title"),
    ):  # fmt: skip
        names |= {r["sourcedId"]: f"{stem}:{r[column]}" for r in files[stem]}
    for rows in files.values():
        for row in rows:
            del row["sourcedId"]
            for column in row:
                if "SourcedId" in column and row[column]:
                    row[column] = names[row[column]]
    return files


@pytest.mark.requirement("D.2", "E63")
def test_the_same_package_again_changes_nothing(tmp_path: Path, out: Path) -> None:
    school = empty(tmp_path)
    taken_in(school, out)
    before = school.counts()
    again = taken_in(school, out)
    assert {what for counts in again.counts.values() for what in counts} == {"unchanged"}
    after = school.counts()
    after["audit_entry"] -= 1
    assert after == before


def test_years_terms_courses_and_filing_stand_in_the_audit_trail(tmp_path: Path) -> None:
    school = empty(tmp_path)
    package = district(tmp_path / "d")
    taken_in(school, package)
    assert audited(school) == [
        ("command line", "year added", "2026", {"days": "1 Aug 2026 - 30 Jun 2027"}),
        ("command line", "term added", "S1", {"days": "1 Aug - 31 Dec 2026"}),
        ("command line", "term added", "S2", {"days": "1 Jan - 30 Jun 2027"}),
        ("command line", "course added", "M", {"title": "Maths"}),
        (
            "command line",
            "section filed",
            "section 1",
            {"before": "Ongoing", "after": "M, S1, 2026"},
        ),
        ("command line", "section filed", "section 2", {"before": "Ongoing", "after": "M"}),
    ]
    edited(package, "academicSessions", lambda rows: rows[1].update(endDate="2026-12-25"))
    edited(package, "courses", lambda rows: rows[0].update(title="Mathematics"))
    edited(package, "classes", lambda rows: rows[0].update(termSourcedIds="S2"))
    taken_in(school, package, preview=True)
    assert len(audited(school)) == 6, "a preview leaves no note"
    taken_in(school, package)
    assert audited(school)[6:] == [
        (
            "command line",
            "term changed",
            "S1",
            {"before": "S1, 1 Aug - 31 Dec 2026", "days": "1 Aug - 24 Dec 2026"},
        ),
        ("command line", "course changed", "M", {"before": "Maths", "title": "Mathematics"}),
        (
            "command line",
            "section filed",
            "section 1",
            {"before": "M, S1, 2026", "after": "M, S2, 2026"},
        ),
    ]


def audited(school: School) -> list[tuple[str, str, str, dict[str, Any]]]:
    """What the trail says beside that there was an import, in order."""
    with school.database.read() as connection:
        rows = audit.entries(connection)
    return [
        (r.actor, r.action, r.subject, dict(r.detail))
        for r in reversed(rows)
        if r.action != "records imported"
    ]


def test_our_own_package_taken_in_at_home_changes_nothing(tmp_path: Path) -> None:
    school = tell(f"sqlite:///{tmp_path / 's'}")
    exported(school, tmp_path / "out")
    before = school.dump()
    done = taken_in(school, tmp_path / "out", wwwroot="http://sis.example.org")
    assert problems(done) == []
    assert {what for counts in done.counts.values() for what in counts} == {"unchanged"}
    assert school.dump() == before


def test_places_written_many_at_once_are_as_if_folded_one_by_one(tmp_path: Path, out: Path) -> None:
    school = empty(tmp_path)
    taken_in(school, out)
    with school.database.write() as connection:
        before = connection.execute(sa.select(enrolment).order_by(enrolment.c.id)).all()
        assert len(before) == len(table(out, "enrollments"))
        for row in before:
            roster.refold(connection, row.section_id, row.person_id)
        assert connection.execute(sa.select(enrolment).order_by(enrolment.c.id)).all() == before


def test_a_package_is_read_before_anybody_has_to_wait(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = empty(tmp_path)
    is_writing: list[bool] = []
    read, write = Package.rows, school.database.write

    def rows(package: Package, name: str, style: Style) -> Iterator[tuple[int, list[str]]]:
        assert not is_writing, name
        return read(package, name, style)

    @contextmanager
    def watched() -> Iterator[Connection]:
        with write() as connection:
            is_writing.append(True)
            yield connection
            is_writing.clear()

    monkeypatch.setattr(Package, "rows", rows)
    monkeypatch.setattr(school.database, "write", watched)
    assert taken_in(school, out).applied


def test_a_preview_says_what_would_come_and_changes_nothing(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    school = empty(tmp_path)
    before = school.counts()
    seen = taken_in(school, folder, preview=True)
    assert not seen.applied
    assert seen.counts["users"] == {"new": 2, "unchanged": 1}
    assert seen.counts["enrollments"] == {"new": 2}
    assert school.counts() == before
    done = taken_in(school, folder)
    assert done.applied
    assert done.counts == seen.counts


def test_another_systems_package_is_taken_in(tmp_path: Path) -> None:
    school = empty(tmp_path)
    done = taken_in(school, district(tmp_path / "d"))
    assert problems(done) == []
    said = [str(w) for w in done.report.warnings]
    assert any("manifest" in w for w in said)
    assert any("family" in w for w in said)
    assert any("several terms" in w for w in said)
    assert {p["idnumber"] for p in school.people()} == {"n1", "u2"}
    assert {(s["idnumber"], s["name"]) for s in school.sections()} == {
        ("M-1", "Maths 1"),
        (None, "Maths 2"),
    }
    assert school.enrolments() == {("M-1", "n1", "student"): "a", ("M-1", "u2", "teacher"): "a"}
    exported(school, tmp_path / "out")
    begun = {e["role"]: e["beginDate"] for e in table(tmp_path / "out", "enrollments")}
    assert begun["student"] == "2026-08-10"
    terms = {
        t["title"]: t for t in table(tmp_path / "out", "academicSessions") if t["type"] == "term"
    }
    assert (terms["S1"]["startDate"], terms["S1"]["endDate"]) == ("2026-08-01", "2027-01-01")


@pytest.mark.requirement("D.2", "E62")
@pytest.mark.parametrize(
    "style",
    [
        {"encoding": "utf-8-sig"},
        {"encoding": "utf-16"},
        {"encoding": "cp1252"},
        {"delimiter": ";"},
        {"delimiter": "\t", "encoding": "utf-16-le"},
        {"quoting": csv.QUOTE_ALL, "lineterminator": "\n"},
    ],
)
def test_what_excel_makes_of_a_file_is_read(tmp_path: Path, style: dict[str, Any]) -> None:
    school = empty(tmp_path)
    done = taken_in(school, district(tmp_path / "d", **style))
    assert problems(done) == []
    assert "Zoé" in {p["firstname"] for p in school.people()}


def test_who_is_meant_is_found_by_number_and_never_by_name_or_mail(tmp_path: Path) -> None:
    school = empty(tmp_path)
    school.push("fetch_user", idnumber="n1", username="other", firstname="Peer's", lastname="Name")
    school.push(
        "fetch_user", idnumber="x", username="tea", firstname="T", lastname="E", email="t@x.org"
    )
    done = taken_in(school, district(tmp_path / "d"))
    people_ = {p["username"]: p for p in school.people()}
    assert people_.keys() == {"other", "tea", "tea.import"}
    assert people_["other"]["firstname"] == "Peer's"
    assert people_["tea.import"]["idnumber"] == "u2"
    assert any("was kept" in str(w) for w in done.report.warnings)


def test_two_people_for_one_user_are_put_before_a_person(tmp_path: Path) -> None:
    school = empty(tmp_path)
    for number in ("n1", "u1"):
        school.push("fetch_user", idnumber=number, username=number, firstname="A", lastname="B")
    before = school.counts()
    done = taken_in(school, district(tmp_path / "d"))
    assert len(problems(done)) == 1
    assert problems(done)[0].startswith("users.csv, row 2, identifier: ")
    assert done.counts["users"]["failed"] == 1
    assert school.counts() == before


def test_a_change_in_the_file_is_taken_over_and_a_change_made_here_stays(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    school = empty(tmp_path)
    taken_in(school, folder)
    edited(folder, "users", lambda rows: rows[0].update(familyName="Neu"))
    edited(folder, "classes", lambda rows: rows[0].update(title="Maths A"))
    edited(folder, "courses", lambda rows: rows[0].update(title="Mathematics"))
    done = taken_in(school, folder)
    assert [done.counts[n]["updated"] for n in ("users", "classes", "courses")] == [1, 1, 1]
    assert "Neu" in {p["lastname"] for p in school.people()}
    assert "Maths A" in {s["name"] for s in school.sections()}
    with school.database.write() as connection:
        author = Author("clerk", school.now)
        zoe = connection.execute(
            sa.select(person.c.id).where(person.c.idnumber == "n1")
        ).scalar_one()
        people.change(connection, author, zoe, people.Names("zoé", "Zoé", "Here", "n1"))
        enrolments.set_state(connection, author, 1, zoe, "student", "wf")
    edited(folder, "users", lambda rows: rows[0].update(givenName="Again"))
    taken_in(school, folder)
    assert {p["lastname"] for p in school.people()} == {"Here", "E"}
    assert school.enrolments()["M-1", "n1", "student"] == "wf"


@pytest.mark.requirement("D.2")
def test_taken_back_means_ended_and_nothing_is_deleted(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    gradebook(folder, "7")
    school = empty(tmp_path)
    taken_in(school, folder)
    delta = tmp_path / "delta"
    properties = {"manifest.version": "1.0", "oneroster.version": "1.1"}
    properties |= {"file.enrollments": "delta", "file.users": "delta"}
    write(delta, "manifest", *({"propertyName": n, "value": v} for n, v in properties.items()))
    at = {"dateLastModified": "2026-11-18T08:00:00.000Z", "status": "tobedeleted"}
    write(
        delta, "enrollments",
        {"sourcedId": "e1", **at, "classSourcedId": "k1", "schoolSourcedId": "o1", "userSourcedId": "u1", "role": "student"},
    )  # fmt: skip
    write(
        delta, "users",
        {"sourcedId": "u2", **at, "enabledUser": "true", "orgSourcedIds": "o1", "role": "teacher", "username": "tea", "givenName": "T", "familyName": "E"},
    )  # fmt: skip
    before = school.counts()
    done = taken_in(school, delta)
    assert problems(done) == []
    assert school.enrolments() == {("M-1", "n1", "student"): "w", ("M-1", "u2", "teacher"): "a"}
    assert all(after >= before[name] for name, after in school.counts().items())
    assert taken_in(school, delta).counts["enrollments"] == {"unchanged": 1}


def test_what_somebody_removed_comes_anew(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    edited(
        folder,
        "courses",
        lambda rows: rows.append(rows[0] | {"sourcedId": "c2", "courseCode": "X"}),
    )
    school = empty(tmp_path)
    taken_in(school, folder)
    with school.database.write() as connection:
        connection.execute(sa.delete(course).where(course.c.code == "X"))
    done = taken_in(school, folder)
    assert (problems(done), done.counts["courses"]) == ([], {"unchanged": 1, "new": 1})
    assert taken_in(school, folder).counts["courses"] == {"unchanged": 2}


def test_a_bar_shows_how_far_an_import_is(tmp_path: Path, out: Path) -> None:
    school, shown = empty(tmp_path), dict[str, list[tuple[int, int]]]()
    where = settings(tmp_path)
    with Package(out) as package:
        done = import_package(
            school.database, where, package, preview=True, actor="command line",
            now_unix_s=school.now + 1,
            progress=lambda what, part, all_: shown.setdefault(what, []).append((part, all_)),
        )  # fmt: skip
    assert done.report.ok
    kept = {f"{f.stem}.csv" for f in out.iterdir()} - {"manifest.csv"}
    assert list(shown) == [
        *(f"checking {name}" for name in done.report.rows if f"{name}.csv" in kept),
        *(w for w in shown if w.startswith("reading ")),
        "writing",
    ]
    assert {"reading results", "reading enrollments", "reading users"} <= shown.keys()
    for what, steps in shown.items():
        parts = [part for part, _all in steps]
        assert parts == sorted(parts), what
        assert steps[-1][0] == steps[-1][1] > 0, what


def test_a_zip_is_taken_as_a_folder_is(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    shutil.rmtree(folder)
    assert taken_in(empty(tmp_path), tmp_path / "d.zip").applied
