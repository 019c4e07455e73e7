"""Which of many sections were deleted at several moments, each by its own history alone.

Whatever is said of a day goes by this and not by how a section stands now. Source: RULES 1.3, R73.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common import times
from schooltool_bridge.history.fold import position
from schooltool_bridge.store.model import section_history


def at_each(
    connection: Connection, wanted: sa.Select[tuple[int]], moments_unix_s: Sequence[int]
) -> list[set[int]]:
    """Return the ids of those that were deleted at each moment; `wanted` is a select of ids."""
    ever = sa.select(section_history.c.section_id).where(
        section_history.c.section_id.in_(wanted), section_history.c.deleted
    )
    rows = connection.execute(
        sa.select(section_history).where(section_history.c.section_id.in_(ever))
    )
    by_section: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in sorted(rows, key=position):
        by_section[row.section_id].append(row)
    return [
        {
            section_id
            for section_id, some in by_section.items()
            if any(last.deleted for last in [r for r in some if times.took_effect(r) <= at][-1:])
        }
        for at in moments_unix_s
    ]
