"""Sections that a peer brought and a person has to let in, or keeps out for good.

What either answer means is in events/admitting.py. A decision can be changed later: what came
before it, and was kept, is applied then, in the order in which it happened. Source: RULES 1.12.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database, one_at_a_time
from mnet.exchange import Site
from mnet.folding import folded
from mnet.language import N_, _
from peers import store
from peers.registry import Registry
from schooltool_bridge.common.ids import OWN_ID, own_id
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import (
    admitting,
    inbox,
    inbox_lists,
    inbox_words,
    people,
    reading,
    releasing,
)
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.admitting import APPROVED, DECLINED, UNLINKED
from schooltool_bridge.events.applied import (
    APPROVAL,
    Source,
    approval_key,
    assessment_key,
    section_key,
    user_key,
)
from schooltool_bridge.events.inbox_lists import count_by_status
from schooltool_bridge.hand import events_of_new_sections, unlinking
from schooltool_bridge.hand.resolving import sender_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import inbox as inbox_table
from schooltool_bridge.store.model import inbox_wait, section
from schooltool_bridge.store.model_linking import section_decision


@dataclass(frozen=True, slots=True)
class NewSection:
    """A section of a peer about which somebody has to decide, or decided to keep it out."""

    peer_id: int
    wwwroot: str
    idnumber: str
    moodle_id: str | None
    name: str
    # As the peer calls its teacher; empty without one.
    teacher: str
    # When it first came, or was declined.
    since_unix_s: int
    # How many events come in with it: its own, who is in it, its assessments and their grades.
    waiting: int = 0
    # All ids by which its events named it.
    names: tuple[str, ...] = ()
    # Who declined it, and why; None: it waits.
    declined_by: str | None = None
    why: str = ""
    # It is here, but was cut from its peer.
    is_unlinked: bool = False

    @property
    def tick(self) -> str:
        """What a form calls it."""
        return f"{self.peer_id} {self.idnumber}"


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a decision."""

    sections: Sequence[NewSection]
    # How many events left the inbox.
    released: int


def waiting(connection: Connection, peer_id: int | None = None) -> list[NewSection]:
    """Return the sections that wait for a person, of one peer or all, by name."""
    found: dict[tuple[int, str], NewSection] = {}
    for of in _peers(connection, peer_id):
        for row in _held(connection, of.id):
            said = _said(of, row)
            at = (of.id, said.moodle_id or said.idnumber)
            before = found.get(at)
            if before is not None:
                names = tuple(dict.fromkeys((*before.names, *said.names)))
                since = min(before.since_unix_s, said.since_unix_s)
                said = replace(said, names=names, since_unix_s=since)
            found[at] = said
    return _by_name(_counted(connection, found.values()))


def count_waiting(connection: Connection, peer_id: int) -> int:
    """Return how many sections of a peer wait for a person."""
    held = _held(connection, peer_id)
    if not held:
        return 0
    (of,) = _peers(connection, peer_id)
    said = [_said(of, row) for row in held]
    return len({one.moodle_id or one.idnumber for one in said})


def declined(connection: Connection, peer_id: int | None = None) -> list[NewSection]:
    """Return the sections that a person keeps out or cut off, of one peer or all, by name."""
    peers = {of.id: of.wwwroot for of in _peers(connection, peer_id)}
    table, latest = section_decision.c, {}
    rows = sa.select(section_decision).where(table.peer_id.in_(list(peers))).order_by(table.id)
    for row in connection.execute(rows):
        # By Moodle's own id where there is one: its idnumber may have become another.
        latest[row.peer_id, row.moodle_id or row.idnumber] = row
    return _by_name(
        NewSection(
            row.peer_id,
            peers[row.peer_id],
            row.idnumber,
            row.moodle_id,
            row.name,
            "",
            row.recorded_unix_s,
            0,
            admitting.names_of(row.idnumber, row.moodle_id),
            row.by_actor,
            row.why,
            row.decision == UNLINKED,
        )  # fmt: skip - in the order of the fields
        for row in latest.values()
        if row.decision in (DECLINED, UNLINKED)
    )


