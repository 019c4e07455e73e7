"""Journeys that are at the same place go on together: several calls in one thread, in stages.

All that wait are opened, then applied in one transaction, then signed and sealed. RSA after RSA
and Python after Python is what a processor is fast at, and one thread for several calls spares
them the handing over of the interpreter from each to each. Knows neither wire nor method.
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
from mnet.logs import tell
from mnet.slow_work import NoRoom, SlowWork
from mnet.workers import Workers

# Between two long works, so that whoever waits for the only writer comes first.
BREATH_S = 0.005

# Workers left to those who go on alone and to what follows an answer, however many calls wait.
SPARE_WORKERS = 4

log = structlog.get_logger("together")

T = TypeVar("T")
Who = TypeVar("Who")

Work: TypeAlias = Callable[[Connection], object]


class Slow(NamedTuple):
    """What a journey yields before it does what may take long, such as asking another site.

    It says whose share that takes; NoRoom is thrown into it where there is no room.
    """

    who: Hashable


class Long(NamedTuple):
    """What a journey yields before works that are long, or many, for transactions of their own.

    One thread has all such journeys and goes on with each for one work in turn.
    """


Step: TypeAlias = Work | Slow | Long
# It yields works for a transaction, and is sent what came of them once that is durable.
Journey: TypeAlias = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class _Stop(Generic[Who, T]):
    """Where a journey stands that has not ended yet."""

    who: Who
    journey: Journey[T]
    step: Step


def alone(journey: Journey[T], database: Database, step: Step | None = None) -> T:
    """Follow a journey to its end in this thread, from a step on that it yielded if it has begun.

    Raises what the journey raises.
    """
    is_long = False
    try:
        while True:
            if step is None or isinstance(step, Slow | Long):
                is_long |= isinstance(step, Long)
                step = next(journey)
                continue
            if is_long:
                time.sleep(BREATH_S)
            try:
                result = database.apply(step)
            except Exception as problem:  # noqa: BLE001 - the journey decides what it means
                step = journey.throw(problem)
            else:
                step = journey.send(result)
    except StopIteration as end:
        ended: T = end.value
        return ended


class Together(Generic[Who, T]):
    """Takes in journeys, follows those that wait together, and hands on how they ended."""

    def __init__(
        self,
        database: Database,
        workers: Workers,
        hand_on: Callable[[list[tuple[Who, T | None]]], None],
        threads: int,
        slow_work: SlowWork,
        has_left: Callable[[Who], bool] = lambda _who: False,
    ) -> None:
        """Use at most `threads` of the workers; some are always left to what goes on alone.

        `hand_on` takes several ends at once; None for a journey that failed, which is logged.
        What takes long goes on in `slow_work`. A journey of somebody who `has_left` by then is
        not begun, and not gone on with where it would take long.
        """
        self._database = database
        self._workers = workers
        self._hand_on = hand_on
        self._slow_work = slow_work
        self._has_left = has_left
        self._threads = max(1, min(threads, workers.count - SPARE_WORKERS))
        # One of them waits for the disk, the others share what comes.
        self._abreast = max(1, self._threads - 1)
        self._most = database.most_together
        self._waiting: deque[tuple[Who, Journey[T]]] = deque()
        self._long: deque[_Stop[Who, T]] = deque()
        self._is_long_running = False
        self._running = 0
        self._counting = threading.Lock()

    def submit(self, who: Who, journey: Journey[T]) -> None:
        """Begin a journey soon; `who` is given back with its end."""
        with self._counting:
            self._waiting.append((who, journey))
            if self._running == self._threads:
                return
            self._running += 1
        self._workers.submit(self._run)

    def _run(self) -> None:
        while taken := self._take():
            try:
                self._follow(taken)
            except BaseException:
                with self._counting:
                    self._running -= 1
                raise

    def _take(self) -> list[tuple[Who, Journey[T]]]:
        with self._counting:
            waiting = self._waiting
            share = ceil(len(waiting) / self._abreast)
            taken = [waiting.popleft() for _ in range(min(share, self._most))]
            if not taken:
                self._running -= 1
        return taken

    def _follow(self, taken: Iterable[tuple[Who, Journey[T]]]) -> None:
        """Bring all to their work, do it in one transaction, and bring them to their end."""
        stops = self._advance(
            (who, journey, journey.__next__) for who, journey in taken if not self._has_left(who)
        )
        to_apply: list[tuple[_Stop[Who, T], Work]] = []
        refused: list[_Stop[Who, T]] = []
        for stop in stops:
            if isinstance(stop.step, Long):
                self._go_on_in_turn(stop)
            elif not isinstance(stop.step, Slow):
                to_apply.append((stop, stop.step))
            elif not self._part_slowly(stop, stop.step.who):
                refused.append(stop)
        for stop in self._advance(
            (r.who, r.journey, partial(r.journey.throw, NoRoom())) for r in refused
        ):
            if isinstance(stop.step, Slow | Long):
                self._part(stop)  # it wants to go on all the same, as if nobody else were there
            else:
                to_apply.append((stop, stop.step))
        if not to_apply:
            return
        outcomes = self._database.apply_all([work for _stop, work in to_apply])
        met = zip(to_apply, outcomes, strict=True)
        # Whoever wants more than that (once more, since it met another transaction) goes alone.
        for stop in self._advance(
            (stop.who, stop.journey, outcome.tell(stop.journey)) for (stop, _work), outcome in met
        ):
            if isinstance(stop.step, Long):
                self._go_on_in_turn(stop)
            else:
                self._part(stop)

    def _advance(
        self, journeys: Iterable[tuple[Who, Journey[T], Callable[[], Step]]]
    ) -> list[_Stop[Who, T]]:
        """Take each one step further and hand on those that end by it."""
        stops: list[_Stop[Who, T]] = []
        ended: list[tuple[Who, T | None]] = []
        for who, journey, go in journeys:
            try:
                stops.append(_Stop(who, journey, go()))
            except StopIteration as end:
                ended.append((who, end.value))
            except Exception as problem:  # noqa: BLE001 - whatever it is, others go on
                tell(log, problem)
                ended.append((who, None))
        if ended:
            self._hand_on(ended)
        return stops

    def _go_on_in_turn(self, stop: _Stop[Who, T]) -> None:
        """Let a long journey go on behind the others; at most one thread has them all."""
        with self._counting:
            self._long.append(stop)
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
                stop = self._long.popleft()
            go = stop.journey.__next__
            if not isinstance(stop.step, Slow | Long):
                time.sleep(BREATH_S)
                [outcome] = self._database.apply_all([stop.step])
                go = outcome.tell(stop.journey)
            for further in self._advance([(stop.who, stop.journey, go)]):
                if isinstance(further.step, Slow):
                    if not self._part_slowly(further, further.step.who):
                        self._part(further)
                else:
                    with self._counting:
                        self._long.append(further)

    def _part(self, stop: _Stop[Who, T]) -> None:
        self._workers.submit(partial(self._alone, stop))

    def _part_slowly(self, stop: _Stop[Who, T], who: Hashable) -> bool:
        """Let a journey go on in a share; False when there is no room in it."""
        has_left = partial(self._has_left, stop.who)
        return self._slow_work.submit(who, partial(self._alone, stop), has_left)

    def _alone(self, stop: _Stop[Who, T]) -> None:
        end = None
        try:
            end = alone(stop.journey, self._database, stop.step)
        except Exception as problem:  # noqa: BLE001 - whatever it is, others go on
            tell(log, problem)
        self._hand_on([(stop.who, end)])
