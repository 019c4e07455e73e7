"""Papers of many students: runs of printing, and the paper of each."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "print_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report", sa.String(length=40), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("place", sa.String(length=20), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("is_issued", sa.Boolean(), nullable=False),
        sa.Column("size", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("started_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("ended_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.Column("held_until_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_run")),
    )
    op.create_index(op.f("ix_print_run_state"), "print_run", ["state"])
    op.create_table(
        "print_sheet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["print_run.id"], name=op.f("fk_print_sheet_run_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_print_sheet_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_sheet")),
    )
    op.create_index(op.f("ix_print_sheet_person_id"), "print_sheet", ["person_id"])
    op.create_index(op.f("ix_print_sheet_run_id_state"), "print_sheet", ["run_id", "state"])
