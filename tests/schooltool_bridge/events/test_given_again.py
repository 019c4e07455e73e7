"""Users of two Moodles get other names and numbers, and theirs are given again: who is meant?

What the Moodles hold is kept by the test; the model follows the sentences of the contract, and
knows no table. Each user of a Moodle is somebody of their own, whatever they are called, unless
both Moodles have the same number for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mnet.faults import Conflict
from schooltool_bridge.cli import lists
from schooltool_bridge.events import receiving as events
from schooltool_bridge.history import links
from schooltool_bridge.store.model import inbox
from tests.helpers.school import A, B, School

NUMBERS, NAMES = ("1", "2", "3", "4", "5"), ("anna", "bert", "cleo")
peers = st.sampled_from([A, A, B])
numbers, names = st.sampled_from(NUMBERS), st.sampled_from(NAMES)
which = st.integers(0, 99)
# Mostly a Moodle tells at once; what it does not tell is given again behind our back.
tells = st.sampled_from([True, True, True, False])


@dataclass(eq=False)
class Person:
    """One of the school's people."""

    id: str
    number: str
    first: str
    follows: str


@dataclass(eq=False)
class Known:
    """What a Moodle's user was called when that was last taken here."""

    person: Person
    number: str
    name: str | None


@dataclass
class User:
    """A user of a Moodle, as they are there."""

    peer: str
    own_id: str
    number: str
    name: str

    @property
    def first(self) -> str:
        return f"P{self.own_id}"


@dataclass
class Model:
    """Whom the school knows."""

    people: list[Person] = field(default_factory=list)
    # By peer and Moodle's own id.
    known: dict[tuple[str, str], Known] = field(default_factory=dict)

    def there(self, peer: str) -> list[Known]:
        return [k for (of, _own), k in self.known.items() if of == peer]

    def holder(self, number: str) -> Person | None:
        return next((p for p in self.people if p.number == number), None)

    def is_conflict(self, user: User) -> bool:
        """Whether a person has to decide: somebody else has what this user is called."""
        mine = self.known.get((user.peer, user.own_id))
        others = [k for k in self.there(user.peer) if k is not mine]
        if any(k.number == user.number for k in others):
            return True
        holder = self.holder(user.number)
        if mine is None:
            return any(k.person is holder for k in others)
        is_news = mine.number != user.number
        return any(k.name == user.name for k in others) or (
            is_news and holder not in (None, mine.person)
        )

    def take(self, user: User, our_id: str) -> None:
        """Take what a Moodle says of its user."""
        mine = self.known.get((user.peer, user.own_id))
        for other in self.there(user.peer):
            if other is not mine and other.name == user.name:
                other.name = None  # proven to be this one's by now
        if mine is None:
            person = self.holder(user.number)
            if person is None:
                person = Person(our_id, user.number, user.first, user.peer)
                self.people.append(person)
            mine = self.known[user.peer, user.own_id] = Known(person, user.number, user.name)
        elif mine.person.follows == user.peer and mine.person.number == mine.number:
            mine.person.number = user.number
        mine.number, mine.name = user.number, user.name


