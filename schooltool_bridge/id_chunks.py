"""Ids of many rows, in parts that one statement takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

# Every database takes more in one statement.
CHUNK = 500


def chunks(ids: Iterable[int], size: int = CHUNK) -> Iterator[Sequence[int]]:
    """Return ids, each once and in order, so many at a time."""
    listed = sorted(set(ids))
    return (listed[first : first + size] for first in range(0, len(listed), size))
