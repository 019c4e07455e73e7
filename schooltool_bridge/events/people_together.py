"""People of whom a peer tells many at once: looked up and written set by set.

Only plain ones, each once and without a password: somebody whom all of an event's names find, or
somebody new whose names are nobody's. Who else there is goes by people.py, and says the same.
Source: RULES 1.3, 1.4, R5, R37-R39.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, insert_all
from peers import accounts
from schooltool_bridge.common.ids import key, own_id
from schooltool_bridge.events import people
from schooltool_bridge.events.applied import CREATED, UNCHANGED, UPDATED, Applied, NewPerson, Source
from schooltool_bridge.events.fields import UserEvent
from schooltool_bridge.history import links
from schooltool_bridge.history.fold import is_same_moment, position_of
from schooltool_bridge.store.model import person, person_history, person_link

_NUMBER, _USERNAME, _OWN = "idnumber_key", "username_key", "moodle_id"
# What an event calls somebody, in the form compared, by the column of a link where it stands.
Names = Mapping[str, str]


class Plan(NamedTuple):
    """What becomes of an event."""

    event: UserEvent
    ready: tuple[str, ...]
    # Where it enters the history; None: it was told before.
    at: tuple[int, int] | None
    # The peer's link and the person; None: somebody new.
    link_id: int | None = None
    person_id: int | None = None
    # What the person's row says from now on; None: as before.
    values: Mapping[str, object] | None = None


def plan(
    connection: Connection, source: Source, events: Sequence[UserEvent], now_unix_s: int
) -> list[Plan]:
    """Say what becomes of the first events, as far as they are plain. Only looks."""
    named = [_names_of(event) for event in events]
    there = _read(connection, source, events, named)
    found: list[Plan] = []
    seen: set[tuple[str, str]] = set()
    for event, names in zip(events, named, strict=True):
        claimed = {*names.items(), (_USERNAME, key(event.username or event.idnumber or ""))}
        one = None if seen & claimed else there.plan(source, event, names, now_unix_s)
        of = (_PERSON, str(one.person_id)) if one and one.person_id else None
        if one is None or of in seen:
            break
        seen |= {*claimed, *([of] if of else [])}
        found.append(one)
    return found


def write(
    connection: Connection, source: Source, plans: Sequence[Plan], now_unix_s: int
) -> list[Applied]:
    """Do what was planned; nothing of it may have changed since."""
    new = [p for p in plans if p.person_id is None]
    people_rows = [_person(source, p.event, now_unix_s) for p in new]
    made = insert_all(connection, person, people_rows)
    link_rows = [_link(source, p, who) for p, who in zip(new, made, strict=True)]
    ids = iter(zip(insert_all(connection, person_link, link_rows), made, strict=True))
    placed = [
        (p, *(next(ids) if p.link_id is None or p.person_id is None else (p.link_id, p.person_id)))
        for p in plans
    ]
    told = [(p, p.at, link_id, who) for p, link_id, who in placed if p.at is not None]
    if told:
        rows = [
            {
                "link_id": link_id,
                "fields": people.fields_of(p.event),
                "effective_unix_s": at[0],
                "seq": at[1],
                "recorded_unix_s": now_unix_s,
            }
            for p, at, link_id, _who in told
        ]
        connection.execute(sa.insert(person_history), rows)
    moved = [
        {"own": link_id, "new_effective_unix_s": at[0], "new_seq": at[1]}
        for p, at, link_id, _who in told
        if p.link_id is not None
    ]
    if moved:
        connection.execute(_MOVE_LINK, moved)
    named = [
        {
            "own": link_id,
            "new_username": p.event.username,
            "new_username_key": key(p.event.username),
        }
        for p, _at, link_id, _who in told
        if p.link_id is not None and p.event.username
    ]
    if named:
        connection.execute(_NAME_LINK, named)
    changed = [
        {"own": who, **{f"new_{name}": value for name, value in p.values.items()}}
        for p, _link_id, who in placed
        if p.values is not None
    ]
    if changed:
        connection.execute(_CHANGE, changed)
    return [_applied(p, who) for p, _link_id, who in placed]


@dataclass(frozen=True, slots=True)
class _There:
    """What stands here of whom events tell."""

    # Links of the peer, by a column and the name there.
    links: Mapping[tuple[str, str], sa.Row[Any]]
    # People of these links, by our id.
    people: Mapping[int, sa.Row[Any]]
    # Rows of histories, by link and second.
    told: Mapping[tuple[int, int], Sequence[sa.Row[Any]]]
    # Numbers and user names that somebody has here, in the form compared.
    taken: frozenset[tuple[str, str]]

    def plan(self, source: Source, event: UserEvent, names: Names, now_unix_s: int) -> Plan | None:
        """Say what becomes of an event; None: it is not plain."""
        its = [self.links.get(name) for name in names.items()]
        link = its[0]
        if link is None:
            return None if any(its) else self._new(event, now_unix_s)
        if any(other is None or other.id != link.id for other in its):
            return None
        return self._known(source, event, names, link, now_unix_s)

    def _new(self, event: UserEvent, now_unix_s: int) -> Plan | None:
        """Plan somebody whom the peer never named: no name may be anybody's here."""
        number, username = links.real(event.idnumber), event.username or event.idnumber or ""
        claimed = {(_USERNAME, key(username)), *([(_NUMBER, key(number))] if number else [])}
        if event.password_hash or self.taken & claimed:
            return None
        at = position_of(event.when, now_unix_s, None)
        return Plan(event, people.ready(event, None, None), at)

    def _known(
        self, source: Source, event: UserEvent, names: Names, link: sa.Row[Any], now_unix_s: int
    ) -> Plan | None:
        """Plan somebody whom all names find, and who keeps them."""
        is_named = event.username is None or links.is_same_name(link.username, event.username)
        is_plain = is_named and link.idnumber_key is not None and not link.unlinked
        if not is_plain or not {_NUMBER, _OWN} & set(names):
            return None
        last = (link.effective_unix_s, link.seq)
        at = position_of(event.when, now_unix_s, last)
        row = self.people[link.person_id]
        ready = people.ready(event, link.idnumber_key, link.username)
        if self._is_told(event, link, at, last):
            is_plain = event.when.is_timed or not event.password_hash
            return Plan(event, ready, None, link.id, row.id) if is_plain else None
        gets_number = _NUMBER in names and row.idnumber_key is None
        if event.password_hash or at < last or gets_number:
            return None
        if row.follows_peer_id != source.peer_id:
            return Plan(event, ready, at, link.id, row.id)
        return self._of_follower(Plan(event, ready, at, link.id, row.id), row)

    def _of_follower(self, plan: Plan, row: sa.Row[Any]) -> Plan | None:
        """Plan somebody whose row says what this peer says."""
        event = plan.event
        username = event.username or row.username
        if key(username) != row.username_key or (_ACCOUNT, row.username_key) in self.taken:
            return None
        values: dict[str, object] = {
            "firstname": event.firstname,
            "lastname": event.lastname,
            "email": event.email,
            "username": username,
        }
        is_same = all(getattr(row, name) == value for name, value in values.items())
        return plan if is_same else plan._replace(values=values)

    def _is_told(
        self, event: UserEvent, link: sa.Row[Any], at: tuple[int, int], last: tuple[int, int]
    ) -> bool:
        fields = people.fields_of(event)
        if not event.when.is_timed:  # only the latest word can be repeated
            latest = [r.fields for r in self.told.get((link.id, last[0]), ()) if r.seq == last[1]]
            return any(people.says(stored, fields) for stored in latest[-1:])
        same = (
            row.fields
            for row in self.told.get((link.id, at[0]), ())
            if is_same_moment((row.effective_unix_s, row.seq), at)
        )
        return any(people.says(stored, fields) for stored in same)


