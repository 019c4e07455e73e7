"""Rows by hand beside the peers': sections and assessments without a peer, who and why, merges."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("assessment", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("label", sa.String(length=255), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("description", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("category_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("worksheet_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("score_system_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("due_day", sa.Date(), nullable=True))
        batch_op.alter_column("peer_id", existing_type=sa.Integer(), nullable=True)
        batch_op.alter_column("idnumber", existing_type=sa.String(length=255), nullable=True)
        batch_op.create_foreign_key(
            batch_op.f("fk_assessment_worksheet_id"), "worksheet", ["worksheet_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_assessment_category_id"), "category", ["category_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_assessment_score_system_id"), "score_system", ["score_system_id"], ["id"]
        )

    op.add_column("assessment_history", sa.Column("by_actor", sa.String(length=300), nullable=True))
    op.add_column(
        "assessment_history", sa.Column("why", sa.Text(), server_default="", nullable=False)
    )

    op.add_column("enrolment_history", sa.Column("by_actor", sa.String(length=300), nullable=True))
    op.add_column(
        "enrolment_history", sa.Column("why", sa.Text(), server_default="", nullable=False)
    )

    op.add_column("grade", sa.Column("peer_points", sa.String(length=60), nullable=True))
    op.add_column("grade", sa.Column("peer_excepted", sa.Boolean(), nullable=True))

    op.add_column("grade_history", sa.Column("by_actor", sa.String(length=300), nullable=True))
    op.add_column("grade_history", sa.Column("why", sa.Text(), server_default="", nullable=False))

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("merged_into_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_person_merged_into_id"),
            "person",
            ["merged_into_id"],
            ["id"],
            deferrable=True,
            initially="IMMEDIATE",
        )
    op.create_index(
        "ix_person_merged_into_id",
        "person",
        ["merged_into_id"],
        sqlite_where=sa.text("merged_into_id IS NOT NULL"),
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )

    op.add_column("person_history", sa.Column("by_actor", sa.String(length=300), nullable=True))
    op.add_column("person_history", sa.Column("why", sa.Text(), server_default="", nullable=False))

    op.add_column(
        "person_link",
        sa.Column("is_several", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "person_link",
        sa.Column("kept_apart", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_index(
        "ix_person_link_kept_apart",
        "person_link",
        ["kept_apart"],
        sqlite_where=sa.text("kept_apart"),
        postgresql_where=sa.text("kept_apart"),
    )

    with op.batch_alter_table("section", schema=None) as batch_op:
        batch_op.add_column(sa.Column("course_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("term_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("previous_id", sa.Integer(), nullable=True))
        batch_op.alter_column("peer_id", existing_type=sa.Integer(), nullable=True)
        batch_op.alter_column("idnumber", existing_type=sa.String(length=255), nullable=True)
        batch_op.create_index(batch_op.f("ix_section_course_id"), ["course_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_section_term_id"), ["term_id"], unique=False)
        batch_op.create_index(
            "uq_section_own",
            ["idnumber", "segment"],
            unique=True,
            sqlite_where=sa.text("peer_id IS NULL"),
            postgresql_where=sa.text("peer_id IS NULL"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_section_course_id"), "course", ["course_id"], ["id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_section_term_id"), "term", ["term_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_section_previous_id"),
            "section",
            ["previous_id"],
            ["id"],
            deferrable=True,
            initially="IMMEDIATE",
        )

    op.add_column("section_history", sa.Column("by_actor", sa.String(length=300), nullable=True))
    op.add_column("section_history", sa.Column("why", sa.Text(), server_default="", nullable=False))
