"""The export: a strict consumer takes it, nothing is lost, and it costs a fixed number of questions."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from schooltool_bridge.hand import people, sections
from schooltool_bridge.history.author import Author
from schooltool_bridge.oneroster.writing import OneRosterError
from tests.helpers.report_story import begin, file_under_a_term
from tests.helpers.school import School
from tests.schooltool_bridge.oneroster.packages import district, empty, taken_in
from tests.schooltool_bridge.oneroster.story import HOSTILE, B, exported, judged, table, tell

VERSIONS = ["1.1", "1.2"]
USERS_1_1 = "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password"
USERS_1_2 = "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns"
ITEM = "sourcedId,status,dateLastModified,title,description,assignDate,dueDate,classSourcedId,categorySourcedId"
RESULT = "sourcedId,status,dateLastModified,lineItemSourcedId,studentSourcedId,scoreStatus,score,scoreDate,comment"
BOTH = {
    "manifest": "propertyName,value",
    "academicSessions": "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear",
    "orgs": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId",
    "courses": "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
    "classes": "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods",
    "enrollments": "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate",
}
HEADERS = {
    "1.1": BOTH
    | {
        "users": USERS_1_1,
        "categories": "sourcedId,status,dateLastModified,title",
        "lineItems": f"{ITEM},gradingPeriodSourcedId,resultValueMin,resultValueMax",
        "results": RESULT,
    },
    "1.2": BOTH
    | {
        "users": USERS_1_2,
        "roles": "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId",
        "userProfiles": "sourcedId,status,dateLastModified,userSourcedId,profileType,vendorId,applicationId,description,credentialType,username,password",
        "categories": "sourcedId,status,dateLastModified,title,weight",
        "lineItems": f"{ITEM},academicSessionSourcedId,resultValueMin,resultValueMax,schoolSourcedId",
        "results": f"{RESULT},textScore,classSourcedId,inProgress,incomplete,late,missing",
    },
}
FILES_1_1 = {
    "academicSessions", "categories", "classes", "classResources", "courses", "courseResources",
    "demographics", "enrollments", "lineItems", "orgs", "resources", "results", "users",
}  # fmt: skip


def test_weights_that_the_format_has_no_place_for_are_counted(
    database_url: str, tmp_path: Path
) -> None:
    school = begin(database_url)
    assert exported(school, tmp_path / "without", "1.2").weighted_sections == 0
    file_under_a_term(school)
    assert exported(school, tmp_path / "with", "1.2").weighted_sections == 1
    school.database.close()


@pytest.mark.requirement("D.2")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_strict_consumer_takes_the_story(database_url: str, tmp_path: Path, version: str) -> None:
    school = tell(database_url)
    target = tmp_path / "out"
    done = exported(school, target, version)
    school.database.close()
    report = judged(target)
    assert [str(p) for p in report.problems] == []
    assert report.version == version
    assert report.rows == dict(done.rows)
    # Extra credit stands there as it is, and both say so.
    assert [(p.file, p.row, p.column) for p in report.warnings] == [("results.csv", 4, "score")]
    assert (done.grades_left_out, done.grades_beyond_worth) == (0, 1)
    # Every file that is announced has something in it: nothing above is vacuous.
    assert min(done.rows.values()) >= 1


@pytest.mark.requirement("D.2")
@pytest.mark.parametrize("version", VERSIONS)
def test_every_header_is_the_standards_own(made_once: Path, version: str) -> None:
    for file in (made_once / version).iterdir():
        raw = file.read_bytes()
        assert raw.startswith(HEADERS[version][file.stem].encode() + b"\r\n")
        assert raw.endswith(b"\r\n")
    assert {f.stem for f in (made_once / version).iterdir()} == HEADERS[version].keys()


def test_the_manifest_has_a_row_for_every_file_of_the_standard(made_once: Path) -> None:
    said = {r["propertyName"]: r["value"] for r in table(made_once / "1.1", "manifest")}
    assert said["manifest.version"] == "1.0"
    assert said["oneroster.version"] == "1.1"
    files = {n.removeprefix("file."): v for n, v in said.items() if n.startswith("file.")}
    assert files.keys() == FILES_1_1
    there = {f.stem for f in (made_once / "1.1").iterdir()} - {"manifest"}
    assert {n for n, mode in files.items() if mode == "bulk"} == there
    assert set(files.values()) == {"bulk", "absent"}
    said = {r["propertyName"]: r["value"] for r in table(made_once / "1.2", "manifest")}
    assert len([n for n in said if n.startswith("file.")]) == 21


@pytest.mark.requirement("D.2")
@pytest.mark.parametrize("version", VERSIONS)
def test_every_reference_resolves(made_once: Path, version: str) -> None:
    """Looked up here once more, by what columns are called."""
    files = {n: table(made_once / version, n) for n in HEADERS[version] if n != "manifest"}
    ids = {name: {r["sourcedId"] for r in rows} for name, rows in files.items()}
    home = {
        "org": "orgs", "orgs": "orgs", "school": "orgs", "primaryOrg": "orgs", "class": "classes",
        "course": "courses", "user": "users", "student": "users", "category": "categories",
        "lineItem": "lineItems", "terms": "academicSessions", "term": "academicSessions",
        "gradingPeriod": "academicSessions", "academicSession": "academicSessions",
        "schoolYear": "academicSessions", "userProfile": "userProfiles", "agent": "users",
    }  # fmt: skip
    looked_up = 0
    for name, rows in files.items():
        for row in rows:
            for column, value in row.items():
                if column == "sourcedId" or "SourcedId" not in column or not value:
                    continue
                stem = column.split("SourcedId")[0]
                target = name if stem == "parent" else home[stem]
                assert set(value.split(",")) <= ids[target], (name, row, column)
                looked_up += 1
    assert looked_up > 60
    assert sum(len(i) for i in ids.values()) == sum(len(r) for r in files.values())


def test_what_the_story_says_stands_in_the_files(out: Path) -> None:
    people_ = {u["identifier"] or u["username"]: u for u in table(out, "users")}
    assert people_["s4"]["givenName"] == HOSTILE
    assert {n: u["role"] for n, u in people_.items()} == {
        "s1": "student", "s2": "student", "s3": "student", "s4": "student", "t1": "teacher",
        "b1": "administrator", "nobody": "student", "eve": "student",
    }  # fmt: skip
    by_title = {c["title"]: c for c in table(out, "classes")}
    assert by_title.keys() == {"Algebra", "Algebra elsewhere", "Chess\u2028Club"}
    assert by_title["Algebra"]["termSourcedIds"] == "term-ongoing"
    assert by_title["Chess\u2028Club"]["termSourcedIds"] == "term-1"
    named = {u["sourcedId"]: n for n, u in people_.items()}
    there = {
        (c["title"], named[e["userSourcedId"]]): e
        for e in table(out, "enrollments")
        for c in by_title.values()
        if c["sourcedId"] == e["classSourcedId"]
    }
    # NOW is a noon of 18 November in Paris; a million seconds are eleven and a half days.
    assert there["Algebra", "s1"]["beginDate"] == "2026-11-06"
    assert there["Algebra", "s1"]["endDate"] == ""
    assert there["Algebra", "s3"]["endDate"] == "2026-11-19"
    assert there["Chess\u2028Club", "b1"]["endDate"] == "2027-03-15"
    assert ("Chess\u2028Club", "eve") not in there
    assert there["Algebra", "t1"]["primary"] == "true"
    items = {i["sourcedId"]: i for i in table(out, "lineItems")}
    said = {
        (items[r["lineItemSourcedId"]]["title"], named[r["studentSourcedId"]]): (
            r["scoreStatus"],
            r["score"],
        )
        for r in table(out, "results")
    }
    assert said == {
        (HOSTILE, "s1"): ("fully graded", "9.5"),
        (HOSTILE, "s2"): ("exempt", "0"),
        ("Exam", "s3"): ("fully graded", "120"),
        ("Game", "s1"): ("fully graded", "4.25"),
    }
    game = next(i for i in items.values() if i["title"] == "Game")
    assert game["description"] == 'Two lines, "quoted"'
    assert game["dueDate"] == "2026-11-30"
    assert game["assignDate"] == "2026-11-18"


def test_an_end_excludes_its_day(out: Path) -> None:
    sessions = {s["title"]: s for s in table(out, "academicSessions")}
    assert sessions["2026/27"]["endDate"] == "2027-07-01"
    assert sessions["2026/27"]["schoolYear"] == "2027"
    ongoing = sessions["Ongoing"]
    assert ongoing["startDate"] <= "2026-11-06"
    assert ongoing["endDate"] >= "2027-03-14"


def test_people_have_all_their_roles_in_the_newer_version(made_once: Path) -> None:
    users = {u["sourcedId"]: u["username"] for u in table(made_once / "1.2", "users")}
    held = [
        (users[r["userSourcedId"]], r["role"], r["roleType"])
        for r in table(made_once / "1.2", "roles")
    ]
    assert [h for h in held if h[0] == "tom"] == [
        ("tom", "counselor", "primary"),
        ("tom", "teacher", "secondary"),
    ]
    profiles = [
        (users[p["userSourcedId"]], p["vendorId"], p["username"], p["password"])
        for p in table(made_once / "1.2", "userProfiles")
    ]
    assert ("pupil1", B, "anna.b", "") in profiles


def test_an_empty_school_exports_too(tmp_path: Path) -> None:
    school = School.open(f"sqlite:///{tmp_path / 's'}")
    exported(school, tmp_path / "out")
    assert [str(p) for p in judged(tmp_path / "out").problems] == []


def test_a_zip_has_the_same_files_at_its_root(tmp_path: Path) -> None:
    school = tell(f"sqlite:///{tmp_path / 's'}")
    exported(school, tmp_path / "out")
    exported(school, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        packed = {n: archive.read(n) for n in archive.namelist()}
    assert packed == {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()}
    assert judged(tmp_path / "out.zip").ok
    assert (tmp_path / "out.zip").stat().st_mode & 0o077 == 0
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path) -> None:
    school = tell(f"sqlite:///{tmp_path / 's'}")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    with pytest.raises(OneRosterError, match="not empty"):
        exported(school, full)
    (tmp_path / "there.zip").write_text("mine")
    with pytest.raises(OneRosterError, match="exists already"):
        exported(school, tmp_path / "there.zip")
    with pytest.raises(OneRosterError, match="make it first"):
        exported(school, tmp_path / "no" / "where")
    with school.database.write() as connection:
        connection.execute(sa.text("DROP TABLE staff_role"))
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(sa.exc.OperationalError):
        exported(school, tmp_path / "half")
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def statements(school: School, target: Path) -> int:
    count = 0

    def counted(*_arguments: object) -> None:
        nonlocal count
        count += 1

    sa.event.listen(school.database.engine, "before_cursor_execute", counted)
    exported(school, target, "1.2")
    sa.event.remove(school.database.engine, "before_cursor_execute", counted)
    return count


def test_more_rows_cost_no_more_questions(tmp_path: Path) -> None:
    school = tell(f"sqlite:///{tmp_path / 's'}")
    few = statements(school, tmp_path / "few")
    with school.database.write() as connection:
        author = Author("clerk", school.now)
        for number in range(60):
            people.add(connection, author, people.Names(f"more{number}", "M", "M"))
            sections.add(connection, author, f"More {number}")
    assert statements(school, tmp_path / "many") == few
    assert few < 60


@pytest.mark.requirement("D.2")
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_file_without_rows_is_left_out_and_declared_absent(tmp_path: Path, version: str) -> None:
    school = empty(tmp_path)
    taken_in(school, district(tmp_path / "d"))
    done = exported(school, tmp_path / "out", version)
    absent = {name for name, count in done.rows.items() if not count}
    assert {"lineItems", "results"} <= absent
    written = {file.stem for file in (tmp_path / "out").iterdir()}
    assert written == {"manifest", *(done.rows.keys() - absent)}
    said = {r["propertyName"]: r["value"] for r in table(tmp_path / "out", "manifest")}
    modes = {name.removeprefix("file."): mode for name, mode in said.items() if "file." in name}
    assert {name for name, mode in modes.items() if mode == "bulk"} == written - {"manifest"}
    assert {modes[name] for name in absent} == {"absent"}
    assert judged(tmp_path / "out").ok
    assert taken_in(empty(tmp_path, "elsewhere"), tmp_path / "out").applied