def _names_of(event: UserEvent) -> Names:
    real, own = links.real(event.idnumber), own_id(event.idnumber, event.moodle_id)
    given = {_NUMBER: real, _OWN: own, _USERNAME: event.username}
    return {column: key(name) for column, name in given.items() if name}


def _read(
    connection: Connection, source: Source, events: Sequence[UserEvent], named: Sequence[Names]
) -> _There:
    """Look up all that events name."""
    found: dict[tuple[str, str], sa.Row[Any]] = {}
    for column in (_NUMBER, _OWN, _USERNAME):
        of = person_link.c[column]
        for part in in_parts(sorted({names[column] for names in named if column in names})):
            mine = sa.and_(person_link.c.peer_id == source.peer_id, of.in_(part))
            for row in connection.execute(sa.select(person_link).where(mine)):
                found[column, getattr(row, column)] = row
    linked = {row.id: row for row in found.values()}
    people_here: dict[int, sa.Row[Any]] = {}
    for part in in_parts(sorted({row.person_id for row in linked.values()})):
        rows = connection.execute(sa.select(person).where(person.c.id.in_(part)))
        people_here.update({row.id: row for row in rows})
    seconds = []
    for event, names in zip(events, named, strict=True):
        sent = event.when.timemodified
        its = {found[name].id: found[name] for name in names.items() if name in found}
        seconds += [(i, of.effective_unix_s if sent is None else sent) for i, of in its.items()]
    return _There(found, people_here, _told(connection, seconds), _taken(connection, events))


