"""Import of users: who is meant is known from an earlier import or by the shared number, or new.

Never by email or name. A number identifies only where one row of the file has it and nothing
contradicts: two rows never become one person (numbering.py). Names of somebody whom a peer or an
admin looks after are left as they are. Source: RULES 1.4, D.2, E63.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import accounts
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import people
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history import identity
from schooltool_bridge.oneroster.import_work import ACTOR, NEW, UNCHANGED, UPDATED, USER, Work
from schooltool_bridge.oneroster.numbering import Numbers
from schooltool_bridge.oneroster.report import Record
from schooltool_bridge.store.model import person
from schooltool_bridge.store.model_people import person_record, staff_role

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
    rows: list[tuple[Record, set[str]]] = []
    for record in work.lasting(USERS):
        held = roles.get(record["sourcedId"]) or {record["role"]}
        if held <= FAMILY:
            work.odd(USERS, record, "role", "is family of a student; left out")
            work.count(USERS, UNCHANGED)
        else:
            rows.append((record, held))
    meant = _Meant(work, there, [record for record, _held in rows])
    taken: list[_Taken] = []
    # Those who are known first: what they give up may be another's.
    for record, held in sorted(rows, key=lambda row: not meant.is_known(row[0])):
        try:
            taken.append(_Taken(record, held, *meant.take(record)))
        except Refused as problem:
            work.refused(USERS, record, problem)
    made = _make(work, there)
    for one in taken:
        person_id = made.get(one.person_id, one.person_id)
        if person_id < 0:
            continue  # refused, which is in the report
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
            work.leave_out(USERS, record, outcome)
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


class _Meant:
    """Finds who is meant by each row of the file, and that nobody is meant by two."""

    def __init__(self, work: Work, there: _People, rows: Sequence[Record]) -> None:
        self._work, self._there = work, there
        self._numbers = Numbers.of(work, rows)
        # Who is meant by which row of this file.
        self._claimed: dict[int, Record] = {}
        for record in rows:
            person_id = self._known(record)
            if person_id is not None:
                self._claimed.setdefault(person_id, record)
        # The ids of earlier files for each; of a file of changes those may still be alive.
        self._earlier: dict[int, set[str]] = defaultdict(set)
        for sourced_id, own_id in work.ids.own[USER].items():
            self._earlier[there.root(own_id)].add(sourced_id)
        self._gone = {r["sourcedId"] for r in work.rows(USERS) if r.is_ended}

    def is_known(self, record: Record) -> bool:
        """Tell whether it is known from an earlier import, or from this site, who is meant."""
        return self._known(record) is not None

    def take(self, record: Record) -> tuple[int, str]:
        """Find who is meant, or promise somebody new; return their number and what became of it.

        Raises Refused when that could be two people, or an admin.
        """
        person_id = self._known(record)
        if person_id is None:
            person_id = self._by_number(record)
        if person_id is None:
            return self._promise(record), NEW
        if self._work.ids.get(USER, record["sourcedId"]) is None:
            self._work.ids.remember(USER, record["sourcedId"], person_id)
        first = self._claimed.setdefault(person_id, record)
        if first is not record:
            message = f"is the same person here as row {first.row}; what that row says was used"
            self._work.odd(USERS, record, "sourcedId", message)
            return person_id, UNCHANGED
        return person_id, UPDATED if self._update(record, person_id) else UNCHANGED

    def _known(self, record: Record) -> int | None:
        known = self._work.ids.get(USER, record["sourcedId"])
        if known is None:
            own = self._work.own_id(record["sourcedId"], "user-")
            row = self._there.rows.get(own) if own is not None else None
            if row is None or row.username_key != key(record["username"]):
                return None
            known = row.id
        return self._there.root(known)

    def _by_number(self, record: Record) -> int | None:
        there = self._there
        wanted = {key(number) for number in self._numbers.of_row(record)}
        found = {there.numbers[number] for number in wanted if number in there.numbers}
        if any(i in there.rows and there.rows[i].username_key in there.accounts for i in found):
            raise Refused("idnumber", "This number belongs to an account with admin rights here.")
        roots = {there.root(one) for one in found if one > 0}
        meant = {one for one in roots if not self._contradicts(record, one)}
        if len(meant) > 1:
            listed = " and ".join(str(r) for r in sorted(meant))
            raise Refused(
                "idnumber",
                f"identifier and sourcedId belong to two people here (ids {listed}); merge them, "
                "or correct the file.",
            )
        return next(iter(meant), None)

    def _contradicts(self, record: Record, person_id: int) -> bool:
        """Tell whether somebody with this number is not who is meant; reports it."""
        row = self._there.rows[person_id]
        claimed = self._claimed.get(person_id)
        if claimed is not None:
            by = f"row {claimed.row}"
        elif self._others_live(person_id) and not _is_called(record, row):
            by = "another row of an earlier file"
        else:
            return False
        message = (
            f"is the number of {row.firstname} {row.lastname} here, who is {by}; this is somebody "
            "else, without that number"
        )
        self._work.odd(USERS, record, "identifier", message)
        return True

    def _others_live(self, person_id: int) -> bool:
        return bool(self._earlier[person_id] - self._gone)

    def _promise(self, record: Record) -> int:
        work, there = self._work, self._there
        wanted = record["username"]
        if not wanted:
            wanted = record["sourcedId"]
            work.odd(USERS, record, "username", f"is empty; {wanted} was used")
        username = there.free_username(wanted)
        if username != wanted:
            work.odd(USERS, record, "username", f"is taken; {username} was used")
        free = (n for n in self._numbers.of_row(record) if key(n) not in there.numbers)
        first, last = record["givenName"], record["familyName"]
        if not (first and last):
            work.odd(USERS, record, "familyName" if first else "givenName", _NO_NAME)
        names = Names(
            username, first or username, last or username, next(free, ""), record["email"]
        )  # fmt: skip
        number = work.ids.promise(USER, record["sourcedId"])
        there.promise(number, record, names)
        return number

    def _update(self, record: Record, person_id: int) -> bool:
        """Correct somebody whom only imports ever wrote; tell whether anything changed."""
        work, there = self._work, self._there
        row = there.rows[person_id]
        before = Names(row.username, row.firstname, row.lastname, row.idnumber or "", row.email)
        names = Names(
            row.username,
            record["givenName"] or row.firstname,
            record["familyName"] or row.lastname,
            self._number_of(record, row),
            record["email"],
        )
        if names == before:  # as most are
            return False
        if row.follows_peer_id is not None or there.authors.get(person_id) != {ACTOR}:
            if (names.firstname, names.lastname) != (row.firstname, row.lastname):
                message = "differs; the name that stands here was kept"
                work.odd(USERS, record, "familyName", message)
            return False
        work.names += [before, names]
        is_changed = people.change(work.connection, work.author, person_id, names)
        if names.idnumber != before.idnumber:
            there.numbers.pop(key(before.idnumber), None)
            there.numbers[key(names.idnumber)] = person_id
        return is_changed

    def _number_of(self, record: Record, row: sa.Row[Any]) -> str:
        """The number of somebody who is there: another one only when it is nobody else's."""
        stands = row.idnumber or ""
        wanted = self._numbers.identifier(record)
        if not wanted:
            wanted = stands or next(iter(self._numbers.of_row(record)), "")
        holder = self._there.numbers.get(key(wanted)) if wanted else None
        if holder in (None, row.id):
            return wanted
        message = f"is the number of somebody else here (id {holder}), who keeps it"
        self._work.odd(USERS, record, "identifier", message)
        return stands


_NO_NAME = "is empty; the user name was used"


def _is_called(record: Record, row: sa.Row[Any]) -> bool:
    """Tell whether somebody is called as the row says, by user name or by both names."""
    if record["username"] and key(record["username"]) == row.username_key:
        return True
    names = key(record["givenName"]), key(record["familyName"])
    return all(names) and names == (key(row.firstname), key(row.lastname))


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
