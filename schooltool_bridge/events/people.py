"""People: who is meant, what is known of them, and never guessing.

Whom an event means says people_match.py; where two people could be meant, a person decides (8409).
Source: RULES 1.3, 1.4, R37-R39e.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_one
from peers import accounts
from schooltool_bridge.common.ids import OWN_ID, key, own_id
from schooltool_bridge.events import people_match
from schooltool_bridge.events.applied import (
    CREATED,
    UNCHANGED,
    UPDATED,
    Applied,
    NewPerson,
    Source,
    user_key,
)
from schooltool_bridge.events.fields import UserEvent
from schooltool_bridge.events.passwords import is_known, wrap_if_new
from schooltool_bridge.history import links
from schooltool_bridge.history.fold import NO_NUMBER, position, position_of
from schooltool_bridge.history.links import Link
from schooltool_bridge.store.model import person, person_history, person_link


def username_key(username: str) -> str:
    """What a conflict about a username waits for."""
    return f"username:{key(username)}"


def apply(connection: Connection, source: Source, event: UserEvent, now_unix_s: int) -> Applied:
    """Apply fetch_user; raises Conflict when it is not clear who is meant."""
    match = people_match.match(connection, source, event)
    link, person_id = match.link, match.person_id
    last = link.position if link else None
    at = position_of(event.when, now_unix_s, last)
    fields = fields_of(event)
    if link and _is_known(connection, link, event, at, fields):
        _learn_own_id(connection, link, event)
        return Applied(
            UNCHANGED, link.person_id, ready=ready(event, link.idnumber_key, link.username)
        )
    is_newest = last is None or at >= last
    if person_id is None:
        person_id = create(connection, source, event, now_unix_s)
    if link is None:
        link = links.add(connection, source.peer_id, person_id)
    before = _values(connection, person_id)
    connection.execute(
        sa.insert(person_history).values(
            link_id=link.id,
            fields=fields,
            effective_unix_s=at[0],
            seq=at[1],
            recorded_unix_s=now_unix_s,
        )
    )
    names = _names_in_history(connection, source.peer_id, link, event, match, is_newest=is_newest)
    if match.name_from is not None:
        _free_name(connection, match.name_from)
    _update_link(connection, link, event, names, at if is_newest else None)
    _update_person(connection, source, link, event, names, is_newest=is_newest)
    is_renumbered = is_newest and people_match.is_renumbered(link, event)
    changed = is_renumbered or before != _values(connection, person_id)
    is_new = match.person_id is None
    is_there = ready(event, link.idnumber_key, link.username)
    return Applied(
        CREATED if is_new else UPDATED if changed else UNCHANGED,
        person_id,
        _message(event),
        ready=is_there,
        new_person=(
            NewPerson(person_id, event.idnumber, event.username, event.moodle_id)
            if match.link is None
            else None
        ),
        names=is_there if is_new or changed else (),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """The ids that a peer last gave a person; an event may carry one of them only."""

    idnumber: str | None
    username: str | None


def _names_in_history(
    connection: Connection,
    peer_id: int,
    link: Link,
    event: UserEvent,
    match: people_match.Match,
    *,
    is_newest: bool,
) -> _Names:
    """Return the names that count with this event in the history, wherever it stands there."""
    if is_newest:
        return _Names(event.idnumber, None if match.is_named_elsewhere else event.username)
    history = person_history
    rows = connection.execute(sa.select(history).where(history.c.link_id == link.id)).all()
    fields = [r.fields for r in sorted(rows, key=position, reverse=True)]
    idnumbers = [f["idnumber"] for f in fields if f["idnumber"]]
    idnumber = next(filter(links.real, idnumbers), next(iter(idnumbers), None))
    username = next((f["username"] for f in fields if f["username"]), None)

    def if_free(name: str | None, names: sa.Column[str | None]) -> str | None:
        holder = links.by(connection, peer_id, name, names) if name else None
        is_elses = holder is not None and holder.id != link.id
        return None if is_elses else name  # somebody else's by now

    columns = person_link.c
    return _Names(if_free(idnumber, columns.idnumber_key), if_free(username, columns.username_key))


def _update_link(
    connection: Connection,
    link: Link,
    event: UserEvent,
    names: _Names,
    at: tuple[int, int] | None,
) -> None:
    """Write what holds now of a peer's names; `at` is given for the newest event."""
    values: dict[str, object] = {}
    if at is not None:
        values |= {"effective_unix_s": at[0], "seq": at[1]}
    if names.idnumber and (links.real(names.idnumber) or not link.idnumber_key):
        values["idnumber_key"] = key(names.idnumber)
    if names.username:
        values |= {"username": names.username, "username_key": key(names.username)}
    own = own_id(event.idnumber, event.moodle_id)
    if own and (at is not None or link.moodle_id is None):
        values["moodle_id"] = key(own)
    if at is not None or link.password_wrapped is None:
        wrapped = wrap_if_new(link.password_wrapped, event.password_hash, event.password_algorithm)
        if wrapped:
            values |= {"password_wrapped": wrapped, "password_algorithm": event.password_algorithm}
    if values:
        connection.execute(sa.update(person_link).where(person_link.c.id == link.id).values(values))


