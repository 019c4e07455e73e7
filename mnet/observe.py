"""Logging: one JSON line an event, on stderr. Nothing secret is ever given to it.

Source: requirements R90; house rules.
"""

from __future__ import annotations

import json
import logging
import sys
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


def start_logging(*, quiet: bool = False) -> None:
    """Send log lines to stderr as JSON; `quiet` keeps only warnings (commands)."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if quiet else logging.INFO
        ),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
