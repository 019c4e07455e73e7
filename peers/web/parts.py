"""What the pages about peers are given from above: parts of the server and facts of the SIS.

Interfaces and plain values only. Pages live on this floor; what calls came and what waits in
the inbox is known one floor up, so that it comes in as functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from keys.certificate import BadCertificate
from mnet.database import Database
from mnet.language import _
from mnet.protocol import BadWwwroot
from mnet.stored_sentences import localized
from peers import store
from peers.bootstrap import Found
from peers.changes import NotPossible
from peers.policy import BadPolicy
from peers.store import StoredPeer
from peers.verify_rules import Report
from peers.web.view import PageError, View


@dataclass(frozen=True, slots=True)
class LastSync:
    """A peer's last full sync, in words for a person."""

    run_id: int
    at_unix_s: int
    state: str
    # What the state looks like: good, info, warning, urgent.
    pill: str
    # What it changed; empty for nothing.
    changed: str


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """What the SIS knows of a peer's traffic."""

    last_contact_unix_s: int | None
    last_change_unix_s: int | None
    last_error: str
    # Today, hour by hour: calls in, calls out, failed.
    hours: Sequence[tuple[int, int, int]]
    held: int
    conflicts: int
    rejected: int
    # None: there was none.
    last_sync: LastSync | None = None

    @property
    def today(self) -> tuple[int, int, int]:
        """Calls in, out and failed since midnight."""
        columns = zip(*self.hours, strict=True)
        calls_in, calls_out, failed = (sum(column) for column in columns)
        return calls_in, calls_out, failed


NO_FACTS = PeerFacts(None, None, "", ((0, 0, 0),) * 24, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pages work with."""

    database: Database
    our_wwwroot: str
    # Ask a site who it is: wwwroot, application ("" tries both), whether TLS must verify.
    discover: Callable[[str, str, bool], Found]
    # Verify a peer now and keep the result; whether an admin is still setting it up.
    verify: Callable[[StoredPeer, bool], Report]
    facts: Callable[[Connection, Sequence[StoredPeer], int], Mapping[int, PeerFacts]]
    # End what a peer's new policy no longer lets through; returns work for after the page.
    enforce: Callable[[Connection, int], Sequence[Callable[[], object]]]
    # What a manager sees above the peers: the first steps with a new site, until they are put away.
    first_steps: Callable[[View], object] = lambda _view: None

    def peer(self, peer_id: int) -> StoredPeer:
        """Return a peer that is not removed; raises PageError (404)."""
        with self.database.read() as connection:
            found = store.by_id(connection, peer_id)
        if found is None or found.state == store.DELETED:
            raise PageError(_("There is no such peer; perhaps it was removed."), 404)
        return found

    def change(self, peer_id: int, work: Callable[[Connection], object]) -> StoredPeer:
        """Change a peer in one transaction and return it as it was; raises PageError."""
        before = self.peer(peer_id)
        try:
            with self.database.write() as connection:
                work(connection)
        except (NotPossible, BadPolicy, BadWwwroot, BadCertificate) as problem:
            raise PageError(localized(str(problem))) from None
        return before
