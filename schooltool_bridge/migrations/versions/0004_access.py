"""Where people may not go, their pictures, and whether a link's right was decided."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "jump_denied",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_jump_denied_person_id")
        ),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_jump_denied_peer_id")),
        sa.PrimaryKeyConstraint("person_id", "peer_id", name=op.f("pk_jump_denied")),
    )
    op.create_index(op.f("ix_jump_denied_peer_id"), "jump_denied", ["peer_id"])
    op.create_table(
        "person_picture",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_picture_person_id")
        ),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_person_picture_peer_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_picture")),
    )
    op.add_column(
        "person_link",
        sa.Column("decided", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    # A right that was given is a decision; one that was taken before cannot be told from none.
    link = sa.table("person_link", sa.column("can_login"), sa.column("decided"))
    op.execute(sa.update(link).where(link.c.can_login).values(decided=True))
