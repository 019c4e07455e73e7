"""What stands on top of a paper that is handed out, and where it is signed."""

import sqlalchemy as sa
from alembic import op

from schooltool_bridge.migrations.guards import guards_on

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "letterhead",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("signatures", sa.Text(), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letterhead")),
    )
    guards_on(op.get_bind(), ["letterhead"])
