"""Full syncs: runs, what they found, what is missing at a peer."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("walks", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("started_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("ended_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("taken_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.Column("held_until_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_sync_run_peer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
    op.create_index(op.f("ix_sync_run_peer_id_id"), "sync_run", ["peer_id", "id"])
    op.create_table(
        "sync_row",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("section_id", sa.Integer(), nullable=True),
        sa.Column("assessment_id", sa.Integer(), nullable=True),
        sa.Column("thing_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("known_until_id", sa.BigInteger(), nullable=False),
        sa.Column("is_applied", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["sync_run.id"], name=op.f("fk_sync_row_run_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sync_row_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_row")),
    )
    op.create_index(op.f("ix_sync_row_person_id"), "sync_row", ["person_id"])
    op.create_index(op.f("ix_sync_row_run_id_entity"), "sync_row", ["run_id", "entity"])
    op.create_table(
        "sync_seen",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("thing_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["sync_run.id"], name=op.f("fk_sync_seen_run_id")),
        sa.PrimaryKeyConstraint("run_id", "entity", "thing_id", name=op.f("pk_sync_seen")),
    )
    op.create_table(
        "sync_mark",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("thing_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("missing_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_sync_mark_peer_id")),
        sa.PrimaryKeyConstraint("peer_id", "entity", "thing_id", name=op.f("pk_sync_mark")),
    )
    op.create_table(
        "sync_scope",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_sync_scope_peer_id")),
        sa.PrimaryKeyConstraint("peer_id", "entity", name=op.f("pk_sync_scope")),
    )
