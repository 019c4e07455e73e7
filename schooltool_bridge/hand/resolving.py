"""Resolving events of the inbox by hand: retry and dismiss, for pages and commands alike.

Each is one transaction with its entry in the audit trail. What an event means is decided in
receiving.py. Source: RULES 1.3, R22, R89.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from mnet.database import Database, one_at_a_time
from mnet.exchange import Site
from mnet.faults import Malformed, NotFound, SwitchedOff
from mnet.language import N_, _
from mnet.stored_sentences import english
from peers.audit import By
from peers.registry import Registry
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import inbox, kinds, people, reading, releasing
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.applied import Source, source, user_key
from schooltool_bridge.events.fields import AssessmentEvent, UserEvent
from schooltool_bridge.events.inbox import Entry
from schooltool_bridge.events.inbox_lists import count_by_status, held_after, held_ids
from schooltool_bridge.hand import deciding, merging, rescaling
from schooltool_bridge.hand.deciding import Question
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.sign_on.sign_offs import Visit

# About half a second of one transaction; the peer's own calls wait as long.
MAX_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Retried:
    """How an event fared when it came again."""

    # As it is now.
    entry: Entry
    # How many others of this peer left the inbox with it, because they waited for it.
    released: int


@dataclass(frozen=True, slots=True)
class RetriedMany:
    """How a peer's held events fared."""

    # How many ended in which state, "done" for applied.
    by_status: Mapping[str, int]
    # Held events that came later than these, not tried yet.
    left: int
    # The last one that was tried; the next go begins after it.
    last_id: int


@dataclass(frozen=True, slots=True)
class Decided:
    """How an event fared about which a person decided."""

    entry: Entry
    released: int
    # At peers, to be ended: of people whose records were merged.
    visits: list[Visit]


@dataclass(frozen=True, slots=True)
class DecidedPoints:
    """What was decided about the points of an assessment."""

    entry: Entry
    asked: rescaling.Question
    # How many grades were entered anew.
    entered: int


