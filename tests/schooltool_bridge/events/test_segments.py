"""A section in several parts (segments): lists show all, and an ending ends all where somebody is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnet import settings
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, QUIZ, SECTION, TOM, A, B, School
from tests.helpers.site import Refused, Site


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


def two_parts(school: School, peer: str = A) -> School:
    """Anna sits in both parts of Algebra, Tom in the first; each part has a quiz of its own."""
    for person in (ANNA, TOM):
        school.push("fetch_user", peer, **person)
    for segment in (1, 2):
        school.push("new_section", peer, **{**SECTION, "segment": segment})
        school.push("new_enrolment", peer, **PUPIL, segment=segment)
        number = 70 + segment
        school.push(
            "new_assessment", peer, **{**QUIZ, "idnumber": number, "name": f"Q{segment}"},
            segment=segment,
        )  # fmt: skip
        school.push("new_grade", peer, **{**GRADE, "assessmentid": number})
    school.push("new_enrolment", peer, **{**PUPIL, "userid": "9"}, segment=1)
    return school


def states(school: School) -> dict[tuple[str, str], str]:
    from schooltool_bridge.cli import lists

    rows = school.read(lists.enrolments)
    return {(str(r["segment"]), str(r["person"])): str(r["code"]) for r in rows}


@pytest.mark.requirement("R51", "R52")
def test_an_ending_without_a_segment_ends_every_part_where_the_person_is(school: School) -> None:
    two_parts(school)
    assert school.status("end_enrolment", A, sectionid="5", userid="1") == "updated"
    assert states(school) == {("1", "1"): "w", ("2", "1"): "w", ("1", "9"): "a"}
    # Tom is in the first part only; he is not looked for in the highest for ever.
    assert school.status("end_enrolment", A, sectionid="5", userid="9") == "updated"
    assert states(school)["1", "9"] == "wn"
    assert school.inbox() == []


def test_an_ending_with_a_segment_ends_that_part(school: School) -> None:
    two_parts(school)
    assert school.status("end_enrolment", A, sectionid="5", userid="1", segment=1) == "updated"
    assert states(school) == {("1", "1"): "w", ("2", "1"): "a", ("1", "9"): "a"}


def test_an_ending_that_is_repeated_changes_nothing(school: School) -> None:
    two_parts(school)
    ending = {"sectionid": "5", "userid": "1", "timemodified": NOW + 500}
    school.now = NOW + 600
    assert school.status("end_enrolment", A, **ending) == "updated"
    before = school.dump()
    assert school.status("end_enrolment", A, **ending) == "unchanged"
    assert school.dump() == before


@pytest.mark.parametrize("is_timed", [True, False])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_ending_ends_every_part_whatever_arrives_first(
    school: School, order: tuple[int, ...], is_timed: bool
) -> None:
    """Also a part of which the older enrolment comes after the ending."""
    school.push("fetch_user", A, **ANNA)
    for segment in (1, 2):
        school.push("new_section", A, **{**SECTION, "segment": segment}, timemodified=NOW - 90)
    told = [
        ("new_enrolment", {**PUPIL, "segment": 1, "timemodified": NOW - 50}),
        ("new_enrolment", {**PUPIL, "segment": 2, "timemodified": NOW - 40}),
        ("end_enrolment", {"sectionid": "5", "userid": "1", "timemodified": NOW - 30}),
    ]
    if not is_timed:
        del told[2][1]["timemodified"]
        if order[0] == 2:
            assert school.fault("end_enrolment", **told[2][1])[0] == 8404, "nobody is there yet"
            return
    for step in order:
        school.push(told[step][0], A, **told[step][1])
    assert states(school) == {("1", "1"): "wn", ("2", "1"): "wn"}
    assert school.inbox() == []
    before = school.dump()
    for step in order[:2]:
        if "timemodified" in told[step][1]:
            assert school.status(told[step][0], A, **told[step][1]) == "unchanged"
    assert school.dump() == before
    # Enrolled anew after it they are there again, in that part alone; and one ending of one part
    # does not reach the other.
    again = {**PUPIL, "segment": 1, "timemodified": NOW + 50}
    school.now = NOW + 100
    assert school.status("new_enrolment", A, **again) == "updated"
    assert states(school) == {("1", "1"): "a", ("2", "1"): "wn"}
    ending = {"sectionid": "5", "userid": "1", "segment": 1, "timemodified": NOW + 60}
    assert school.status("end_enrolment", A, **ending) == "updated"
    older = {**PUPIL, "segment": 2, "timemodified": NOW + 55}
    assert school.status("new_enrolment", A, **older) == "updated"
    assert states(school) == {("1", "1"): "wn", ("2", "1"): "a"}


def test_an_ending_of_nobody_names_the_enrolment_that_it_waits_for(school: School) -> None:
    two_parts(school)
    school.push("fetch_user", A, idnumber="8", username="new", firstname="N", lastname="N")
    held = school.push("end_enrolment", A, sectionid="5", userid="8", timemodified=NOW + 5)
    assert held["waiting_for"] == ["enrolment:5/8"]


@pytest.mark.requirement("R51", "R52")
def test_lists_show_all_parts_and_name_them(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    school = two_parts(School.open(settings.read(site.home).database, A, B))
    listed = site.run("enrolment", "list", "--section", "5")
    assert [(r["segment"], r["section"], r["person"]) for r in listed] == [
        ("1", "5", "1"), ("1", "5", "9"), ("2", "5", "1"),
    ]  # fmt: skip
    past = site.run("enrolment", "list", "--section", "5", "--at", "2030-01-01")
    assert past == listed
    grades = site.run("grade", "list", "--section", "5")
    assert [(r["segment"], r["assessment"], r["points"]) for r in grades] == [
        ("1", "71", 62), ("2", "72", 62),
    ]  # fmt: skip
    shown = site.run("section", "show", "5")
    assert [part["segment"] for part in shown["parts"]] == ["1", "2"]
    assert shown["segment"] == "2"
    assert shown["enrolments"] == listed
    history = site.run("report", "section-history", "5")
    assert {row["segment"] for row in history} == {"1", "2"}
    moments = [row["took_effect"] for row in history]
    assert moments == sorted(moments)
    assert "segment 2" in site.text("report", "section-history", "5")
    # By our own id one part is meant.
    own = next(s["id"] for s in site.run("section", "list") if s["segment"] == "2")
    assert {r["segment"] for r in site.run("enrolment", "list", "--section", own)} == {"2"}
    school.database.close()


def test_two_peers_sections_of_one_number_are_two_and_both_named(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    school = two_parts(School.open(settings.read(site.home).database, A, B))
    school.push("new_section", B, **SECTION)
    for command in (("enrolment", "list", "--section"), ("grade", "list", "--section"),
                    ("section", "show"), ("report", "section-history")):  # fmt: skip
        with pytest.raises(Refused) as refused:
            site.text(*command, "5")
        assert refused.value.status == 1
        assert A in refused.value.stderr
        assert B in refused.value.stderr
        site.text(*command, "5", "--peer", A)
    assert len(site.run("enrolment", "list", "--section", "5", "--peer", A)) == 3
    assert site.run("enrolment", "list", "--section", "5", "--peer", B) == []
    school.database.close()


def test_a_command_that_changes_a_section_acts_on_the_part_asked_for(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    school = two_parts(School.open(settings.read(site.home).database, A, B))
    own = {s["segment"]: s["id"] for s in site.run("section", "list")}
    sheet = tmp_path / "items.csv"
    sheet.write_text("name,points\nEssay,10\n")
    site.text("course", "add", "ALG", "Algebra")
    site.text("year", "add", "2026", "--first", "2026-08-01", "--last", "2027-07-31")
    site.text(
        "term", "add", "Fall", "--year", "2026", "--first", "2026-08-01", "--last", "2026-12-20"
    )
    for command in (
        ("section", "file", "5", "--course", "ALG", "--term", "Fall"),
        ("section", "import-assessments", "5", str(sheet)),
        ("section", "close", "5", "--marks", "Percent"),
        ("section", "proposals", "5"),
        ("section", "joined", "5"),
        ("section", "accept", "5", "--all", "--why", "so"),
        ("section", "link", "5", own["1"]),
        ("section", "unlink", "5"),
        ("section", "join-assessments", "5", "71", "71"),
    ):
        with pytest.raises(Refused) as refused:
            site.text(*command)
        assert refused.value.status == 1, command
        said = refused.value.stderr
        assert f"1 (id {own['1']}), 2 (id {own['2']}). Choose one by --segment" in said
        with pytest.raises(Refused, match="Choose one by --segment"):
            site.text(*command, "--segment", "3")
    filed = ("section", "file", "5", "--course", "ALG", "--term", "Fall", "--segment", "1")
    assert site.run(*filed)["sections"] == [own["1"]]
    site.run("section", "import-assessments", "5", str(sheet), "--segment", "1")
    site.run("section", "import-assessments", own["2"], str(sheet))
    with pytest.raises(Refused, match="continues its own earlier segment already"):
        site.run("section", "link", "5", own["1"], "--segment", "2")
    # Of a term only one part is there, and all of it is meant.
    site.run("section", "close", "5", "--segment", "1", "--marks", "Percent")
    assert site.run("section", "joined", "5", "--segment", "1") == []
    with pytest.raises(Refused, match="Nothing is proposed here"):
        site.text("term", "accept", "Fall", "--section", "5", "--why", "so")
    school.database.close()
