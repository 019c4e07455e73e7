"""People: who is meant, what is known of them, and never guessing.

The match ladder is: a peer's own link (its idnumber or username) -> our idnumber -> username,
if the peer's policy allows -> a new person; never email. Where two people could be meant, a
person decides (8409). Source: requirements 1.4, R37-R39e.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.faults import Conflict
from mnet.retelling import E_, english
from peers import accounts
from schooltool_bridge import identity, links
from schooltool_bridge.applying import (
    CREATED,
    UNCHANGED,
    UPDATED,
    Applied,
    NewPerson,
    Source,
    user_key,
)
from schooltool_bridge.fields import OWN_ID, UserEvent, key, own_id
from schooltool_bridge.fold import place, settle
from schooltool_bridge.links import Link
from schooltool_bridge.model import person, person_history, person_link
from schooltool_bridge.passwords import is_known, wrap_if_new


def username_key(username: str) -> str:
    """What a conflict about a username waits for."""
    return f"username:{key(username)}"


def apply(connection: Connection, source: Source, event: UserEvent, now_unix_s: int) -> Applied:
    """Apply fetch_user; raises Conflict when it is not clear who is meant."""
    match = _match(connection, source, event)
    link, person_id = match.link, match.person_id
    last = link.place if link else None
    at = settle(event.when, now_unix_s, last)
    fields = _fields(event)
    if link and _is_known(connection, link, event, at, fields):
        return Applied(UNCHANGED, link.person_id, ready=_ready(event, link))
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
    told = _names_told(connection, source.peer_id, link, event, match, is_newest=is_newest)
    _update_link(connection, link, event, told, at if is_newest else None)
    _update_person(connection, source, link, event, told, is_newest=is_newest)
    changed = match.person_id is None or before != _values(connection, person_id)
    is_new = match.person_id is None
    ready = _ready(event, link)
    return Applied(
        CREATED if is_new else UPDATED if changed else UNCHANGED,
        person_id,
        _message(event),
        ready=ready,
        new_person=(
            NewPerson(person_id, event.idnumber, event.username, event.moodle_id)
            if match.link is None
            else None
        ),
        names=ready if changed else (),
    )


@dataclass(frozen=True, slots=True)
class _Match:
    link: Link | None
    person_id: int | None
    # Another link of the peer has the username, and keeps it.
    is_named_elsewhere: bool = False


def _match(connection: Connection, source: Source, event: UserEvent) -> _Match:
    real, own = links.real(event.idnumber), own_id(event.idnumber, event.moodle_id)
    by_id = links.by(connection, source.peer_id, real, person_link.c.idnumber_key)
    if by_id is None:
        by_id = links.by(connection, source.peer_id, own, person_link.c.moodle_id)
    by_name = links.by(connection, source.peer_id, event.username, person_link.c.username_key)
    if by_id and event.when.timemodified is not None:
        is_old = (event.when.timemodified, event.when.seq) < by_id.place
        if is_old and (real is None or by_id.idnumber_key == key(real)):  # nothing to decide
            return _Match(by_id, by_id.person_id)
    is_alike = by_name is not None and not links.is_same_name(
        by_name.username, event.username or ""
    )
    if by_id:
        is_elsewhere = by_name is not None and by_id.id != by_name.id
        if by_name and is_elsewhere and not is_alike and not _are_one(connection, by_id, by_name):
            raise _conflict(
                E_("username %(name)s belongs to somebody else at your site"), name=event.username
            )
        _check_idnumber(connection, by_id, event)
        return _Match(by_id, by_id.person_id, is_elsewhere)
    if by_name:
        if is_alike:
            raise alike(event.username or "", by_name.username or "")
        if not takes_ids(by_name, event):
            raise _conflict(
                E_("username %(name)s belongs to another idnumber at your site"),
                name=event.username,
            )
        _check_idnumber(connection, by_name, event)
        return _Match(by_name, by_name.person_id)
    person_id = _by_idnumber(connection, event)
    if person_id is None and source.policy.match_username and event.username:
        person_id = _by_username(connection, event)
    link = links.bare(connection, source.peer_id, person_id) if person_id else None
    return _Match(link, person_id)


def takes_ids(link: Link, event: UserEvent) -> bool:
    """Tell whether a link that an event's username found may have the event's ids as well."""
    own = own_id(event.idnumber, event.moodle_id)
    if links.real(event.idnumber) and links.real(link.idnumber_key):
        return False
    return not own or link.moodle_id in (None, key(own))


def _are_one(connection: Connection, first: Link, second: Link) -> bool:
    return second.person_id in identity.everybody(connection, first.person_id)


def _check_idnumber(connection: Connection, link: Link, event: UserEvent) -> None:
    """See that the event's idnumber is this person's, or may become it."""
    if not event.idnumber or not links.real(event.idnumber) or link.kept_apart:
        return
    holder = _by_idnumber(connection, event)
    if holder is not None:
        if holder not in (link.person_id, *identity.everybody(connection, link.person_id)):
            raise _conflict(
                E_("idnumber %(name)s belongs to somebody else here"), name=event.idnumber
            )
        return
    own = connection.execute(sa.select(person.c.idnumber_key).where(person.c.id == link.person_id))
    if own.scalar() is not None:
        raise _conflict(
            E_("username %(name)s belongs to another idnumber here"), name=event.username
        )


def _by_idnumber(connection: Connection, event: UserEvent) -> int | None:
    if not event.idnumber or not links.real(event.idnumber):
        return None
    return links.holder(connection, event.idnumber)


def _by_username(connection: Connection, event: UserEvent) -> int | None:
    assert event.username
    wanted = key(event.username)
    if accounts.is_taken(connection, wanted):
        raise _conflict(
            E_("username %(name)s is an account with admin rights here"), name=event.username
        )
    found = connection.execute(
        sa.select(person.c.id, person.c.idnumber_key, person.c.username).where(
            person.c.username_key == wanted
        )
    ).first()
    if found is None:
        return None
    if not links.is_same_name(found.username, event.username):
        raise alike(event.username, found.username)
    if event.idnumber and found.idnumber_key not in (None, key(event.idnumber)):
        raise _conflict(
            E_("username %(name)s belongs to another idnumber here"), name=event.username
        )
    return int(found.id)


def alike(given: str, known: str) -> Conflict:
    """The conflict about two user names that only look the same."""
    return _conflict(
        E_("username %(name)s looks like %(known)s, which is another one"), name=given, known=known
    )


def _conflict(why: str, **names: str | None) -> Conflict:
    said = english(why, **{name: repr(value) for name, value in names.items()})
    return Conflict(
        english(
            "fetch_user: %(our_reason)s; a person here has to decide who is meant.", our_reason=said
        )
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """The ids that a peer last gave a person; an event may carry one of them only."""

    idnumber: str | None
    username: str | None


def _names_told(
    connection: Connection,
    peer_id: int,
    link: Link,
    event: UserEvent,
    match: _Match,
    *,
    is_newest: bool,
) -> _Names:
    """Return the names that count with this event in the history, wherever its place there is."""
    if is_newest:
        return _Names(event.idnumber, None if match.is_named_elsewhere else event.username)
    history = person_history
    rows = connection.execute(sa.select(history).where(history.c.link_id == link.id)).all()
    told = [r.fields for r in sorted(rows, key=place, reverse=True)]
    idnumbers = [f["idnumber"] for f in told if f["idnumber"]]
    username = next((f["username"] for f in told if f["username"]), None)
    if username:
        holder = links.by(connection, peer_id, username, person_link.c.username_key)
        if holder is not None and holder.id != link.id:
            username = None  # somebody else's by now
    return _Names(next(filter(links.real, idnumbers), next(iter(idnumbers), None)), username)


def _update_link(
    connection: Connection,
    link: Link,
    event: UserEvent,
    told: _Names,
    at: tuple[int, int] | None,
) -> None:
    """Write what holds now of a peer's names; `at` is given for the newest event."""
    values: dict[str, object] = {}
    if at is not None:
        values |= {"effective_unix_s": at[0], "seq": at[1]}
    if told.idnumber and (links.real(told.idnumber) or not link.idnumber_key):
        values["idnumber_key"] = key(told.idnumber)
    if told.username:
        values |= {"username": told.username, "username_key": key(told.username)}
    own = own_id(event.idnumber, event.moodle_id)
    if own and (at is not None or link.moodle_id is None):
        values["moodle_id"] = key(own)
    if at is not None or link.password_wrapped is None:
        wrapped = wrap_if_new(link.password_wrapped, event.password_hash, event.password_algorithm)
        if wrapped:
            values |= {"password_wrapped": wrapped, "password_algorithm": event.password_algorithm}
    if values:
        connection.execute(sa.update(person_link).where(person_link.c.id == link.id).values(values))


