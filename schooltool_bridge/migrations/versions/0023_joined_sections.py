"""Sections that are one: ours and a peer's, and those of which somebody said that they are not."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "section_join",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ours_id", sa.Integer(), nullable=False),
        sa.Column("theirs_id", sa.Integer(), nullable=False),
        sa.Column("joined_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("undone_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.String(length=300), nullable=True),
        sa.Column("undone_why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["ours_id"], ["section.id"], name=op.f("fk_section_join_ours_id")),
        sa.ForeignKeyConstraint(
            ["theirs_id"], ["section.id"], name=op.f("fk_section_join_theirs_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_join")),
    )
    op.create_index(op.f("ix_section_join_ours_id"), "section_join", ["ours_id"])
    op.create_index(op.f("ix_section_join_theirs_id"), "section_join", ["theirs_id"])
    op.create_table(
        "section_apart",
        sa.Column("ours_id", sa.Integer(), nullable=False),
        sa.Column("theirs_id", sa.Integer(), nullable=False),
        sa.Column("decided_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["ours_id"], ["section.id"], name=op.f("fk_section_apart_ours_id")),
        sa.ForeignKeyConstraint(
            ["theirs_id"], ["section.id"], name=op.f("fk_section_apart_theirs_id")
        ),
        sa.PrimaryKeyConstraint("ours_id", "theirs_id", name=op.f("pk_section_apart")),
    )
