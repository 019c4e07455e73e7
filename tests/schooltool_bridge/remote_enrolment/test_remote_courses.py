"""A Moodle's courses: people are enrolled and taken out, every fault has a sentence, who may go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.call_errors import CannotReach
from peers import audit, store
from schooltool_bridge.remote_enrolment import courses as remote_courses
from schooltool_bridge.remote_enrolment.courses import (
    Courses,
    CoursesError,
)
from schooltool_bridge.remote_enrolment.enrolling import Done, Enrolling, search, who_is_there
from schooltool_bridge.server.app import App
from schooltool_bridge.store.model import person
from tests.helpers.course_host import START_UNIX_S, CourseHost, fault
from tests.helpers.moodle import Moodle
from tests.helpers.rig import Rig, make_rig

BOTH = [pytest.param(False, id="2.x"), pytest.param(True, id="1.9")]
SUBSCRIBED = ("mnet_enrol",)


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    made = make_rig(tmp_path)
    with made.app:
        yield made


class There:
    """A Moodle in memory that offers courses, as our side sees it."""

    def __init__(
        self, rig: Rig, host: CourseHost, *, subscribe: tuple[str, ...] = SUBSCRIBED
    ) -> None:
        self.rig, self.host = rig, host
        self.moodle = Moodle(rig.app.site.wwwroot, rig.pem)
        self.moodle._http.server_close()  # nobody listens; the bytes go by hand
        self.moodle.scripted = host.scripted
        self.wwwroot = "http://moodle.example.org"
        fake = rig.add(self.wwwroot, ())
        self.moodle.fake = fake
        stored = rig.app.registry.find(self.wwwroot)
        assert stored is not None
        self.peer_id = stored.id
        with rig.app.database.write() as connection:
            store.set_services(connection, stored.id, publish=(), subscribe=subscribe)
        self.breaks: Exception | None = None
        self.posts = 0

    def post(self, url: str, body: bytes, *, verify_tls: bool, timeout_s: float) -> bytes:
        assert (url, timeout_s) == (f"{self.wwwroot}/mnet/xmlrpc/server.php", 15)
        assert verify_tls
        self.posts += 1
        if self.breaks is not None:
            raise self.breaks
        return self.moodle.answer(body)

    @property
    def peer(self) -> Any:
        self.rig.app.registry._revision = None
        return self.rig.app.registry.find(self.wwwroot)

    @property
    def courses(self) -> Courses:
        return Courses(replace(self.rig.app.outbound, post=self.post), self.peer)

    @property
    def enrolling(self) -> Enrolling:
        app = self.rig.app
        return Enrolling(app.database, app.site, self.peer, self.courses, "anna", self.rig.clock)

    def there(self, course_id: int = 2) -> Any:
        with self.rig.app.database.read() as connection:
            return who_is_there(connection, self.courses.enrolments(course_id).items)

    def called(self, method: str) -> list[Any]:
        return [params for name, params in self.moodle.calls if name == method]


def add_person(app: App, username: str, **more: Any) -> int:
    row = {
        "username": username, "username_key": username.casefold(), "firstname": "Ada",
        "lastname": username.capitalize(), "email": f"{username}@x.org", "can_login": False,
        "created_unix_s": START_UNIX_S, **more,
    }  # fmt: skip
    with app.database.write() as connection:
        made = connection.execute(sa.insert(person).values(**row))
        key = made.inserted_primary_key
        assert key is not None
        return int(key[0])


def outcomes_of(done: list[Done]) -> list[tuple[str, bool]]:
    return [(one.username, one.ok) for one in done]


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("is_old", BOTH)
def test_people_are_enrolled_seen_and_taken_out_in_either_moodle(rig: Rig, is_old: bool) -> None:
    there = There(rig, CourseHost(is_old=is_old))
    ada, bob = add_person(rig.app, "Ada.L"), add_person(rig.app, "bob")
    assert [c.id for c in there.courses.available().items] == [2, 3]
    assert all(c.is_old == is_old for c in there.courses.available().items)
    done = there.enrolling.enrol(2, [ada, bob, ada])
    assert outcomes_of(done) == [("ada.l", True), ("bob", True)]
    sent, course_id = there.called("enrol_user")[0]
    assert course_id == "2"
    assert sent["email"] == "Ada.L@x.org"
    assert (sent["username"], sent["firstname"], sent["lastname"]) == ("ada.l", "Ada", "Ada.l")
    assert not {"myhosts", "picture", "session.gc_maxlifetime", "idnumber"} & set(sent)
    shown = there.there()
    assert [(w.person_id, w.name, w.is_removable) for w in shown] == [
        (ada, "Ada Ada.l", True), (bob, "Ada Bob", True),
    ]  # fmt: skip
    assert outcomes_of(there.enrolling.unenrol(2, shown[:1])) == [("ada.l", True)]
    assert [w.username for w in there.there()] == ["bob"]
    with rig.app.database.read() as connection:
        trail = [(e.actor, e.action, e.subject, e.detail) for e in audit.entries(connection)]
    detail = {"peer": there.wwwroot, "course": 2}
    assert trail[0] == ("anna", "unenrolled at", f"person {ada}", detail)
    assert ("anna", "enrolled at", f"person {bob}", detail) in trail


@pytest.mark.parametrize("code", [5011, 5012, 5013, 5014, 5015, 5017, 5018, 5019, 5020, 5021, 99])
def test_each_fault_has_a_sentence_of_ours_and_none_of_theirs(rig: Rig, code: int) -> None:
    host = CourseHost(refuses={"ada": code})
    there = There(rig, host)
    (done,) = there.enrolling.enrol(2, [add_person(rig.app, "ada")])
    assert not done.ok
    assert "script" not in done.text
    known = code in remote_courses._FAULTS
    assert (str(code) in done.text) is not known
    assert len(done.text) > 30
    with rig.app.database.read() as connection:
        assert not [e for e in audit.entries(connection) if e.action == "enrolled at"]


@pytest.mark.parametrize("answer", [False, 1, "1", "true", None or "", [], {"ok": True}])
def test_only_true_itself_means_that_it_was_done(rig: Rig, answer: Any) -> None:
    there = There(rig, CourseHost())
    there.moodle.scripted["enrol_user"] = lambda *_params: answer
    there.moodle.scripted["unenrol_user"] = lambda *_params: answer
    (done,) = there.enrolling.enrol(2, [add_person(rig.app, "ada")])
    assert not done.ok
    assert "does not say why" in done.text
    with pytest.raises(CoursesError, match="does not say why"):
        there.courses.unenrol("ada", 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": " "}, "Lacks an email address"),
        ({"firstname": "", "lastname": ""}, "Lacks a first name and a last name"),
        ({"username": "ödön"}, "user name that no Moodle takes"),
        ({"follows_peer_id": 1}, "account of its own there"),
    ],
)
def test_who_cannot_exist_there_is_refused_before_any_call(
    rig: Rig, wrong: dict[str, Any], said: str
) -> None:
    there = There(rig, CourseHost())
    assert there.peer_id == 1
    username = str(wrong.pop("username", "ada"))
    (done,) = there.enrolling.enrol(2, [add_person(rig.app, username, **wrong)])
    assert said in done.text
    assert there.posts == 0
    with rig.app.database.read() as connection:
        found, _more = search(connection, username, there.peer)
    assert said in found[0].why_not


def test_one_refused_person_stops_nobody_else_but_a_refused_course_does(rig: Rig) -> None:
    host = CourseHost(refuses={"bob": 5019})
    there = There(rig, host)
    people = [add_person(rig.app, name) for name in ("ada", "bob", "cy")]
    done = there.enrolling.enrol(2, [*people, 999])
    assert outcomes_of(done) == [("ada", True), ("bob", False), ("cy", True), ("", False)]
    host.refuses = {"bob": 5017}
    done = there.enrolling.enrol(3, [people[1], people[0], people[2]])
    assert outcomes_of(done) == [("bob", False), ("ada", False), ("cy", False)]
    assert "no enrolment method for this site" in done[0].text
    assert [one.text for one in done[1:]] == ["Not tried, after what went wrong before."] * 2


def test_a_moodle_that_stays_away_is_asked_once_and_a_slow_one_not_for_ever(rig: Rig) -> None:
    there = There(rig, CourseHost())
    people = [add_person(rig.app, name) for name in ("ada", "bob", "cy")]
    there.breaks = CannotReach("It did not answer within 15 s.", reason="time")
    done = there.enrolling.enrol(2, people)
    assert not any(one.ok for one in done)
    assert there.posts == 1
    assert "Whether it was done shows" in done[0].text
    there.breaks = None
    slow = there.moodle.scripted["enrol_user"]

    def slowly(*params: Any) -> Any:
        rig.clock.now += 30
        return slow(*params)

    there.moodle.scripted["enrol_user"] = slowly
    done = there.enrolling.enrol(2, people)
    assert outcomes_of(done) == [("ada", True), ("bob", True), ("cy", False)]
    assert "answers slowly" in done[2].text


def test_only_what_the_network_put_there_is_taken_away_from_here(rig: Rig) -> None:
    host = CourseHost(enrolled={2: [("ada", "manual"), ("bob", "self"), ("bob", "mnet")]})
    there = There(rig, host)
    add_person(rig.app, "ada")
    done = there.enrolling.unenrol(2, there.there())
    assert outcomes_of(done) == [("ada", False), ("bob", True)]
    assert "enrolled by manual in the Moodle itself" in done[0].text
    assert there.called("unenrol_user") == [["bob", "2"]]
    unknown = next(w for w in there.there() if w.username == "bob")
    assert (unknown.person_id, unknown.is_removable) == (None, False)


def test_without_the_service_or_switched_off_nothing_is_asked(rig: Rig) -> None:
    there = There(rig, CourseHost(), subscribe=("schooltool",))
    with pytest.raises(CoursesError, match="Remote enrolment service"):
        _ = there.courses
    with rig.app.database.write() as connection:
        store.set_services(connection, there.peer_id, publish=(), subscribe=SUBSCRIBED)
        store.set_state(connection, there.peer_id, store.DISABLED)
    with pytest.raises(CoursesError, match="switched off here"):
        _ = there.courses
    assert there.posts == 0


@pytest.mark.parametrize("code", [703, 707, 7012, 7015])
def test_a_moodle_that_does_not_publish_it_is_told_apart_with_every_box_to_tick(
    rig: Rig, code: int
) -> None:
    there = There(rig, CourseHost())
    there.moodle.scripted["available_courses"] = lambda: fault(code)
    with pytest.raises(CoursesError) as caught:
        there.courses.available()
    assert caught.value.kind == "not granted"
    for box in ("Publish for Remote enrolment service", "MNet remote enrolments", "Manage peers"):
        assert box in str(caught.value)


def test_an_answer_that_proves_nothing_is_not_believed(rig: Rig) -> None:
    there = There(rig, CourseHost())
    there.moodle.fault = (5012, "plain")
    with pytest.raises(CoursesError) as caught:
        there.courses.available()
    assert caught.value.kind == "unreadable"


def test_a_search_finds_every_word_and_nothing_by_a_wildcard(rig: Rig) -> None:
    there = There(rig, CourseHost())
    for name in ("ada", "bob"):
        add_person(rig.app, name, idnumber=f"N-{name}", idnumber_key=f"n-{name}")
    with rig.app.database.read() as connection:

        def names(text: str) -> list[str]:
            return [c.username for c in search(connection, text, there.peer)[0]]

        assert names("") == ["ada", "bob"]
        assert names("n-BOB ada") == ["bob"]
        assert names("%") == []
        assert names("_") == []
        assert names("x' OR 1=1 --") == []
