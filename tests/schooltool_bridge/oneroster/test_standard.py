"""The standard once more, as data of its own: our export keeps to it, and our checker knows it.

Written from the CSV tables of OneRoster 1.1 and 1.2, not from tables.py, so that a slip there shows.
"""

from __future__ import annotations

import re
import shutil
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from schooltool_bridge.oneroster.tables import TABLES, Kind
from tests.schooltool_bridge.oneroster.packages import edited
from tests.schooltool_bridge.oneroster.story import judged, table

VERSIONS = ["1.1", "1.2"]
GUID = re.compile(r"[0-9A-Za-z./@_-]{1,255}")
BOTH_MUST = {
    "orgs": "name type",
    "academicSessions": "title type startDate endDate schoolYear",
    "courses": "title orgSourcedId",
    "classes": "title courseSourcedId classType schoolSourcedId termSourcedIds",
    "enrollments": "classSourcedId schoolSourcedId userSourcedId role",
    "demographics": "",
    "categories": "title",
}
USER = "enabledUser username givenName familyName"
ITEM = "title assignDate dueDate classSourcedId categorySourcedId"
RESULT = "lineItemSourcedId studentSourcedId scoreStatus scoreDate"
MUST = {
    "1.1": BOTH_MUST
    | {
        "users": f"{USER} orgSourcedIds role",
        "lineItems": f"{ITEM} gradingPeriodSourcedId resultValueMin resultValueMax",
        "results": f"{RESULT} score",
    },
    "1.2": BOTH_MUST
    | {
        "users": USER,
        "userProfiles": "userSourcedId profileType vendorId credentialType username",
        "roles": "userSourcedId roleType role orgSourcedId",
        "lineItems": f"{ITEM} academicSessionSourcedId schoolSourcedId",
        "results": RESULT,
    },
}
BOOLEAN = {"true", "false"}
BOTH_WORDS = {
    ("orgs", "type"): {"department", "school", "district", "local", "state", "national"},
    ("academicSessions", "type"): {"gradingPeriod", "semester", "schoolYear", "term"},
    ("classes", "classType"): {"homeroom", "scheduled"},
    ("enrollments", "role"): {"administrator", "proctor", "student", "teacher"},
    ("enrollments", "primary"): BOOLEAN,
    ("users", "enabledUser"): BOOLEAN,
    ("results", "scoreStatus"): {
        "exempt", "fully graded", "not submitted", "partially graded", "submitted",
    },
}  # fmt: skip
WORDS = {
    "1.1": BOTH_WORDS
    | {
        ("users", "role"): {
            "administrator", "aide", "guardian", "parent", "proctor", "relative", "student",
            "teacher",
        },
        ("demographics", "sex"): {"male", "female"},
    },
    "1.2": BOTH_WORDS
    | {
        ("roles", "roleType"): {"primary", "secondary"},
        ("roles", "role"): {
            "aide", "counselor", "districtAdministrator", "guardian", "parent", "principal",
            "proctor", "relative", "siteAdministrator", "student", "systemAdministrator",
            "teacher",
        },
        ("demographics", "sex"): {"male", "female", "unspecified", "other"},
        **{("results", n): BOOLEAN for n in ("inProgress", "incomplete", "late", "missing")},
    },
}  # fmt: skip
GRADES = {"IT", "PR", "PK", "TK", "KG", *(f"{n:02}" for n in range(1, 14)), "PS", "UG", "Other"}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_cell_of_an_export_is_as_the_standard_wants_it(made_once: Path, version: str) -> None:
    seen = 0
    for name, must in MUST[version].items():
        if name == "demographics":
            continue  # not ours to tell
        rows = table(made_once / version, name)
        assert rows, name
        for row in rows:
            assert row["status"] == row["dateLastModified"] == "", "a bulk row says neither"
            assert all(row[column] for column in must.split()), (name, row)
            for column, value in row.items():
                place = (name, column, value)
                if column == "sourcedId" or ("SourcedId" in column and value):
                    assert all(GUID.fullmatch(one) for one in value.split(",")), place
                if column.endswith("Date") and value:
                    assert date.fromisoformat(value).isoformat() == value, place
                if value and (name, column) in WORDS[version]:
                    assert value in WORDS[version][name, column], place
                    seen += 1
                assert not {"\r", "\n"} & set(value), place
    assert seen > 30


