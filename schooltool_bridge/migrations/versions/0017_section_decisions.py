"""What a person decided about a peer's sections: taken in, or kept out."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_NAME = sa.String(1000).with_variant(sa.String(1333), "postgresql")


def upgrade() -> None:
    op.create_table(
        "section_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("idnumber", sa.String(length=255), nullable=False),
        sa.Column("moodle_id", sa.String(length=255), nullable=True),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_section_decision_peer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_decision")),
    )
    op.create_index(
        op.f("ix_section_decision_peer_id_idnumber"), "section_decision", ["peer_id", "idnumber"]
    )
    op.create_index(
        op.f("ix_section_decision_peer_id_moodle_id"), "section_decision", ["peer_id", "moodle_id"]
    )
    op.create_table(
        "kept_out_assessment",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("idnumber", sa.String(length=255), nullable=False),
        sa.Column("sectionid", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["peer.id"], name=op.f("fk_kept_out_assessment_peer_id")
        ),
        sa.PrimaryKeyConstraint("peer_id", "idnumber", name=op.f("pk_kept_out_assessment")),
    )
    op.create_index(
        op.f("ix_kept_out_assessment_peer_id_sectionid"),
        "kept_out_assessment",
        ["peer_id", "sectionid"],
    )
