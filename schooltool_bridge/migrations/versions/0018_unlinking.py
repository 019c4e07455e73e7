"""Sections, assessments and people's links are cut from their peer, and linked again."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    for table in ("section", "assessment", "person_link"):
        op.add_column(
            table, sa.Column("unlinked", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.create_table(
        "link_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("thing_id", sa.Integer(), nullable=False),
        sa.Column("unlinked", sa.Boolean(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_change")),
    )
    op.create_index(op.f("ix_link_change_kind_thing_id"), "link_change", ["kind", "thing_id"])
