"""Years, terms, courses and filing at the command line, each command a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.school import School
from tests.helpers.site import Refused, Site

A, B = "http://moodle.example.org", "http://other.example.org"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site that two Moodles pushed a section 5 to, one of them in two segments."""
    site = Site(tmp_path / "home")
    url = f"sqlite:///{site.home / 'mnet-peer.sqlite'}"
    school = School.open(url, A, B)
    for peer, segment in ((A, "1"), (A, "2"), (B, "1")):
        school.push("new_section", peer, idnumber="5", name=f"Biology {segment}", segment=segment)
    school.push("new_section", A, idnumber="6", name="Botany")
    school.database.close()
    return site


def refused(site: Site, *arguments: str) -> str:
    with pytest.raises(Refused) as found:
        site.text(*arguments)
    assert found.value.status == 1
    assert found.value.stderr.count("\n") == 1
    return found.value.stderr


@pytest.mark.requirement("R41", "R42")
def test_a_school_is_ordered_at_the_command_line(site: Site) -> None:
    site.run("year", "add", "2026/27", "--first", "2026-09-01", "--last", "2027-07-02")
    for title, first, last in (("Autumn", "2026-09-01", "2026-12-20"), ("Spring", "2027-01-07", "2027-07-02")):  # fmt: skip
        site.run("term", "add", title, "--year", "2026/27", "--first", first, "--last", last)
    site.run("course", "add", "BIO-1", "Biology", "--credits", "0.50")
    assert site.run("year", "list") == [
        {"id": "1", "title": "2026/27", "first_day": "2026-09-01", "last_day": "2027-07-02", "terms": ["Autumn", "Spring"]}
    ]  # fmt: skip
    assert [t["title"] for t in site.run("term", "list", "--year", "2026/27")] == [
        "Autumn",
        "Spring",
    ]
    assert "Autumn" in site.text("term", "list")
    overlap = ("Extra", "--year", "2026/27", "--first", "2026-12-20", "--last", "2026-12-24")
    assert "overlaps Autumn (1 Sep - 20 Dec 2026)" in refused(site, "term", "add", *overlap)
    assert "is no day" in refused(
        site, "year", "add", "x", "--first", "1/9/26", "--last", "2027-01-01"
    )
    several = refused(site, "section", "file", "5", "--course", "BIO-1", "--term", "Autumn")
    assert A in several
    assert B in several
    to_autumn = ("--course", "bio-1", "--term", "autumn")
    done = site.run("section", "file", "1", "6", *to_autumn, "--why", "as planned")
    assert done == {"sections": ["1", "4"], "moved": 2, "course": "BIO-1", "term": "Autumn", "year": "2026/27"}  # fmt: skip
    assert site.run("course", "list")[0] == {
        "id": "1", "code": "BIO-1", "title": "Biology", "description": "", "credits": "0.5", "sections": 2,
    }  # fmt: skip
    assert "There is no term 'Summer'" in refused(
        site, "section", "file", "1", "--course", "BIO-1", "--term", "Summer"
    )
    assert "--ongoing" in refused(site, "section", "file", "1")
    assert site.run("section", "file", "1", "--ongoing")["moved"] == 1
    linked = site.run("section", "link", "6", "5", "--peer", A)
    assert linked == {"id": "4", "previous": "2", "chain": ["1", "2", "4"]}
    assert "cannot continue itself" in refused(site, "section", "link", "6", "6")
    assert site.run("section", "unlink", "6")["chain"] == ["4"]
    actions = {e["action"] for e in site.run("audit", "list")}
    assert {
        "year added",
        "term added",
        "course added",
        "section filed",
        "section linked",
    } <= actions