def _learn_own_id(connection: Connection, link: Link, event: UserEvent) -> None:
    """Keep Moodle's own id with a link, also when an event says nothing else new."""
    own = own_id(event.idnumber, event.moodle_id)
    if own and link.moodle_id is None:
        mine = person_link.c.id == link.id
        connection.execute(sa.update(person_link).where(mine).values(moodle_id=key(own)))


def _free_name(connection: Connection, link: Link) -> None:
    """Take a link's username away, which its peer gave to another user; its history keeps it."""
    none = {"username": None, "username_key": None}
    connection.execute(sa.update(person_link).where(person_link.c.id == link.id).values(none))


def create(connection: Connection, source: Source, event: UserEvent, now_unix_s: int) -> int:
    """Make the person of an event, who follows that peer from now on; return our id."""
    wanted = event.username or event.idnumber or ""
    username = _free_username(connection, source, wanted, None)
    real = links.real(event.idnumber)
    # Who was kept apart by hand from the one who has it gets none of the school's.
    is_shared = real is not None and links.holder(connection, real) is None
    return insert_one(
        connection,
        sa.insert(person).values(
            idnumber=event.idnumber if is_shared else None,
            idnumber_key=key(event.idnumber) if event.idnumber and is_shared else None,
            username=username,
            username_key=key(username),
            firstname=event.firstname,
            lastname=event.lastname,
            email=event.email,
            can_login=False,
            follows_peer_id=source.peer_id,
            created_unix_s=now_unix_s,
        ),
    )


def _update_person(
    connection: Connection,
    source: Source,
    link: Link,
    event: UserEvent,
    names: _Names,
    *,
    is_newest: bool,
) -> None:
    """Let a person follow the peer that first brought them; an idnumber is taken from any."""
    person_id = link.person_id
    row = connection.execute(sa.select(person).where(person.c.id == person_id)).one()
    values: dict[str, object] = {}
    # Corrected where the school's idnumber is this peer's word; else its link alone has the new.
    is_corrected = (
        is_newest
        and people_match.is_renumbered(link, event)
        and row.follows_peer_id == source.peer_id
        and row.idnumber_key == link.idnumber_key
    )
    if _brings_idnumber(connection, row, link, names, is_corrected=is_corrected):
        assert names.idnumber is not None
        values |= {"idnumber": names.idnumber, "idnumber_key": key(names.idnumber)}
    if row.follows_peer_id == source.peer_id:
        if is_newest:
            values |= {
                "firstname": event.firstname,
                "lastname": event.lastname,
                "email": event.email,
            }
        if names.username:
            username = _free_username(connection, source, names.username, person_id)
            values |= {"username": username, "username_key": key(username)}
    if values:
        connection.execute(sa.update(person).where(person.c.id == person_id).values(values))


