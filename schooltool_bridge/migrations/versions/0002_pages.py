"""For the admin pages: roles, sessions, the audit trail, checks, notices, calls both ways."""

import sqlalchemy as sa
from alembic import op

from schooltool_bridge.migrations.guards import guards_on

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "peer", sa.Column("label", sa.String(20), nullable=False, server_default="production")
    )
    op.add_column(
        "account", sa.Column("role", sa.String(20), nullable=False, server_default="manager")
    )
    op.add_column(
        "call_journal", sa.Column("direction", sa.String(3), nullable=False, server_default="in")
    )
    op.add_column("call_journal", sa.Column("duration_ms", sa.Integer(), nullable=True))
    op.add_column(
        "call_journal", sa.Column("reason", sa.String(400), nullable=False, server_default="")
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject", "id"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("told_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("ended_unix_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index(op.f("ix_notice_key"), "notice", ["key"], unique=False)
    op.create_table(
        "sign_in_failure",
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_failure")),
    )
    op.create_table(
        "site_memory",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_site_memory")),
    )
    op.create_table(
        "admin_session",
        sa.Column("token_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("form_token", sa.String(length=64), nullable=False),
        sa.Column("created_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seen_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_admin_session_account_id")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_admin_session")),
    )
    op.create_index(
        op.f("ix_admin_session_account_id"), "admin_session", ["account_id"], unique=False
    )
    op.create_table(
        "peer_check",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("at_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("clock_offset_s", sa.Float(), nullable=True),
        sa.Column("release", sa.String(length=100), nullable=True),
        sa.Column("services", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_peer_check_peer_id")),
        sa.PrimaryKeyConstraint("peer_id", name=op.f("pk_peer_check")),
    )
    guards_on(op.get_bind(), ["audit_entry"])