class Resolving:
    """Settles events on behalf of somebody."""

    def __init__(self, database: Database, registry: Registry, site: Site) -> None:
        """Use the store and the peers as they are at each call."""
        self._database = database
        self._registry = registry
        self._site = site

    def retry(self, inbox_id: int, *, author: By) -> Retried:
        """Apply an event again; `author` is written into the audit trail.

        Raises NotFound when it is not open any more or its peer was removed, SwitchedOff when
        the peer or a policy of its keeps such events out.
        """
        with self._database.write() as connection:
            peer_id = _open(connection, inbox_id).peer_id
            sender = self._source(peer_id, inbox_id)
            one_at_a_time(connection, peer_id)
            # The peer itself may have brought it in order while we waited for our turn.
            before = _open(connection, inbox_id)
            if policy := reading.closed_by(sender, before.event):
                raise SwitchedOff(
                    english(
                        "%(peer)s may not send %(event)s at the moment; allow it first "
                        "(policy %(policy)s).",
                        peer=before.wwwroot,
                        event=before.event,
                        policy=policy,
                    )
                )
            open_before = _count(connection, before.peer_id)
            status, came = events.retry(connection, sender, inbox_id)
            author.note(
                connection,
                N_("event retried"),
                before.wwwroot,
                {"event": before.event, "id": inbox_id, "status": status},
            )
            now = inbox.one(connection, inbox_id)
        assert now is not None
        self._release_rest(peer_id, came)
        return Retried(now, self._left_with_it(peer_id, open_before, status))

    def decide(
        self, inbox_id: int, *, author: Author, keep_apart: bool = False, kept_id: int | None = None
    ) -> Decided:
        """Settle a conflict about people and apply the event, and whatever waited for it.

        They are one person (`kept_id` says whose record stands for all), or two. Raises NotFound
        or SwitchedOff as `retry`, Refused when the event is no such conflict.
        """
        with self._database.write() as connection:
            merging.wait_for_peers(connection)
            before = _open(connection, inbox_id)
            sender = self._source(before.peer_id, inbox_id)
            event = about_people(sender, before)
            visits: list[Visit] = []
            if keep_apart:
                deciding.keep_apart(connection, author, sender, event)
            else:
                visits = deciding.one_person(connection, author, sender, event, kept_id)
            open_before = _count(connection, before.peer_id)
            status, came = events.retry(connection, sender, inbox_id)
            author.note(
                connection,
                N_("conflict decided"),
                before.wwwroot,
                {
                    "id": inbox_id,
                    "decision": N_("two people") if keep_apart else N_("one person"),
                    "kept": kept_id,
                    "status": status,
                    "why": author.why,
                },
            )
            now = inbox.one(connection, inbox_id)
        assert now is not None
        self._release_rest(before.peer_id, came)
        return Decided(now, self._left_with_it(before.peer_id, open_before, status), visits)

    def decide_points(
        self, inbox_id: int, *, author: Author, keep_points: bool = False
    ) -> DecidedPoints:
        """Settle what was meant by grades of an assessment whose maximum became another.

        Their percentage, which they keep as it is, or the points themselves. Raises NotFound or
        SwitchedOff as `retry`, Refused when the event asks no such thing.
        """
        with self._database.write() as connection:
            one_at_a_time(connection, _open(connection, inbox_id).peer_id)
            before = _open(connection, inbox_id)
            sender = self._source(before.peer_id, inbox_id)
            asked = _about_points(connection, sender, before)
            if asked is None:
                message = _("Event %(id)s does not ask about points (any more).", id=inbox_id)
                raise Refused("decision", message)
            entered = rescaling.keep_points(connection, author, asked) if keep_points else 0
            # It was applied when it came; only the question was left.
            waiting = inbox.get(connection, inbox_id)
            assert waiting is not None
            inbox.set_status(connection, waiting, status=inbox.DONE)
            author.note(
                connection,
                N_("points decided"),
                before.wwwroot,
                {
                    "id": inbox_id,
                    "decision": N_("the points") if keep_points else N_("the percentage"),
                    "grades": len(asked.cells),
                    "why": author.why,
                },
            )
            now = inbox.one(connection, inbox_id)
        assert now is not None
        return DecidedPoints(now, asked, entered)

    def points_question(self, connection: Connection, entry: Entry) -> rescaling.Question | None:
        """Return what an event asks about points; None for anything else."""
        try:
            return _about_points(connection, self._source(entry.peer_id, entry.id), entry)
        except (NotFound, SwitchedOff, Malformed):
            return None

    def question(self, connection: Connection, entry: Entry) -> Question | None:
        """Return who could be meant by a conflict about people; None for anything else."""
        try:
            sender = self._source(entry.peer_id, entry.id)
            return deciding.question(connection, sender, about_people(sender, entry))
        except (Refused, NotFound, SwitchedOff, Malformed):
            return None

    def brought_by_hand(
        self, written: Iterable[Names] = (), memberships: Collection[tuple[int, int]] = ()
    ) -> int:
        """Apply what waited for names and memberships (section, person) that were written.

        To be called after the transaction that wrote them, each peer's turn being one of its own.
        Returns how many events left the inbox.
        """
        before = self._open_now()
        self._release_others(releasing.BY_HAND, _keys(written))
        releasing.release_endings(self._database, self._registry, self._site, memberships)
        return before - self._open_now()

    def release_missed(self) -> None:
        """Apply what waits though it need not: whoever should have released it was killed."""
        releasing.release_missed(self._database, self._registry, self._site)

    def _open_now(self) -> int:
        with self._database.read() as connection:
            return sum(count_by_status(connection).values())

    def retry_held(self, peer_id: int, *, after_id: int = 0, author: By) -> RetriedMany:
        """Apply a peer's held events again, at most MAX_AT_ONCE that came after `after_id`.

        Raises NotFound when the peer was removed, SwitchedOff when it is switched off.
        """
        sender = self._source(peer_id, None)
        by_status: Counter[str] = Counter()
        came = events.Came()
        with self._database.write() as connection:
            one_at_a_time(connection, peer_id)
            ids = held_ids(connection, peer_id, after_id=after_id, limit=MAX_AT_ONCE)
            for inbox_id in ids:
                # An earlier one may have taken this one along.
                if inbox.get(connection, inbox_id) is not None:
                    most = max(1, MAX_AT_ONCE - came.tried)
                    more = events.retry(connection, sender, inbox_id, most)[1]
                    came = events.Came(
                        names=came.names + more.names,
                        left=came.left + more.left,
                        tried=came.tried + more.tried,
                    )
            for inbox_id in ids:
                entry = inbox.one(connection, inbox_id)
                assert entry is not None
                by_status[entry.status] += 1
            last_id = max(ids, default=after_id)
            left = held_after(connection, peer_id, last_id)
            if ids:
                author.note(connection, N_("held events retried"), sender.wwwroot, {**by_status})
        self._release_rest(peer_id, came)
        return RetriedMany(dict(by_status), left, last_id)

    def dismiss(self, inbox_id: int, *, author: By) -> Entry:
        """Take an event out of the inbox; its row stays. Raises NotFound."""
        with self._database.write() as connection:
            one_at_a_time(connection, _open(connection, inbox_id).peer_id)
            entry = _open(connection, inbox_id)
            events.dismiss(connection, inbox_id)
            author.note(
                connection,
                N_("event dismissed"),
                entry.wwwroot,
                {"event": entry.event, "id": inbox_id, "was": entry.status},
            )
        return entry

    def _release_rest(self, peer_id: int, came: events.Came) -> None:
        """Apply what is left of that, then what other peers sent."""
        peer = self._registry.by_id(peer_id)
        more = releasing.come_again(self._database, peer, self._site, came.left) if peer else ()
        self._release_others(peer_id, (*came.names, *more))

    def _left_with_it(self, peer_id: int, open_before: int, status: str) -> int:
        with self._database.read() as connection:
            left = open_before - _count(connection, peer_id)
        return max(0, left - (status == inbox.DONE))

    def _release_others(self, peer_id: int, names: Iterable[str]) -> None:
        releasing.release_others(self._database, self._registry, self._site, peer_id, names)

    def _source(self, peer_id: int, inbox_id: int | None) -> Source:
        return sender_of(self._registry, self._site, peer_id, inbox_id)


