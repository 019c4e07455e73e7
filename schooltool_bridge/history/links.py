"""Links: a peer's own names for our people; either its idnumber or its username finds one.

Only which person a name means; what an event says of them is applied in people.py.
Source: RULES 1.3, 1.4.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, insert_one
from mnet.letters import nfc
from schooltool_bridge.common.ids import OWN_ID, key, own_id
from schooltool_bridge.common.named import by_names
from schooltool_bridge.history import identity
from schooltool_bridge.history.fold import position
from schooltool_bridge.store.model import person, person_history, person_link


@dataclass(frozen=True, slots=True)
class Link:
    """A peer's names for one of our people."""

    id: int
    person_id: int
    idnumber_key: str | None
    username: str | None
    username_key: str | None
    moodle_id: str | None
    position: tuple[int, int]
    password_wrapped: str | None
    # Decided by hand: its idnumber is the peer's own word, not the school's.
    kept_apart: bool = False
    # Cut by a person: it means nobody until somebody decides whom.
    unlinked: bool = False


@dataclass(frozen=True, slots=True)
class Linked:
    """A person, and the id under which the peer's link to them goes now."""

    person_id: int
    name: str


def find(connection: Connection, peer_id: int, userid: str) -> int | None:
    """Return our id of the person whom a peer calls `userid`; None when not known yet.

    An idnumber that another peer or an admin brought counts too. Only looks.
    """
    linked = _linked(connection, peer_id, userid)
    if linked is not None:
        return None if linked.unlinked else int(linked.person_id)
    if key(userid).startswith(OWN_ID):
        return None
    found = holder(connection, userid)
    return None if found is None or is_cut(connection, peer_id, found) else found


def is_cut(connection: Connection, peer_id: int, person_id: int) -> bool:
    """Tell whether somebody was unlinked from a peer, by all links that it has to them."""
    mine = sa.and_(person_link.c.peer_id == peer_id, person_link.c.person_id == person_id)
    cut = connection.execute(sa.select(person_link.c.unlinked).where(mine)).scalars().all()
    return bool(cut) and all(cut)


def cut_one(connection: Connection, peer_id: int, userids: Collection[str]) -> int | None:
    """Return our id of somebody whom one of a peer's ids meant until they were unlinked."""
    found = linked_many(connection, peer_id, userids) if userids else {}
    rows = (row for some in found.values() for row in some if row.unlinked)
    return next((int(row.person_id) for row in rows), None)


def holder(connection: Connection, idnumber: str) -> int | None:
    """Return our id of the person who has a shared idnumber, whoever brought it."""
    found: int | None = connection.execute(_BY_IDNUMBER, {"wanted": key(idnumber)}).scalar()
    return found


def resolve(
    connection: Connection, peer_id: int, userid: str, moodle_id: str | None = None
) -> Linked | None:
    """As `find`, and see that the peer has a link to the person under an id.

    One that is new keeps Moodle's own id of the user, where the event has it.
    """
    wanted = key(userid)
    row = _linked(connection, peer_id, userid)
    if row is not None and row.unlinked:
        return None
    if row is not None:
        if row.idnumber_key is None:
            _name_link(connection, row.id, wanted)
        return Linked(row.person_id, row.idnumber_key or wanted)
    person_id = find(connection, peer_id, userid)
    if person_id is None:
        return None
    unnamed = bare(connection, peer_id, person_id)
    if unnamed is None:
        made = add(connection, peer_id, person_id, idnumber_key=wanted)
        if moodle_id:
            mine = person_link.c.id == made.id
            connection.execute(sa.update(person_link).where(mine).values(moodle_id=key(moodle_id)))
    else:
        _name_link(connection, unnamed.id, wanted)
    return Linked(person_id, wanted)


def _linked(connection: Connection, peer_id: int, userid: str) -> sa.Row[Any] | None:
    own = own_id(key(userid))
    return connection.execute(_LINKED, {"peer": peer_id, "wanted": key(userid), "own": own}).first()


def linked_many(
    connection: Connection, peer_id: int, userids: Collection[str]
) -> dict[str, list[sa.Row[Any]]]:
    """Return a peer's links that ids of people find, by the ids: nearly always one, or none."""
    found: dict[str, list[sa.Row[Any]]] = {}
    for part in in_parts(sorted({key(userid) for userid in userids})):
        values = {"peer": peer_id, "wanted": part, "own": [n for n in map(own_id, part) if n]}
        rows = connection.execute(_LINKED_MANY, values)
        found.update(by_names(rows, part, "idnumber_key"))
    return {userid: found[key(userid)] for userid in userids}


def _name_link(connection: Connection, link_id: int, idnumber_key: str) -> None:
    connection.execute(
        sa.update(person_link).where(person_link.c.id == link_id).values(idnumber_key=idnumber_key)
    )


def real(idnumber: str | None) -> str | None:
    """An idnumber that is shared; not Moodle's own id in its place."""
    return idnumber if idnumber and not idnumber.startswith(OWN_ID) else None


