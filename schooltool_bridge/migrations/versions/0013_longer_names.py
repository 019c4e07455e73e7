"""Names hold 1,333 characters, as a Moodle 5's; SQLite looks at no length, so it stays as it is."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

NAMES = {
    "person": ("firstname", "lastname", "email"),
    "peer_course": ("fullname", "shortname"),
    "section": ("name",),
    "section_history": ("name",),
    "assessment": ("name",),
    "assessment_history": ("name",),
    "course": ("title",),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, columns in NAMES.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.String(1333), existing_nullable=False)
