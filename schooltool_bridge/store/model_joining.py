"""Tables of sections that are one: ours and a peer's, joined by a person and taken apart again.

Only definitions; what they mean stands in history/joined.py. Source: RULES 1.4.
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata
from schooltool_bridge.store.model import ACTOR_CHARS

# From when until when a peer's section is one with ours; while `undone_unix_s` is empty it is.
section_join = sa.Table(
    "section_join",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("ours_id", sa.ForeignKey("section.id"), nullable=False, index=True),
    sa.Column("theirs_id", sa.ForeignKey("section.id"), nullable=False, index=True),
    sa.Column("joined_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Column("undone_unix_s", sa.BigInteger, nullable=True),
    sa.Column("undone_by", sa.String(ACTOR_CHARS), nullable=True),
    sa.Column("undone_why", sa.Text, nullable=False, server_default=""),
)

# Somebody said that these two are not the same, so that nobody is asked again.
section_apart = sa.Table(
    "section_apart",
    metadata,
    sa.Column("ours_id", sa.ForeignKey("section.id"), primary_key=True),
    sa.Column("theirs_id", sa.ForeignKey("section.id"), primary_key=True),
    sa.Column("decided_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
)
