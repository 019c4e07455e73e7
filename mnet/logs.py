"""Logging: one JSON line an event, on stderr. Nothing secret is ever given to it.

Of an error it keeps what it is and where it was raised, never its sentence: that may quote what
somebody sent, or what stands in the store.

Source: RULES R90.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable, MutableMapping
from contextlib import suppress
from typing import Any, BinaryIO, cast

import orjson
import structlog

from mnet.store_errors import STORE_ERRORS, name_of

_ENCODER = json.JSONEncoder(default=repr, separators=(",", ":"))
# Of each kind of failure one line is written in this time.
QUIET_S = 60.0
# Kinds that are remembered; beyond it the one logged longest ago is forgotten.
MAX_KINDS = 1000
# The field of a line that names a failure without a traceback.
PROBLEM = "problem"
TIMES = "times"

Line = MutableMapping[str, Any]


class Seldom:
    """Lets one line a minute through of each kind of failure; the next says how many it is for.

    A store that is down fails every call, and thousands of tracebacks help nobody. Failures are
    of one kind when they happened at the same line, or name the same `problem`. For structlog;
    used by many threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock in seconds."""
        self._clock = clock
        # When each kind was logged last, and how often it happened since.
        self._logged: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, _logger: object, _name: str, line: Line) -> Line:
        """Return the line, or raise structlog.DropEvent when it says nothing new."""
        kind = _kind_of(line)
        if kind is None:
            return line
        now_s = self._clock()
        with self._lock:
            logged_s, left_out = self._logged.get(kind, (now_s - QUIET_S, 0))
            if now_s - logged_s < QUIET_S:
                self._logged[kind] = logged_s, left_out + 1
                raise structlog.DropEvent
            self._logged[kind] = now_s, 0
            self._logged.move_to_end(kind)
            if len(self._logged) > MAX_KINDS:
                self._logged.popitem(last=False)
        if left_out:
            line[TIMES] = left_out + 1
        return line


def log_failure(log: Any, problem: BaseException, **notes: object) -> None:
    """Log what somebody failed over: a store in trouble by its name, all else as a bug of ours.

    What a database says of itself may hold somebody's data, so only its name is written.
    """
    if isinstance(problem, STORE_ERRORS):
        log.error("store", **{PROBLEM: name_of(problem)}, **notes)
    else:
        log.error("bug", exc_info=problem, **notes)


def _kind_of(line: Line) -> Hashable | None:
    problem = line.get(PROBLEM)
    if problem is not None:
        return line.get("event"), str(problem)
    if not line.get("exc_info"):
        return None
    exc_info = line["exc_info"]
    problem = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
    trace = problem.__traceback__ if problem else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line_of_code = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else None
    return line.get("event"), type(problem), line_of_code


class _Lines:
    """Standard error, to which nobody's work is lost: a disk that is full takes no log either."""

    def __init__(self) -> None:
        try:
            self._descriptor: int | None = sys.stderr.fileno()
        except (AttributeError, OSError):  # a stream that somebody made
            self._descriptor = None

    def write(self, line: bytes) -> None:
        """Write a line as far as it goes, past any buffer that would keep what failed."""
        with suppress(OSError):
            if self._descriptor is None:
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()
            while line and self._descriptor is not None:
                line = line[os.write(self._descriptor, line) :]

    def flush(self) -> None:
        """Do nothing: it is written."""


def _as_json(_logger: object, _name: str, event: MutableMapping[str, Any]) -> bytes:
    # The quick one is for what nearly all lines are: this is on every call's way.
    with suppress(TypeError):  # it knows no number beyond 64 bits and no half a character
        line = orjson.dumps(event, default=repr)
        if line.isascii():
            return line
    # All else in escapes, since a terminal may take some of it for a command.
    return _ENCODER.encode(event).encode()


def _with_traceback(_logger: object, _name: str, event: Line) -> Line:
    """Put the error that is being handled, if `exc_info` asks for it, into the event as text."""
    asked = event.pop("exc_info", None)
    problem = asked if isinstance(asked, BaseException) else sys.exception() if asked else None
    if problem is not None:
        event["exception"] = traceback_of(problem)
    return event


def traceback_of(problem: BaseException) -> str:
    """Return an error's traceback, and those of its causes, without any of their sentences."""
    parts: list[str] = []
    seen: set[int] = set()
    now: BaseException | None = problem
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        frames = traceback.format_list(traceback.extract_tb(now.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{''.join(frames)}{_kind(now)}")
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
    return "\n\nwhile handling, or because of:\n\n".join(reversed(parts))


def _kind(problem: BaseException) -> str:
    """Return an error's class, with the code that the system or a database gave it."""
    kind = type(problem)
    found = (getattr(problem, name, None) for name in ("errno", "sqlite_errorname", "sqlstate"))
    codes = " ".join(str(code) for code in found if isinstance(code, int | str))
    name = kind.__qualname__ if kind.__module__ == "builtins" else _full_name(kind)
    return f"{name} ({codes})" if codes else name


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def start_logging(*, quiet: bool = False) -> None:
    """Send log lines to stderr as JSON; `quiet` keeps only warnings (commands)."""
    structlog.configure(
        processors=[
            Seldom(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_traceback,
            _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if quiet else logging.INFO
        ),
        logger_factory=structlog.BytesLoggerFactory(file=cast("BinaryIO", _Lines())),
        cache_logger_on_first_use=True,
    )
