"""A school in random use: what two Moodles push and what people write by hand, in any order.

Whatever is done to the school is said to the model as well; whether both agree is looked at in
any_day_comparing.py.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schooltool_bridge import events, queries
from schooltool_bridge.hand import enrolments, grades, merging
from schooltool_bridge.hand import people as people_by_hand
from schooltool_bridge.hand.author import Author, Refused
from schooltool_bridge.hand.people import Names
from tests.schooltool_bridge.any_day_comparing import Readers, compare, compare_lists
from tests.schooltool_bridge.any_day_model import EVER, STUDENT, Model, Thing
from tests.schooltool_bridge.school import NOW, A, B, School

DAY = 86_400
PEOPLE = ("91", "92", "93")
# Both have a section 5 and an assessment 7; only A's are two.
SECTIONS = ((A, "5"), (A, "6"), (B, "5"))
ITEMS = ((A, "7"), (A, "8"), (B, "7"))

people = st.sampled_from(PEOPLE)
sections, items = st.sampled_from(SECTIONS), st.sampled_from(ITEMS)
points = st.sampled_from([None, "0", "5", "7.5", "68", "99"])
names = st.sampled_from(["Ada", "Öda"])
marks = st.fixed_dictionaries({"points_earned": points, "excepted": st.booleans()})
# Short distances within three days, so that moments meet; None: the sender gives no time.
moments = st.builds(lambda day, s: NOW + day * DAY + s, st.integers(0, 2), st.integers(0, 7))
times = st.none() | st.tuples(moments, st.integers(-1, 2))

# An event: its name, what it is about, whom it names, what else it says, its peer and its time.
Event = tuple[str, Thing | None, str | None, dict[str, Any], str, tuple[int, int] | None]


def an_event() -> st.SearchStrategy[Event]:
    def of(
        what: str, things: st.SearchStrategy[Thing], who: st.SearchStrategy[str | None], **data: Any
    ) -> st.SearchStrategy[Event]:
        return st.builds(
            lambda thing, who, data, when: (what, thing, who, data, thing[0], when),
            things, who, st.fixed_dictionaries(data), times,
        )  # fmt: skip

    user = st.builds(
        lambda who, first, peer, when: (
            "fetch_user", None, who, {"firstname": first, "lastname": f"L{who}"}, peer, when
        ),
        people, names, st.sampled_from([A, B]), times,
    )  # fmt: skip
    a_role = st.sampled_from([STUDENT, STUDENT, "teacher"])
    a_grade = of("new_grade", items, people, points_earned=points, excepted=st.booleans(),
                 attempt_num=st.integers(1, 3))  # fmt: skip
    an_item = st.sampled_from(ITEMS).flatmap(
        lambda item: of(
            "new_assessment", st.just(item), st.none(),
            section=st.sampled_from([s for s in SECTIONS if s[0] == item[0]]),
            name=st.sampled_from(["Quiz", "Essay"]), pointval=st.sampled_from(["68", "10"]),
        )
    )  # fmt: skip
    taken_back = st.builds(
        lambda event, attempt: (*event[:3], {"attempt_num": attempt} if attempt else {}, *event[4:]),
        of("delete_grade", items, people), st.integers(0, 3),
    )  # fmt: skip
    return st.one_of(
        user, an_item, a_grade, a_grade, taken_back,
        of("new_section", sections, st.none(), name=st.sampled_from(["Algebra", "Botany"]),
           teacheridnumber=st.just("") | people),
        of("new_enrolment", sections, people, role=a_role, code=st.sampled_from(["a", "a", "s"])),
        of("end_enrolment", sections, people, role=st.just("") | a_role),
        of("delete_section", sections, st.none()),
    )  # fmt: skip


def as_sent(event: Event) -> dict[str, Any]:
    """The event's fields on the wire."""
    what, thing, who, said, _peer, when = event
    number = thing[1] if thing else None
    kind = what.partition("_")[2]
    about: dict[str, Any] = {
        "user": {"idnumber": who, "username": f"u{who}"},
        "section": {"idnumber": number},
        "assessment": {"idnumber": number},
        "enrolment": {"sectionid": number, "userid": who},
        "grade": {"assessmentid": number, "userid": who},
    }[kind]
    data = {**about, **said}
    if "code" in said:
        data["status"] = 1 if data.pop("code") == "s" else 0
    if "section" in said:
        data["sectionid"] = data.pop("section")[1]
    if when:
        data["timemodified"] = when[0]
        data |= {"seq": when[1]} if when[1] >= 0 else {}
    return data


