"""Tables about people as the school itself sees them: by hand, merged, staff, imported.

Only definitions: no queries, no rules. Source: RULES 1.4, R39b, R47, R60, R77.
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata
from schooltool_bridge.store.model import ACTOR_CHARS, ID_CHARS, NAME

# What was written of a person by hand; what peers sent is in person_history.
person_record = sa.Table(
    "person_record",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    # What was changed: {"lastname": ["before", "after"], ...}.
    sa.Column("changed", sa.JSON, nullable=False),
    sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
)

# Every merge, and every merge undone; person.merged_into_id says what holds.
person_merge = sa.Table(
    "person_merge",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kept_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("merged_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("undone", sa.Boolean, nullable=False),
    sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
)

# Who may see every student: counselors and principals.
staff_role = sa.Table(
    "staff_role",
    metadata,
    sa.Column("person_id", sa.ForeignKey("person.id"), primary_key=True),
    # counselor | principal
    sa.Column("role", sa.String(20), nullable=False),
)

# For people who sign in here by themselves; an argon2id hash.
person_password = sa.Table(
    "person_password",
    metadata,
    sa.Column("person_id", sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    # Where a link for a forgotten password may go: as the office knew it, not as a peer says now.
    sa.Column("email", NAME, nullable=False, server_default=""),
)

# Links by which somebody chooses a password (sign_on/invitations.py).
password_link = sa.Table(
    "password_link",
    metadata,
    sa.Column("token_digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    # invitation | forgotten
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("email", NAME, nullable=False),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    sa.Column("ends_unix_s", sa.BigInteger, nullable=False),
)

# What an import's own ids stand for here, so that the same file again changes nothing.
imported_id = sa.Table(
    "imported_id",
    metadata,
    # user | course | section | term | year | category | assessment
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("sourced_id", sa.String(ID_CHARS), primary_key=True),
    sa.Column("own_id", sa.Integer, nullable=False),
    sa.Index("ix_imported_id_kind_own_id", "kind", "own_id"),
)

HISTORY_TABLES = (person_record, person_merge)
