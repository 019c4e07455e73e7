"""Packages as other systems write them, and taking one in: for the tests of the import."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mnet.settings import Settings
from schooltool_bridge.oneroster.importing import Imported, import_package
from schooltool_bridge.oneroster.reading import Package
from tests.helpers.school import School
from tests.schooltool_bridge.oneroster.story import settings, table

THERE = "http://new.example.org"


def taken_in(
    school: School, path: Path, *, wwwroot: str = THERE, preview: bool = False
) -> Imported:
    """Import and let a second pass."""
    school.now += 1
    where = settings(path.parent)
    here = Settings(where.home, wwwroot, where.name, where.timezone)
    with Package(path) as package:
        return import_package(
            school.database,
            here,
            package,
            preview=preview,
            actor="command line",
            now_unix_s=school.now,
        )


def problems(done: Imported) -> list[str]:
    return [str(p) for p in done.report.problems]


def empty(tmp_path: Path, name: str = "empty") -> School:
    school = School.open(f"sqlite:///{tmp_path / name}")
    school.now += 100
    return school


def write(folder: Path, name: str, *rows: dict[str, str], **style: Any) -> None:
    folder.mkdir(exist_ok=True)
    encoding = style.pop("encoding", "utf-8")
    with (folder / f"{name}.csv").open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), **style)
        writer.writeheader()
        writer.writerows(rows)


def edited(folder: Path, name: str, change: Callable[[list[dict[str, str]]], None]) -> None:
    rows = table(folder, name)
    change(rows)
    write(folder, name, *rows)


def setting(**values: str) -> Callable[[list[dict[str, str]]], None]:
    """Write these into every row."""

    def change(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row.update(values)

    return change


def district(folder: Path, **style: Any) -> Path:
    """A small package as another system writes it."""
    write(folder, "orgs", {"sourcedId": "o1", "name": "Élan", "type": "school"}, **style)
    write(
        folder, "academicSessions",
        {"sourcedId": "{Y}", "title": "2026", "type": "schoolYear", "startDate": "2026-08-01", "endDate": "2027-07-01", "parentSourcedId": "", "schoolYear": "2027"},
        {"sourcedId": "S1", "title": "S1", "type": "semester", "startDate": "2026-08-01", "endDate": "2027-01-01", "parentSourcedId": "{Y}", "schoolYear": "2027"},
        {"sourcedId": "S2", "title": "S2", "type": "semester", "startDate": "2027-01-01", "endDate": "2027-07-01", "parentSourcedId": "{Y}", "schoolYear": "2027"},
        **style,
    )  # fmt: skip
    write(
        folder,
        "courses",
        {"sourcedId": "c1", "title": "Maths", "courseCode": "M", "orgSourcedId": "o1"},
        **style,
    )
    write(
        folder, "classes",
        {"sourcedId": "k1", "title": "Maths 1", "courseSourcedId": "c1", "classType": "scheduled", "schoolSourcedId": "o1", "termSourcedIds": "S1", "classCode": "M-1"},
        {"sourcedId": "k2", "title": "Maths 2", "courseSourcedId": "c1", "classType": "scheduled", "schoolSourcedId": "o1", "termSourcedIds": "S1,S2", "classCode": "M-1"},
        **style,
    )  # fmt: skip
    blank = {"enabledUser": "true", "orgSourcedIds": "o1"}
    write(
        folder, "users",
        {"sourcedId": "u1", **blank, "role": "student", "username": "zoé", "givenName": "Zoé", "familyName": "Ö", "identifier": "n1"},
        {"sourcedId": "u2", **blank, "role": "teacher", "username": "tea", "givenName": "T", "familyName": "E", "identifier": ""},
        {"sourcedId": "u3", **blank, "role": "parent", "username": "mum", "givenName": "M", "familyName": "U", "identifier": ""},
        **style,
    )  # fmt: skip
    write(
        folder, "enrollments",
        {"sourcedId": "e1", "status": "", "classSourcedId": "k1", "schoolSourcedId": "o1", "userSourcedId": "u1", "role": "student", "beginDate": "2026-08-10", "endDate": ""},
        {"sourcedId": "e2", "status": "", "classSourcedId": "k1", "schoolSourcedId": "o1", "userSourcedId": "u2", "role": "teacher", "beginDate": "", "endDate": ""},
        **style,
    )  # fmt: skip
    return folder


def gradebook(folder: Path, score: str, status: str = "fully graded") -> None:
    write(folder, "categories", {"sourcedId": "g1", "title": "HOMEWORK"})
    write(
        folder, "lineItems",
        {"sourcedId": "i1", "title": "Sums", "description": "x", "assignDate": "2026-09-01", "dueDate": "2026-09-05", "classSourcedId": "k1", "categorySourcedId": "g1", "gradingPeriodSourcedId": "S1", "resultValueMin": "0", "resultValueMax": "10"},
    )  # fmt: skip
    write(
        folder, "results",
        {"sourcedId": "r1", "lineItemSourcedId": "i1", "studentSourcedId": "u1", "scoreStatus": status, "score": score, "scoreDate": "2026-09-06"},
    )  # fmt: skip
