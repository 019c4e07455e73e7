"""Import of users: who is meant is known from an earlier import or by the shared number, or new.

Never by email or name. Names of somebody whom a peer or an admin looks after are left as they are.
Source: requirements 1.4; field-notes D.2, E63.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import accounts
from schooltool_bridge import identity
from schooltool_bridge.fields import key
from schooltool_bridge.hand import people
from schooltool_bridge.hand.author import Refused
from schooltool_bridge.hand.people import Names
from schooltool_bridge.model import person
from schooltool_bridge.model_people import person_record, staff_role
from schooltool_bridge.oneroster.checking import Record
from schooltool_bridge.oneroster.import_work import ACTOR, NEW, UNCHANGED, UPDATED, USER, Work
from schooltool_bridge.oneroster.tables import SYSTEM_NAME

USERS = "users"
# Families have no place in the school's records yet.
FAMILY = {"guardian", "parent", "relative"}
# Those who see every student, the weightiest first.
_STAFF = ("principal", "counselor")
_STAFF_FIELD = "staff role"  # as hand/people.py writes it into person_record


def users(work: Work) -> None:
    """Take in the users and what they are."""
    there = _People.read(work.connection)
    roles = _roles(work)
    taken: list[_Taken] = []
    for record in work.lasting(USERS):
        held = roles.get(record["sourcedId"]) or {record["role"]}
        if held <= FAMILY:
            work.odd(USERS, record, "role", "is family of a student; left out")
            work.count(USERS, UNCHANGED)
            continue
        try:
            taken.append(_Taken(record, held, *_user(work, there, record)))
        except Refused as problem:
            work.refused(USERS, record, problem)
    made = _make(work, there)
    for one in taken:
        person_id = made.get(one.person_id, one.person_id)
        if person_id < 0:
            continue  # refused, which was told
        try:
            is_new_staff = _set_staff(work, person_id, one.held)
        except Refused as problem:
            work.refused(USERS, one.record, problem)
        else:
            work.count(USERS, UPDATED if is_new_staff and one.what == UNCHANGED else one.what)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A row of the file: who is meant, below zero when they are to be made, and what came of it."""

    record: Record
    held: set[str]
    person_id: int
    what: str


@dataclass(slots=True)
class _People:
    """Who is there, and who is to be made."""

    rows: dict[int, sa.Row[Any]]
    roots: dict[int, int]
    # By the form that is compared.
    numbers: dict[str, int]
    usernames: dict[str, int]
    accounts: frozenset[str]
    # Whoever wrote somebody's names by hand.
    authors: dict[int, set[str]]
    # By their numbers below zero.
    new: dict[int, tuple[Record, Names]] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection) -> _People:
        rows = {row.id: row for row in connection.execute(sa.select(person))}
        authors: dict[int, set[str]] = defaultdict(set)
        for person_id, actor in connection.execute(
            sa.select(person_record.c.person_id, person_record.c.by_actor).distinct()
        ):
            authors[person_id].add(actor)
        return cls(
            rows,
            identity.roots(connection),
            {r.idnumber_key: r.id for r in rows.values() if r.idnumber_key is not None},
            {r.username_key: r.id for r in rows.values()},
            accounts.names_taken(connection),
            authors,
        )

    def root(self, person_id: int) -> int:
        return self.roots.get(person_id, person_id)

    def promise(self, number: int, record: Record, names: Names) -> None:
        """Note somebody who is to be made."""
        self.new[number] = record, names
        self.usernames[key(names.username)] = number
        if names.idnumber:
            self.numbers[key(names.idnumber)] = number

    def free_username(self, wanted: str) -> str:
        """A user name that nobody else has here: as wanted, or with a suffix."""
        candidate, number = wanted, 1
        while key(candidate) in self.usernames or key(candidate) in self.accounts:
            candidate = f"{wanted}.{ACTOR}" if number == 1 else f"{wanted}.{ACTOR}.{number}"
            number += 1
        return candidate


def _make(work: Work, there: _People) -> dict[int, int]:
    """Make all who are new; return our ids by their numbers below zero."""
    outcomes = people.add_all(work.connection, work.author, [n for _r, n in there.new.values()])
    made: dict[int, int] = {}
    for number, outcome in zip(there.new, outcomes, strict=True):
        record, names = there.new[number]
        if isinstance(outcome, Refused):
            work.refused(USERS, record, outcome)
        else:
            made[number] = outcome
            work.names.append(names)
    work.ids.fulfil(USER, made)
    return made