class Admitting:
    """Lets sections in, or keeps them out, on behalf of somebody."""

    def __init__(self, database: Database, registry: Registry, site: Site) -> None:
        """Use the store and the peers as they are at each call."""
        self._database = database
        self._registry = registry
        self._site = site

    def decide(self, chosen: Sequence[NewSection], author: Author, *, approve: bool) -> Done:
        """Take these sections in with all that waited for them, or never.

        Raises Refused when none is chosen, NotFound or SwitchedOff when a peer of theirs was
        removed or is switched off; then nothing is decided.
        """
        if not chosen:
            raise Refused("section", _("Choose a section first."))
        by_peer: Mapping[int, list[NewSection]] = defaultdict(list)
        for one in chosen:
            by_peer[one.peer_id].append(one)
        senders = {i: sender_of(self._registry, self._site, i) for i in by_peer}
        released = 0
        for peer_id, of_peer in by_peer.items():
            released += self._decide(senders[peer_id], of_peer, author, approve=approve)
        return Done(chosen, released)

    def link_again(self, section_id: int, author: Author) -> Done:
        """Link a section that was cut with its peer again; apply what was kept out meanwhile.

        Raises Refused, NotFound or SwitchedOff.
        """
        with self._database.read() as connection:
            row = connection.execute(sa.select(section).where(section.c.id == section_id)).first()
            found = declined(connection, row.peer_id) if row and row.unlinked else []
        chosen = [o for o in found if row and o.is_unlinked and row.idnumber == o.idnumber]
        if not chosen:
            raise Refused("section", _("This section was not unlinked."))
        return self.decide(chosen, author, approve=True)

    def link_person_again(self, person_id: int, peer_id: int, author: Author) -> int:
        """Link somebody with a peer's user again; apply what waited, and return how much.

        Raises Refused unless they were unlinked, NotFound or SwitchedOff.
        """
        sender = sender_of(self._registry, self._site, peer_id)
        with self._database.write() as connection:
            one_at_a_time(connection, peer_id)
            cut = unlinking.cut_links(connection, person_id, peer_id)
            if not cut:
                raise Refused("person", _("This person was not unlinked from this peer."))
            for row in cut:
                unlinking.link_person_again(connection, author, row.id)
            ids = [n for r in cut for n in (r.idnumber_key, r.moodle_id and OWN_ID + r.moodle_id)]
            keys = [user_key(n) for n in ids if n]
            keys += [people.username_key(r.username) for r in cut if r.username]
            before = _open(connection, peer_id)
            came = events.come_again(connection, sender, events.lot(keys))
        return before - self._finish(sender, came)

    def _decide(
        self, sender: Source, chosen: Sequence[NewSection], author: Author, *, approve: bool
    ) -> int:
        with self._database.write() as connection:
            one_at_a_time(connection, sender.peer_id)
            lots: events.Lots = ()
            for one in chosen:
                if one.is_unlinked:
                    items = _link_again(connection, one, author)
                    lots += _reopened(connection, sender, one.names, items)
                    continue
                _write(connection, one, author, approve=approve)
                lots += _lots(connection, sender, one.names, approve=approve)
            before = _open(connection, sender.peer_id)
            came = events.come_again(connection, sender, lots)
        return before - self._finish(sender, came)

    def _finish(self, sender: Source, came: events.Came) -> int:
        """Apply what is left of that, and what other peers sent; return what is open then."""
        peer = self._registry.by_id(sender.peer_id)
        assert peer is not None
        more = releasing.come_again(self._database, peer, self._site, came.left)
        names = (*came.names, *more)
        releasing.release_others(self._database, self._registry, self._site, peer.id, names)
        with self._database.read() as connection:
            return _open(connection, sender.peer_id)


def _write(connection: Connection, one: NewSection, author: Author, *, approve: bool) -> None:
    connection.execute(
        sa.insert(section_decision).values(
            peer_id=one.peer_id,
            idnumber=one.idnumber,
            moodle_id=one.moodle_id,
            name=one.name,
            decision=APPROVED if approve else DECLINED,
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=author.why,
        )
    )
    action = N_("section let in") if approve else N_("section kept out")
    detail = {"section": one.idnumber, "name": one.name, "why": author.why}
    author.note(connection, action, one.wwwroot, detail)


