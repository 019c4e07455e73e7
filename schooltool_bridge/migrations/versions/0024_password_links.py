"""Links by which people choose a password, and where one for a forgotten password may go."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_NAME = sa.String(1000).with_variant(sa.String(1333), "postgresql")


def upgrade() -> None:
    op.create_table(
        "password_link",
        sa.Column("token_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("email", _NAME, nullable=False),
        sa.Column("created_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("ends_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_password_link_person_id")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_password_link")),
    )
    op.create_index(op.f("ix_password_link_person_id"), "password_link", ["person_id"])
    # Empty: the office has not said of anybody's address that it is theirs.
    email = sa.Column("email", _NAME, nullable=False, server_default="")
    op.add_column("person_password", email)
