"""Groups of commands that load a command when it is asked for.

To load every command takes longer than most of them run, and scripts run many.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

import click


class LazyGroup(click.Group):
    """A group that knows some commands by name only: where each stands, as module:attribute."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Begin as any group; `later` tells it of more."""
        super().__init__(*arguments, **options)
        self._targets: dict[str, str] = {}
        self._below: Mapping[str, Mapping[str, str]] = {}

    def later(
        self, targets: Mapping[str, str], below: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """Add commands by their targets; `below` has those of groups among them, by group."""
        self._targets.update(targets)
        self._below = below or self._below

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted({*super().list_commands(ctx), *self._targets})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loaded now; None when there is none of that name."""
        target = self._targets.get(cmd_name)
        if target is None:
            return super().get_command(ctx, cmd_name)
        module, attribute = target.split(":")
        found = getattr(import_module(f"{__package__}.{module}"), attribute)
        if isinstance(found, LazyGroup) and cmd_name in self._below:
            found.later(self._below[cmd_name])
        return cast("click.Command", found)
