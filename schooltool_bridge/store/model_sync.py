"""Tables of full syncs: runs, what each found, what was seen, and what is missing at a peer.

Only definitions; what they mean stands in full_sync/. `entity` is one of walking.ENTITIES there,
`thing_id` our id of what is meant: a link, section, enrolment, assessment or grade.
Source: RULES 1.10.
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata
from schooltool_bridge.store.model import ACTOR_CHARS

sync_run = sa.Table(
    "sync_run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=False),
    # running | done | waiting | incomplete | failed
    sa.Column("state", sa.String(20), nullable=False),
    # What was asked for (full_sync/runs.Wanted).
    sa.Column("wanted", sa.JSON, nullable=False),
    # How far each walk has come (full_sync/walking.Walk), by entity.
    sa.Column("walks", sa.JSON, nullable=False),
    # By entity, what came of it.
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    # Who asked for it.
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    sa.Column("started_unix_s", sa.BigInteger, nullable=False),
    sa.Column("ended_unix_s", sa.BigInteger, nullable=True),
    # The earliest moment of which a list tells, by the peer's clock.
    sa.Column("taken_unix_s", sa.BigInteger, nullable=True),
    # While it runs: on which machine, and until when nobody else takes it.
    sa.Column("holder", sa.String(255), nullable=False),
    sa.Column("held_until_unix_s", sa.BigInteger, nullable=False),
    sa.Index("ix_sync_run_peer_id_id", "peer_id", "id"),
)

# What a run found that is no "unchanged" (a preview lists that as well); for the latest runs.
sync_row = sa.Table(
    "sync_row",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("sync_run.id"), nullable=False),
    sa.Column("entity", sa.String(20), nullable=False),
    # created | updated | unchanged | held | conflict | failed | restored | withdrawn | missing
    sa.Column("outcome", sa.String(20), nullable=False),
    # Whom and what it is about, where that is known here.
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=True, index=True),
    sa.Column("section_id", sa.Integer, nullable=True),
    sa.Column("assessment_id", sa.Integer, nullable=True),
    sa.Column("thing_id", sa.Integer, nullable=True),
    # What it is called over there; and why it is as it is.
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    # Of what was sent, so that a confirmation applies just that; None: of what was not sent.
    sa.Column("digest", sa.String(64), nullable=True),
    # The latest row of its history that there was; 0: none.
    sa.Column("known_until_id", sa.BigInteger, nullable=False),
    # It was confirmed, or an assessment or grade was taken back.
    sa.Column("is_applied", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_sync_row_run_id_entity", "run_id", "entity"),
)

# What a run that is under way was told of; gone with its end.
sync_seen = sa.Table(
    "sync_seen",
    metadata,
    sa.Column("run_id", sa.ForeignKey("sync_run.id"), primary_key=True),
    sa.Column("entity", sa.String(20), primary_key=True),
    sa.Column("thing_id", sa.Integer, primary_key=True, autoincrement=False),
)

# What a complete list left out: an enrolment that ended by it, anything else that is marked.
sync_mark = sa.Table(
    "sync_mark",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    sa.Column("entity", sa.String(20), primary_key=True),
    sa.Column("thing_id", sa.Integer, primary_key=True, autoincrement=False),
    # When the list was taken.
    sa.Column("missing_unix_s", sa.BigInteger, nullable=False),
)

# The scope of a peer's lists with which the next ones are compared: its SHA-256.
sync_scope = sa.Table(
    "sync_scope",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    sa.Column("entity", sa.String(20), primary_key=True),
    sa.Column("scope", sa.String(64), nullable=False),
)
