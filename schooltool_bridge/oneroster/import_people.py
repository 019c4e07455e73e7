"""Import of users: who is meant is known from an earlier import or by the shared number, or new.

Never by email or name. Names of somebody whom a peer or an admin looks after are left as they are.
Source: requirements 1.4; field-notes D.2, E63.
"""

from __future__ import annotations

from collections import defaultdict

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
    roles = _roles(work)
    for record in work.lasting(USERS):
        held = roles.get(record["sourcedId"]) or {record["role"]}
        if held <= FAMILY:
            work.odd(USERS, record, "role", "is family of a student; left out")
            work.count(USERS, UNCHANGED)
            continue
        try:
            person_id, what = _user(work, record)
            if _set_staff(work, person_id, held) and what == UNCHANGED:
                what = UPDATED
        except Refused as problem:
            work.refused(USERS, record, problem)
        else:
            work.count(USERS, what)


def _roles(work: Work) -> dict[str, set[str]]:
    """What each user is, where the roles have a file of their own (1.2)."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in work.rows("roles"):
        if not record.is_ended:
            found[record["userSourcedId"]].add(record["role"])
    return found


def _user(work: Work, record: Record) -> tuple[int, str]:
    sourced_id = record["sourcedId"]
    known = work.ids.get(USER, sourced_id)
    if known is not None:
        person_id: int | None = identity.root(work.connection, known)
    else:
        person_id = _match(work, record)
    if person_id is None:
        username = _free_username(work.connection, record["username"])
        if username != record["username"]:
            work.odd(USERS, record, "username", f"is taken; {username} was used")
        names = _names(work, record, username)
        person_id = people.add(work.connection, work.author, names)
        work.names.append(names)
        work.ids.keep(USER, sourced_id, person_id)
        return person_id, NEW
    if known is None:
        work.ids.keep(USER, sourced_id, person_id)
    return person_id, UPDATED if _update(work, record, person_id) else UNCHANGED


def _match(work: Work, record: Record) -> int | None:
    """Find who is meant; raises Refused when that could be two people, or an admin."""
    connection = work.connection
    own = work.own_id(record["sourcedId"], "user-")
    row = connection.execute(sa.select(person.c.username_key).where(person.c.id == own)).first()
    if own is not None and row is not None and row.username_key == key(record["username"]):
        return identity.root(connection, own)
    wanted = {key(number) for number in _numbers(work, record)}
    found = connection.execute(
        sa.select(person.c.id, person.c.username_key).where(person.c.idnumber_key.in_(wanted))
    ).all()
    roots = {identity.root(connection, r.id) for r in found}
    if len(roots) > 1:
        listed = " and ".join(str(r) for r in sorted(roots))
        raise Refused(
            "idnumber",
            f"identifier and sourcedId belong to two people here (ids {listed}); merge them, or "
            "correct the file.",
        )
    if any(accounts.is_taken(connection, r.username_key) for r in found):
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


def _update(work: Work, record: Record, person_id: int) -> bool:
    """Correct somebody whom only imports ever wrote; tell whether anything changed."""
    row = work.connection.execute(sa.select(person).where(person.c.id == person_id)).one()
    names = _names(work, record, row.username)
    before = Names(row.username, row.firstname, row.lastname, row.idnumber or "", row.email)
    if names == before:  # as most are
        return False
    authors = work.connection.execute(
        sa.select(person_record.c.by_actor).where(person_record.c.person_id == person_id).distinct()
    ).scalars()
    if row.follows_peer_id is not None or set(authors) != {ACTOR}:
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


def _free_username(connection: Connection, wanted: str) -> str:
    """A user name that nobody else has here: as wanted, or with a suffix."""
    candidate, number = wanted, 1
    while _is_taken(connection, key(candidate)):
        candidate = f"{wanted}.{ACTOR}" if number == 1 else f"{wanted}.{ACTOR}.{number}"
        number += 1
    return candidate


def _is_taken(connection: Connection, name: str) -> bool:
    found = connection.execute(sa.select(person.c.id).where(person.c.username_key == name)).first()
    return found is not None or accounts.is_taken(connection, name)
