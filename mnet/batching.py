"""Run queued requests in batches, stage by stage.

A request is a generator (`Steps`): it does what needs no database by itself, and yields its work
for a transaction, or says that it is about to be slow or long. Requests that wait at the same stage
go through it together, in one thread:

    queue ──> open and read ──> apply ──────────────> sign and seal ──> answers
              (one after the    (all works in one     (one after the
               other)            transaction, one      other)
                                 wait for the disk)
                  │                                         ▲
                  ├── Slow: asks another site ── in slow_work, by itself ──┤
                  └── Long: many works ── one thread, one work in turn ────┘

RSA after RSA and Python after Python is what a processor is fast at, and one thread for several
requests spares handing the interpreter from each to each. Knows neither wire nor method.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import structlog
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.logs import log_failure
from mnet.slow_work import NoRoom, SlowWork
from mnet.workers import Workers

# Between two long works, so that whoever waits for the only writer comes first.
BREATH_S = 0.005

# Workers left to those owner go on alone and to what follows an answer, however many calls wait.
SPARE_WORKERS = 4

log = structlog.get_logger("batching")

T = TypeVar("T")
Owner = TypeVar("Owner")

Work: TypeAlias = Callable[[Connection], object]


class Slow(NamedTuple):
    """What a request yields before it does what may take long, such as asking another site.

    It says whose share that takes; NoRoom is thrown into it where there is no room.
    """

    owner: Hashable


class Long(NamedTuple):
    """What a request yields before works that are long, or many, for transactions of their own.

    One thread has all such requests and goes on with each for one work in turn.
    """


Step: TypeAlias = Work | Slow | Long
# It yields works for a transaction, and is sent what came of them once that is durable.
Steps: TypeAlias = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class _Paused(Generic[Owner, T]):
    """A request that has not ended yet, and the step before which it waits."""

    owner: Owner
    steps: Steps[T]
    step: Step


def run_to_end(steps: Steps[T], database: Database, step: Step | None = None) -> T:
    """Run a request to its end in this thread, from a step on that it yielded if it has begun.

    Raises what the request raises.
    """
    is_long = False
    try:
        while True:
            if step is None or isinstance(step, Slow | Long):
                is_long |= isinstance(step, Long)
                step = next(steps)
                continue
            if is_long:
                time.sleep(BREATH_S)
            try:
                result = database.apply(step)
            except Exception as problem:  # noqa: BLE001 - the request decides what it means
                step = steps.throw(problem)
            else:
                step = steps.send(result)
    except StopIteration as end:
        ended: T = end.value
        return ended


class Batches(Generic[Owner, T]):
    """Queues requests, runs them in batches, and hands on how they ended."""

    def __init__(
        self,
        database: Database,
        workers: Workers,
        hand_on: Callable[[list[tuple[Owner, T | None]]], None],
        threads: int,
        slow_work: SlowWork,
        has_left: Callable[[Owner], bool] = lambda _owner: False,
    ) -> None:
        """Use at most `threads` of the workers; some are always left to what goes on alone.

        `hand_on` takes several ends at once; None for a request that failed, which is logged.
        What takes long goes on in `slow_work`. The request of an owner who `has_left` by
        then is not begun, and not gone on with where it would take long.
        """
        self._database = database
        self._workers = workers
        self._hand_on = hand_on
        self._slow_work = slow_work
        self._has_left = has_left
        self._threads = max(1, min(threads, workers.count - SPARE_WORKERS))
        # One of them waits for the disk, the others share what comes.
        self._abreast = max(1, self._threads - 1)
        self._most = database.works_per_commit
        self._waiting: deque[tuple[Owner, Steps[T]]] = deque()
        self._long: deque[_Paused[Owner, T]] = deque()
        self._is_long_running = False
        self._running = 0
        self._counting = threading.Lock()

    def submit(self, owner: Owner, steps: Steps[T]) -> None:
        """Queue a request; `owner` is given back with its end."""
        with self._counting:
            self._waiting.append((owner, steps))
            if self._running == self._threads:
                return
            self._running += 1
        self._workers.submit(self._run)

    def _run(self) -> None:
        while taken := self._take():
            try:
                self._run_batch(taken)
            except BaseException:
                with self._counting:
                    self._running -= 1
                raise

    def _take(self) -> list[tuple[Owner, Steps[T]]]:
        with self._counting:
            waiting = self._waiting
            share = ceil(len(waiting) / self._abreast)
            taken = [waiting.popleft() for _ in range(min(share, self._most))]
            if not taken:
                self._running -= 1
        return taken

    def _run_batch(self, taken: Iterable[tuple[Owner, Steps[T]]]) -> None:
        """Bring all to their work, do it in one transaction, and bring them to their end."""
        paused = self._advance(
            (owner, steps, steps.__next__) for owner, steps in taken if not self._has_left(owner)
        )
        to_apply: list[tuple[_Paused[Owner, T], Work]] = []
        refused: list[_Paused[Owner, T]] = []
        for one in paused:
            if isinstance(one.step, Long):
                self._take_turns(one)
            elif not isinstance(one.step, Slow):
                to_apply.append((one, one.step))
            elif not self._run_slowly(one, one.step.owner):
                refused.append(one)
        for one in self._advance(
            (r.owner, r.steps, partial(r.steps.throw, NoRoom())) for r in refused
        ):
            if isinstance(one.step, Slow | Long):
                self._run_apart(one)  # it wants to go on all the same, as if nobody else were there
            else:
                to_apply.append((one, one.step))
        if not to_apply:
            return
        outcomes = self._database.apply_all([work for _stop, work in to_apply])
        met = zip(to_apply, outcomes, strict=True)
        # Whoever wants more than that (once more, since it met another transaction) goes alone.
        for one in self._advance(
            (one.owner, one.steps, outcome.resume(one.steps)) for (one, _work), outcome in met
        ):
            if isinstance(one.step, Long):
                self._take_turns(one)
            else:
                self._run_apart(one)

    def _advance(
        self, requests: Iterable[tuple[Owner, Steps[T], Callable[[], Step]]]
    ) -> list[_Paused[Owner, T]]:
        """Take each one step further and hand on those that end by it."""
        paused: list[_Paused[Owner, T]] = []
        ended: list[tuple[Owner, T | None]] = []
        for owner, steps, go_on in requests:
            try:
                paused.append(_Paused(owner, steps, go_on()))
            except StopIteration as end:
                ended.append((owner, end.value))
            except Exception as problem:  # noqa: BLE001 - whatever it is, others go on
                log_failure(log, problem)
                ended.append((owner, None))
        if ended:
            self._hand_on(ended)
        return paused

    def _take_turns(self, one: _Paused[Owner, T]) -> None:
        """Queue a long request behind the others; at most one thread runs all of them."""
        with self._counting:
            self._long.append(one)
            if self._is_long_running:
                return
            self._is_long_running = True
        self._workers.submit(self._run_long)

    def _run_long(self) -> None:
        while True:
            with self._counting:
                if not self._long:
                    self._is_long_running = False
                    return
                one = self._long.popleft()
            go_on = one.steps.__next__
            if not isinstance(one.step, Slow | Long):
                time.sleep(BREATH_S)
                [outcome] = self._database.apply_all([one.step])
                go_on = outcome.resume(one.steps)
            for further in self._advance([(one.owner, one.steps, go_on)]):
                if isinstance(further.step, Slow):
                    if not self._run_slowly(further, further.step.owner):
                        self._run_apart(further)
                else:
                    with self._counting:
                        self._long.append(further)

    def _run_apart(self, one: _Paused[Owner, T]) -> None:
        self._workers.submit(partial(self._run_to_end, one))

    def _run_slowly(self, one: _Paused[Owner, T], owner: Hashable) -> bool:
        """Queue a request in a share; False when there is no room in it."""
        has_left = partial(self._has_left, one.owner)
        return self._slow_work.submit(owner, partial(self._run_to_end, one), has_left)

    def _run_to_end(self, one: _Paused[Owner, T]) -> None:
        end = None
        try:
            end = run_to_end(one.steps, self._database, one.step)
        except Exception as problem:  # noqa: BLE001 - whatever it is, others go on
            log_failure(log, problem)
        self._hand_on([(one.owner, end)])
