"""Whether students see an assessment and a grade. What came before says nothing: they do."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    for table in ("assessment", "grade"):
        hidden = sa.Column("hidden", sa.BigInteger(), server_default="0", nullable=False)
        op.add_column(table, hidden)
        op.add_column(f"{table}_history", sa.Column("hidden", sa.BigInteger(), nullable=True))
