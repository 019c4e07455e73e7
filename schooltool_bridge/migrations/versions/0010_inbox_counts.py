"""The inbox's events are counted as they come and go; what waits is found by its kind."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "inbox_count",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_inbox_count_peer_id")),
        sa.PrimaryKeyConstraint("peer_id", "status", name=op.f("pk_inbox_count")),
    )
    op.execute(
        "INSERT INTO inbox_count (peer_id, status, events) "
        "SELECT peer_id, status, count(*) FROM inbox GROUP BY peer_id, status"
    )
    op.add_column(
        "inbox_wait", sa.Column("event", sa.String(length=40), nullable=False, server_default="")
    )
    op.execute(
        "UPDATE inbox_wait SET event = "
        "(SELECT event FROM inbox WHERE inbox.id = inbox_wait.inbox_id)"
    )
    op.drop_index("ix_inbox_peer_id_digest", table_name="inbox")
    op.create_index("ix_inbox_peer_id_digest_status", "inbox", ["peer_id", "digest", "status"])
    op.drop_index("ix_inbox_peer_id_status", table_name="inbox")
    op.create_index("ix_inbox_peer_id_status_id", "inbox", ["peer_id", "status", "id"])
    op.drop_index("ix_inbox_wait_peer_id_key", table_name="inbox_wait")
    op.create_index(
        "ix_inbox_wait_peer_id_key_event_inbox_id",
        "inbox_wait",
        ["peer_id", "key", "event", "inbox_id"],
    )
