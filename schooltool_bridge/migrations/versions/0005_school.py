"""The school's own order, what was written of people by hand, final marks."""

import sqlalchemy as sa
from alembic import op

from schooltool_bridge.migrations.guards import guards_on

revision = "0005"
down_revision = "0004"

GUARDED = (
    "section_filing",
    "category_weight",
    "assessment_detail",
    "person_record",
    "person_merge",
    "final_mark",
    "issued_report",
)
CATEGORIES = (
    "Assignment",
    "Essay",
    "Exam",
    "Homework",
    "Journal",
    "Lab",
    "Presentation",
    "Project",
)


def _score(score: str, percent: str, from_percent: str, *, passes: bool) -> dict[str, object]:
    return {"score": score, "percent": percent, "from": from_percent, "passes": passes}


SCORES: tuple[tuple[str, str, list[dict[str, object]]], ...] = (
    ("Points", "points", []),
    ("Percent", "percent", []),
    (
        "Pass/Fail",
        "values",
        [_score("P", "100", "60", passes=True), _score("F", "0", "0", passes=False)],
    ),
    (
        "Letter grades",
        "values",
        [
            _score("A", "95", "90", passes=True),
            _score("B", "85", "80", passes=True),
            _score("C", "75", "70", passes=True),
            _score("D", "65", "60", passes=True),
            _score("F", "50", "0", passes=False),
        ],
    ),
)


def upgrade() -> None:
    _new_tables()
    op.bulk_insert(sa.table("category", sa.column("title")), [{"title": t} for t in CATEGORIES])
    system = sa.table(
        "score_system", sa.column("title"), sa.column("kind"), sa.column("scores", sa.JSON())
    )
    op.bulk_insert(system, [{"title": t, "kind": k, "scores": s} for t, k, s in SCORES])
    guards_on(op.get_bind(), GUARDED)


def _new_tables() -> None:
    op.create_table(
        "category",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
        sa.UniqueConstraint("title", name=op.f("uq_category_title")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "course",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=1000), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("credits", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course")),
        sa.UniqueConstraint("code", name=op.f("uq_course_code")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "imported_id",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("sourced_id", sa.String(length=255), nullable=False),
        sa.Column("own_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "sourced_id", name=op.f("pk_imported_id")),
    )
    op.create_index(
        op.f("ix_imported_id_kind_own_id"), "imported_id", ["kind", "own_id"], unique=False
    )

    op.create_table(
        "school_year",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_year")),
        sa.UniqueConstraint("title", name=op.f("uq_school_year_title")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "score_system",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_system")),
        sa.UniqueConstraint("title", name=op.f("uq_score_system_title")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "term",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_year_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("closed_unix_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["school_year_id"], ["school_year.id"], name=op.f("fk_term_school_year_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term")),
        sa.UniqueConstraint("school_year_id", "title", name=op.f("uq_term_school_year_id_title")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_term_school_year_id"), "term", ["school_year_id"], unique=False)

    op.create_table(
        "issued_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("issued_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_issued_report_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issued_report")),
        sa.UniqueConstraint("number", name=op.f("uq_issued_report_number")),
    )
    op.create_index(
        op.f("ix_issued_report_person_id"), "issued_report", ["person_id"], unique=False
    )

    op.create_table(
        "person_merge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kept_id", sa.Integer(), nullable=False),
        sa.Column("merged_id", sa.Integer(), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["kept_id"], ["person.id"], name=op.f("fk_person_merge_kept_id")),
        sa.ForeignKeyConstraint(
            ["merged_id"], ["person.id"], name=op.f("fk_person_merge_merged_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_merge")),
    )
    op.create_index(op.f("ix_issued_report_sha256"), "issued_report", ["sha256"], unique=False)
    op.create_index(op.f("ix_person_merge_kept_id"), "person_merge", ["kept_id"], unique=False)
    op.create_index(op.f("ix_person_merge_merged_id"), "person_merge", ["merged_id"], unique=False)

    op.create_table(
        "person_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_record_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_record")),
    )
    op.create_index(
        op.f("ix_person_record_person_id"), "person_record", ["person_id"], unique=False
    )

    op.create_table(
        "staff_role",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_staff_role_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_staff_role")),
    )
    op.create_table(
        "category_weight",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("weight", sa.String(length=20), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_category_weight_category_id")
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_category_weight_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category_weight")),
    )
    op.create_index(
        op.f("ix_category_weight_section_id"), "category_weight", ["section_id"], unique=False
    )

    op.create_table(
        "final_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("percent", sa.String(length=60), nullable=True),
        sa.Column("mark", sa.String(length=60), nullable=False),
        sa.Column("score_system_id", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["code"], ["enrolment_state.code"], name=op.f("fk_final_mark_code")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_final_mark_person_id")),
        sa.ForeignKeyConstraint(
            ["score_system_id"], ["score_system.id"], name=op.f("fk_final_mark_score_system_id")
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_final_mark_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_final_mark")),
    )
    op.create_index(op.f("ix_final_mark_person_id"), "final_mark", ["person_id"], unique=False)
    op.create_index(
        op.f("ix_final_mark_section_id_person_id"),
        "final_mark",
        ["section_id", "person_id"],
        unique=False,
    )

    op.create_table(
        "section_filing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("term_id", sa.Integer(), nullable=True),
        sa.Column("previous_id", sa.Integer(), nullable=True),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"], ["course.id"], name=op.f("fk_section_filing_course_id")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["section.id"], name=op.f("fk_section_filing_previous_id")
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_section_filing_section_id")
        ),
        sa.ForeignKeyConstraint(["term_id"], ["term.id"], name=op.f("fk_section_filing_term_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_filing")),
    )
    op.create_index(
        op.f("ix_section_filing_section_id"), "section_filing", ["section_id"], unique=False
    )

    op.create_table(
        "worksheet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_worksheet_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worksheet")),
        sa.UniqueConstraint("section_id", "title", name=op.f("uq_worksheet_section_id_title")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "assessment_detail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assessment_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=True),
        sa.Column("worksheet_id", sa.Integer(), nullable=True),
        sa.Column("score_system_id", sa.Integer(), nullable=True),
        sa.Column("due_day", sa.Date(), nullable=True),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("by_actor", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["assessment.id"], name=op.f("fk_assessment_detail_assessment_id")
        ),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_assessment_detail_category_id")
        ),
        sa.ForeignKeyConstraint(
            ["score_system_id"],
            ["score_system.id"],
            name=op.f("fk_assessment_detail_score_system_id"),
        ),
        sa.ForeignKeyConstraint(
            ["worksheet_id"], ["worksheet.id"], name=op.f("fk_assessment_detail_worksheet_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_detail")),
    )
    op.create_index(
        op.f("ix_assessment_detail_assessment_id"),
        "assessment_detail",
        ["assessment_id"],
        unique=False,
    )
