"""Sections that are one, by command; and a school that began with OneRoster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pushing import PEER, push, register
from tests.helpers.site import Refused, Site
from tests.schooltool_bridge.oneroster.packages import write

ADA = {"sourcedId": "u1", "enabledUser": "true", "orgSourcedIds": "o", "role": "student",
       "username": "ada", "givenName": "Ada", "familyName": "L", "identifier": "1"}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("sis") / "home") as running:
        yield running


def package(folder: Path, score: str = "8") -> Path:
    """A class with Ada, her teacher, an item and a result."""
    names = ("academicSessions", "classes", "courses", "enrollments", "lineItems", "orgs",
             "categories", "results", "users")  # fmt: skip
    manifest = {"manifest.version": "1.0", "oneroster.version": "1.1"}
    manifest |= {f"file.{name}": "bulk" for name in names}
    write(folder, "manifest", *({"propertyName": n, "value": v} for n, v in manifest.items()))
    write(folder, "orgs", {"sourcedId": "o", "name": "School", "type": "school"})
    session: dict[str, Any] = {"startDate": "2026-08-01", "endDate": "2027-07-31",
                               "schoolYear": "2027"}  # fmt: skip
    write(
        folder, "academicSessions",
        {"sourcedId": "y", "title": "2026/27", "type": "schoolYear", **session,
         "parentSourcedId": ""},
        {"sourcedId": "t", "title": "Autumn", "type": "term", **session, "parentSourcedId": "y"},
    )  # fmt: skip
    write(folder, "courses", {"sourcedId": "c", "title": "Algebra", "courseCode": "ALG",
                              "orgSourcedId": "o"})  # fmt: skip
    write(folder, "classes", {"sourcedId": "k", "title": "Algebra 1", "courseSourcedId": "c",
                              "classCode": "A1", "classType": "scheduled", "schoolSourcedId": "o",
                              "termSourcedIds": "t"})  # fmt: skip
    write(folder, "users", ADA,
          ADA | {"sourcedId": "u2", "role": "teacher", "username": "tea", "givenName": "Tea",
                 "identifier": "2"})  # fmt: skip
    place = {"classSourcedId": "k", "schoolSourcedId": "o", "primary": ""}
    write(folder, "enrollments",
          {"sourcedId": "e1", "userSourcedId": "u1", "role": "student", **place},
          {"sourcedId": "e2", "userSourcedId": "u2", "role": "teacher", **place})  # fmt: skip
    write(folder, "categories", {"sourcedId": "g", "title": "Tests"})
    write(folder, "lineItems", {"sourcedId": "i", "title": "Quiz", "assignDate": "2026-09-01",
                                "dueDate": "2026-09-02", "classSourcedId": "k",
                                "categorySourcedId": "g", "gradingPeriodSourcedId": "t",
                                "resultValueMin": "0", "resultValueMax": "10"})  # fmt: skip
    write(folder, "results", {"sourcedId": "r", "lineItemSourcedId": "i", "studentSourcedId": "u1",
                              "scoreStatus": "fully graded", "score": score,
                              "scoreDate": "2026-09-02"})  # fmt: skip
    return folder


@pytest.mark.requirement("1.4", "1.8", "D.2")
def test_a_school_that_began_with_oneroster_has_every_class_once(
    site: Site, tmp_path: Path
) -> None:
    moodle = register(site)
    assert changed(site.run("import", "oneroster", str(package(tmp_path / "in"))))
    for event, data in (
        ("fetch_user", {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}),
        ("fetch_user", {"idnumber": "3", "username": "bo", "firstname": "Bo", "lastname": "B"}),
        ("new_section", {"idnumber": "a1", "name": "Algebra in Moodle", "teacheridnumber": "2"}),
        ("new_enrolment", {"sectionid": "a1", "userid": "1", "role": "student"}),
        ("new_enrolment", {"sectionid": "a1", "userid": "3", "role": "student"}),
        ("new_assessment", {"sectionid": "a1", "idnumber": "q", "name": "Quiz", "pointval": 10}),
        ("new_grade", {"assessmentid": "q", "userid": "1", "points_earned": 3}),
        ("new_grade", {"assessmentid": "q", "userid": "3", "points_earned": 4}),
    ):
        push(site, moodle, event, data)
    assert len(site.run("section", "list")) == 2
    (found,) = site.run("section", "suggestions")
    assert (found["by"], found["exact"], found["students_in_common"]) == ("idnumber", True, 1)
    assert "Algebra in Moodle" in site.text("section", "suggestions")
    ours, theirs = found["ours"]["id"], found["theirs"]["id"]
    preview = site.run("section", "join", "A1", "a1", "--preview")
    assert preview["applied"] is False
    (plan,) = preview["sections"]
    assert plan["people"] == [{"person": "3", "role": "student", "before": None, "after": "a"}]
    assert [one["name"] for one in plan["become_one"]] == ["Quiz"]
    assert "would be one" in site.text("section", "join", ours, theirs, "--preview")
    assert len(site.run("section", "list")) == 2
    done = site.run("section", "join", "A1", "a1", "--peer", PEER, "--why", "one class")
    assert done["applied"] is True
    (only,) = site.run("section", "list")
    assert (only["id"], only["name"], only["teachers"]) == (ours, "Algebra 1", ["2"])
    # Either name, and the peer's as well, find it.
    for named in (("A1",), ("a1",), (theirs,), ("a1", "--peer", PEER)):
        assert site.run("section", "show", *named)["id"] == ours
    values = {g["person"]: (g["points"], g["authority"]) for g in listed(site)}
    assert values == {"1": (8, "manual"), "3": (4, "peer")}
    (line,) = site.run("report", "transcript", "1")["sections"]
    assert (line["name"], line["percent"]) == ("Algebra 1", 80)
    exported = site.home.parent / "out"
    site.run("export", "oneroster", str(exported))
    assert len((exported / "classes.csv").read_text().splitlines()) == 2
    assert len((exported / "enrollments.csv").read_text().splitlines()) == 4
    assert len((exported / "lineItems.csv").read_text().splitlines()) == 2
    before = site.run("enrolment", "list")
    again = site.run("import", "oneroster", str(tmp_path / "in"))
    assert not changed(again)
    assert (site.run("enrolment", "list"), listed(site)) == (before, listed(site))
    with pytest.raises(Refused, match="joined already"):
        site.run("section", "join", ours, theirs)
    apart = site.run("section", "take-apart", "a1")
    assert apart["sections"][0]["assessments_back"] == 1
    assert len(site.run("section", "list")) == 2
    assert [g["points"] for g in listed(site)] == [8]
    assert site.run("section", "not-same", ours, theirs)["new"] is True
    assert site.run("section", "suggestions") == []
    assert "known already" in site.text("section", "not-same", "A1", "a1")
    assert site.run("section", "join-exact")["sections"] == []
    with pytest.raises(Refused, match="joined with no other"):
        site.run("section", "take-apart", ours)


def test_all_of_the_same_number_are_joined_at_once(tmp_path: Path) -> None:
    with Site(tmp_path / "home") as site:
        moodle = register(site)
        site.run("import", "oneroster", str(package(tmp_path / "in")))
        push(site, moodle, "new_section", {"idnumber": "A1", "name": "Algebra"})
        preview = site.run("section", "join-exact", "--preview")
        assert [p["theirs"]["name"] for p in preview["sections"]] == ["Algebra"]
        assert "would be one" in site.text("section", "join-exact", "--preview")
        assert len(site.run("section", "list")) == 2
        assert site.run("section", "join-exact")["left"] == []
        assert len(site.run("section", "list")) == 1


def listed(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.run("grade", "list", "--section", "A1")
    return found


def changed(report: dict[str, Any]) -> dict[str, Any]:
    """What an import says that it did."""
    return {
        name: counts
        for name, counts in report["counts"].items()
        if any(n for what, n in counts.items() if what != "unchanged")
    }
