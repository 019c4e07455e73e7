"""Whose weights count in a section is chosen, from a moment on."""

import sqlalchemy as sa
from alembic import op

from schooltool_bridge.migrations.guards import guards_on

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "weight_choice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("whose", sa.String(length=20), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_weight_choice_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weight_choice")),
    )
    op.create_index(op.f("ix_weight_choice_section_id"), "weight_choice", ["section_id"])
    guards_on(op.get_bind(), ["weight_choice"])
