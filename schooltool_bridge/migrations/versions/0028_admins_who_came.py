"""From which peer an admin's session came, so that it ends with what the peer may."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    name, texts = "admin_session", (("peer_username", 255), ("agent_sha1", 40))
    with op.batch_alter_table(name) as table:
        table.add_column(sa.Column("peer_id", sa.Integer(), nullable=True))
        for column, chars in texts:
            table.add_column(
                sa.Column(column, sa.String(length=chars), nullable=False, server_default="")
            )
        table.create_foreign_key(op.f("fk_admin_session_peer_id"), "peer", ["peer_id"], ["id"])
    op.create_index(op.f("ix_admin_session_peer_id"), name, ["peer_id"])
