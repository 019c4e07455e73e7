"""Tables about people beside the SIS itself: where they may not go, and their pictures.

Only definitions. Source: RULES 1.7, R29, R30; PROTOCOL.md section 11.
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata

# Whoever may sign in may go to every peer that takes ours; a row here denies one.
jump_denied = sa.Table(
    "jump_denied",
    metadata,
    sa.Column("person_id", sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True, index=True),
)

# Made small and written anew here, so that nothing of a peer's file is passed on.
person_picture = sa.Table(
    "person_picture",
    metadata,
    sa.Column("person_id", sa.ForeignKey("person.id"), primary_key=True),
    # The peer that it came from.
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=True),
    # The peer's mark of the picture when we fetched it; another value means a newer one.
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("png", sa.LargeBinary, nullable=False),
    sa.Column("fetched_unix_s", sa.BigInteger, nullable=False),
)
