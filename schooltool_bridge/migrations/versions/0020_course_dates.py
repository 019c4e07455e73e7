"""A section knows on which days its course begins and ends at its peer."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    for column in ("starts_day", "ends_day"):
        op.add_column("section", sa.Column(column, sa.Date(), nullable=True))
