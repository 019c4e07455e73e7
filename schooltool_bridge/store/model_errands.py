"""The table of errands: calls to peers that are still to be made, after an answer has left.

Only the definition; what becomes of a row stands in errands.py. Source: RULES 1.3 (answers).
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata

# A row goes away once it is done.
errand = sa.Table(
    "errand",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=False),
    # enrolments | picture | courses | kill_child | kill_children
    sa.Column("kind", sa.String(20), nullable=False),
    # None in a sign-off, which is sent also for somebody who is erased by now.
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=True, index=True),
    # What the question needs beside the person, such as how the peer calls them.
    sa.Column("about", sa.JSON, nullable=False),
    # Grows each time that the same is wanted anew before it was done.
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due_unix_s", sa.BigInteger, nullable=False),
    # While a process is at it: until when nobody else takes it.
    sa.Column("taken_until_unix_s", sa.BigInteger, nullable=False),
    # From when on there is nothing left to ask or tell; None: never.
    sa.Column("until_unix_s", sa.BigInteger, nullable=True),
    sa.UniqueConstraint("peer_id", "kind", "person_id"),
)
