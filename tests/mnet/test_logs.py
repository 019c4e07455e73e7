"""What a log line holds, as the server writes it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from mnet.database import Database
from mnet.logs import traceback_of

PROGRAM = """
import structlog
from mnet.logs import start_logging
log = structlog.get_logger("here")
start_logging(quiet={quiet})
log.info("call", ms=1.5, key=b"x")
log.info("rare", word="Ōquist\\x9b1m\\u202e", large=2**64, half="\\ud800")
log.info("far", word="Ōquist\\x9b1m\\u202e")
try:
    raise KeyError("nothing there")
except KeyError:
    log.exception("bug", call="c1")
"""


def lines(*, quiet: bool) -> list[dict[str, object]]:
    program = PROGRAM.format(quiet=quiet)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=60
    )
    assert done.stderr.isascii(), "a terminal may take some characters for commands"
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_json_with_its_level_and_the_time_in_utc() -> None:
    call, *_others = lines(quiet=False)
    at = str(call.pop("timestamp"))
    assert call == {"event": "call", "level": "info", "ms": 1.5, "key": "b'x'"}
    assert at.endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(at)) < timedelta(minutes=2)


def test_whatever_a_caller_wrote_can_be_written_and_read_again() -> None:
    _call, rare, far, _bug = lines(quiet=False)
    assert rare["word"] == far["word"] == "Ōquist\x9b1m\u202e"
    assert (rare["large"], rare["half"]) == (2**64, "\ud800")


def test_an_error_brings_its_traceback_also_when_quiet() -> None:
    (bug,) = lines(quiet=True)
    assert (bug["event"], bug["level"], bug["call"]) == ("bug", "error", "c1")
    assert str(bug["exception"]).startswith("Traceback")
    assert str(bug["exception"]).endswith("KeyError")
    assert "nothing there" not in str(bug["exception"]).replace('KeyError("nothing there")', "")
    assert "exc_info" not in bug


def test_of_an_error_and_its_causes_no_sentence_is_kept() -> None:
    try:
        try:
            int("what a peer wrote")
        except ValueError as problem:
            raise OSError(28, "in /srv/of/somebody") from problem
    except OSError as problem:
        kept = traceback_of(problem)
    assert "peer wrote" not in kept.replace('int("what a peer wrote")', "")
    assert "somebody" not in kept.replace('"in /srv/of/somebody"', "")
    assert kept.endswith("OSError (28)")
    assert kept.index("ValueError") < kept.index("OSError (28)")


def test_of_a_statement_that_failed_no_value_is_kept(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    name, table = (
        "Ann Otherxq",
        sa.Table("held", sa.MetaData(), sa.Column("name", sa.Text, unique=True)),
    )
    with database.write() as connection:
        table.create(connection)
        connection.execute(table.insert().values(name=name))
    with pytest.raises(DBAPIError) as failed, database.write() as connection:
        connection.execute(table.insert().values(name=name))
    kept = traceback_of(failed.value)
    assert name not in kept
    assert name not in str(failed.value).partition("DETAIL")[0]
    assert "IntegrityError" in kept
    assert "SQLITE_CONSTRAINT_UNIQUE" in kept or "23505" in kept
    database.close()


def test_a_circle_of_causes_ends() -> None:
    first, second = sqlite3.OperationalError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert traceback_of(first).count("Traceback") == 2


def test_a_disk_that_takes_no_log_stops_nobody() -> None:
    program = PROGRAM.format(quiet=False) + 'print("went on")\n'
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE, stderr=full, check=True, timeout=60,
        )  # fmt: skip
    assert done.stdout == b"went on\n"
