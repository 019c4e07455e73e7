"""make bench: what a report costs in a large school, against one a tenth of it.

Both schools are made in one run and asked in turn, so that the ratio holds when the machine's
speed drifts. The progress report is also set against the bare statements that it needs.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database
from schooltool_bridge.gradebook import grid
from schooltool_bridge.history import identity, rows
from schooltool_bridge.reports import own_progress, progress, student_changes, transcript
from schooltool_bridge.reports.own_progress import Moment
from schooltool_bridge.store.model import enrolment
from schooltool_bridge.web.student_record import FEW
from tests.bench.seeded import DAY_S, LOOKED_AT, NOW, Size, seed

SMALL, LARGE = Size(students=200, sections=20), Size(students=2_000, sections=200)
# Of the looked-at section, so that this student has one section more than the others.
STUDENT = 7
THEN = NOW + 50 * DAY_S
LATER = NOW + 200 * DAY_S
ZONE = ZoneInfo("Europe/Paris")
ROUNDS = 25

Question = Callable[[Connection], object]


def _bare(connection: Connection) -> object:
    """The statements of a progress report, and nothing made of them."""
    everybody = identity.everybody(connection, STUDENT)
    theirs = sa.select(enrolment.c.section_id).where(enrolment.c.person_id.in_(everybody))
    return rows.read(connection, theirs, everybody, THEN)


QUESTIONS: dict[str, Question] = {
    "progress report": lambda c: progress.read(c, STUDENT, THEN, LATER, ZONE),
    "transcript": lambda c: transcript.read(c, STUDENT, LATER),
    "student's marks": lambda c: own_progress.of_student(
        c, STUDENT, Moment(None, LATER, ZONE), is_own=False
    ),
    "student's changes": lambda c: student_changes.newest(c, STUDENT, ZONE, limit=FEW + 1),
    "gradebook page": lambda c: grid.read(c, LOOKED_AT, ZONE),
    "bare statements": _bare,
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        schools = {
            size: seed(Path(folder) / f"{size.grades}.sqlite", size) for size in (SMALL, LARGE)
        }
        print(
            f"{SMALL.grades:,} and {LARGE.grades:,} grades seeded in {time.monotonic() - began:.0f} s"
        )
        large: dict[str, float] = {}
        for name, question in QUESTIONS.items():
            rounds = [_round(question, schools) for _number in range(ROUNDS)]
            small_s, large[name] = (statistics.median(took) for took in zip(*rounds, strict=True))
            # Of each round by itself: the machine may be slower in one than in the next.
            ratio = statistics.median(big / little for little, big in rounds)
            print(
                f"{name:17} {small_s * 1000:7.1f} ms small, {large[name] * 1000:7.1f} ms large: "
                f"{ratio:.2f} times"
            )
        ratio = large["progress report"] / large["bare statements"]
        print(f"a progress report costs {ratio:.2f} times its bare statements")
        for database in schools.values():
            database.close()


def _round(question: Question, schools: dict[Size, Database]) -> tuple[float, float]:
    """Seconds of the processor for the small and the large school."""
    took: dict[Size, float] = {}
    for size, database in schools.items():
        with database.read() as connection:
            began = time.process_time()
            question(connection)
            took[size] = time.process_time() - began
    return took[SMALL], took[LARGE]


if __name__ == "__main__":
    main()