def by(
    connection: Connection, peer_id: int, value: str | None, column: sa.Column[str | None]
) -> Link | None:
    """Return the peer's link that has this value in a column of names."""
    if not value:
        return None
    wanted = sa.and_(person_link.c.peer_id == peer_id, column == key(value))
    return _read_link(connection, wanted)


def bare(connection: Connection, peer_id: int, person_id: int) -> Link | None:
    """This peer's link to a person as long as it lacks a real idnumber."""
    return _read_link(
        connection,
        sa.and_(
            person_link.c.peer_id == peer_id,
            person_link.c.person_id == person_id,
            sa.or_(
                person_link.c.idnumber_key.is_(None),
                person_link.c.idnumber_key.startswith(OWN_ID),
            ),
        ),
    )


# Each idnumber that a link ever had, in a query that has person_history joined to it.
FORMER_NUMBER = person_history.c.fields["idnumber"].as_string().label("former_number")


def former(
    connection: Connection,
    idnumbers: Iterable[tuple[int, int, str | None]],
    roots: Mapping[int, int],
) -> set[tuple[int, int, str]]:
    """Return of (person, peer, former idnumber) those that are nobody else's by now.

    A corrected number still means who had it, in events under it. `roots` gives of a merged
    row the one that stands for that person (identity.roots).
    """
    found = {(who, peer_id, key(n)) for who, peer_id, n in idnumbers if n and real(n)}
    numbers = {number for _who, _peer_id, number in found}
    if not numbers:
        return set()
    columns = person_link.c
    there = connection.execute(
        sa.select(columns.peer_id, columns.idnumber_key, columns.person_id)
        .where(columns.idnumber_key.in_(numbers))
        .union_all(
            sa.select(sa.null(), person.c.idnumber_key, person.c.id).where(
                person.c.idnumber_key.in_(numbers)
            )
        )
    ).all()

    def is_taken(who: int, peer_id: int, number: str) -> bool:
        same = (
            row
            for of, their_number, row in there
            if their_number == number and of in (None, peer_id)
        )
        return any(roots.get(row, row) != roots.get(who, who) for row in same)

    return {one for one in found if not is_taken(*one)}


def is_same_name(known: str | None, given: str) -> bool:
    """Tell whether two user names that compare as equal are one name to a peer as well.

    A Moodle tells apart all but capital and small letters: a long s (U+017F) is no s there.
    """
    return known is None or _lowered(known) == _lowered(given)


def _lowered(name: str) -> str:
    return nfc(nfc(name).lower())


def _read_link(connection: Connection, wanted: sa.ColumnElement[bool]) -> Link | None:
    row = connection.execute(sa.select(person_link).where(wanted)).first()
    if row is None:
        return None
    return Link(
        row.id,
        row.person_id,
        row.idnumber_key,
        row.username,
        row.username_key,
        row.moodle_id,
        (row.effective_unix_s, row.seq),
        row.password_wrapped,
        row.kept_apart,
        row.unlinked,
    )


def refold_position(connection: Connection, link_id: int) -> None:
    """Store the position of the latest row of a link anew."""
    history = person_history
    rows = connection.execute(sa.select(history).where(history.c.link_id == link_id)).all()
    effective_unix_s, seq, _id = max(map(position, rows))
    connection.execute(
        sa.update(person_link)
        .where(person_link.c.id == link_id)
        .values(effective_unix_s=effective_unix_s, seq=seq)
    )


def add(
    connection: Connection, peer_id: int, person_id: int, idnumber_key: str | None = None
) -> Link:
    """Make a link of a peer to one of our people, before every event."""
    values = {"effective_unix_s": -1, "seq": -1}
    row_id = insert_one(
        connection,
        sa.insert(person_link).values(
            peer_id=peer_id,
            person_id=person_id,
            idnumber_key=idnumber_key,
            is_several=len(identity.everybody(connection, person_id)) > 1,
            **values,
        ),
    )
    return Link(row_id, person_id, idnumber_key, None, None, None, (-1, -1), None)


_LINKED: sa.Select[Any] = sa.select(
    person_link.c.id, person_link.c.person_id, person_link.c.idnumber_key, person_link.c.unlinked
).where(
    person_link.c.peer_id == sa.bindparam("peer"),
    sa.or_(
        person_link.c.idnumber_key == sa.bindparam("wanted"),
        person_link.c.moodle_id == sa.bindparam("own"),
    ),
)
_LINKED_MANY: sa.Select[Any] = sa.select(
    person_link.c.id,
    person_link.c.person_id,
    person_link.c.idnumber_key,
    person_link.c.moodle_id,
    person_link.c.is_several,
    person_link.c.unlinked,
).where(
    person_link.c.peer_id == sa.bindparam("peer"),
    sa.or_(
        person_link.c.idnumber_key.in_(sa.bindparam("wanted", expanding=True)),
        person_link.c.moodle_id.in_(sa.bindparam("own", expanding=True)),
    ),
)
_BY_IDNUMBER = sa.select(person.c.id).where(person.c.idnumber_key == sa.bindparam("wanted"))