@pytest.mark.parametrize("version", VERSIONS)
def test_the_checker_knows_what_is_required_and_which_words_there_are(version: str) -> None:
    tables = TABLES[version]
    assert tables.keys() == MUST[version].keys()
    for name, found in tables.items():
        required = [c.name for c in found.columns if c.is_required]
        assert set(required) == {"sourcedId", *MUST[version][name].split()}, name
        for column in found.columns:
            words = WORDS[version].get((name, column.name))
            if column.kind is Kind.CHOICE and column.name != "status":
                assert set(column.choices) == words, (name, column.name)
            elif words is not None:
                assert (column.kind, words) == (Kind.YES_NO, BOOLEAN), (name, column.name)
            if column.name == "grades":
                assert set(column.choices) == GRADES


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wrong", ["", "no such word", "späce id"])
def test_the_checker_finds_each_of_them_broken(
    made_once: Path, tmp_path: Path, version: str, wrong: str
) -> None:
    """All at once: what is required left empty, other words, ids of other characters."""
    out = Path(shutil.copytree(made_once / version, tmp_path / "out"))
    expected = set()
    for name, must in MUST[version].items():
        if name == "demographics":
            continue
        of_words = {column for file, column in WORDS[version] if file == name}
        ids = {c for c in table(out, name)[0] if "ourcedId" in c}
        columns = {"": {"sourcedId", *must.split()}, "no such word": of_words}.get(wrong, ids)
        broken = dict.fromkeys(columns, wrong)
        edited(out, name, partial(change_first, broken))
        expected |= {(f"{name}.csv", 2, column) for column in columns}
    found = {(p.file, p.row, p.column) for p in judged(out).problems}
    assert expected <= found, expected - found
    assert len(expected) >= 8


def change_first(change: dict[str, str], rows: list[dict[str, str]]) -> None:
    rows[0].update(change)


AT = "2026-11-18T08:00:00.000Z"


@pytest.mark.parametrize(
    ("mode", "status", "modified", "column"),
    [
        ("bulk", "", "", ""),
        ("bulk", "active", "", "status"),
        ("bulk", "", AT, "dateLastModified"),
        ("delta", "active", AT, ""),
        ("delta", "tobedeleted", AT, ""),
        ("delta", "", AT, "status"),
        ("delta", "active", "", "dateLastModified"),
        ("delta", "inactive", AT, "status"),
        ("delta", "ext:gone", AT, "status"),
        ("delta", "active", "2026-11-18T08:00:00Z", "dateLastModified"),
        ("delta", "active", "2026-11-18", "dateLastModified"),
        ("delta", "active", "2026-02-30T08:00:00.000Z", "dateLastModified"),
        ("delta", "active", "2026-11-18T25:00:00.000Z", "dateLastModified"),
        ("full", "active", AT, "file.orgs"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_bulk_rows_say_neither_status_nor_time_and_delta_rows_both(
    made_once: Path,
    tmp_path: Path,
    version: str,
    mode: str,
    status: str,
    modified: str,
    column: str,
) -> None:
    out = Path(shutil.copytree(made_once / version, tmp_path / "out"))
    manifest = out / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("file.orgs,bulk", f"file.orgs,{mode}"))
    edited(out, "orgs", lambda rows: rows[0].update(status=status, dateLastModified=modified))
    assert [p.column for p in judged(out).problems if p.file in ("orgs.csv", "manifest.csv")] == (
        [column] if column else []
    )


@pytest.mark.parametrize(
    ("file", "column", "value", "is_right"),
    [
        ("users", "grades", "09,10", True),
        ("users", "grades", "9", False),
        ("classes", "grades", "KG", True),
        ("courses", "grades", "KG,,01", False),
        ("academicSessions", "schoolYear", "2025", False),
        ("academicSessions", "schoolYear", "26", False),
        ("users", "sourcedId", "x" * 256, False),
    ],
)
def test_grades_are_codes_and_a_school_year_is_called_by_its_end(
    out: Path, file: str, column: str, value: str, is_right: bool
) -> None:
    edited(out, file, lambda rows: rows[0].update({column: value}))
    found = [(p.file, p.row, p.column) for p in judged(out).problems]
    assert ((f"{file}.csv", 2, column) not in found) == is_right, found