class GivenAgain(RuleBasedStateMachine):
    """Two Moodles whose users come, change and go, and what they tell of them."""

    school: School
    runs = count()

    @initialize()
    def begin(self) -> None:
        """Names and numbers of its own for every run, so that the store need not be made anew."""
        self.run, self.ids = next(self.runs), count(1)
        self.model, self.users = Model(), list[User]()

    def own(self, short: str) -> str:
        return f"{short}-{self.run}"

    def some(self, peer: str, which: int) -> User | None:
        mine = [u for u in self.users if u.peer == peer]
        return mine[which % len(mine)] if mine else None

    def is_free(self, peer: str, **called: str) -> bool:
        return not any(
            getattr(u, name) == value
            for u in self.users
            if u.peer == peer
            for name, value in called.items()
        )

    @rule(peer=peers, number=numbers, name=names, goes=st.booleans(), tells=tells)
    def somebody_comes(self, peer: str, number: str, name: str, goes: bool, tells: bool) -> None:
        number, name = self.own(number), self.own(name)
        if goes:  # whoever had that name
            self.users = [u for u in self.users if (u.peer, u.name) != (peer, name)]
        if self.is_free(peer, number=number, name=name):
            user = User(peer, f"{self.run}.{next(self.ids)}", number, name)
            self.users.append(user)
            self.tell(user, tells)

    @rule(peer=peers, which=which, name=names, tells=tells)
    def somebody_is_renamed(self, peer: str, which: int, name: str, tells: bool) -> None:
        user = self.some(peer, which)
        if user and self.is_free(peer, name=self.own(name)):
            user.name = self.own(name)
            self.tell(user, tells)

    @rule(peer=peers, which=which, number=numbers, tells=tells)
    def a_number_is_corrected(self, peer: str, which: int, number: str, tells: bool) -> None:
        user = self.some(peer, which)
        if user and self.is_free(peer, number=self.own(number)):
            user.number = self.own(number)
            self.tell(user, tells)

    @rule(peer=peers, which=which)
    def somebody_goes(self, peer: str, which: int) -> None:
        user = self.some(peer, which)
        if user:
            self.users.remove(user)

    @rule(peer=peers, which=which)
    def it_is_told(self, peer: str, which: int) -> None:
        self.tell(self.some(peer, which), tells=True)

    def tell(self, user: User | None, tells: bool) -> None:
        if user is None or not tells:
            return
        peer = user.peer
        told = {
            "idnumber": user.number,
            "username": user.name,
            "moodleid": user.own_id,
            "firstname": user.first,
            "lastname": "L",
        }  # fmt: skip - a user
        if self.model.is_conflict(user):
            assert self.school.fault("fetch_user", peer, **told)[0] == Conflict.code
            self.dismiss()
        else:
            answer = self.school.push("fetch_user", peer, **told)
            self.model.take(user, str(answer["id"]))
            mine = self.model.known[peer, user.own_id]
            assert (answer["id"], answer["status"] == "held") == (mine.person.id, False)
            assert self.school.status("fetch_user", peer, **told) == "unchanged"

    @rule(peer=peers, which=which, tells_number=st.booleans())
    def it_is_told_without_moodles_own_id(self, peer: str, which: int, tells_number: bool) -> None:
        """As an older plugin tells it, or a landing: only of who is known by just these."""
        user = self.some(peer, which)
        mine = user and self.model.known.get((peer, user.own_id))
        if not user or not mine or (mine.number, mine.name) != (user.number, user.name):
            return
        told = {"username": user.name, "firstname": user.first, "lastname": "L"}
        told |= {"idnumber": user.number} if tells_number else {}
        answer = self.school.push("fetch_user", peer, **told)
        assert (answer["id"], answer["status"]) == (mine.person.id, "unchanged")

    @rule(peer=peers, which=which, number=numbers)
    def another_number_without_moodles_own_id_is_no_correction(
        self, peer: str, which: int, number: str
    ) -> None:
        user = self.some(peer, which)
        mine = user and self.model.known.get((peer, user.own_id))
        if not user or not mine or mine.name != user.name or mine.number == self.own(number):
            return
        told = {"idnumber": self.own(number), "username": user.name, "firstname": "X"}
        code, _text = self.school.fault("fetch_user", peer, **told, lastname="L")
        assert code == Conflict.code
        self.dismiss()

    def dismiss(self) -> None:
        """Nobody decides here; what is in conflict is told anew one day."""
        with self.school.database.write() as connection:
            open_ids = sa.select(inbox.c.id).where(inbox.c.status == "conflict")
            for inbox_id in connection.execute(open_ids).scalars().all():
                events.dismiss(connection, inbox_id)

    @invariant()
    def everybody_is_who_they_are(self) -> None:
        if not hasattr(self, "model"):
            return
        with self.school.database.read() as connection:
            found = {
                p["id"]: (p["idnumber"], p["firstname"], links_of(p))
                for p in lists.people(connection)
                if str(p["idnumber"]).endswith(f"-{self.run}")
            }
            for peer, source in self.school.sources.items():
                for number in map(self.own, NUMBERS):
                    there = [k.person for k in self.model.there(peer) if k.number == number]
                    expected = there[0] if there else self.model.holder(number)
                    meant = links.find(connection, source.peer_id, number)
                    assert meant == (expected and int(expected.id)), (peer, number)
        assert found == {
            person.id: (
                person.number,
                person.first,
                sorted(
                    (peer, str(known.name))
                    for (peer, _own), known in self.model.known.items()
                    if known.person is person
                ),
            )
            for person in self.model.people
        }


def links_of(person: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((link["peer"], str(link["username"])) for link in person["links"])


@pytest.mark.requirement("R39")
def test_who_is_meant_whatever_is_given_again(database_url: str) -> None:
    GivenAgain.school = School.open(database_url, A, B)
    chosen = settings(
        max_examples=40 if database_url.startswith("sqlite") else 10,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(GivenAgain, settings=chosen)
    finally:
        GivenAgain.school.database.close()
