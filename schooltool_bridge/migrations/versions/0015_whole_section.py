"""An ending says whether it named a part of the section, or ends every part of it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "enrolment_history",
        sa.Column("whole_section", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
