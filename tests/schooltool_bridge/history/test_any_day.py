"""A school in random use, compared for every moment with a model that only lists what was said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mnet.faults import Fault
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import enrolments, grades
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from tests.helpers.school import NOW, A, School

PUPILS, ITEMS = ("1", "2"), ("7", "8")
pupils, items = st.sampled_from(PUPILS), st.sampled_from(ITEMS)
# Short distances, so that moments meet.
moments = st.integers(NOW - 20, NOW + 20)
points = st.none() | st.integers(0, 12).map(Decimal)
CODES = ("a", "wp", "wf", "ps", "e")


@dataclass
class Statement:
    """One thing that was said of a cell or a place in the section, in its order of arrival."""

    at: int
    order: int
    by_hand: bool
    what: tuple[Any, ...]
    # When it was said; nothing took effect before.
    now: int

    @property
    def since(self) -> int:
        return min(self.at, self.now)


@dataclass
class Model:
    """Everything that was said; what held at a moment is looked up, nothing is kept up to date."""

    cells: dict[tuple[str, str], list[Statement]] = field(default_factory=dict)
    memberships: dict[str, list[Statement]] = field(default_factory=dict)
    orders: int = 0
    now: int = 0

    def say(self, where: list[Statement], at: int, *what: Any, by_hand: bool = False) -> None:
        self.orders += 1
        where.append(Statement(at, self.orders, by_hand, what, self.now))
        where.sort(key=lambda s: (s.at, s.order))

    def cell(self, item: str, pupil: str, at: int) -> tuple[Any, ...] | None:
        said = [s for s in self.cells.get((item, pupil), []) if s.since <= at]
        by_hand = [s.what for s in said if s.by_hand]
        told = [s.what for s in said if not s.by_hand]
        hidden = self.hidden(told)
        if by_hand and by_hand[-1] != ("released",):
            return ("manual", *by_hand[-1], hidden)
        for attempt in sorted({a for _p, _e, a, _h in told}, reverse=True):
            latest = [w for w in told if w[2] == attempt][-1]
            return ("peer", latest[0], latest[1], hidden)
        return None

    @staticmethod
    def hidden(told: list[tuple[Any, ...]]) -> int:
        """The last word on whether students see a cell; shown while nobody said anything."""
        return next((h for *_rest, h in reversed(told) if h is not None), 0)

    def is_known(self, where: list[Statement], at: int, what: tuple[Any, ...]) -> bool:
        """Whether a grade was told of in that second already, as far as this one says anything."""
        told = [s for s in where if not s.by_hand]
        return any(
            s.at == at
            and s.what[:3] == what[:3]
            and what[3] in (None, self.hidden([t.what for t in told[: n + 1]]))
            for n, s in enumerate(told)
        )

    def code(self, pupil: str, at: int) -> str | None:
        code: str | None = None
        graded = any(
            cell is not None and cell[1] is not None
            for item in ITEMS
            if (cell := self.cell(item, pupil, at)) is not None
        )
        for said in [s for s in self.memberships.get(pupil, []) if s.since <= at]:
            wanted = said.what[0]
            if wanted == "ended":
                if code in ("a", None):
                    code = code and "ended"
            else:
                code = wanted
        if code == "ended":
            return "w" if graded else "wn"
        return code


class AnyDay(RuleBasedStateMachine):
    """Pushes in any order and twice, entries by hand, withdrawals, a clock that jumps."""

    school: School
    runs = count()

    @initialize()
    def begin(self) -> None:
        """A section of its own for every run, so that the store need not be made anew."""
        self.model, self.run = Model(), next(self.runs)
        self.school.now = NOW
        for pupil in PUPILS:
            self.push(
                "fetch_user",
                idnumber=self.name(pupil),
                username=f"p{self.name(pupil)}",
                firstname="P",
                lastname=pupil,
                timemodified=1,
            )  # fmt: skip - a person
        self.push("new_section", idnumber=self.name("5"), name="Algebra", timemodified=1)
        for item in ITEMS:
            self.push(
                "new_assessment",
                sectionid=self.name("5"),
                idnumber=self.name(item),
                name=f"Item {item}",
                pointval=10,
                timemodified=1,
            )  # fmt: skip - an item
        self.ours = {p: self.read(find_person, self.name(p)) for p in PUPILS}
        self.section = self.read(find_section, self.name("5"))
        snapshot = self.read(as_of.of_section, self.section)
        names = {self.name(item): item for item in ITEMS}
        self.items = {names[i.name_for_scripts]: i.id for i in snapshot.items}

    def name(self, short: str) -> str:
        return f"{self.run}-{short}"

    def push(self, event: str, **data: Any) -> None:
        self.school.push(event, **data)
        self.model.now = self.school.now

    def read(self, question: Callable[..., Any], *arguments: Any) -> Any:
        return self.school.read(lambda connection: question(connection, *arguments))

    def author(self) -> Author:
        self.model.now = self.school.now
        return Author("account head", self.school.now)

    @rule(by=st.integers(-15, 15))
    def the_clock_jumps(self, by: int) -> None:
        self.school.now += by

    @rule(pupil=pupils, at=moments, again=st.booleans())
    def enrolled(self, pupil: str, at: int, again: bool) -> None:
        for _time in range(1 + again):
            self.push(
                "new_enrolment",
                sectionid=self.name("5"),
                userid=self.name(pupil),
                role="student",
                timemodified=at,
            )  # fmt: skip - an event
        self.model.now -= again  # its first arrival counts
        statements = self.model.memberships.setdefault(pupil, [])
        if not any(s.at == at and s.what == ("a",) and not s.by_hand for s in statements):
            self.model.say(statements, at, "a")

    @rule(pupil=pupils, at=moments)
    def ended(self, pupil: str, at: int) -> None:
        if not self.model.memberships.get(pupil):
            return
        with contextlib.suppress(Fault):
            self.push(
                "end_enrolment",
                sectionid=self.name("5"),
                userid=self.name(pupil),
                role="student",
                timemodified=at,
            )  # fmt: skip - an event
        statements = self.model.memberships[pupil]
        if not any(s.at == at and s.what == ("ended",) for s in statements):
            self.model.say(statements, at, "ended")

    @rule(pupil=pupils, code=st.sampled_from(CODES))
    def state_by_hand(self, pupil: str, code: str) -> None:
        with self.school.database.write() as connection:
            enrolments.set_state(
                connection, self.author(), self.section, self.ours[pupil], "student", code
            )
        statements = self.model.memberships.setdefault(pupil, [])
        at = max([self.school.now, *(s.at for s in statements)])
        self.model.say(statements, at, code, by_hand=True)

    @rule(
        pupil=pupils,
        item=items,
        worth=points,
        excepted=st.booleans(),
        attempt=st.integers(1, 3),
        hidden=st.sampled_from([None, None, 0, 1]),
        at=moments,
        again=st.booleans(),
    )  # fmt: skip - one argument list
    def graded(
        self,
        pupil: str,
        item: str,
        worth: Decimal | None,
        excepted: bool,
        attempt: int,
        hidden: int | None,
        at: int,
        again: bool,
    ) -> None:  # fmt: skip - one argument list
        told = {
            "assessmentid": self.name(item),
            "userid": self.name(pupil),
            "excepted": excepted,
            "attempt_num": attempt,
            "points_earned": None if worth is None else int(worth),
            "timemodified": at,
            **({} if hidden is None else {"hidden": hidden}),
        }  # fmt: skip - an event
        for _time in range(1 + again):
            self.push("new_grade", **told)
        self.model.now -= again  # its first arrival counts
        cell = self.model.cells.setdefault((item, pupil), [])
        what = (worth, excepted, attempt, hidden)
        if not self.model.is_known(cell, at, what):
            self.model.say(cell, at, *what)

    @rule(pupil=pupils, item=items, worth=points, excepted=st.booleans())
    def graded_by_hand(self, pupil: str, item: str, worth: Decimal | None, excepted: bool) -> None:
        cell = self.model.cells.setdefault((item, pupil), [])
        try:
            with self.school.database.write() as connection:
                wrote = grades.enter(
                    connection,
                    self.author(),
                    self.items[item],
                    self.ours[pupil],
                    worth,
                    excepted=excepted,
                )  # fmt: skip - an entry
        except Refused:
            assert not self.model.memberships.get(pupil)
            return
        if wrote:
            self.hand(cell, worth, excepted)

    @rule(pupil=pupils, item=items)
    def released(self, pupil: str, item: str) -> None:
        with self.school.database.write() as connection:
            took = grades.release(connection, self.author(), self.items[item], self.ours[pupil])
        if took:
            self.hand(self.model.cells[item, pupil], "released")

    def hand(self, cell: list[Statement], *what: Any) -> None:
        at = max([self.school.now, *(s.at for s in cell if s.by_hand)])
        self.model.say(cell, at, *what, by_hand=True)

    @invariant()
    def agrees_now(self) -> None:
        if hasattr(self, "items"):
            self.compare(None, 2**40)

    def teardown(self) -> None:
        if not hasattr(self, "items"):
            return
        everything = (*self.model.cells.values(), *self.model.memberships.values())
        for at in {NOW - 21, *(said.since for some in everything for said in some)}:
            self.compare(at, at)

    def compare(self, at: int | None, model_at: int) -> None:
        snapshot = self.read(as_of.of_section, self.section, at)
        for pupil in PUPILS:
            state = snapshot.enrolments.get((self.ours[pupil], "student"))
            held_code = state and state.code
            assert held_code == self.model.code(pupil, model_at), (pupil, at, held_code)
            alone = self.read(as_of.of_person, self.ours[pupil], at)
            for item in ITEMS:
                entry = snapshot.entries.get((self.items[item], self.ours[pupil]))
                held = entry and (entry.authority, entry.points, entry.excepted, entry.hidden)
                assert held == self.model.cell(item, pupil, model_at)
                for mine in alone:
                    assert mine.entries.get((self.items[item], self.ours[pupil])) == entry


def test_every_moment_is_answered_as_the_list_of_what_was_said(database_url: str) -> None:
    AnyDay.school = School.open(database_url, A)
    with_examples = settings(
        max_examples=30 if database_url.startswith("sqlite") else 10,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(AnyDay, settings=with_examples)
    finally:
        AnyDay.school.database.close()
