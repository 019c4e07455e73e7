"""Printing of many students in a running server: begun by a page, done by one thread in turns.

Between two students of a run another run has its turn, so that a school of 2,000 keeps no class
waiting. What a process that is gone left unfinished is gone on with. Source: RULES R70, R78.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from mnet.logs import log_failure
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import print_runs
from schooltool_bridge.reports.print_runs import Run, Wanted
from schooltool_bridge.reports.printing import Printing

# Typesetting is a process of its own; a second one would take the other core from everybody.
THREADS = 1

log = structlog.get_logger("printing")


@dataclass(slots=True)
class Prints:
    """Prints in the background; one for the whole process."""

    printing: Printing
    slow_work: SlowWork = field(default_factory=lambda: SlowWork(Workers(THREADS)))

    def start(self, author: Author, wanted: Wanted) -> Run:
        """Begin a run and return at once; raises Refused and NotThere."""
        run = self.printing.begin(author, wanted)
        self._take_turn(run)
        return run

    def go_on(self) -> None:
        """Go on with what was left."""
        for run_id in self.printing.left():
            run = self.printing.take_up(run_id)
            if run is not None:
                log.info("gone on with", print=run.id)
                self._take_turn(run)

    def close(self, timeout_s: float) -> None:
        """Give the student at hand that long; the rest is gone on with by the next process."""
        self.slow_work.close(timeout_s)
        with suppress(DBAPIError):  # else the leases end by themselves
            self.printing.let_go()

    def _take_turn(self, run: Run) -> None:
        # Without room it is gone on with when its lease has ended.
        self.slow_work.submit(run.id, partial(self._step, run))

    def _step(self, run: Run) -> None:
        try:
            after = self.printing.step(run)
        except Exception as problem:  # noqa: BLE001 - it is gone on with when its lease has ended
            log_failure(log, problem, at=f"print {run.id}")
            return
        if after.state == print_runs.RUNNING:
            self._take_turn(after)
