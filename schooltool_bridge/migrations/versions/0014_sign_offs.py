"""Sign-offs that peers are to be told are remembered too: errands about nobody, for a time."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    with op.batch_alter_table("errand", schema=None) as batch_op:
        batch_op.alter_column("person_id", existing_type=sa.Integer(), nullable=True)
        batch_op.add_column(sa.Column("until_unix_s", sa.BigInteger(), nullable=True))
