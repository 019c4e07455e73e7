"""One event that the store refuses fails alone: what came with it is applied, and it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from schooltool_bridge.cli import lists
from schooltool_bridge.events import inbox
from schooltool_bridge.full_sync import runs
from tests.helpers.listing import assessment, listing_site
from tests.helpers.rig import SIS, FakePeer, Rig, make_rig
from tests.helpers.school import ANNA, SECTION

# What the program knows nothing of.
RULE = "CREATE UNIQUE INDEX one_name ON assessment (name)"
SECRET = "Quiz about Ada Lovelace"


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    with made.app:
        write(made, RULE)
        yield made


@pytest.fixture
def moodle(rig: Rig) -> FakePeer:
    return rig.add("http://moodle.example.org")


def write(rig: Rig, statement: str) -> None:
    with rig.app.database.write() as connection:
        connection.execute(sa.text(statement))


def quiz(number: str, name: str = SECRET) -> dict[str, Any]:
    return {"sectionid": "5", "idnumber": number, "name": name, "pointval": 10}


def pushed(rig: Rig, moodle: FakePeer, *events: tuple[str, dict[str, Any]]) -> list[Any]:
    answers: Any = rig.call(
        moodle, SIS + "push_events", [{"event": e, "data": d} for e, d in events]
    )  # fmt: skip - one call
    assert isinstance(answers, list), answers
    return [a.get("fault") or a["status"] for a in answers]


def names(rig: Rig) -> list[str]:
    with rig.app.database.read() as connection:
        named = sa.text("SELECT idnumber FROM assessment ORDER BY idnumber")
        return list(connection.execute(named).scalars())


def kept(rig: Rig) -> list[tuple[str, str]]:
    with rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.inbox_list(connection, inbox.OPEN)
    return [(row["event"], row["status"]) for row in rows]


@pytest.mark.requirement("1.1", "1.3", "R5")
def test_of_a_push_only_the_one_event_fails(rig: Rig, moodle: FakePeer) -> None:
    grade = {"assessmentid": "c", "userid": "1", "points_earned": 7}
    story = (
        ("fetch_user", ANNA),
        ("new_section", SECTION),
        ("new_assessment", quiz("a")),
        ("new_assessment", quiz("b")),
        ("new_assessment", quiz("c", "Essay")),
        ("new_grade", grade),
    )  # fmt: skip - one story
    with capture_logs() as logged:
        answers = pushed(rig, moodle, *story)
    assert answers == ["created", "created", "created", 8500, "created", "created"]
    assert names(rig) == ["a", "c"]
    assert kept(rig) == [("new_assessment", "rejected")]
    (line,) = [entry for entry in logged if entry["log_level"] == "error"]
    assert line["method"] == "new_assessment"
    assert line["problem"].split()[0] in ("IntegrityError", "UniqueViolation")
    assert "Lovelace" not in str(logged)
    # Told again it is answered the same and lies there once; once the cause is gone it comes in.
    assert pushed(rig, moodle, ("new_assessment", quiz("b"))) == [8500]
    assert kept(rig) == [("new_assessment", "rejected")]
    write(rig, "DROP INDEX one_name")
    assert pushed(rig, moodle, ("new_assessment", quiz("b"))) == ["created"]


@pytest.mark.requirement("1.3", "R89")
def test_an_event_alone_and_one_that_another_releases(rig: Rig, moodle: FakePeer) -> None:
    held = [("new_assessment", quiz(n)) for n in ("a", "b")]
    assert pushed(rig, moodle, *held) == ["held", "held"]
    answer: Any = rig.call(moodle, SIS + "new_section", SECTION)
    assert answer["status"] == "created"
    assert (names(rig), kept(rig)) == (["a"], [("new_assessment", "rejected")])
    fault: Any = rig.call(moodle, SIS + "new_assessment", quiz("d"))
    assert fault.code == 8500
    assert "need not be sent again" in fault.text


@pytest.mark.requirement("1.1")
def test_where_many_break_it_is_the_fault_of_none_and_all_wait(
    rig: Rig, moodle: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schooltool_bridge.events.breaking.MOST", 2)
    pushed(rig, moodle, ("new_section", SECTION), ("new_assessment", quiz("a")))
    few = [("new_assessment", quiz(n)) for n in ("b", "c")]
    assert pushed(rig, moodle, *few) == [8500, 8500]
    fault: Any = rig.call(moodle, SIS + "new_assessment", quiz("d"))
    assert fault.code == 8503
    assert len(kept(rig)) == 2


@pytest.mark.requirement("1.10", "R82")
def test_a_full_sync_goes_on_with_the_others(tmp_path: Path, database_url: str) -> None:
    site = listing_site(tmp_path, database_url)
    with site.rig.app:
        write(site.rig, RULE)
        site.lister.small_school()
        site.lister.data["assessments"].insert(1, assessment(1, 3, name="Quiz 1"))
        run = site.run()
        assert run.state == runs.DONE
        assert (run.counts["assessments"]["created"], run.counts["assessments"]["failed"]) == (2, 1)
        assert names(site.rig) == ["a1", "a2"]
        assert run.counts["grades"]["created"] == 9