def _roles(work: Work) -> dict[str, set[str]]:
    """What each user is, where the roles have a file of their own (1.2)."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in work.rows("roles"):
        if not record.is_ended:
            found[record["userSourcedId"]].add(record["role"])
    return found


def _user(work: Work, there: _People, record: Record) -> tuple[int, str]:
    """Find who is meant, or promise somebody new; return their number and what became of them."""
    sourced_id = record["sourcedId"]
    known = work.ids.get(USER, sourced_id)
    person_id = _match(work, there, record) if known is None else there.root(known)
    if person_id is None:
        username = there.free_username(record["username"])
        if username != record["username"]:
            work.odd(USERS, record, "username", f"is taken; {username} was used")
        number = work.ids.promise(USER, sourced_id)
        there.promise(number, record, _names(work, record, username))
        return number, NEW
    if known is None:
        work.ids.keep(USER, sourced_id, person_id)
    return person_id, UPDATED if _update(work, there, record, person_id) else UNCHANGED


def _match(work: Work, there: _People, record: Record) -> int | None:
    """Find who is meant; raises Refused when that could be two people, or an admin."""
    own = work.own_id(record["sourcedId"], "user-")
    row = there.rows.get(own) if own is not None else None
    if row is not None and row.username_key == key(record["username"]):
        return there.root(row.id)
    wanted = {key(number) for number in _numbers(work, record)}
    found = {there.numbers[number] for number in wanted if number in there.numbers}
    roots = {there.root(one) for one in found}
    if len(roots) > 1:
        listed = " and ".join(str(r) for r in sorted(roots) if r > 0)
        raise Refused(
            "idnumber",
            f"identifier and sourcedId belong to two people here (ids {listed}); merge them, or "
            "correct the file.",
        )
    if any(i in there.rows and there.rows[i].username_key in there.accounts for i in found):
        raise Refused("idnumber", "This number belongs to an account with admin rights here.")
    return next(iter(roots), None)


def _numbers(work: Work, record: Record) -> list[str]:
    """What may be the school's number of a person; our own export's ids never are."""
    numbers = [record["identifier"]]
    if work.report.system != SYSTEM_NAME:
        numbers.append(record["sourcedId"])
    return [n for n in numbers if n]


def _names(work: Work, record: Record, username: str) -> Names:
    number = next(iter(_numbers(work, record)), "")
    return Names(username, record["givenName"], record["familyName"], number, record["email"])


def _update(work: Work, there: _People, record: Record, person_id: int) -> bool:
    """Correct somebody whom only imports ever wrote; tell whether anything changed."""
    if person_id in there.new:
        said = "is somebody of an earlier row, by their number; what that row says was used"
        work.odd(USERS, record, "identifier", said)
        return False
    row = there.rows[person_id]
    names = _names(work, record, row.username)
    before = Names(row.username, row.firstname, row.lastname, row.idnumber or "", row.email)
    if names == before:  # as most are
        return False
    if row.follows_peer_id is not None or there.authors.get(person_id) != {ACTOR}:
        if (names.firstname, names.lastname) != (row.firstname, row.lastname):
            work.odd(USERS, record, "familyName", "differs; the name that stands here was kept")
        return False
    work.names += [before, names]
    return people.change(work.connection, work.author, person_id, names)


def _set_staff(work: Work, person_id: int, held: set[str]) -> bool:
    """Make counselors and principals what they are, unless somebody here decided otherwise."""
    role = next((r for r in _STAFF if r in held), None)
    if role is None:
        return False
    now = sa.select(staff_role.c.role).where(staff_role.c.person_id == person_id)
    if work.connection.execute(now).scalar() == role:
        return False
    decided = work.connection.execute(
        sa.select(person_record.c.changed).where(
            person_record.c.person_id == person_id, person_record.c.by_actor != ACTOR
        )
    ).scalars()
    if any(_STAFF_FIELD in changed for changed in decided):
        return False
    people.set_staff_role(work.connection, work.author, person_id, role)
    return True
