"""An ending that came before what it ends: whatever brings the enrolment, the ending comes too."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from peers import accounts
from peers.accounts import CLERK
from schooltool_bridge.cli import lists
from schooltool_bridge.events.inbox_lists import find_events
from schooltool_bridge.hand import assessments, grades, merging
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_record
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import SIS, START_UNIX_S, Rig, make_rig
from tests.helpers.visitor import Visitor, in_memory

A = "http://moodle.example.org"
PASSWORD = "correct horse battery"
ADA: dict[str, Any] = {
    "idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L", "moodleid": 42
}  # fmt: skip
BOB: dict[str, Any] = {"idnumber": "2", "username": "bob", "firstname": "Bob", "lastname": "M"}
PUPIL: dict[str, Any] = {"sectionid": "5", "userid": "1", "role": "student"}
ENDED = PUPIL | {"timemodified": START_UNIX_S}


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    with made.app:
        with made.app.database.write() as connection:
            accounts.add(
                connection, "carl", PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=CLERK
            )
        made.add(A)
        push(made, "fetch_user", **ADA)
        push(made, "new_section", idnumber="5", name="Algebra", moodleid=7)
        yield made


def push(rig: Rig, event: str, **data: Any) -> dict[str, Any]:
    answer = rig.call(rig.peers[A], SIS + event, data)
    assert isinstance(answer, dict)
    return answer


def waiting(rig: Rig) -> list[tuple[str, tuple[str, ...]]]:
    with rig.app.database.read() as connection:
        return [(e.event, e.waiting_for) for e in find_events(connection)]


def enrolled(rig: Rig) -> list[tuple[str, str]]:
    with rig.app.database.read() as connection:
        rows = lists.enrolments(connection)
    return [(str(r["person"]), str(r["code"])) for r in rows]


def written_by_hand(rig: Rig, *, day: str) -> str:
    carl = Visitor(in_memory(frame_of(rig.app)))
    assert carl.sign_in("carl", PASSWORD).status == 303
    place = "/admin/sections/1/people/1"
    done = carl.send(place, role="student", code="a", note="", day=day, why="")
    return carl.get(str(done.location)).text


def test_an_enrolment_by_hand_frees_the_ending_that_waits_for_it(rig: Rig) -> None:
    assert push(rig, "end_enrolment", **ENDED)["status"] == "held"
    assert "waited for it came in too" in written_by_hand(rig, day="2026-11-01")
    assert waiting(rig) == []
    assert enrolled(rig) == [("1", "wn")]


def test_what_is_written_by_hand_after_the_ending_holds(rig: Rig) -> None:
    push(rig, "end_enrolment", **ENDED | {"timemodified": START_UNIX_S - 5})
    written_by_hand(rig, day="")
    assert waiting(rig) == []
    assert enrolled(rig) == [("1", "a")]


def test_an_ending_that_names_moodles_own_ids_is_freed_by_hand_as_well(rig: Rig) -> None:
    push(rig, "end_enrolment", **ENDED | {"sectionid": "#7", "userid": "#42"})
    assert waiting(rig) == [("end_enrolment", ("enrolment:#7/#42",))]
    written_by_hand(rig, day="2026-11-01")
    assert waiting(rig) == []


def test_an_enrolment_under_other_names_frees_the_ending(rig: Rig) -> None:
    push(rig, "end_enrolment", **ENDED | {"userid": "#42"})
    push(rig, "new_enrolment", **PUPIL | {"timemodified": START_UNIX_S - 5})
    assert waiting(rig) == []
    assert enrolled(rig) == [("1", "wn")]


def merged(rig: Rig) -> None:
    """Bob's record stands for Ada's, too."""
    with rig.app.database.write() as connection:
        ada, bob = (find_record(connection, number) for number in ("1", "2"))
        merging.merge(connection, Author("carl", START_UNIX_S), bob, ada)


def push_bob(rig: Rig) -> None:
    push(rig, "fetch_user", **BOB)
    push(rig, "new_enrolment", **PUPIL | {"userid": "2", "timemodified": START_UNIX_S - 9})
    push(rig, "new_assessment", sectionid="5", idnumber="8", name="Quiz", pointval=10)
    push(
        rig, "new_grade", assessmentid="8", userid="2", points_earned=9,
        timemodified=START_UNIX_S - 9,
    )  # fmt: skip


@pytest.mark.parametrize("is_merged_first", [False, True])
def test_what_was_told_of_another_record_of_a_person_is_not_this_ones_to_end(
    rig: Rig, *, is_merged_first: bool
) -> None:
    push_bob(rig)
    if is_merged_first:
        merged(rig)
    assert push(rig, "end_enrolment", **ENDED)["status"] == "held"
    taken_back = {"assessmentid": "8", "userid": "1", "timemodified": START_UNIX_S}
    assert push(rig, "delete_grade", **taken_back)["status"] == "held"
    if not is_merged_first:
        merged(rig)
    assert enrolled(rig) == [("2", "a")]
    # Once the Moodle has told of what it ends, it ends what the person has.
    push(rig, "new_enrolment", **PUPIL | {"timemodified": START_UNIX_S - 5})
    assert enrolled(rig) == [("2", "w")]
    push(
        rig, "new_grade", assessmentid="8", userid="1", points_earned=7,
        timemodified=START_UNIX_S - 5,
    )  # fmt: skip
    assert waiting(rig) == []
    assert enrolled(rig) == [("2", "wn")]


def test_a_deletion_waits_for_a_grade_that_the_peer_told(rig: Rig) -> None:
    push_bob(rig)
    with rig.app.database.write() as connection:
        bob = find_record(connection, "2")
        author = Author("carl", START_UNIX_S)
        item = assessments.add(connection, author, 1, "By hand", Decimal(10))
        grades.enter(connection, author, item, bob, Decimal(8))
    push(rig, "new_assessment", sectionid="5", idnumber="9", name="By hand", pointval=10)
    taken_back = {"assessmentid": "9", "userid": "2", "timemodified": START_UNIX_S}
    assert push(rig, "delete_grade", **taken_back)["status"] == "held"
