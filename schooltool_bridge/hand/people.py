"""People written by hand: made here, or corrected; from then on no peer changes their names.

Source: RULES 1.4, R39b, R47.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, insert_all
from mnet.language import N_, _
from peers import accounts, audit
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author, identifier, text
from schooltool_bridge.store.model import ID_CHARS, person
from schooltool_bridge.store.model_people import person_password, person_record, staff_role

STAFF = (N_("counselor"), N_("principal"))


@dataclass(frozen=True, slots=True)
class Names:
    """Who somebody is."""

    username: str
    firstname: str
    lastname: str
    idnumber: str = ""
    email: str = ""


def add(connection: Connection, author: Author, names: Names) -> int:
    """Make a person; return our id. Raises Refused when a name or number is taken."""
    (made,) = add_all(connection, author, [names])
    if isinstance(made, Refused):
        raise made
    return made


def add_all(connection: Connection, author: Author, many: Sequence[Names]) -> list[int | Refused]:
    """Make people by few statements: for each our id, or why not, then the others are made.

    No two of them have one name or number.
    """
    there = _Taken.read(connection, many)
    outcomes: list[int | Refused] = []
    rows: dict[int, dict[str, object]] = {}
    for at, names in enumerate(many):
        try:
            rows[at] = _read(there, names, None)
        except Refused as problem:
            outcomes.append(problem)
        else:
            outcomes.append(0)
    always = {
        "can_login": False, "follows_peer_id": None, "created_unix_s": author.now_unix_s
    }  # fmt: skip
    made = insert_all(connection, person, [{**values, **always} for values in rows.values()])
    changes = []
    for person_id, (at, values) in zip(made, rows.items(), strict=True):
        outcomes[at] = person_id
        changes.append((person_id, {n: ["", v] for n, v in _shown(values).items() if v}))
    _record_all(connection, author, changes)
    return outcomes


def change(connection: Connection, author: Author, person_id: int, names: Names) -> bool:
    """Correct somebody's names; return whether anything changed. Raises Refused.

    From then on they follow no peer's word any more.
    """
    row = connection.execute(sa.select(person).where(person.c.id == person_id)).first()
    if row is None:
        raise Refused("person", _("There is nobody with id %(id)s.", id=person_id))
    if row.merged_into_id is not None:
        root = identity.root(connection, person_id)
        message = _("This person was merged into the one with id %(id)s; use that.", id=root)
        raise Refused("person", message)
    values = _read(_Taken.read(connection, [names]), names, person_id)
    before = _shown({name: getattr(row, name) for name in values})
    changed = {n: [before[n], v] for n, v in _shown(values).items() if v != before[n]}
    if not changed:
        return False
    connection.execute(
        sa.update(person).where(person.c.id == person_id).values(**values, follows_peer_id=None)
    )
    if "email" in changed:
        mine = person_password.c.person_id == person_id
        new = {"email": values["email"]}
        connection.execute(sa.update(person_password).where(mine).values(new))
    _record(connection, author, person_id, changed)
    return True


def names_of(connection: Connection, person_id: int) -> Names:
    """Return somebody's names as they are; raises Refused when there is nobody."""
    row = connection.execute(sa.select(person).where(person.c.id == person_id)).first()
    if row is None:
        raise Refused("person", _("There is nobody with id %(id)s.", id=person_id))
    return Names(row.username, row.firstname, row.lastname, row.idnumber or "", row.email)


def note_in_trail(connection: Connection, author: Author, person_id: int, action: str) -> None:
    """Write into the audit trail what was done with somebody; their names are not in it."""
    audit.record(
        connection,
        actor=author.actor,
        action=action,
        subject=f"person {person_id}",
        detail={"why": author.why},
        now_unix_s=author.now_unix_s,
    )


def set_staff_role(connection: Connection, author: Author, person_id: int, role: str) -> None:
    """Make somebody counselor or principal, or neither (empty); raises Refused."""
    if role and role not in STAFF:
        raise Refused("role", _("A staff role is one of %(roles)s.", roles=", ".join(STAFF)))
    before = connection.execute(
        sa.select(staff_role.c.role).where(staff_role.c.person_id == person_id)
    ).scalar()
    if (before or "") == role:
        return
    connection.execute(sa.delete(staff_role).where(staff_role.c.person_id == person_id))
    if role:
        connection.execute(sa.insert(staff_role).values(person_id=person_id, role=role))
    _record(connection, author, person_id, {"staff role": [before or "", role]})


@dataclass(frozen=True, slots=True)
class _Taken:
    """Who has these user names and numbers now."""

    # By the form that is compared.
    usernames: Mapping[str, sa.Row[Any]]
    numbers: Mapping[str, sa.Row[Any]]
    accounts: frozenset[str]

    @classmethod
    def read(cls, connection: Connection, many: Sequence[Names]) -> _Taken:
        return cls(
            _holders(connection, person.c.username_key, [n.username for n in many]),
            _holders(connection, person.c.idnumber_key, [n.idnumber for n in many]),
            accounts.names_taken(connection),
        )


def _holders(
    connection: Connection,
    column: sa.Column[str] | sa.Column[str | None],
    wanted: Sequence[str],
) -> dict[str, sa.Row[Any]]:
    found = {}
    for part in in_parts([key(w.strip()) for w in wanted if w]):
        rows = connection.execute(
            sa.select(person.c.id, person.c.firstname, person.c.lastname, column.label("key"))
            .where(column.in_(part))
        )  # fmt: skip
        found.update({row.key: row for row in rows})
    return found


def _read(there: _Taken, names: Names, person_id: int | None) -> dict[str, object]:
    username = text("username", names.username, limit=ID_CHARS)
    number = identifier("idnumber", names.idnumber)
    _must_be_free(there.usernames, "username", username, person_id)
    if key(username) in there.accounts:
        message = _("The user name %(name)s is an admin's account here.", name=repr(username))
        raise Refused("username", message)
    if number is not None:
        _must_be_free(there.numbers, "idnumber", number, person_id)
    return {
        "username": username,
        "username_key": key(username),
        "idnumber": number,
        "idnumber_key": key(number) if number else None,
        "firstname": text("firstname", names.firstname),
        "lastname": text("lastname", names.lastname),
        "email": text("email", names.email, required=False),
    }


def _must_be_free(
    holders: Mapping[str, sa.Row[Any]], field: str, value: str, person_id: int | None
) -> None:
    holder = holders.get(key(value))
    if holder is not None and holder.id != person_id:
        who = f"{holder.firstname} {holder.lastname}".strip()
        message = _(
            "%(field)s %(value)s belongs to %(who)s (id %(id)s).",
            field=field,
            value=repr(value),
            who=who,
            id=holder.id,
        )
        raise Refused(field, message)


def _shown(values: Mapping[str, object]) -> dict[str, object]:
    return {n: v or "" for n, v in values.items() if not n.endswith("_key")}


def _record(
    connection: Connection, author: Author, person_id: int, changed: Mapping[str, object]
) -> None:
    _record_all(connection, author, [(person_id, changed)])


def _record_all(
    connection: Connection, author: Author, changes: Sequence[tuple[int, Mapping[str, object]]]
) -> None:
    rows = [
        {
            "person_id": person_id,
            "changed": dict(changed),
            "recorded_unix_s": author.now_unix_s,
            "by_actor": author.actor,
            "why": author.why,
        }
        for person_id, changed in changes
    ]
    if rows:
        connection.execute(sa.insert(person_record), rows)
