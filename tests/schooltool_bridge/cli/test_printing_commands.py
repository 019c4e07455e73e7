"""Printing of many students by commands: a file, what scripts read, what is said of mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pushing import push, register
from tests.helpers.site import Refused, Site

EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "Lovelace"}),
    ("fetch_user", {"idnumber": "2", "username": "bob", "firstname": "Bob", "lastname": "Boole"}),
    ("new_section", {"idnumber": "5", "name": "Biology"}),
    ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student"}),
    ("new_enrolment", {"sectionid": "5", "userid": "2", "role": "student"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("printing") / "home") as made:
        peer = register(made)
        for event, data in EVENTS:
            push(made, peer, event, data)
        yield made


@pytest.mark.requirement("R70", "R78")
def test_a_section_is_printed_into_a_file(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "all.pdf"
    found = site.run("report", "print", "transcript", str(file), "--section", "5", "--issue")
    assert (found["state"], found["students"], found["printed"]) == ("done", 2, 2)
    assert [number[4:] for number in found["numbers"]] == ["-000001", "-000002"]
    assert found["could_not_be_printed"] == []
    first = file.read_bytes()
    assert first.startswith(b"%PDF-")
    again = tmp_path / "again.pdf"
    site.text("report", "printed", str(found["id"]), str(again))
    assert again.read_bytes() == first
    assert "2 of 2 students printed" in site.text(
        "report", "print", "progress", str(file), "--school"
    )
    assert [row["report"] for row in site.run("report", "prints")] == ["progress", "transcript"]
    assert "done: 2 of 2" in site.text("report", "cancel", str(found["id"])), "too late, and said"


def test_what_is_wrong_is_said_and_nothing_is_printed(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "none.pdf"
    for arguments, words in (
        (("progress",), "Say of whom"),
        (("progress", "--school", "--section", "5"), "Say of whom"),
        (("progress", "--term", "Summer"), "There is no such term"),
        (("roster", "--school"), "not about a student"),
        (("diploma", "--school"), "There is no report"),
        (("progress", "--school", "--at", "1999-01-01"), "There is no student in the whole school"),
    ):
        with pytest.raises(Refused, match=words):
            site.text("report", "print", arguments[0], str(file), *arguments[1:])
    with pytest.raises(Refused, match="Nothing of the number 99"):
        site.text("report", "printed", "99", str(file))
    assert not file.exists()
