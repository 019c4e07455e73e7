"""No report reads a whole table that grows with the school, nor asks more of a larger one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from mnet.database import Database
from schooltool_bridge.reports.kinds import failing
from tests.bench import reports, seeded
from tests.bench.seeded import Size

Asked = list[tuple[str, Any]]

# Short lists of the school's own, read whole.
SHORT = ("peer", "enrolment_state", "course", "term", "school_year", "score_system", "category")
SMALL, LARGER = Size(students=40, sections=10), Size(students=80, sections=40)


@pytest.fixture(scope="module")
def schools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Size, Database]]:
    folder = tmp_path_factory.mktemp("schools")
    made = {size: seeded.seed(folder / f"{size.sections}.sqlite", size) for size in (SMALL, LARGER)}
    yield made
    for database in made.values():
        database.close()


def asked_by(question: reports.Question, database: Database) -> Asked:
    """The statements that a question runs."""
    asked: Asked = []

    def note(*arguments: Any) -> None:
        asked.append((arguments[2], arguments[3]))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.read() as connection:
        question(connection)
    event.remove(database.engine, "before_cursor_execute", note)
    return asked


def read_whole(database: Database, asked: Asked) -> set[str]:
    """Tables that SQLite plans to read from end to end."""
    found = set()
    with database.read() as connection:
        for statement, values in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            steps = [row[3].split() for row in plan]
            # What a statement puts together itself shows in the plan by its own steps.
            own = {step[1] for step in steps if step[0] in ("CO-ROUTINE", "MATERIALIZE")}
            own.add("CONSTANT")  # a row of constants: an empty list of ids
            found |= {step[1] for step in steps if step[0] == "SCAN"} - own
    return found - set(SHORT)


def as_if_much_larger(database: Database) -> None:
    """Give the planner the statistics of a school a hundred times as large."""
    with database.write() as connection:
        connection.execute(sa.text("ANALYZE"))
        connection.execute(
            sa.text(
                "UPDATE sqlite_stat1 SET stat = CAST(stat AS INTEGER) * 100 || "
                "CASE instr(stat, ' ') WHEN 0 THEN '' ELSE substr(stat, instr(stat, ' ')) END"
            )
        )
    database.engine.dispose()  # a new connection reads them


# The whole school is read by it, so that its tables are, too.
WHOLE: dict[str, reports.Question] = {
    "failing list": lambda c: failing.read(
        c, below=Decimal(60), term_id=None, at_unix_s=reports.THEN, now_unix_s=reports.LATER
    )
}


@pytest.mark.parametrize("name", [*reports.QUESTIONS, *WHOLE])
def test_a_larger_school_is_asked_as_many_statements(
    name: str, schools: dict[Size, Database]
) -> None:
    question = {**reports.QUESTIONS, **WHOLE}[name]
    small, larger = (len(asked_by(question, database)) for database in schools.values())
    assert small == larger <= 25


def test_no_growing_table_is_read_whole_with_or_without_statistics(tmp_path: Path) -> None:
    database = seeded.seed(tmp_path / "school.sqlite", SMALL)
    asked = [one for question in reports.QUESTIONS.values() for one in asked_by(question, database)]
    assert read_whole(database, asked) == set()
    as_if_much_larger(database)
    assert read_whole(database, asked) == set()
    database.close()