def _lots(
    connection: Connection, sender: Source, names: Sequence[str], *, approve: bool
) -> events.Lots:
    """Return what is to come again; of a section let in what was kept out before as well."""
    if not approve:
        approvals, sections = [approval_key(n) for n in names], [section_key(n) for n in names]
        return (*events.lot(approvals), *events.lot(sections))
    items = admitting.forget_assessments(connection, sender.peer_id, names)
    return _reopened(connection, sender, names, items)


def _reopened(
    connection: Connection, sender: Source, names: Sequence[str], items: Sequence[str]
) -> events.Lots:
    """Hold again what was kept out about a section by these names, and these assessments."""
    approvals, sections = [approval_key(n) for n in names], [section_key(n) for n in names]
    others = [*sections, *map(assessment_key, items)]
    for waits in inbox_lists.declined(connection, sender.peer_id, [*approvals, *others]):
        read = reading.read(sender._replace(names_addressee=False), waits.event, waits.payload)
        keys = inbox_words.declined_waits(read)
        inbox.set_status(connection, waits, status=inbox.HELD, waiting_for=keys)
    return (*events.lot(approvals), *events.lot(others))


def _link_again(connection: Connection, one: NewSection, author: Author) -> Sequence[str]:
    mine = (section.c.peer_id == one.peer_id, section.c.idnumber == one.idnumber)
    found = sa.select(sa.func.min(section.c.id)).where(*mine, section.c.unlinked)
    section_id = connection.execute(found).scalar()
    assert section_id is not None
    return unlinking.link_section_again(connection, author, section_id)


def _peers(connection: Connection, peer_id: int | None) -> list[store.StoredPeer]:
    return [p for p in store.all_peers(connection) if peer_id in (None, p.id)]


def _held(connection: Connection, peer_id: int) -> Sequence[sa.Row[Any]]:
    """Return a peer's events that wait for an approval, in the order in which they happened."""
    # As a range, which an index answers; ";" is what follows ":".
    of_kind = inbox_wait.c.key.between(f"{APPROVAL}:", f"{APPROVAL};")
    at = inbox_table.c
    return connection.execute(
        sa.select(inbox_table, inbox_wait.c.key)
        .join_from(inbox_table, inbox_wait, inbox_wait.c.inbox_id == at.id)
        .where(inbox_wait.c.peer_id == peer_id, of_kind, at.status == inbox.HELD)
        .order_by(at.effective_unix_s, at.seq, at.id)
    ).all()


def _said(of: store.StoredPeer, row: sa.Row[Any]) -> NewSection:
    payload = row.payload if isinstance(row.payload, dict) else {}
    _kind, _colon, idnumber = str(row.waiting_for[0]).partition(":")
    own = str(payload.get("moodleid") or "") or None
    names = admitting.names_of(idnumber, own)
    return NewSection(
        of.id,
        of.wwwroot,
        idnumber,
        own_id(idnumber, own),
        str(payload.get("name") or ""),
        str(payload.get("teacheridnumber") or ""),
        row.received_unix_s,
        0,
        names,
    )  # fmt: skip - in the order of the fields


def _counted(connection: Connection, found: Iterable[NewSection]) -> list[NewSection]:
    counted = []
    by_peer: Mapping[int, list[NewSection]] = defaultdict(list)
    for one in found:
        by_peer[one.peer_id].append(one)
    for peer_id, some in by_peer.items():
        counts = events_of_new_sections.count(connection, peer_id, [one.names for one in some])
        counted += [replace(one, waiting=n) for one, n in zip(some, counts, strict=True)]
    return counted


def _by_name(found: Iterable[NewSection]) -> list[NewSection]:
    return sorted(found, key=lambda one: (folded(one.name), one.wwwroot, one.idnumber))


def _open(connection: Connection, peer_id: int) -> int:
    return sum(count_by_status(connection, peer_id).values())
