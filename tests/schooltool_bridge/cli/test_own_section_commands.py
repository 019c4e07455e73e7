"""Sections made here, at the command line: many people put in at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from schooltool_bridge.hand import people, sections
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from tests.helpers.school import NOW, School
from tests.helpers.site import Refused, Site

AUTHOR = Author("anna", NOW)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "home")
    school = School.open(f"sqlite:///{site.home / 'mnet-peer.sqlite'}")
    with school.database.write() as connection:
        for number, last in enumerate(("Lovelace", "King", "King"), 1):
            people.add(connection, AUTHOR, Names(f"u{number}", "Ada", last, f"N{number}"))
        sections.add(connection, AUTHOR, "Choir", idnumber="CHOIR")
        sections.add(connection, AUTHOR, "Band", idnumber="BAND")
    school.database.close()
    return site


@pytest.mark.requirement("R60")
def test_a_list_is_put_into_a_section_whole_or_not_at_all(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("N1\nAda King\nxyz\nn2\n", "utf-8-sig")
    seen = site.run("section", "enrol-list", "CHOIR", str(file), "--preview")
    assert [who["id"] for who in seen["put_in"]] == ["1", "2"]
    assert [who["id"] for who in seen["unclear"][0]["could_be"]] == ["2", "3"]
    assert (seen["unknown"], seen["already"]) == (["xyz"], [])
    assert site.run("enrolment", "list") == []
    with pytest.raises(Refused) as refused:
        site.text("section", "enrol-list", "CHOIR", str(file))
    assert "'Ada King' could be Ada King (id 2) or Ada King (id 3)." in refused.value.stderr
    assert "'xyz' is nobody." in refused.value.stderr
    assert site.run("enrolment", "list") == []
    done = site.text("section", "enrol-list", "CHOIR", str(file), "--clear-only")
    assert done.startswith("2 put in; 0 were in it already.")
    again = site.run("section", "enrol-list", "CHOIR", str(file), "--clear-only")
    assert (len(again["put_in"]), len(again["already"])) == (0, 2)
    over = site.run("section", "enrol-list", "BAND", "--from-section", "CHOIR")
    assert [who["id"] for who in over["put_in"]] == ["2", "1"]
    rows = site.run("enrolment", "list", "--section", "BAND")
    assert [(r["person"], r["role"], r["code"]) for r in rows] == [
        ("N1", "student", "a"), ("N2", "student", "a")
    ]  # fmt: skip


@pytest.mark.requirement("R60")
def test_a_section_made_here_is_renamed_removed_and_brought_back(site: Site) -> None:
    named = site.run("section", "rename", "CHOIR", "Great choir", "--why", "it grew")
    assert named == {"id": "1", "name": "Great choir", "removed": False, "changed": True}
    assert site.run("section", "remove", "CHOIR")["removed"] is True
    assert site.text("section", "remove", "CHOIR") == "Section 1 was removed already.\n"
    with pytest.raises(Refused, match="bring it back first"):
        site.run("section", "rename", "CHOIR", "Choir")
    (_band, choir) = site.run("section", "list")
    assert (choir["name"], choir["status"]) == ("Great choir", "deleted")
    assert site.run("section", "bring-back", "1")["removed"] is False
