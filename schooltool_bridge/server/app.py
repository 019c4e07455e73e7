"""The composition root: puts settings, store, keys, peers, exchange and SIS together.

Everything that a process needs, built once; no protocol and no rule stands here.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from types import TracebackType
from typing import Any, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy.engine import Connection
from twisted.internet import defer, task
from twisted.internet.threads import deferToThread

from keys import replays
from keys.custody import Custody
from mnet.database import Database
from mnet.dispatcher import Dispatcher
from mnet.exchange import Exchange, Site
from mnet.exchange_parts import CallRecord
from mnet.language import N_
from mnet.metrics import Metrics
from mnet.outbound import Outbound
from mnet.settings import Settings
from mnet.transport import Transport
from peers import audit, bootstrap, checks, journal, store
from peers.registry import Peer, Registry
from peers.verify import verify
from peers.verify_rules import Report
from schooltool_bridge.events import methods as services
from schooltool_bridge.events.peer_client import PeerClient
from schooltool_bridge.full_sync.syncing import FullSync
from schooltool_bridge.hand.new_sections import Admitting
from schooltool_bridge.hand.resolving import Resolving
from schooltool_bridge.notices.channels import PostJson
from schooltool_bridge.reports.printing import Printing
from schooltool_bridge.server import monitoring
from schooltool_bridge.server.background import Background, CheckPeer
from schooltool_bridge.server.heartbeat import Heartbeat
from schooltool_bridge.server.parts import VERSION, Parts
from schooltool_bridge.server.prints import Prints
from schooltool_bridge.server.syncs import Syncs
from schooltool_bridge.sign_on import landing_pictures, notifying_peers, sign_on_methods
from schooltool_bridge.sign_on.landing import Landing
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.store import errands
from schooltool_bridge.store.errands import Errand, Errands

# Most calls are taken together by a few of them (mnet/resource.py), on PostgreSQL each by one of
# its own. What waits for other sites has threads of its own (mnet/slow_work.py).
WORKER_THREADS = 16
# Pages have threads of their own: hashing passwords must not keep a peer's calls waiting.
PAGE_THREADS = 4

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoreLedger:
    """What is remembered of calls, in the store."""

    database: Database

    def remember(self, connection: Connection, digest: bytes, key_id: int, now_unix_s: int) -> bool:
        """Note an envelope; False when it was seen before."""
        return replays.remember(connection, digest, key_id, now_unix_s)

    def seen(self, digest: bytes) -> bool:
        """Tell whether an envelope was noted already."""
        with self.database.read() as connection:
            return replays.is_seen(connection, digest)

    def record(self, connection: Connection, call: CallRecord) -> None:
        """Write the call into the journal."""
        journal.record(connection, call)


class App:
    """One process's parts. Use as a context manager; closing lets go of the database."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        """Open the data folder's database; nothing else happens yet."""
        self.settings = settings
        # As the file says, where `settings` have what was changed in a page; a server knows both.
        self.file_settings: Settings | None = None
        self.clock = clock
        self.site = Site(settings.wwwroot, settings.name, VERSION, settings.zone)
        self.database = Database(settings.database, clock=clock)
        self.custody = Custody(self.database, settings.passphrase, clock, os.urandom)
        self.registry = Registry(self.database, clock)
        self.ledger = StoreLedger(self.database)

    def __enter__(self) -> Self:
        """Give the parts."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the database."""
        self.database.close()

    @cached_property
    def parts(self) -> Parts:
        """What pages, checks and background work take of all this."""
        return Parts(
            self.settings,
            self.database,
            self.site,
            self.registry,
            self.custody,
            self.clock,
            self.file_settings or self.settings,
        )

    @cached_property
    def transport(self) -> Transport:
        """The way out, through the global reactor."""
        from twisted.internet import reactor  # noqa: PLC0415 - importing it installs it

        return Transport(reactor)

    def post_json(self) -> PostJson:
        """Return what posts JSON to an address that an admin set."""
        return self.transport.post_json

    def background(
        self,
        check_peer: CheckPeer | None = None,
        start_due: Callable[[], object] = lambda: None,
    ) -> Background:
        """Return what a running server does by itself."""
        posting = self.post_json
        return Background(
            self.parts, self.signing_off, self.resolving, posting, check_peer, start_due
        )

    @cached_property
    def outbound(self) -> Outbound[Peer]:
        """Makes calls on peers."""
        return Outbound(
            site=self.site,
            keys=self.custody.keyring,
            peers=self.registry,
            database=self.database,
            ledger=self.ledger,
            post=self.transport.post,
            clock=self.clock,
            random=os.urandom,
            verifies_tls=lambda peer: peer.policy.tls == "verify",
            application_of=lambda peer: peer.application,
            metrics=self.metrics,
        )

    @cached_property
    def peer_client(self) -> PeerClient:
        """Asks peers' SIS plugins."""
        return PeerClient(
            self.site, self.database, self.registry, self.outbound, self.clock, self.errands
        )

    @cached_property
    def full_sync(self) -> FullSync:
        """Asks peers for all that they have."""
        return FullSync(
            self.database,
            self.registry,
            self.peer_client,
            self.outbound,
            self.site,
            self.clock,
            self.settings.home,
        )

    @cached_property
    def syncs(self) -> Syncs:
        """Does full syncs in the background."""
        return Syncs(self.full_sync, self.settings.zone)

    @cached_property
    def printing(self) -> Printing:
        """Prints reports of many students."""
        return Printing(self.database, self.settings, self.clock, uuid.uuid4().hex)

    @cached_property
    def prints(self) -> Prints:
        """Prints them in the background."""
        return Prints(self.printing)

    @cached_property
    def errands(self) -> Errands:
        """Calls peers after an answer has left: questions and messages."""

        def fetch_picture(peer: Peer, errand: Errand) -> bool:
            shown = landing_pictures.Shown(errand.person_id, **errand.about)
            parts = (self.database, self.outbound, self.clock)
            return landing_pictures.fetch_if_newer(*parts, peer, shown)

        def enrolments_of(peer: Peer, errand: Errand) -> bool:
            return self.peer_client.enrolments_of(peer, errand)

        def notify_courses(peer: Peer, errand: Errand) -> bool:
            return notifying_peers.notify_courses(
                self.database, self.outbound, peer, errand.person_id, errand.about["username"]
            )

        def notify_end(peer: Peer, errand: Errand) -> bool:
            return self.signing_off.notify_end(peer, errand)

        return Errands(
            database=self.database,
            registry=self.registry,
            clock=self.clock,
            rests=self.outbound.rests,
            kinds={
                errands.ENROLMENTS: enrolments_of,
                errands.PICTURE: fetch_picture,
                errands.COURSES: notify_courses,
                **dict.fromkeys(errands.SIGN_OFFS, notify_end),
            },
        )

    @cached_property
    def landing(self) -> Landing:
        """Lets people in who come from a peer."""
        return Landing(
            self.site, self.database, self.registry, self.outbound, self.peer_client, self.clock
        )

    @cached_property
    def signing_off(self) -> SigningOff:
        """Ends people's sessions on both sides, and keeps those over there alive."""
        return SigningOff(self.database, self.registry, self.outbound, self.errands, self.clock)

    @cached_property
    def metrics(self) -> Metrics:
        """Counts calls for /metrics."""
        look = partial(monitoring.readings, self.database, self.registry, self.custody)
        return Metrics(services.KNOWN_METHODS, look, VERSION)

    @cached_property
    def heartbeat(self) -> Heartbeat:
        """Looks all the time whether the store takes what is written."""
        return Heartbeat(self.database, self._look_at_key)

    @cached_property
    def resolving(self) -> Resolving:
        """Settles events of the inbox by hand."""
        return Resolving(self.database, self.registry, self.site)

    @cached_property
    def admitting(self) -> Admitting:
        """Lets peers' new sections in, or keeps them out."""
        return Admitting(self.database, self.registry, self.site)

    @cached_property
    def exchange(self) -> Exchange[Peer]:
        """Answers requests."""
        self.registry.ask_for_key = partial(bootstrap.ask_for_key, self.outbound, self.registry)
        return Exchange(
            site=self.site,
            keys=self.custody.keyring,
            directory=self.registry,
            dispatcher=Dispatcher.of(
                [
                    *services.methods(self.site, self.peer_client),
                    *sign_on_methods.methods(self.site, self.signing_off),
                ]
            ),
            database=self.database,
            ledger=self.ledger,
            clock=self.clock,
            random=os.urandom,
            metrics=self.metrics,
        )

    def verify(self, peer: Peer, *, before_enabling: bool = False) -> Report:
        """Look whether a peer and we understand each other, and keep what was found.

        What an admin changed meanwhile was not looked at: then nothing is kept.
        """
        self.outbound.breakers.forget(peer.id)
        report = verify(
            peer,
            outbound=self.outbound,
            transport=self.transport,
            registry=self.registry,
            clock=self.clock,
            before_enabling=before_enabling,
        )
        with self.database.write() as connection:
            if checks.is_as_verified(store.by_id(connection, peer.id), peer):
                checks.save_check(connection, peer.id, report, int(self.clock()))
        return report

    def make_key(self) -> None:
        """Make a key pair."""
        self.custody.rotate(self.settings.wwwroot, self.settings.name, self.settings.key_days)

    def rotate_key(self, actor: str) -> None:
        """Make a new key pair, and say in the audit trail who wanted it."""
        before = self.custody.keyring().current.fingerprint
        self.make_key()
        after = self.custody.keyring().current.fingerprint
        with self.database.write() as connection:
            audit.record(
                connection,
                actor=actor,
                action=N_("own key changed"),
                subject=self.settings.wwwroot,
                detail={"before": before, "after": after},
                now_unix_s=int(self.clock()),
            )

    def rotate_key_if_due(self) -> bool:
        """Renew the key when it is time; tells whether it did."""
        settings = self.settings
        return self.custody.rotate_if_due(settings.wwwroot, settings.name, settings.key_days)

    def _look_at_key(self) -> str:
        key: RSAPrivateKey = self.custody.keyring().current.private_key
        return f"ok {VERSION} rsa{key.key_size}"


def end_at_peers(app: App, visits: Iterable[Visit]) -> None:
    """Have peers end visits, from a command; once a process.

    A peer that cannot be reached is in the log; what was changed here stays.
    """
    works = app.signing_off.ending(visits)
    if works:
        in_reactor(lambda: [work() for work in works])


def in_reactor(work: Callable[[], T]) -> T:
    """Run blocking work of a command in a thread while the reactor runs, and return its result.

    Once a process: Twisted's reactor cannot be started again.
    """
    outcome: list[T] = []
    problem: list[BaseException] = []

    def start(_reactor: object) -> defer.Deferred[None]:
        def take_problem(failure: Any) -> None:
            problem.append(failure.value)

        return deferToThread(work).addCallbacks(outcome.append, take_problem)

    try:
        task.react(start)
    except SystemExit:
        if not outcome and not problem:
            raise
    if problem:
        raise problem[0]
    return outcome[0]
