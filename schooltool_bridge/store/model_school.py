"""Tables of the school's own order: years, terms, courses; sheets, categories, weights, scores.

Only definitions: no queries, no rules. What can be asked "as of" a day is append-only
(`assessment_detail`, `category_weight`, `weight_choice`, `section_filing`).
Source: RULES R41-R47, R63, R76.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from mnet.database import metadata
from schooltool_bridge.store.model import ACTOR_CHARS, ID_CHARS, NAME


def _id() -> sa.Column[int]:
    """Numbers that a table with `sqlite_autoincrement` never gives twice: packages cite them."""
    return sa.Column("id", sa.Integer, primary_key=True)


def _by_hand() -> tuple[sa.Column[Any], ...]:
    """When a fact took effect and was written down here, by whom, and why."""
    return (
        sa.Column("effective_unix_s", sa.BigInteger, nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
        sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
    )


# Years do not overlap; the days of both ends belong to them.
school_year = sa.Table(
    "school_year",
    metadata,
    _id(),
    sa.Column("title", sa.String(ID_CHARS), nullable=False, unique=True),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sqlite_autoincrement=True,
)

# Terms lie inside their year and do not overlap; the shortest unit that has marks.
term = sa.Table(
    "term",
    metadata,
    _id(),
    sa.Column("school_year_id", sa.ForeignKey("school_year.id"), nullable=False, index=True),
    sa.Column("title", sa.String(ID_CHARS), nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    # Closed: final marks are stored; what comes later is a proposal.
    sa.Column("closed_unix_s", sa.BigInteger, nullable=True),
    sa.UniqueConstraint("school_year_id", "title"),
    sqlite_autoincrement=True,
)

# The catalogue; many sections teach one course.
course = sa.Table(
    "course",
    metadata,
    _id(),
    sa.Column("code", sa.String(ID_CHARS), nullable=False, unique=True),
    sa.Column("title", NAME, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    # A decimal number as text; empty when the school counts none.
    sa.Column("credits", sa.String(20), nullable=False),
    sqlite_autoincrement=True,
)

section_filing = sa.Table(
    "section_filing",
    metadata,
    _id(),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False, index=True),
    sa.Column("course_id", sa.ForeignKey("course.id"), nullable=True),
    sa.Column("term_id", sa.ForeignKey("term.id"), nullable=True),
    sa.Column("previous_id", sa.ForeignKey("section.id"), nullable=True),
    *_by_hand(),
)

worksheet = sa.Table(
    "worksheet",
    metadata,
    _id(),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False),
    sa.Column("title", sa.String(ID_CHARS), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.UniqueConstraint("section_id", "title"),
    sqlite_autoincrement=True,
)

category = sa.Table(
    "category",
    metadata,
    _id(),
    sa.Column("title", sa.String(ID_CHARS), nullable=False, unique=True),
    sqlite_autoincrement=True,
)

# How much a category counts in a section from some moment on; the latest row holds, empty: no more.
category_weight = sa.Table(
    "category_weight",
    metadata,
    _id(),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False, index=True),
    sa.Column("category_id", sa.ForeignKey("category.id"), nullable=False),
    # A decimal number as text.
    sa.Column("weight", sa.String(20), nullable=False),
    *_by_hand(),
)

# Whose weights count in a section from some moment on: ours (categories), or the peer's, which are
# the points that its items came with; the latest row holds, none: ours.
weight_choice = sa.Table(
    "weight_choice",
    metadata,
    _id(),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False, index=True),
    # ours | peer
    sa.Column("whose", sa.String(20), nullable=False),
    *_by_hand(),
)

score_system = sa.Table(
    "score_system",
    metadata,
    _id(),
    sa.Column("title", sa.String(ID_CHARS), nullable=False, unique=True),
    # points | percent | values
    sa.Column("kind", sa.String(20), nullable=False),
    # For values, best first: {"score": "A", "percent": "95", "from": "90", "passes": true}:
    # entering A means 95 %, and 90 % or more makes an A; with "points": "4" where it counts in a
    # grade point average.
    sa.Column("scores", sa.JSON, nullable=False),
    # Hidden ones are not offered any more; what was marked by them stays.
    sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_autoincrement=True,
)

# What the school itself says of an assessment, whoever brought it.
assessment_detail = sa.Table(
    "assessment_detail",
    metadata,
    _id(),
    sa.Column("assessment_id", sa.ForeignKey("assessment.id"), nullable=False, index=True),
    sa.Column("label", sa.String(ID_CHARS), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("category_id", sa.ForeignKey("category.id"), nullable=True),
    sa.Column("worksheet_id", sa.ForeignKey("worksheet.id"), nullable=True),
    sa.Column("score_system_id", sa.ForeignKey("score_system.id"), nullable=True),
    sa.Column("due_day", sa.Date, nullable=True),
    *_by_hand(),
)

HISTORY_TABLES = (section_filing, category_weight, weight_choice, assessment_detail)
