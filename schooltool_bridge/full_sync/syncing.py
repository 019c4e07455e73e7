"""Full sync: asks a peer for all that it has, page by page, then judges what is missing.

A run is a row in the store; each `step` asks for one page, applies it and commits it together with
the cursor of the next, so that a run can be resumed there. Blocking: for worker threads
and commands. Source: RULES 1.10, R80-R83.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from mnet.call_errors import BadAnswer, CallError, RemoteFault
from mnet.database import Database
from mnet.exchange import Site
from mnet.faults import NotPublished, SwitchedOff, TryAgainLater, UnknownMethod
from mnet.language import _
from mnet.outbound import Outbound
from mnet.stored_sentences import E_, english
from mnet.xmlrpc import Value
from peers.registry import Peer, Registry
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import releasing
from schooltool_bridge.events.applied import Source, source
from schooltool_bridge.events.peer_client import PeerClient
from schooltool_bridge.full_sync import applying, judging, parts, runs, walking
from schooltool_bridge.full_sync.applying import Manner
from schooltool_bridge.full_sync.locks import Lock
from schooltool_bridge.full_sync.runs import Run, Wanted
from schooltool_bridge.full_sync.walking import BadPage, Page, Walk

METHOD = "full_sync"
# A Moodle reads 200 grades with their attempts in far less; PHP ends by itself after this.
PAGE_TIMEOUT_S = 60.0
# A page that did not come is asked for again after these seconds.
WAITS_S = (1.0, 4.0, 10.0)

NOT_OFFERED = E_(
    "%(peer)s offers no full_sync: its plugin is missing or older, or the service schooltool is "
    "not ticked for this site on both sides."
)
GONE = E_("The peer is disabled or removed.")
_SWITCHED_OFF = E_("nothing of this kind is sent: %(our_why)s")
_GONE_CODES = (UnknownMethod.code, NotPublished.code)

log = structlog.get_logger("full sync")
Progress = Callable[[Run], None]


@dataclass(slots=True)
class FullSync:
    """Does full syncs; one for the whole process, used by many threads."""

    database: Database
    registry: Registry
    peer_client: PeerClient
    outbound: Outbound[Peer]
    site: Site
    clock: Callable[[], float]
    # The data folder, where the locks lie.
    home: Path
    sleep: Callable[[float], None] = time.sleep
    _locks: dict[int, Lock] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, peer: Peer, wanted: Wanted, by_actor: str) -> Run:
        """Begin a run, or resume one that was killed; this process has its lock until it ends.

        Raises Refused while another run with this peer is under way.
        """
        lock = Lock.take(self.home, peer.id)
        if lock is None:
            raise Refused("sync", _("A full sync with %(peer)s is under way.", peer=peer.wwwroot))
        try:
            with self.database.write() as connection:
                began = runs.begin(connection, peer.id, wanted, by_actor, self._holder, self.now())
        except BaseException:
            lock.release()
            raise
        with self._guard:
            self._locks[began.run.id] = lock
        log.info("began", peer=peer.wwwroot, sync=began.run.id, resumed=began.is_resumed)
        return began.run

    def resume(self, run: Run) -> Run | None:
        """Resume a run whose process ended; None where it cannot be resumed, and has failed.

        Raises Refused when another process does it after all.
        """
        peer = self.registry.by_id(run.peer_id)
        if peer is None or not run.wanted.is_resumable:
            lock = Lock.take(self.home, run.peer_id)
            if lock is not None:
                with self.database.write() as connection:
                    runs.end(connection, run, runs.FAILED, runs.STOPPED, self.now())
                lock.release()
            return None
        return self.begin(peer, run.wanted, run.by_actor)

    def step(self, run: Run) -> Run:
        """Do one page of a run of this process, or end it; return the run after that.

        What goes wrong ends it as failed, with why.
        """
        try:
            peer = self.registry.by_id(run.peer_id)
            if peer is None or not peer.enabled:
                return self.fail(run, GONE)
            entity = next_entity(run, peer)
            if entity is None:
                return self._judge(run, peer)
            walk = run.walks.get(entity, Walk())
            page, walk = self.ask(peer, entity, walk)
            with self.database.read() as connection:
                accepts = parts.accepts(connection, peer.id, run.wanted)
            return self.keep(self.database, peer, run, entity, page, walk, Manner(accepts=accepts))
        except CallError as problem:
            return self.fail(run, str(problem))
        except BadPage as problem:
            return self.fail(run, problem.text)
        except BaseException:
            # Whatever it is: the run can be resumed by another process.
            self.release(run)
            raise

    def ask(self, peer: Peer, entity: str, walk: Walk) -> tuple[Page, Walk]:
        """Ask for a walk's next page; return it, and the walk after it.

        Raises CallError when no answer comes, BadPage when it is none. A fault of the plugin's
        own ends this walk alone.
        """
        params: list[Value] = [entity, walk.cursor, walking.PAGE_ITEMS]
        now = self.now()
        try:
            answer = self._call(peer, params)
        except RemoteFault as fault:
            if not fault.proven or fault.code in (*_GONE_CODES, TryAgainLater.code):
                raise
            is_off = fault.code == SwitchedOff.code
            why = english(_SWITCHED_OFF, our_why=fault.text) if is_off else fault.text
            nothing = Page((), "", 0, None, "", is_complete=False)
            return nothing, walking.cut_short(walk, why, is_off=is_off)
        page = walking.read_page(answer)
        return page, walking.go_on(walk, page, now)

    def _call(self, peer: Peer, params: list[Value]) -> Value:
        waits = [*WAITS_S]
        while True:
            try:
                return self._call_once(peer, params)
            except RemoteFault as fault:
                is_final = fault.proven and fault.code != TryAgainLater.code
                if is_final or not waits:
                    raise
            except BadAnswer:
                raise
            except CallError:
                if not waits:
                    raise
            self.sleep(waits.pop(0))

    def _call_once(self, peer: Peer, params: list[Value]) -> Value:
        path = self.peer_client.method(peer, METHOD)
        if path is None:
            raise BadAnswer(english(NOT_OFFERED, peer=peer.wwwroot))
        try:
            return self.outbound.call(peer, path, params, timeout_s=PAGE_TIMEOUT_S)
        except RemoteFault as fault:
            self.peer_client.forget_if_gone(peer, fault)
            raise

    def keep(
        self,
        database: Database,
        peer: Peer,
        run: Run,
        entity: str,
        page: Page,
        walk: Walk,
        manner: Manner,
    ) -> Run:
        """Apply a page and store it; release other peers' events that waited for it."""
        sender = self.source(peer)
        after = applying.apply_page(database, sender, run, entity, page, walk, manner, self.now())
        if after.names and database is self.database:
            releasing.release_others(database, self.registry, self.site, peer.id, after.names)
        return after.run

    def source(self, peer: Peer) -> Source:
        """Return the sender of items: it answers our own call, so that nothing needs to name us."""
        return source(peer, self.site)._replace(names_addressee=False)

    def _judge(self, run: Run, peer: Peer) -> Run:
        with self.database.write() as connection:
            ended = judging.judge(connection, self.source(peer), run, self.now())
        self._log_end(ended)
        return ended

    def fail(self, run: Run, reason: str) -> Run:
        """End a run that cannot go on; nothing is judged missing."""
        with self.database.write() as connection:
            ended = runs.end(connection, run, runs.FAILED, reason, self.now())
        self._log_end(ended)
        return ended

    def _log_end(self, run: Run) -> None:
        self.release(run)
        log.info("ended", peer=run.peer, sync=run.id, state=run.state)

    def release(self, run: Run) -> None:
        """Release the lock of a run, so that another can begin; once or more."""
        with self._guard:
            lock = self._locks.pop(run.id, None)
        if lock is not None:
            with suppress(OSError):
                lock.release()

    def abandoned(self) -> list[Run]:
        """Return runs under way that no process does any more."""
        with self.database.read() as connection:
            return runs.abandoned(connection, self._holder, self.now())

    @property
    def _holder(self) -> str:
        return f"{socket.gethostname()} {self.home}"[:255]

    def now(self) -> int:
        """Return the time, in unix seconds."""
        return int(self.clock())


def next_entity(run: Run, peer: Peer) -> str | None:
    """Return the kind whose walk goes on, in their order; None when all are over."""
    for entity in parts.entities(run.wanted, peer.policy):
        walk = run.walks.get(entity)
        if walk is None or not walk.is_over:
            return entity
    return None
