"""Work that waits for other sites: a share for each, a bounded queue, an answer when it is full.

One site that is silent keeps its own share busy and nothing else. Who waits and who is at work is
pure bookkeeping (`Shares`); `SlowWork` has the threads. Knows neither wire nor store; whom to
leave alone for a while stands in breakers.py. Source: PROTOCOL.md section 9 (slow work).
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import structlog

from mnet.faults import TryAgainLater
from mnet.stored_sentences import E_
from mnet.workers import Workers

# They wait for the network nearly all the time, and each is made when it is first needed.
SLOW_THREADS = 32
# At once for one site: what a small Moodle answers well, and an eighth of the threads.
SHARE = 4
# For one site: two classes that click at the same moment. For all: what a browser or a Moodle can
# still expect to be answered, and far from all connections.
WAITING_EACH, WAITING_ALL = 60, 180

log = structlog.get_logger("slow work")

T = TypeVar("T")


class NoRoom(TryAgainLater):
    """So much waits for this site already that nothing more is taken; nothing was begun."""

    sentence = E_(
        "So much waits for your site's answers here that nothing more is asked of it at the "
        "moment; please send it again later."
    )


@dataclass(frozen=True, slots=True)
class ForSite:
    """Work that is left for after an answer and waits for a site: whose share it takes."""

    who: Hashable
    work: Callable[[], object]

    def __call__(self) -> object:
        """Do it here and now."""
        return self.work()


class Shares(Generic[T]):
    """Who waits and who is at work, by site; whoever uses it from several threads holds a lock."""

    def __init__(
        self,
        *,
        threads: int = SLOW_THREADS,
        share: int = SHARE,
        waiting_each: int = WAITING_EACH,
        waiting_all: int = WAITING_ALL,
    ) -> None:
        """Take how many may be at work in all and for a site, and wait for a site and in all."""
        self._threads = threads
        self._share = share
        self._waiting_each = waiting_each
        self._waiting_all = waiting_all
        # Whose turn it is stands first.
        self._waiting: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._at_work: Counter[Hashable] = Counter()

    def waiting(self, who: Hashable | None = None) -> int:
        """Return how much waits for a site, or in all."""
        if who is not None:
            return len(self._waiting.get(who, ()))
        return sum(map(len, self._waiting.values()))

    def offer(self, who: Hashable, work: T, is_dropped: Callable[[T], bool]) -> bool:
        """Let work wait; False when there is no room. `is_dropped` tells what nobody waits for."""
        if self._is_full(who):
            self._drop(is_dropped)
            if self._is_full(who):
                return False
        self._waiting.setdefault(who, deque()).append(work)
        return True

    def take(self) -> tuple[Hashable, T] | None:
        """Return what begins now, which is at work until `done`; None when nothing may begin."""
        if self._at_work.total() >= self._threads:
            return None
        who = next((w for w in self._waiting if self._at_work[w] < self._share), None)
        if who is None:
            return None
        works = self._waiting[who]
        work = works.popleft()
        # Behind all others, so that nobody's many works keep another's few waiting.
        self._waiting.move_to_end(who)
        if not works:
            del self._waiting[who]
        self._at_work[who] += 1
        return who, work

    def done(self, who: Hashable) -> None:
        """Note that one of a site's works has ended."""
        self._at_work[who] -= 1
        if not self._at_work[who]:
            del self._at_work[who]

    def _is_full(self, who: Hashable) -> bool:
        return self.waiting(who) >= self._waiting_each or self.waiting() >= self._waiting_all

    def _drop(self, is_dropped: Callable[[T], bool]) -> None:
        for who, works in list(self._waiting.items()):
            remaining = deque(work for work in works if not is_dropped(work))
            if remaining:
                self._waiting[who] = remaining
            else:
                del self._waiting[who]


class _Work(NamedTuple):
    run: Callable[[], object]
    is_dropped: Callable[[], bool]


class SlowWork:
    """Threads for what waits for other sites; one for the whole process."""

    def __init__(self, workers: Workers | None = None) -> None:
        """Use `workers`, or threads of its own."""
        self._workers = workers or Workers(SLOW_THREADS)
        self._shares = Shares[_Work](threads=self._workers.count)
        self._lock = threading.Lock()

    def submit(
        self,
        who: Hashable,
        work: Callable[[], object],
        is_dropped: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Run `work` in the share of `who` when it is its turn; False at once without room.

        Whatever `is_dropped` by then (nobody waits for it any more) is not begun.
        """
        with self._lock:
            if not self._shares.offer(who, _Work(work, is_dropped), lambda w: w.is_dropped()):
                return False
            begins = self._shares.take()
        if begins:
            self._workers.submit(partial(self._run, *begins))
        return True

    def after(self, workers: Workers, work: Callable[[], object]) -> None:
        """Do what an answer left to do: in a site's share what waits for it, else in `workers`."""
        if not isinstance(work, ForSite):
            workers.submit(work)
        elif not self.submit(work.who, work.work):
            log.warning("no room", who=str(work.who))

    def close(self, timeout_s: float) -> None:
        """Drop what waits, and give what runs that long to end."""
        self._workers.close(timeout_s)

    def _run(self, who: Hashable, work: _Work) -> None:
        """Do one work, and let the next begin whose turn it is."""
        try:
            if not work.is_dropped():
                work.run()
        finally:
            with self._lock:
                self._shares.done(who)
                begins = self._shares.take()
            if begins:
                self._workers.submit(partial(self._run, *begins))
