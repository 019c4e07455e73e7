"""Whom each row of a section's history names as its teacher, as soon as that is known."""

import sqlalchemy as sa
from alembic import op

from schooltool_bridge.migrations.guards import guards_on

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "named_teacher",
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["row_id"], ["section_history.id"], name=op.f("fk_named_teacher_row_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_named_teacher_person_id")
        ),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_named_teacher")),
    )
    op.create_index(op.f("ix_named_teacher_person_id"), "named_teacher", ["person_id"])
    guards_on(op.get_bind(), ["named_teacher"])
