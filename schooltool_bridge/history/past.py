"""Sections older than the school's first year: history, not waiting to be filed.

Only for what nobody filed: whoever files one decides. It follows from the days that the course has
at its peer and from the years that there are, so that nothing needs undoing. Source: RULES 1.12.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.store.model import section
from schooltool_bridge.store.model_school import school_year


def first_day(connection: Connection) -> date | None:
    """Return the first day of the school's first year; None without years."""
    return connection.execute(sa.select(sa.func.min(school_year.c.first_day))).scalar()


def is_past(starts: date | None, ends: date | None, *, is_filed: bool, first: date | None) -> bool:
    """Tell whether a section is history: over, or begun where no end is known, before that day."""
    last = ends or starts
    return not is_filed and first is not None and last is not None and last < first


def past_sections(connection: Connection) -> sa.ColumnElement[bool]:
    """Return what is true of such sections."""
    first = first_day(connection)
    if first is None:
        return sa.false()
    last = sa.func.coalesce(section.c.ends_day, section.c.starts_day)
    return sa.and_(
        section.c.term_id.is_(None),
        section.c.course_id.is_(None),
        last.is_not(None),
        last < first,
    )
