"""Mail addresses of accounts, links to a password for them, and coming in from a peer."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("account", sa.Column("email", sa.String(254), nullable=False, server_default=""))
    op.create_table(
        "account_link",
        sa.Column("token_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("ends_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_link_account_id")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_account_link")),
    )
    op.create_index(op.f("ix_account_link_account_id"), "account_link", ["account_id"])
    op.create_table(
        "account_sign_on",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("username_lower", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_sign_on_account_id")
        ),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_account_sign_on_peer_id")),
        sa.PrimaryKeyConstraint("peer_id", "username_lower", name=op.f("pk_account_sign_on")),
    )
    op.create_index(op.f("ix_account_sign_on_account_id"), "account_sign_on", ["account_id"])