def _brings_idnumber(
    connection: Connection, row: sa.Row[Any], link: Link, names: _Names, *, is_corrected: bool
) -> bool:
    """Tell whether a peer's idnumber becomes the school's: nobody has it, and nobody denied it."""
    has_one = row.idnumber_key is not None and not is_corrected
    if has_one or link.kept_apart or not links.real(names.idnumber):
        return False
    # A row of the same person may have it, whom a person merged.
    return links.holder(connection, names.idnumber or "") is None


def _free_username(
    connection: Connection, source: Source, wanted: str, person_id: int | None
) -> str:
    """Return a username that nobody else has here: as wanted, or with the peer's host behind."""
    host = urlsplit(source.wwwroot).hostname or "peer"
    candidate, number = wanted, 1
    while not _is_free(connection, candidate, person_id):
        candidate = f"{wanted}.{host}" if number == 1 else f"{wanted}.{host}.{number}"
        number += 1
    return candidate


def _is_free(connection: Connection, username: str, person_id: int | None) -> bool:
    wanted = key(username)
    holder = connection.execute(
        sa.select(person.c.id).where(person.c.username_key == wanted)
    ).scalar()
    return holder in (None, person_id) and not accounts.is_taken(connection, wanted)


def fields_of(event: UserEvent) -> dict[str, object]:
    """Return what the history keeps of an event. Pure."""
    return {
        **event.others,
        "idnumber": event.idnumber,
        "username": event.username,
        "firstname": event.firstname,
        "lastname": event.lastname,
        "email": event.email,
    }


def _is_known(
    connection: Connection,
    link: Link,
    event: UserEvent,
    at: tuple[int, int],
    fields: dict[str, object],
) -> bool:
    """Tell whether just this is stored already: under the same time, or as the latest."""
    history = person_history
    at_position = at if event.when.is_timed else link.position
    rows = connection.execute(
        sa.select(history.c.fields)
        .where(
            history.c.link_id == link.id,
            history.c.effective_unix_s == at_position[0],
            # As fold.is_same_moment has it.
            sa.true()
            if event.when.is_timed and at[1] <= NO_NUMBER
            else history.c.seq == at_position[1],
        )
        .order_by(history.c.id)
    ).scalars()
    stored = rows.all()
    if not any(says(f, fields) for f in (stored if event.when.is_timed else stored[-1:])):
        return False
    return event.when.is_timed or not wrap_if_new(
        link.password_wrapped, event.password_hash, event.password_algorithm
    )


def says(stored: dict[str, object], fields: dict[str, object]) -> bool:
    """Tell whether a stored row has all that an event has; an event without idnumber fits any."""
    if not fields["idnumber"]:
        stored = {**stored, "idnumber": fields["idnumber"]}
    return stored == fields


def _values(connection: Connection, person_id: int) -> tuple[object, ...]:
    row = connection.execute(sa.select(person).where(person.c.id == person_id)).one()
    return tuple(row)


def ready(event: UserEvent, idnumber_key: str | None, username: str | None) -> tuple[str, ...]:
    """What events may have waited for that is there now, or a name that is free now.

    With what the peer's link had before. Pure.
    """
    own = own_id(event.idnumber, event.moodle_id)
    ids = [event.idnumber, idnumber_key, OWN_ID + own if own else None]
    names = [event.username, username]
    return (
        *dict.fromkeys(user_key(key(i)) for i in ids if i),
        *dict.fromkeys(username_key(n) for n in names if n),
    )


def _message(event: UserEvent) -> str:
    if event.password_hash and not is_known(event.password_hash, event.password_algorithm):
        return "The password hash is of an unknown kind and was not kept."
    return ""
