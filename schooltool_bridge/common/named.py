"""What a peer's names find among rows that were looked up together. Pure. Source: RULES 1.3."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from schooltool_bridge.common.ids import own_id


def by_names(
    rows: Iterable[Any], names: Iterable[str], number: str = "idnumber"
) -> dict[str, list[Any]]:
    """Return the rows that each name finds: by its number, or as `#` and Moodle's own id.

    `number` is where rows have their number; Moodle's own id is their `moodle_id`.
    """
    by_number: dict[str | None, list[Any]] = defaultdict(list)
    by_own: dict[str | None, list[Any]] = defaultdict(list)
    for row in rows:
        by_number[getattr(row, number)].append(row)
        by_own[row.moodle_id].append(row)
    found: dict[str, list[Any]] = {}
    for name in names:
        own = own_id(name)
        others = [r for r in by_own[own] if getattr(r, number) != name] if own else []
        found[name] = [*by_number[name], *others]
    return found