def sender_of(registry: Registry, site: Site, peer_id: int, inbox_id: int | None = None) -> Source:
    """Say who sent an event that a person settles; raises NotFound, SwitchedOff."""
    peer = registry.by_id(peer_id)
    if peer is None:
        removed = english("This peer was removed; add it again, or dismiss what it sent.")
        if inbox_id is not None:
            removed = english(
                "The peer of event %(id)s was removed; add it again, or dismiss what it sent.",
                id=inbox_id,
            )
        raise NotFound(removed)
    if not peer.enabled:
        raise SwitchedOff(
            english(
                "%(peer)s is switched off, so nothing that it sent is applied; enable it first.",
                peer=peer.wwwroot,
            )
        )
    return source(peer, site)


def about_people(sender: Source, entry: Entry) -> UserEvent:
    """Read a conflict about people; raises Refused for any other event, Malformed."""
    if entry.event != kinds.FETCH_USER or entry.status != inbox.CONFLICT:
        raise Refused("decision", _("Event %(id)s is no conflict about people.", id=entry.id))
    return reading.read_user(sender, entry.payload)


def _about_points(
    connection: Connection, sender: Source, entry: Entry
) -> rescaling.Question | None:
    if entry.event != kinds.NEW_ASSESSMENT or entry.status != inbox.CONFLICT:
        return None
    event = reading.read(sender._replace(names_addressee=False), entry.event, entry.payload)
    assert isinstance(event, AssessmentEvent)
    return rescaling.question(connection, sender.peer_id, event.idnumber)


def _open(connection: Connection, inbox_id: int) -> Entry:
    entry = inbox.one(connection, inbox_id)
    if entry is None or entry.status not in inbox.OPEN:
        raise NotFound(
            english("There is no open event %(id)s in the inbox (any more).", id=inbox_id)
        )
    return entry


def _keys(written: Iterable[Names]) -> list[str]:
    """What events wait for that are about these names."""
    keys: list[str] = []
    for names in written:
        keys += [user_key(key(names.idnumber))] if names.idnumber else []
        keys += [people.username_key(names.username)]
    return keys


def _count(connection: Connection, peer_id: int) -> int:
    return sum(count_by_status(connection, peer_id).values())
