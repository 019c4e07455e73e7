"""Tables of notices: what needs a hand, since when, and when it was sent.

Only definitions. Source: RULES 2.2; manual/notices.md.
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # What it is about, such as "key-expiry-7 https://moodle.example.org": one open row each.
    sa.Column("key", sa.String(400), nullable=False, index=True),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("since_unix_s", sa.BigInteger, nullable=False),
    sa.Column("told_unix_s", sa.BigInteger, nullable=True),
    sa.Column("ended_unix_s", sa.BigInteger, nullable=True),
)

# Small facts that outlive a restart, such as when the last daily summary left.
site_memory = sa.Table(
    "site_memory",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
