"""A Moodle's courses: every shape of answer is read, every fault has a sentence, and who may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mnet import xmlrpc
from mnet.call_errors import CannotReach
from mnet.xmlrpc import MethodResponse
from peers import audit, store
from schooltool_bridge.remote_enrolment import courses as remote_courses
from schooltool_bridge.remote_enrolment.courses import (
    MAX_COURSES,
    MAX_NAME_CHARS,
    Courses,
    CoursesError,
    read_courses,
    read_enrolments,
)
from schooltool_bridge.remote_enrolment.enrolling import Done, Enrolling, search, who_is_there
from schooltool_bridge.server.app import App
from schooltool_bridge.store.model import person
from schooltool_bridge.web.courses_pages import by_category
from tests.helpers.course_host import START_UNIX_S, CourseHost, course, fault
from tests.helpers.moodle import Moodle
from tests.helpers.recorded import MESSAGES
from tests.helpers.rig import Rig, make_rig
from tests.helpers.strategies import texts, values

BOTH = [pytest.param(False, id="2.x"), pytest.param(True, id="1.9")]
SUBSCRIBED = ("mnet_enrol",)

_row_values = values | st.sampled_from(["2", 2, "0", "-1", "9" * 30, "mnet", "guest", True, ""])
rows = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["remoteid", "fullname", "shortname", "sortorder", "startdate", "cat_id", "cat_name",
             "username", "name", "enrol", "timemodified", "summaryformat"]
        ),
        _row_values, max_size=8,
    )
    | _row_values,
    max_size=6,
)  # fmt: skip


# Reading


def outcome(read: Callable[[Any], Any], answer: Any) -> Any:
    """What was read, or why it was not: any other error fails the test."""
    try:
        return read(answer)
    except CoursesError as problem:
        return f"{problem.kind}: {problem}"


@given(values | rows | st.dictionaries(texts, _row_values) | st.none())
def test_whatever_a_moodle_answers_is_read_or_refused_in_one_way(answer: Any) -> None:
    for read in (read_courses, read_enrolments):
        listed: Any = outcome(read, answer)
        if isinstance(listed, str):
            assert listed
            continue
        assert listed.unread >= 0
        for item in listed.items:
            for name in item.__slots__:
                value = getattr(item, name)
                assert not isinstance(value, str) or (
                    len(value) <= MAX_NAME_CHARS and value.isprintable()
                )


@given(rows)
def test_a_list_and_a_struct_keyed_by_anything_say_the_same(listed: list[Any]) -> None:
    keyed = {f"key {n}": row for n, row in enumerate(listed)}
    for read in (read_courses, read_enrolments):
        assert outcome(read, listed) == outcome(read, keyed)


@pytest.mark.parametrize("answer", [False, None, "", [], {}])
def test_nothing_in_any_words_is_no_course_and_nobody(answer: Any) -> None:
    assert read_courses(answer).items == ()
    assert read_enrolments(answer).items == ()


@pytest.mark.parametrize("answer", [True, 7, "courses", b"x", 1.5, ["x"], {"a": "b"}, [{"x": 1}]])
def test_what_is_no_list_is_refused(answer: Any) -> None:
    for read in (read_courses, read_enrolments):
        with pytest.raises(CoursesError, match="no list of"):
            read(answer)


def test_a_course_without_an_id_is_counted_and_the_others_stand() -> None:
    listed = read_courses([course(2, "A", "a"), {**course(3, "B", "b"), "remoteid": "x"}, "?"])
    assert [c.id for c in listed.items] == [2]
    assert listed.unread == 2


def test_more_courses_than_any_school_has_are_cut_and_told() -> None:
    listed = read_courses([course(n + 1, "A", "a") for n in range(MAX_COURSES + 7)])
    assert (len(listed.items), listed.unread) == (MAX_COURSES, 7)


def test_names_lose_what_is_invisible_and_what_is_too_long() -> None:
    long = course(2, "ab\u202ec\n\x07d" + "x" * 9999, "s", startdate=str(10**17), cat_id="-4")
    (read,) = read_courses([long]).items
    assert read.fullname.startswith("ab c dxxx")
    assert len(read.fullname) == MAX_NAME_CHARS
    assert (read.starts_unix_s, read.category_id) == (None, 0)


def test_the_moodles_own_order_stays_in_and_between_categories() -> None:
    given_rows = [course(5, "E", "e", 9), course(2, "B", "b", 1), course(3, "C", "c", 9)]
    found = by_category(read_courses(given_rows).items)
    assert [(c.name, [x.id for x in c.courses]) for c in found] == [
        ("Year 1", [2]), ("Year 9", [3, 5]),
    ]  # fmt: skip


def test_one_person_may_stand_there_in_several_ways_and_the_guest_is_nobody() -> None:
    answer: Any = [
        {"username": "ada", "enrol": "mnet", "name": "", "shortname": "student", "timemodified": 5},
        {"username": "ada", "enrol": "manual", "name": "Teacher", "shortname": "t"},
        {"username": "guest", "enrol": "guest"},
        {"shortname": "student"},
    ]
    listed = read_enrolments(answer)
    assert [(e.username, e.plugin, e.role, e.since_unix_s) for e in listed.items] == [
        ("ada", "manual", "Teacher", None), ("ada", "mnet", "student", 5),
    ]  # fmt: skip
    assert listed.unread == 1


def test_a_moodle_1_9_says_no_course_in_words() -> None:
    with pytest.raises(CoursesError, match="no such course") as caught:
        read_enrolments("no course")
    assert caught.value.code == 5012


RECORDED = [
    m for m in MESSAGES
    if m.side == "response" and m.payload and "enrol/mnet/" in (m.facts["method"] or "")
    and not m.facts.get("fault")
]  # fmt: skip


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("message", RECORDED, ids=lambda m: m.label)
def test_what_real_moodles_answered_is_read(message: Any) -> None:
    response = xmlrpc.read_response(message.payload)
    assert isinstance(response, MethodResponse)
    method = message.facts["method"].rpartition("/")[2]
    if method == "available_courses":
        listed = read_courses(response.value)
        assert listed.items
        assert not listed.unread
        assert all(c.starts_unix_s == 1790000000 and not c.is_old for c in listed.items)
        assert any(
            "\N{LATIN CAPITAL LETTER U WITH DIAERESIS}nï" in c.fullname
            or c.fullname == "History 7A"
            for c in listed.items
        )
    elif method == "course_enrolments":
        assert all(e.is_ours and e.role == "student" for e in read_enrolments(response.value).items)
    elif method in {"enrol_user", "unenrol_user"}:
        assert response.value is True


def test_there_are_recordings_of_every_method_that_we_call() -> None:
    methods = {m.facts["method"].rpartition("/")[2] for m in RECORDED}
    assert methods >= {"available_courses", "course_enrolments", "enrol_user", "unenrol_user"}


# Asking and changing


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


def told(done: list[Done]) -> list[tuple[str, bool]]:
    return [(one.username, one.ok) for one in done]


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("is_old", BOTH)
def test_people_are_enrolled_seen_and_taken_out_in_either_moodle(rig: Rig, is_old: bool) -> None:
    there = There(rig, CourseHost(is_old=is_old))
    ada, bob = add_person(rig.app, "Ada.L"), add_person(rig.app, "bob")
    assert [c.id for c in there.courses.available().items] == [2, 3]
    assert all(c.is_old == is_old for c in there.courses.available().items)
    done = there.enrolling.enrol(2, [ada, bob, ada])
    assert told(done) == [("ada.l", True), ("bob", True)]
    sent, course_id = there.called("enrol_user")[0]
    assert course_id == "2"
    assert sent["email"] == "Ada.L@x.org"
    assert (sent["username"], sent["firstname"], sent["lastname"]) == ("ada.l", "Ada", "Ada.l")
    assert not {"myhosts", "picture", "session.gc_maxlifetime", "idnumber"} & set(sent)
    shown = there.there()
    assert [(w.person_id, w.name, w.is_removable) for w in shown] == [
        (ada, "Ada Ada.l", True), (bob, "Ada Bob", True),
    ]  # fmt: skip
    assert told(there.enrolling.unenrol(2, shown[:1])) == [("ada.l", True)]
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
    assert told(done) == [("ada", True), ("bob", False), ("cy", True), ("", False)]
    host.refuses = {"bob": 5017}
    done = there.enrolling.enrol(3, [people[1], people[0], people[2]])
    assert told(done) == [("bob", False), ("ada", False), ("cy", False)]
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
    assert told(done) == [("ada", True), ("bob", True), ("cy", False)]
    assert "answers slowly" in done[2].text


def test_only_what_the_network_put_there_is_taken_away_from_here(rig: Rig) -> None:
    host = CourseHost(enrolled={2: [("ada", "manual"), ("bob", "self"), ("bob", "mnet")]})
    there = There(rig, host)
    add_person(rig.app, "ada")
    done = there.enrolling.unenrol(2, there.there())
    assert told(done) == [("ada", False), ("bob", True)]
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
