"""New sections that wait for a person: let in with all that waited for them, or kept out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnet.faults import SwitchedOff
from peers import audit, changes, store
from peers.audit import By
from peers.policy import BadPolicy, PeerPolicy
from schooltool_bridge.cli import lists
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import inbox
from schooltool_bridge.full_sync import runs
from schooltool_bridge.hand import new_sections
from schooltool_bridge.hand.new_sections import Done, NewSection
from schooltool_bridge.history.author import Author
from tests.helpers.listing import ListingSite, listing_site, totals
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig

MOODLE = "http://moodle.example.org"
WHO = Author("carl", START_UNIX_S + 60, "our own courses")
ADA = {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}
SECTION = {"idnumber": "5", "name": "Algebra", "moodleid": 42}
PUPIL = {"sectionid": "5", "userid": "1", "role": "student"}
QUIZ = {"sectionid": "5", "idnumber": "7", "name": "Quiz", "pointval": 10}
GRADE = {"assessmentid": "7", "userid": "1", "points_earned": 6}


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    with made.app:
        yield made


@pytest.fixture
def moodle(rig: Rig) -> FakePeer:
    peer = rig.add(MOODLE)
    policy(rig, new_sections="approve")
    push(rig, peer, "fetch_user", **ADA)
    return peer


def policy(rig: Rig, **values: str) -> None:
    with rig.app.database.write() as connection:
        stored = store.find(connection, MOODLE)
        assert stored is not None
        changes.set_policy(connection, By("anna", START_UNIX_S), stored.id, values=values)


def push(rig: Rig, peer: FakePeer, event: str, **data: Any) -> Any:
    return rig.call(peer, SIS + event, data)


def brings(rig: Rig, peer: FakePeer) -> list[str]:
    """The answers to a section and all about it, the last first."""
    told: list[tuple[str, dict[str, Any]]]
    told = [("new_grade", GRADE), ("new_assessment", QUIZ), ("new_enrolment", PUPIL)]
    told.append(("new_section", SECTION))
    return [push(rig, peer, event, **data)["status"] for event, data in told]


def waiting(rig: Rig) -> list[NewSection]:
    with rig.app.database.read() as connection:
        return new_sections.waiting(connection)


def declined(rig: Rig) -> list[NewSection]:
    with rig.app.database.read() as connection:
        return new_sections.declined(connection)


def decide(rig: Rig, *chosen: NewSection, approve: bool) -> Done:
    return rig.app.admitting.decide(chosen, WHO, approve=approve)


def listed(rig: Rig) -> tuple[list[str], list[Any], list[Any]]:
    """Names of sections, who is in them, and the grades there."""
    with rig.app.database.read() as connection:
        sections: list[dict[str, Any]] = lists.all_sections(connection)
        rows: list[dict[str, Any]] = lists.enrolments(connection)
        grades = [g["points"] for s in sections for g in lists.grades(connection, int(s["id"]))]
    return [s["name"] for s in sections], [(r["person"], r["code"]) for r in rows], grades


def in_inbox(rig: Rig, *statuses: str) -> list[tuple[str, str]]:
    with rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.inbox_list(connection, statuses or inbox.OPEN)
    return sorted((r["event"], r["status"]) for r in rows)


@pytest.mark.requirement("R40", "R42", "R89")
def test_a_new_section_waits_with_all_about_it_and_comes_in_whole(
    rig: Rig, moodle: FakePeer
) -> None:
    assert brings(rig, moodle) == ["held"] * 4
    answer = push(rig, moodle, "new_section", **SECTION)
    assert answer["waiting_for"] == ["approval:5"]
    assert "lets this section in" in answer["message"]
    assert listed(rig) == ([], [], [])
    (only,) = waiting(rig)
    # What the page says that waits is what comes in: the grade, too, which names no section.
    assert (only.name, only.idnumber, only.waiting, only.wwwroot) == ("Algebra", "5", 4, MOODLE)
    done = decide(rig, only, approve=True)
    assert done.released == 4
    assert listed(rig) == (["Algebra"], [("1", "a")], [6])
    assert in_inbox(rig) == []
    assert waiting(rig) == []
    # From here on it is a section as any other.
    assert (
        push(rig, moodle, "new_section", **SECTION | {"name": "Algebra 1"})["status"] == "updated"
    )
    with rig.app.database.read() as connection:
        (entry,) = [e for e in audit.entries(connection, subject=MOODLE) if e.actor == "carl"]
    assert (entry.action, entry.detail["name"]) == ("section let in", "Algebra")


def test_a_rename_while_it_waits_holds_when_it_is_let_in(rig: Rig, moodle: FakePeer) -> None:
    now = START_UNIX_S - 50
    push(rig, moodle, "new_section", **SECTION, timemodified=now)
    later = {"idnumber": "ALG", "name": "Algebra B", "moodleid": 42, "timemodified": now + 9}
    push(rig, moodle, "new_section", **later)
    push(rig, moodle, "new_enrolment", **PUPIL)
    push(rig, moodle, "new_enrolment", **PUPIL | {"sectionid": "ALG", "role": "teacher"})
    (only,) = waiting(rig)
    assert (only.name, only.idnumber, only.waiting) == ("Algebra B", "ALG", 4)
    decide(rig, only, approve=True)
    assert listed(rig)[0] == ["Algebra B"]
    # Its first number is nobody's any more, as after a rename of a section that was here.
    assert in_inbox(rig) == [("new_enrolment", "held")]


def test_a_teacher_who_is_not_known_yet_is_attached_after_that(rig: Rig, moodle: FakePeer) -> None:
    push(rig, moodle, "new_section", **SECTION, teacheridnumber="8")
    decide(rig, *waiting(rig), approve=True)
    assert listed(rig)[:2] == (["Algebra"], [])
    push(rig, moodle, "fetch_user", **ADA | {"idnumber": "8", "username": "tess"})
    assert listed(rig)[1] == [("8", "a")]


@pytest.mark.requirement("R89")
def test_what_is_declined_stays_out_until_somebody_approves_it(rig: Rig, moodle: FakePeer) -> None:
    brings(rig, moodle)
    done = decide(rig, *waiting(rig), approve=False)
    assert done.released == 4
    assert (listed(rig), in_inbox(rig), waiting(rig)) == (([], [], []), [], [])
    assert len(in_inbox(rig, inbox.DECLINED)) == 4
    answer = push(rig, moodle, "new_enrolment", **PUPIL | {"role": "teacher"})
    assert (answer["status"], answer["id"]) == ("skipped", "0")
    assert "decided not to take in section '5'" in answer["message"]
    assert brings(rig, moodle) == ["skipped"] * 4
    # Nor by Moodle's own id, another part, its deletion, or an assessment that came since.
    assert push(rig, moodle, "new_section", **SECTION | {"idnumber": "#42"})["status"] == "skipped"
    assert push(rig, moodle, "new_section", **SECTION, segment="2")["status"] == "skipped"
    assert push(rig, moodle, "delete_section", idnumber="5")["status"] == "skipped"
    quiz = QUIZ | {"idnumber": "#9", "moodleid": 9}
    assert push(rig, moodle, "new_assessment", **quiz)["status"] == "skipped"
    assert push(rig, moodle, "new_grade", **GRADE | {"assessmentid": "#9"})["status"] == "skipped"
    assert push(rig, moodle, "delete_assessment", idnumber="#9")["status"] == "skipped"
    # Whatever the policy is by then.
    policy(rig, new_sections="accept")
    assert push(rig, moodle, "new_section", **SECTION)["status"] == "skipped"
    assert (listed(rig), in_inbox(rig)) == (([], [], []), [])
    (out,) = declined(rig)
    assert (out.name, out.declined_by, out.why) == ("Algebra", "carl", "our own courses")


def test_approved_after_all_it_has_what_was_kept(rig: Rig, moodle: FakePeer) -> None:
    brings(rig, moodle)
    decide(rig, *waiting(rig), approve=False)
    decide(rig, *declined(rig), approve=True)
    assert listed(rig) == (["Algebra"], [("1", "a")], [6])
    assert (declined(rig), in_inbox(rig, inbox.DECLINED), in_inbox(rig)) == ([], [], [])
    assert push(rig, moodle, "new_grade", **GRADE | {"points_earned": 9})["status"] == "updated"


def test_what_was_here_before_the_policy_waits_for_nobody(rig: Rig, moodle: FakePeer) -> None:
    policy(rig, new_sections="accept")
    push(rig, moodle, "new_section", **SECTION)
    policy(rig, new_sections="approve")
    assert push(rig, moodle, "new_section", **SECTION | {"name": "B"})["status"] == "updated"
    # A further part of it is nothing new either.
    assert push(rig, moodle, "new_section", **SECTION, segment="2")["status"] == "created"
    assert push(rig, moodle, "new_section", idnumber="6", name="New")["status"] == "held"


def test_one_of_two_is_let_in_and_trying_again_lets_none_in(rig: Rig, moodle: FakePeer) -> None:
    for number in ("5", "6"):
        push(rig, moodle, "new_section", idnumber=number, name=f"Section {number}")
    by_name = {one.name: one for one in waiting(rig)}
    peer_id = by_name["Section 5"].peer_id
    assert rig.app.resolving.retry_held(peer_id, author=WHO).by_status == {"held": 2}
    decide(rig, by_name["Section 6"], approve=True)
    assert listed(rig)[0] == ["Section 6"]
    assert [one.name for one in waiting(rig)] == ["Section 5"]


def test_what_names_no_section_is_counted_with_its_own(rig: Rig, moodle: FakePeer) -> None:
    for number in ("5", "6/b"):
        push(rig, moodle, "new_section", idnumber=number, name=f"Section {number}")
    at = {"timemodified": START_UNIX_S - 5, "userid": "1"}
    push(rig, moodle, "new_assessment", **QUIZ | {"sectionid": "6/b"})
    push(rig, moodle, "end_enrolment", **at, sectionid="6/b", role="student")
    push(rig, moodle, "delete_grade", **at, assessmentid=QUIZ["idnumber"])
    push(rig, moodle, "new_grade", **GRADE | {"assessmentid": "another"})
    counts = {one.idnumber: one.waiting for one in waiting(rig)}
    assert counts == {"5": 1, "6/b": 4}


def test_nothing_is_decided_for_none_or_a_peer_that_is_off(rig: Rig, moodle: FakePeer) -> None:
    with pytest.raises(Refused):
        decide(rig, approve=True)
    push(rig, moodle, "new_section", **SECTION)
    chosen = waiting(rig)
    with rig.app.database.write() as connection:
        stored = store.find(connection, MOODLE)
        assert stored is not None
        store.set_columns(connection, stored.id, state=store.DISABLED)
    with pytest.raises(SwitchedOff):
        decide(rig, *chosen, approve=False)
    assert (len(waiting(rig)), declined(rig)) == (1, [])


@pytest.mark.requirement("R82", "R83")
def test_a_sync_holds_new_sections_and_fails_at_nothing(tmp_path: Path, database_url: str) -> None:
    site: ListingSite = listing_site(tmp_path, database_url)
    with site.rig.app:
        site.policy(new_sections="approve")
        site.lister.small_school()
        first = site.run()
        assert (first.state, first.reason) == (runs.DONE, "")
        assert totals(first) == {"seen": 28, "created": 6, "held": 22}
        assert totals(site.run()) == {"seen": 28, "unchanged": 6, "held": 22}
        with site.rig.app.database.read() as connection:
            chosen = {one.idnumber: one for one in new_sections.waiting(connection)}
        site.rig.app.admitting.decide([chosen["s1"]], WHO, approve=True)
        site.rig.app.admitting.decide([chosen["s2"]], WHO, approve=False)
        after = site.run()
        assert after.state == runs.DONE
        assert totals(after) == {"seen": 28, "unchanged": 28}
        assert listed(site.rig)[0] == ["Section 1"]
        assert sorted(listed(site.rig)[2]) == [1, 2, 3, 4, 5, 6]


def test_the_policy_says_what_there_is() -> None:
    assert PeerPolicy().new_sections == "accept"
    with pytest.raises(BadPolicy, match="accept, approve"):
        PeerPolicy.from_stored({"new_sections": "maybe"})


def test_one_that_comes_in_by_itself_meanwhile_waits_no_more(rig: Rig, moodle: FakePeer) -> None:
    for seconds, status in ((60, "held"), (50, "held"), (40, "created")):
        at = {"timemodified": START_UNIX_S - seconds, "name": f"Algebra {seconds}"}
        assert push(rig, moodle, "new_section", **SECTION | at)["status"] == status
        policy(rig, new_sections="approve" if seconds == 60 else "accept")
    assert (waiting(rig), declined(rig)) == ([], [])
    with rig.app.database.read() as connection:
        assert lists.inbox_list(connection, inbox.OPEN) == []
        (one,) = lists.all_sections(connection)
    assert one["name"] == "Algebra 40"
