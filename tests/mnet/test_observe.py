"""What a log line holds, as the server writes it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

PROGRAM = """
import structlog
from mnet.observe import start_logging
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
    assert "KeyError: 'nothing there'" in str(bug["exception"])
    assert "exc_info" not in bug