def create(connection: Connection, source: Source, event: UserEvent, now_unix_s: int) -> int:
    """Make the person whom an event tells of, who follows that peer; return our id."""
    wanted = event.username or event.idnumber or ""
    username = _free_username(connection, source, wanted, None)
    is_shared = event.idnumber and not event.idnumber.startswith(OWN_ID)
    added = connection.execute(
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
        )
    )
    assert added.inserted_primary_key is not None
    return int(added.inserted_primary_key[0])


def _update_person(
    connection: Connection,
    source: Source,
    link: Link,
    event: UserEvent,
    told: _Names,
    *,
    is_newest: bool,
) -> None:
    """Let a person follow the peer that first brought them; an idnumber is taken from any."""
    person_id = link.person_id
    row = connection.execute(sa.select(person).where(person.c.id == person_id)).one()
    values: dict[str, object] = {}
    if _brings_idnumber(connection, row, link, told):
        assert told.idnumber is not None
        values |= {"idnumber": told.idnumber, "idnumber_key": key(told.idnumber)}
    if row.follows_peer_id == source.peer_id:
        if is_newest:
            values |= {
                "firstname": event.firstname,
                "lastname": event.lastname,
                "email": event.email,
            }
        if told.username:
            username = _free_username(connection, source, told.username, person_id)
            values |= {"username": username, "username_key": key(username)}
    if values:
        connection.execute(sa.update(person).where(person.c.id == person_id).values(values))


