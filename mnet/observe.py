"""Logging: one JSON line an event, on stderr. Nothing secret is ever given to it.

Source: requirements R90; house rules.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Made once: this is on every call's way.
_ENCODER = json.JSONEncoder(default=repr)


def _as_json(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    return _ENCODER.encode(event)


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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