class AnyDay(RuleBasedStateMachine):
    """Pushes, repeats, entries by hand, merges and a clock that jumps.

    No assessment is deleted here: what is stored of a withdrawal counts the grades of deleted
    ones ("w"), what is read as of any moment does not ("wn").
    """

    def __init__(self) -> None:
        super().__init__()
        self.school = self.open()
        self.model = Model(clamping=(B,))
        self.readers = Readers(self.school)
        self.sent: list[Event] = []

    def open(self) -> School:
        """A school with both peers, of which nothing else is known."""
        raise NotImplementedError

    def teardown(self) -> None:
        moments = {s.at for s in self.model.said}
        for at in [None, *sorted({*moments, *(m - 1 for m in moments)})]:
            compare(self.readers, self.model, at)
        self.school.database.close()

    @initialize(missing=st.sets(st.sampled_from([*PEOPLE, *SECTIONS, *ITEMS]), max_size=2))
    def it_begins(self, missing: set[Any]) -> None:
        """Most is told of at first, so that something can happen; the rest perhaps later."""
        for thing in [*PEOPLE, *SECTIONS, *ITEMS]:
            if thing in missing:
                continue
            if thing in PEOPLE:
                names = {"firstname": "Ada", "lastname": f"L{thing}"}
                self.a_peer_pushes(("fetch_user", None, thing, names, A, (NOW, -1)))
            elif thing in SECTIONS:
                said = {"name": "Algebra", "teacheridnumber": ""}
                self.a_peer_pushes(("new_section", thing, None, said, thing[0], (NOW, -1)))
                for who in PEOPLE[:2]:
                    role = {"role": STUDENT, "code": "a"}
                    self.a_peer_pushes(("new_enrolment", thing, who, role, thing[0], (NOW, -1)))
            else:
                item = {"section": (thing[0], "5"), "name": "Quiz", "pointval": "68"}
                self.a_peer_pushes(("new_assessment", thing, None, item, thing[0], (NOW, -1)))
                for who, reached in zip(PEOPLE, ("5", "68"), strict=False):
                    grade = {"points_earned": reached, "excepted": False, "attempt_num": 1}
                    self.a_peer_pushes(("new_grade", thing, who, grade, thing[0], (NOW, -1)))

    @invariant()
    def agrees_about_now(self) -> None:
        compare_lists(self.readers, self.model, None)

    @rule(by=st.sampled_from([-5, -1, 3, DAY]))
    def the_clock_jumps(self, by: int) -> None:
        self.school.now += by

    @rule(event=an_event())
    def a_peer_pushes(self, event: Event) -> None:
        if self.makes_sense(event):
            self.school.push(event[0], event[4], **as_sent(event))
            self.remember(event)

    @rule(pushed=st.lists(an_event(), min_size=2, max_size=4))
    def a_peer_pushes_many_at_once(self, pushed: list[Event]) -> None:
        peer = pushed[0][4]
        pushed = [e for e in pushed if e[4] == peer and e[5] and self.makes_sense(e)]
        self.school.now += 1
        with self.school.database.write() as connection:
            sent = [{"event": e[0], "data": as_sent(e)} for e in pushed]
            source = self.school.source(peer)
            events.receive_many(connection, source, sent, self.school.now)
        for event in pushed:
            self.remember(event)

    @rule(which=st.integers(0, 99))
    def a_peer_repeats_itself(self, which: int) -> None:
        timed = [e for e in self.sent if e[5]]
        if timed:
            event = timed[which % len(timed)]
            status = self.school.status(event[0], event[4], **as_sent(event))
            assert status in ("unchanged", "held"), (event, status)

    def makes_sense(self, event: Event) -> bool:
        """Leave out what a Moodle would not send, or where the order of arrival has to count."""
        what, thing, who, data, peer, when = event
        if not self.model.is_known(what, thing, who, data) and when is None:
            return False
        named = {who, data.get("teacheridnumber") or None} - {None}
        if peer != A and not named <= set(self.model.people()):
            return False  # A brings people; what B says of them before that only B's word frees
        if what not in ("end_enrolment", "delete_grade"):
            return True
        assert who is not None
        assert thing is not None
        if what == "delete_grade":
            begun = any(s.who == who for s in self.model.told_of_cell(thing, who))
        else:
            begun = any(self.model.apart().place(thing, who, role, EVER) for role in roles_of(data))
        # To end what one record has is one thing, what only another of the person has another.
        return begun or (when is not None and self.model.records(who) == [who])

    def remember(self, event: Event) -> None:
        what, thing, who, data, peer, when = event
        self.sent.append(event)
        self.model.say(what, self.school.now, when, thing=thing, who=who, peer=peer, **data)

    # By hand.

    def author(self) -> Author:
        self.school.now += 1
        return Author("carl", self.school.now)

    def ours(self, who: str) -> int:
        return self.school.read(lambda connection: queries.find_record(connection, who))

    @rule(who=people, section=sections, role=st.sampled_from([STUDENT, "teacher"]),
          code=st.sampled_from(["a", "s", "w", "wp", "ps", "e"]), at=st.none() | moments)  # fmt: skip
    def a_state_is_written(
        self, who: str, section: Thing, role: str, code: str, at: int | None
    ) -> None:
        # Left out where an ending waits: only what the peer tells frees it, not what is written
        # by hand, so that what holds then depends on which of the two came first.
        if self.model.ending_waits(section, who):
            return
        if who in self.model.roots() and section in self.model.sections():
            author = self.author()
            at = None if at is None else min(at, author.now_unix_s)
            when = self.dated(self.model.steps(section, who), at)
            with self.school.database.write() as connection:
                where = self.readers.section_id(section)
                enrolments.set_state(
                    connection, author, where, self.ours(who), role, code, effective_unix_s=at
                )
            self.model.say("state", author.now_unix_s, when, thing=section, who=who, role=role, code=code)  # fmt: skip

    @rule(who=people, item=items, given=points, excepted=st.booleans(), at=st.none() | moments)
    def a_grade_is_written(
        self, who: str, item: Thing, given: str | None, excepted: bool, at: int | None
    ) -> None:
        if who not in self.model.roots() or item not in self.model.items():
            return
        author = self.author()
        at = None if at is None else min(at, author.now_unix_s)
        value = None if given is None else Decimal(given)
        there = self.model.item(item, EVER)
        is_possible = there is not None and self.model.place(there[0], who, STUDENT, EVER)
        when = self.dated(self.model.written_in_cell(item, who), at)
        with self.school.database.write() as connection:
            try:
                wrote = grades.enter(
                    connection, author, self.readers.item_id(item), self.ours(who), value,
                    excepted=excepted, effective_unix_s=at,
                )  # fmt: skip
            except Refused:
                assert not is_possible
                return
        assert is_possible
        if wrote:
            self.model.say("enter", author.now_unix_s, when, thing=item, who=who, points=value, excepted=excepted)  # fmt: skip

    @rule(who=people, item=items)
    def a_grade_is_released(self, who: str, item: Thing) -> None:
        if who in self.model.roots() and item in self.model.items():
            author = self.author()
            with self.school.database.write() as connection:
                item_id = self.readers.item_id(item)
                took = grades.release(connection, author, item_id, self.ours(who))
            written = self.model.written_in_cell(item, who)
            assert took == bool(written and written[-1].what == "enter")
            if took:
                self.model.say("release", author.now_unix_s, None, thing=item, who=who)

    @staticmethod
    def dated(history: list[Any], at: int | None) -> tuple[int, int] | None:
        """The place of what is written for a day: behind all that stands there."""
        return None if at is None else (at, max([s.seq for s in history if s.at == at], default=-1))

    @rule(who=people, first=names, last=st.sampled_from(["Married", "Single"]))
    def a_person_is_renamed(self, who: str, first: str, last: str) -> None:
        if who in self.model.roots():
            author = self.author()
            with self.school.database.write() as connection:
                person_id = self.ours(who)
                was = people_by_hand.names_of(connection, person_id)
                now = Names(was.username, first, last, was.idnumber, was.email)
                changed = people_by_hand.change(connection, author, person_id, now)
            if changed:
                self.model.say("rename", author.now_unix_s, None, who=who, firstname=first, lastname=last)  # fmt: skip

    @rule(kept=people, merged=people)
    def two_are_one(self, kept: str, merged: str) -> None:
        known = self.model.people()
        if kept in known and merged in known:
            roots = self.model.roots()
            is_possible = kept != merged and {kept, merged} <= set(roots)
            with self.school.database.write() as connection:
                try:
                    merging.merge(connection, self.author(), self.ours(kept), self.ours(merged))
                except Refused:
                    assert not is_possible
                    return
            assert is_possible
            self.model.into[merged] = kept

    @precondition(lambda self: self.model.into)
    @rule(merged=people)
    def they_are_two_again(self, merged: str) -> None:
        if self.model.into.pop(merged, None):
            with self.school.database.write() as connection:
                merging.undo(connection, self.author(), self.ours(merged))


def roles_of(data: dict[str, Any]) -> tuple[str, ...]:
    return (data["role"],) if data["role"] else (STUDENT, "teacher")