def _told(
    connection: Connection, seconds: Sequence[tuple[int, int]]
) -> Mapping[tuple[int, int], Sequence[sa.Row[Any]]]:
    history = person_history.c
    told: dict[tuple[int, int], list[sa.Row[Any]]] = defaultdict(list)
    for part in in_parts(sorted(set(seconds))):
        wanted = sa.tuple_(history.link_id, history.effective_unix_s).in_(part)
        rows = sa.select(person_history).where(wanted).order_by(history.id)
        for row in connection.execute(rows):
            told[row.link_id, row.effective_unix_s].append(row)
    return told


def _taken(connection: Connection, events: Sequence[UserEvent]) -> frozenset[tuple[str, str]]:
    """Return which numbers and user names are somebody's here, and which names are accounts'."""
    numbers = {key(e.idnumber) for e in events if e.idnumber}
    usernames = {key(e.username or e.idnumber or "") for e in events}
    accounts_here = accounts.names_taken(connection)
    found = {(column, name) for name in accounts_here for column in (_USERNAME, _ACCOUNT)}
    for column, names in ((_NUMBER, numbers), (_USERNAME, usernames)):
        for part in in_parts(sorted(names)):
            rows = sa.select(person.c[column]).where(person.c[column].in_(part))
            found.update((column, name) for name in connection.execute(rows).scalars())
    return frozenset(found)


def _person(source: Source, event: UserEvent, now_unix_s: int) -> dict[str, object]:
    username, real = event.username or event.idnumber or "", links.real(event.idnumber)
    return {
        "idnumber": real,
        "idnumber_key": key(real) if real else None,
        "username": username,
        "username_key": key(username),
        "firstname": event.firstname,
        "lastname": event.lastname,
        "email": event.email,
        "can_login": False,
        "follows_peer_id": source.peer_id,
        "created_unix_s": now_unix_s,
    }


def _link(source: Source, plan: Plan, person_id: int) -> dict[str, object]:
    event, at = plan.event, plan.at
    assert at is not None
    own = own_id(event.idnumber, event.moodle_id)
    return {
        "peer_id": source.peer_id,
        "person_id": person_id,
        "idnumber_key": key(event.idnumber) if event.idnumber else None,
        "username": event.username,
        "username_key": key(event.username) if event.username else None,
        "moodle_id": key(own) if own else None,
        "is_several": False,
        "effective_unix_s": at[0],
        "seq": at[1],
    }


def _applied(plan: Plan, person_id: int) -> Applied:
    event, is_new = plan.event, plan.person_id is None
    changed = is_new or plan.values is not None
    return Applied(
        CREATED if is_new else UPDATED if changed else UNCHANGED,
        person_id,
        ready=plan.ready,
        new_person=(
            NewPerson(person_id, event.idnumber, event.username, event.moodle_id)
            if is_new
            else None
        ),
        names=plan.ready if changed else (),
    )


_ACCOUNT, _PERSON = "account", "person"
_OWN_LINK = person_link.c.id == sa.bindparam("own")
_MOVE_LINK = (
    sa.update(person_link)
    .where(_OWN_LINK)
    .values(effective_unix_s=sa.bindparam("new_effective_unix_s"), seq=sa.bindparam("new_seq"))
)
_NAME_LINK = (
    sa.update(person_link)
    .where(_OWN_LINK)
    .values(username=sa.bindparam("new_username"), username_key=sa.bindparam("new_username_key"))
)
_CHANGE = (
    sa.update(person)
    .where(person.c.id == sa.bindparam("own"))
    .values({n: sa.bindparam(f"new_{n}") for n in ("firstname", "lastname", "email", "username")})
)
