"""A row of a list, as scripts get it."""

from __future__ import annotations

Row = dict[str, object]
