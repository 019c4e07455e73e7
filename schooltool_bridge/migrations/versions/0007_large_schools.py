"""What reports of a large school look up is found by an index: assessments, links kept apart."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index(
        "ix_assessment_history_section_id_assessment_id",
        "assessment_history",
        ["section_id", "assessment_id"],
    )
    # SQLite takes an index only for the very condition that is asked.
    op.drop_index("ix_person_link_kept_apart", table_name="person_link")
    op.create_index(
        "ix_person_link_kept_apart",
        "person_link",
        ["kept_apart"],
        sqlite_where=sa.text("kept_apart = 1"),
        postgresql_where=sa.text("kept_apart"),
    )
