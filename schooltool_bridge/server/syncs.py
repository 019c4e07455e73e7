"""Full syncs of a running server: started by a page or by the time, done in turns.

They have threads of their own. Between two pages of a run those of other peers have their turn, so
that a slow peer or a large one keeps nobody waiting. What a process that is gone left unfinished is
gone on with. Source: RULES 1.10.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from mnet.call_errors import CallError
from mnet.logs import log_failure
from mnet.refusal import Refusal
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from peers.registry import Peer
from schooltool_bridge.full_sync import runs
from schooltool_bridge.full_sync.carrying import carry_out
from schooltool_bridge.full_sync.runs import Run, Wanted
from schooltool_bridge.full_sync.syncing import METHOD, FullSync
from schooltool_bridge.full_sync.timing import last_due
from schooltool_bridge.store.site_memory import one_writer, recall, remember

# Each waits for its peer nearly all the time.
THREADS = 8
BY_ITSELF = "by itself"
# Looked at first, so that a peer that was just added is not asked at once; and its id.
LOOKED = "sync looked "
# One that failed is tried again.
AGAIN_S = 3600

log = structlog.get_logger("full sync")


@dataclass(slots=True)
class Syncs:
    """Does full syncs in the background; one for the whole process."""

    sync: FullSync
    zone: ZoneInfo
    slow_work: SlowWork = field(default_factory=lambda: SlowWork(Workers(THREADS)))

    def start(self, peer: Peer, wanted: Wanted, by_actor: str) -> Run:
        """Begin a run and return at once; raises Refused while another is under way."""
        run = self.sync.begin(peer, wanted, by_actor)
        self._take_turn(run)
        return run

    def start_due(self) -> None:
        """Begin what is due by the time, and resume what was abandoned."""
        for run in self.sync.abandoned():
            with suppress(Refusal):  # another process does it
                taken = self.sync.resume(run)
                if taken is not None:
                    self._take_turn(taken)
        for peer in self.sync.registry.all():
            if peer.enabled and self._is_due(peer):
                self.slow_work.submit(peer.id, partial(self._begin, peer))

    def close(self, timeout_s: float) -> None:
        """Give what runs that long to end; the next process resumes the rest."""
        self.slow_work.close(timeout_s)

    def _begin(self, peer: Peer) -> None:
        """Begin a run with a peer that offers it; from now on it is not due any more."""
        with self.sync.database.write() as connection:
            one_writer(connection)
            remember(connection, f"{LOOKED}{peer.id}", {"at_unix_s": self.sync.now()})
        with suppress(CallError):  # the run says why
            if self.sync.peer_client.method(peer, METHOD) is None:
                return
        with suppress(Refusal):  # somebody began one
            self.start(peer, Wanted(), BY_ITSELF)

    def _is_due(self, peer: Peer) -> bool:
        every = peer.policy.sync_every_hours
        if not every:
            return False
        now, name = self.sync.now(), f"{LOOKED}{peer.id}"
        with self.sync.database.read() as connection:
            looked = recall(connection, name)
            last = runs.last_run(connection, peer.id)
        if looked is None and last is None:
            with self.sync.database.write() as connection:
                one_writer(connection)
                remember(connection, name, {"at_unix_s": now})
            return False
        times = ((looked or {}).get("at_unix_s", 0), last.started_unix_s if last else 0)
        # A time ahead of us is from a clock that was set back.
        began = max((t for t in times if t <= now), default=0)
        if last is not None and last.state == runs.FAILED and now - began >= AGAIN_S:
            return True
        return began < last_due(now, every, peer.policy.sync_at, self.zone)

    def _take_turn(self, run: Run) -> None:
        """Continue a run when it is its turn; without room it is resumed later."""
        is_in_turns = run.wanted.is_resumable
        work: Callable[[Run], None] = self._step if is_in_turns else self._carry_out
        if not self.slow_work.submit(run.peer_id, partial(work, run)):
            self.sync.release(run)

    def _step(self, run: Run) -> None:
        try:
            after = self.sync.step(run)
        except Exception as problem:  # noqa: BLE001 - the next look resumes it
            log_failure(log, problem, at=f"sync {run.id}")
            return
        if after.state == runs.RUNNING:
            self._take_turn(after)

    def _carry_out(self, run: Run) -> None:
        try:
            carry_out(self.sync, run)
        except Exception as problem:  # noqa: BLE001 - nothing of it is left to be gone on with
            log_failure(log, problem, at=f"sync {run.id}")
