"""Logging: one JSON line an event, on stderr. Nothing secret is ever given to it.

Of an error it keeps what it is and where it was raised, never its sentence: that may quote what
somebody sent, or what stands in the store.

Source: requirements R90; house rules.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import orjson
import structlog

_ENCODER = json.JSONEncoder(default=repr, separators=(",", ":"))


def _as_json(_logger: object, _name: str, event: MutableMapping[str, Any]) -> bytes:
    # The quick one is for what nearly all lines are: this is on every call's way.
    with suppress(TypeError):  # it knows no number beyond 64 bits and no half a character
        line = orjson.dumps(event, default=repr)
        if line.isascii():
            return line
    # All else in escapes, since a terminal may take some of it for a command.
    return _ENCODER.encode(event).encode()


def _with_traceback(
    _logger: object, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put the error that is being handled, if `exc_info` asks for it, into the event as text."""
    problem = sys.exception() if event.pop("exc_info", None) else None
    if problem is not None:
        event["exception"] = told(problem)
    return event


def told(problem: BaseException) -> str:
    """Return an error's traceback, and those of its causes, without any of their sentences."""
    told_of: list[str] = []
    seen: set[int] = set()
    now: BaseException | None = problem
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        frames = traceback.format_list(traceback.extract_tb(now.__traceback__))
        told_of.append(f"Traceback (most recent call last):\n{''.join(frames)}{_kind(now)}")
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
    return "\n\nwhile handling, or because of:\n\n".join(reversed(told_of))


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
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_traceback,
            _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if quiet else logging.INFO
        ),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
