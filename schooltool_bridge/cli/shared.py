"""What every command shares: the data folder, --json, one-line errors, tables on a terminal.

No command stands here; see main.py for the list. Source: RULES 1.8.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import OperationalError

from mnet.faults import Fault
from mnet.refusal import Refusal
from mnet.settings import Settings
from schooltool_bridge.common.days import last_moment
from schooltool_bridge.server.app import App
from schooltool_bridge.store import storage, stored_settings

DEFAULT_HOME = ".mnet-peer"
F = TypeVar("F", bound=Callable[..., Any])


class CommandError(click.ClickException):
    """A command was refused or failed: one clear line on stderr, exit status 1."""

    def show(self, file: Any = None) -> None:
        """Write the line."""
        # What was typed may hold line ends, and the message names it.
        line = " ".join(self.format_message().splitlines())
        click.echo(f"mnet-peer: {line}", err=True, file=file)


# Failures whose text is made for the person at the terminal.
SPEAKING = (Fault, Refusal)


# An id of ours, as the databases count them.
ROW_ID = click.IntRange(1, 2**31 - 1)


@dataclass(frozen=True, slots=True)
class Command:
    """The options that every command takes besides its own arguments."""

    home: Path
    as_json: bool

    @property
    def settings(self) -> Settings:
        """The settings of the data folder, those changed in pages too; raises SettingsError."""
        return stored_settings.read(self.home)

    @contextmanager
    def app(self) -> Iterator[App]:
        """Open the data folder; raises StorageError for a store of another version."""
        with App(self.settings) as app:
            storage.require_current(app.database)
            yield app

    def show(self, value: object, text: str | Callable[[], None]) -> None:
        """Print `value` as JSON when asked to, else the text for people."""
        if self.as_json:
            click.echo(json.dumps(value, ensure_ascii=False, indent=2))
        elif callable(text):
            text()
        else:
            click.echo(text)

    def show_table(
        self, rows: Sequence[Mapping[str, object]], columns: Iterable[str], empty: str
    ) -> None:
        """Print rows as JSON, or as a table of some columns."""
        self.show(rows, lambda: print_table(rows, list(columns), empty))


def common(function: F) -> F:
    """Give a command --home and --json, and turn known failures into one line."""

    @click.option("--home", type=click.Path(path_type=Path), help="The data folder.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
    @functools.wraps(function)
    def wrapped(home: Path | None, as_json: bool, **arguments: Any) -> Any:  # noqa: FBT001 - click's
        context = click.get_current_context()
        outer = context.find_object(_Outer) or _Outer(None, as_json=False)
        command = Command((home or home_of(context)).absolute(), as_json or outer.as_json)
        try:
            _must_be_text(arguments)
            return function(command, **arguments)
        except SPEAKING as problem:
            raise CommandError(str(problem)) from problem
        except OSError as problem:
            if problem.filename is None:
                raise
            raise CommandError(f"{problem.filename}: {problem.strerror}.") from problem
        except OperationalError as problem:
            raise CommandError(
                f"The database cannot be used: {problem.orig}. See: mnet-peer check."
            ) from problem

    return wrapped  # type: ignore[return-value] # the options replace two parameters by one


def home_of(context: click.Context) -> Path:
    """Return the data folder that stands before the subcommand, or the usual one."""
    found = context.find_object(_Outer)
    named = found.home if found else None
    return (named or Path(os.environ.get("MNET_PEER_HOME") or DEFAULT_HOME)).absolute()


def _must_be_text(arguments: Mapping[str, object]) -> None:
    """Refuse what is no UTF-8: neither the store nor a message could take it."""
    for name, given in arguments.items():
        for one in given if isinstance(given, tuple) else (given,):
            try:
                str(one).encode()
            except UnicodeEncodeError:
                raise CommandError(
                    f"{name}: this is no UTF-8; see that the terminal or script writes UTF-8."
                ) from None


@dataclass(frozen=True, slots=True)
class _Outer:
    home: Path | None
    as_json: bool


def outer(home: Path | None, *, as_json: bool) -> object:
    """Keep --home and --json given before the subcommand."""
    return _Outer(home, as_json)


def moment(text: str | None, zone: ZoneInfo) -> int | None:
    """Read --at: a date means the end of that day in the school's zone; returns unix seconds."""
    if text is None:
        return None
    try:
        if "T" not in text and " " not in text and len(text) <= len("2026-11-21"):
            return last_moment(date.fromisoformat(text), zone)
        when = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CommandError(
            f"--at {text!r} is no date (2026-10-31) or time (2026-10-31T14:00:00)."
        ) from None
    return int((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp())


def print_table(rows: Sequence[Mapping[str, object]], columns: list[str], empty: str) -> None:
    """Print rows as a table of some columns; `empty` where there are none."""
    if not rows:
        click.echo(empty)
        return
    table = Table(*(c.replace("_", " ") for c in columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(row.get(c)) for c in columns))
    width = None if sys.stdout.isatty() else 10_000
    Console(width=width, highlight=False, markup=False, soft_wrap=True).print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(v) for v in value)
    if isinstance(value, dict):
        return " ".join(_cell(v) for v in value.values())
    return str(value)
