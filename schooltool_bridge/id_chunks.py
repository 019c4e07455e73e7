"""Ids of many rows, in parts that one statement takes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

# Every database takes more in one statement.
CHUNK = 500


def chunks(ids: Collection[int]) -> Iterator[Sequence[int]]:
    """Return ids, each once and in order, CHUNK at a time."""
    listed = sorted(set(ids))
    return (listed[first : first + CHUNK] for first in range(0, len(listed), CHUNK))
