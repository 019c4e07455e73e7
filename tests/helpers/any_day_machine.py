"""A school in random use: what two Moodles push and what people write by hand, in any order.

Whatever is done to the school is said to the model as well; whether both agree is looked at in
any_day_comparing.py.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mnet.exchange import Site
from mnet.faults import Malformed, NotFound
from peers import store
from peers.policy import DATES, PeerPolicy
from peers.registry import Registry
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events import releasing
from schooltool_bridge.hand import enrolments, grades, merging
from schooltool_bridge.hand import people as people_by_hand
from schooltool_bridge.hand.people import Names
from schooltool_bridge.hand.resolving import Resolving
from schooltool_bridge.history.author import Author
from tests.helpers.any_day_comparing import Expected, Readers, compare, compare_lists
from tests.helpers.any_day_events import (
    DAY,
    ITEMS,
    PEOPLE,
    SECTIONS,
    Event,
    as_sent,
    by_hand,
    codes,
    events_of,
    items,
    moments,
    names,
    people,
    sections,
)
from tests.helpers.any_day_model import Model
from tests.helpers.any_day_records import EVER
from tests.helpers.any_day_statements import ROLES, STUDENT, Policy, Thing, dates_of
from tests.helpers.school import NOW, US, A, B, School

rules = st.sampled_from(DATES)


class AnyDay(RuleBasedStateMachine):
    """Pushes, repeats, entries by hand, merges and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.school = self.open()
        self.model = Model({B: Policy(clamps=True)})
        self.readers = Readers(self.school)
        database = self.school.database
        self.registry, self.site = Registry(database, lambda: self.school.now), Site(US, "S", "1")
        self.resolving = Resolving(database, self.registry, self.site)
        self.sent: list[Event] = []
        # Where something waited; what else is said for just there counts as it is applied, not as
        # it arrives, which no Moodle with running numbers ever does.
        self.waited: set[tuple[int, int]] = set()

    def open(self) -> School:
        """A school with both peers, of which nothing else is known."""
        raise NotImplementedError

    def teardown(self) -> None:
        moments = {s.since for s in self.model.statements}
        moments |= {d for s in self.model.statements for d in dates_of(s) if d is not None}
        compare(
            self.readers,
            self.model,
            self.school.now,
            [None, *sorted({*moments, *(m - 1 for m in moments)})],
        )
        self.school.database.close()

    @initialize(missing=st.sets(st.sampled_from([*PEOPLE, *SECTIONS, *ITEMS]), max_size=2))
    def it_begins(self, missing: set[Any]) -> None:
        """Most is told of at first, so that something can happen; the rest perhaps later."""
        begun: dict[str, list[Event]] = {A: [], B: []}

        def tell(what: str, thing: Thing | None, who: str | None, **data: Any) -> None:
            peer = thing[0] if thing else A
            number = len(begun[A]) + len(begun[B])
            begun[peer].append((what, thing, who, data, peer, (NOW - 1, number)))

        for who in PEOPLE:
            if who not in missing:
                tell("fetch_user", None, who, firstname="Ada", lastname=f"L{who}")
        for section in SECTIONS:
            if section not in missing:
                tell("new_section", section, None, name="Algebra", teacheridnumber="")
                tell("new_enrolment", section, "91", role=STUDENT, code="a",
                     timestart=None, timeend=None)  # fmt: skip
        for item in ITEMS:
            if item not in missing:
                tell(
                    "new_assessment", item, None, section=(item[0], "5"), name="Quiz", pointval="68"
                )
                # One cell a person, so that what it says tells one withdrawal from the other.
                who = "92" if item == (A, "8") else "91"
                reached = {(A, "7"): "5", (A, "8"): "68", (B, "7"): "99"}[item]
                tell("new_grade", item, who, points_earned=reached, excepted=False, attempt_num=1)
        self.push(*begun[A])
        self.push(*begun[B])

    @invariant()
    def agrees_about_now(self) -> None:
        compare_lists(self.readers, Expected(self.model, None, self.school.now))

    @rule(by=st.sampled_from([-5, -1, 3, DAY]))
    def the_clock_jumps(self, by: int) -> None:
        self.school.now += by

    @rule(at=moments)
    def somebody_asks_about_a_moment(self, at: int) -> None:
        compare(self.readers, self.model, self.school.now, [at])

    @rule(peer=st.sampled_from([A, B]), clamps=st.booleans(), dates=st.tuples(rules, rules))
    def an_admin_changes_a_peers_policies(
        self, peer: str, clamps: bool, dates: tuple[str, str]
    ) -> None:
        """What was told until now stays as it was told."""
        stored = {"out_of_range": "clamp" if clamps else "accept"}
        stored |= {"dates_students": dates[0], "dates_teachers": dates[1]}
        source = self.school.sources[peer]
        with self.school.database.write() as connection:
            store.set_columns(connection, source.peer_id, policy=stored)
        self.school.sources[peer] = source._replace(policy=PeerPolicy.from_stored(stored))
        self.model.policies[peer] = Policy(clamps, *dates)

    @rule(event=events_of(A))
    def a_peer_pushes(self, event: Event) -> None:
        self.push(event)

    @rule(pushed=st.lists(events_of(A), min_size=2, max_size=8))
    def a_peer_pushes_many_at_once(self, pushed: list[Event]) -> None:
        self.push(*pushed)

    @rule(pushed=st.lists(events_of(A), min_size=2, max_size=8), at=moments)
    def a_peer_pushes_backwards_what_happened_in_one_second(
        self, pushed: list[Event], at: int
    ) -> None:
        self.push(*((*event[:5], (at, len(pushed) - n)) for n, event in enumerate(pushed)))

    @rule(pushed=st.lists(events_of(B), min_size=1, max_size=4))
    def another_peer_pushes(self, pushed: list[Event]) -> None:
        self.push(*pushed)

    @rule(which=st.integers(0, 99))
    def a_peer_repeats_itself(self, which: int) -> None:
        timed = [e for e in self.sent if e[5]]
        if timed:
            event = timed[which % len(timed)]
            self.school.now += 1
            (status,) = self.receive([event])
            assert status in ("unchanged", "held"), (event, status)

    def push(self, *pushed: Event) -> None:
        """Push events of one peer in one message, and say them to the model."""
        self.school.now += 1
        sent: list[tuple[Event, bool]] = []
        for event in pushed:
            if event[5] is not None and event[5][0] - self.school.now > DAY:
                assert self.receive([event]) == [Malformed.code]
                continue
            is_refused = self.ends_nothing(event)
            if is_refused or self.has_its_position(event):
                sent.append((event, is_refused))
                if not is_refused:
                    self.remember(event)
        statuses = self.receive([event for event, _refused in sent])
        for (event, is_refused), status in zip(sent, statuses, strict=True):
            assert is_refused == (status == NotFound().code), (event, status)

    def receive(self, sent: list[Event]) -> list[Any]:
        """Do what the server does with a message; return each event's status, or its fault."""
        if not sent:
            return []
        source = self.school.source(sent[0][4])
        pushed = [{"event": e[0], "data": as_sent(e)} for e in sent]
        with self.school.database.write() as connection:
            answers, _new, names = events.receive_many(connection, source, pushed, self.school.now)
        where = (self.school.database, self.registry, self.site)
        releasing.release_others(*where, source.peer_id, names)
        return [answer.get("fault") or answer["status"] for answer in answers]

    def ends_nothing(self, event: Event) -> bool:
        """Whether an event without a time ends or deletes what its sender never told of."""
        return event[5] is None and event[0].startswith(("end", "delete")) and self.waits(event)

    def has_its_position(self, event: Event) -> bool:
        """Leave out what depends on the order of arrival: where something waits, time decides."""
        what, thing, who, data, peer, when = event
        if when is None:
            # A section need not wait for its teacher.
            data = {name: value for name, value in data.items() if name != "teacheridnumber"}
            return not self.waits((what, thing, who, data, peer, when)) and self.is_free(None)
        if self.waits(event):
            if any(s.position[:2] == when for s in self.model.statements):
                return False
            self.waited.add(when)
            return True
        return self.is_free(when)

    def is_free(self, when: tuple[int, int] | None) -> bool:
        return (when or (self.school.now, -1)) not in self.waited

    def waits(self, event: Event) -> bool:
        """Whether what an event names, or what it ends, is not there yet."""
        what, thing, who, data, _peer, _when = event
        if not self.model.is_known(what, thing, who, data):
            return True
        if what not in ("end_enrolment", "delete_grade"):
            return False
        assert who is not None
        assert thing is not None
        # Each record has its own history; what only another of the person has is another thing.
        if what == "delete_grade":
            return all(s.who != who for s in self.model.cell_statements(thing, who))
        alone = self.model.apart()
        return not any(alone.membership(thing, who, role, EVER) for role in roles_of(data))

    def remember(self, event: Event) -> None:
        what, thing, who, data, peer, when = event
        self.sent.append(event)
        self.model.add(what, self.school.now, when, thing=thing, who=who, peer=peer, **data)

    # By hand.

    def author(self) -> Author:
        self.school.now += 1
        return Author("carl", self.school.now)

    @rule(who=people, section=sections, role=st.sampled_from(ROLES), code=codes,
          at=st.none() | moments)  # fmt: skip
    def a_state_is_written(
        self, who: str, section: Thing, role: str, code: str, at: int | None
    ) -> None:
        if who in self.model.roots() and section in self.model.sections():
            author = self.author()
            at = None if at is None else min(at, author.now_unix_s)
            when = self.dated(self.model.steps(section, who), at)
            if not self.is_free(when):
                return
            membership = self.readers.section_id(section), self.readers.person_id(who)
            with self.school.database.write() as connection:
                enrolments.set_state(
                    connection, author, *membership, role, code, effective_unix_s=at
                )
            self.resolving.brought_by_hand(memberships=[membership])
            self.model.add("state", author.now_unix_s, when, thing=section, who=who, role=role, code=code)  # fmt: skip

    @precondition(lambda self: self.waiting_endings())
    @rule(which=st.integers(0, 3), code=codes, at=st.none() | moments)
    def a_state_is_written_for_which_an_ending_waits(
        self, which: int, code: str, at: int | None
    ) -> None:
        waiting = self.waiting_endings()
        section, who, role = waiting[which % len(waiting)]
        self.a_state_is_written(who, section, role, code, at)

    def waiting_endings(self) -> list[tuple[Thing, str, str]]:
        """The section, record and role of each ending that was pushed too early."""
        return [
            (e[1], e[2], roles_of(e[3])[0])
            for e in self.sent
            if e[0] == "end_enrolment" and e[1] and e[2] and self.waits(e)
        ]

    @rule(who=people, item=items, given=by_hand, excepted=st.booleans(), at=st.none() | moments)
    def a_grade_is_written(
        self, who: str, item: Thing, given: str | None, excepted: bool, at: int | None
    ) -> None:
        if who not in self.model.roots() or item not in self.model.items():
            return
        author = self.author()
        at = None if at is None else min(at, author.now_unix_s)
        value = None if given is None else Decimal(given)
        there = self.model.item(item, EVER)
        is_possible = there is not None and self.model.membership(there[0], who, STUDENT, EVER)
        when = self.dated(self.model.written_in_cell(item, who), at)
        with self.school.database.write() as connection:
            try:
                wrote = grades.enter(
                    connection, author, self.readers.item_id(item), self.readers.person_id(who), value,
                    excepted=excepted, effective_unix_s=at,
                )  # fmt: skip
            except Refused:
                assert not is_possible
                return
        assert is_possible
        if wrote:
            self.model.add("enter", author.now_unix_s, when, thing=item, who=who, points=value, excepted=excepted)  # fmt: skip

    @rule(who=people, item=items)
    def a_grade_is_released(self, who: str, item: Thing) -> None:
        if who in self.model.roots() and item in self.model.items():
            author = self.author()
            with self.school.database.write() as connection:
                item_id = self.readers.item_id(item)
                took = grades.release(connection, author, item_id, self.readers.person_id(who))
            written = self.model.written_in_cell(item, who)
            assert took == bool(written and written[-1].what == "enter")
            if took:
                self.model.add("release", author.now_unix_s, None, thing=item, who=who)

    @staticmethod
    def dated(history: list[Any], at: int | None) -> tuple[int, int] | None:
        """The place of what is written for a day: behind all that stands there."""
        return None if at is None else (at, max([s.seq for s in history if s.at == at], default=-1))

    @rule(who=people, first=names, last=st.sampled_from(["Married", "Single"]))
    def a_person_is_renamed(self, who: str, first: str, last: str) -> None:
        if who in self.model.roots():
            author = self.author()
            with self.school.database.write() as connection:
                person_id = self.readers.person_id(who)
                was = people_by_hand.names_of(connection, person_id)
                now = Names(was.username, first, last, was.idnumber, was.email)
                changed = people_by_hand.change(connection, author, person_id, now)
            if changed:
                self.model.add("rename", author.now_unix_s, None, who=who, firstname=first, lastname=last)  # fmt: skip

    @rule(kept=people, merged=people)
    def two_are_one(self, kept: str, merged: str) -> None:
        known = self.model.people()
        if kept in known and merged in known:
            roots = self.model.roots()
            is_possible = kept != merged and {kept, merged} <= set(roots)
            with self.school.database.write() as connection:
                try:
                    merging.merge(
                        connection,
                        self.author(),
                        self.readers.person_id(kept),
                        self.readers.person_id(merged),
                    )
                except Refused:
                    assert not is_possible
                    return
            assert is_possible
            self.model.into[merged] = kept

    @precondition(lambda self: self.model.into)
    @rule(which=st.integers(0, 1))
    def they_are_two_again(self, which: int) -> None:
        merged = sorted(self.model.into)[which % len(self.model.into)]
        del self.model.into[merged]
        with self.school.database.write() as connection:
            merging.undo(connection, self.author(), self.readers.person_id(merged))


def roles_of(data: dict[str, Any]) -> tuple[str, ...]:
    return (data["role"],) if data["role"] else ROLES