def _brings_idnumber(connection: Connection, row: sa.Row[Any], link: Link, told: _Names) -> bool:
    """Tell whether a peer's idnumber becomes the school's: nobody has it, and nobody denied it."""
    if row.idnumber_key is not None or link.kept_apart or not links.real(told.idnumber):
        return False
    # A row of the same person may have it, whom a person merged.
    return links.holder(connection, told.idnumber or "") is None


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


def _fields(event: UserEvent) -> dict[str, object]:
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
    """Tell whether just this was told before: under the same time, or as the latest."""
    history = person_history
    place = at if event.when.is_timed else link.place
    rows = connection.execute(
        sa.select(history.c.fields)
        .where(
            history.c.link_id == link.id,
            history.c.effective_unix_s == place[0],
            history.c.seq == place[1],
        )
        .order_by(history.c.id)
    ).scalars()
    told = rows.all()
    if fields not in (told if event.when.is_timed else told[-1:]):
        return False
    return event.when.is_timed or not wrap_if_new(
        link.password_wrapped, event.password_hash, event.password_algorithm
    )


def _values(connection: Connection, person_id: int) -> tuple[object, ...]:
    row = connection.execute(sa.select(person).where(person.c.id == person_id)).one()
    return tuple(row)


def _ready(event: UserEvent, link: Link) -> tuple[str, ...]:
    """What events may have waited for that is there now, or a name that is free now."""
    own = own_id(event.idnumber, event.moodle_id)
    ids = [event.idnumber, link.idnumber_key, OWN_ID + own if own else None]
    names = [event.username, link.username]
    return (
        *dict.fromkeys(user_key(key(i)) for i in ids if i),
        *dict.fromkeys(username_key(n) for n in names if n),
    )


def _message(event: UserEvent) -> str:
    if event.password_hash and not is_known(event.password_hash, event.password_algorithm):
        return "The password hash is of an unknown kind and was not kept."
    return ""
