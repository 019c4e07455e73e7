"""For signing on: sessions in both directions, used tokens, the right of a link, passwords."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "person_link",
        sa.Column("can_login", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "person_session",
        sa.Column("token_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=True),
        sa.Column("link_id", sa.Integer(), nullable=True),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("agent_sha1", sa.String(length=40), nullable=False),
        sa.Column("asked_of_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seen_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_session_person_id")
        ),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_person_session_peer_id")),
        sa.ForeignKeyConstraint(
            ["link_id"], ["person_link.id"], name=op.f("fk_person_session_link_id")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_person_session")),
    )
    op.create_index(op.f("ix_person_session_person_id"), "person_session", ["person_id"])
    op.create_index(op.f("ix_person_session_peer_id"), "person_session", ["peer_id"])
    op.create_table(
        "landing_token",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_landing_token_peer_id")),
        sa.PrimaryKeyConstraint("peer_id", "token_digest", name=op.f("pk_landing_token")),
    )
    op.create_table(
        "jump_session",
        sa.Column("token_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("agent_sha1", sa.String(length=40), nullable=False),
        sa.Column("session_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("used_unix_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_jump_session_person_id")
        ),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_jump_session_peer_id")),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_jump_session")),
    )
    op.create_index(op.f("ix_jump_session_person_id"), "jump_session", ["person_id"])
    op.create_index(op.f("ix_jump_session_peer_id"), "jump_session", ["peer_id"])
    op.create_index(op.f("ix_jump_session_session_digest"), "jump_session", ["session_digest"])
    op.create_table(
        "person_password",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_password_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_password")),
    )
    op.create_table(
        "peer_course",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.String(length=255), nullable=False),
        sa.Column("fullname", sa.String(length=1000), nullable=False),
        sa.Column("shortname", sa.String(length=1000), nullable=False),
        sa.Column("told_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_peer_course_peer_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_peer_course_person_id")
        ),
        sa.PrimaryKeyConstraint("peer_id", "person_id", "course_id", name=op.f("pk_peer_course")),
    )
    op.create_index(op.f("ix_peer_course_person_id"), "peer_course", ["person_id"])
