"""From which addresses a name signed in, so that guessing elsewhere keeps nobody out."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "sign_in_address",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("last_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "address", name=op.f("pk_sign_in_address")),
    )
