"""Envelopes are forgotten all at once: the index by key pair cost each call, and found nothing."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.drop_index("ix_seen_envelope_key_pair_id", table_name="seen_envelope")
