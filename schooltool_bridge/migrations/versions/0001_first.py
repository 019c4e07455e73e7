"""The first schema: keys, peers, accounts, journal and SIS."""

import sqlalchemy as sa
from alembic import op

from schooltool_bridge.migrations.guards import guards_on

revision = "0001"
down_revision = None

GUARDED = (
    "person_history",
    "section_history",
    "enrolment_history",
    "assessment_history",
    "grade_history",
    "call_journal",
)
STATES = (
    ("a", "active", "Active"),
    ("p", "inactive", "Pending"),
    ("w", "inactive", "Withdrawn (code to be given)"),
    ("wn", "inactive", "Withdrawn - No Grade"),
    ("wp", "inactive", "Withdrawn - Passing"),
    ("wf", "inactive", "Withdrawn - Failing"),
    ("ps", "completed", "Passed"),
    ("fl", "completed", "Failed"),
    ("s", "inactive", "Suspended in Moodle"),
    ("e", "inactive", "Added in error"),
)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("username_key", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("one_time", sa.Boolean(), nullable=False),
        sa.Column("created_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("username_key", name=op.f("uq_account_username_key")),
    )
    op.create_table(
        "enrolment_state",
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("meaning", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_enrolment_state")),
    )
    op.create_table(
        "key_pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("certificate_pem", sa.Text(), nullable=False),
        sa.Column("private_key_pem", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("not_after_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_pair")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "peer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("wwwroot", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("application", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("dialect", sa.String(length=20), nullable=True),
        sa.Column("names_addressee", sa.Boolean(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("methods", sa.JSON(), nullable=False),
        sa.Column("added_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_peer")),
        sa.UniqueConstraint("wwwroot", name=op.f("uq_peer_wwwroot")),
    )
    op.create_table(
        "pending_peer",
        sa.Column("wwwroot", sa.String(length=255), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("application", sa.String(length=20), nullable=False),
        sa.Column("seen_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("wwwroot", name=op.f("pk_pending_peer")),
    )
    op.create_table(
        "seen_envelope",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_pair_id", sa.Integer(), nullable=False),
        sa.Column("seen_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_seen_envelope")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_seen_envelope_key_pair_id"), "seen_envelope", ["key_pair_id"], unique=False
    )
    op.create_table(
        "store_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_revision")),
    )
    op.create_table(
        "call_journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=200), nullable=False),
        sa.Column("payload_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("correlation", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("received_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_call_journal_peer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_journal")),
    )
    op.create_index(
        "ix_call_journal_peer_id_received",
        "call_journal",
        ["peer_id", "received_unix_s"],
        unique=False,
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("waiting_for", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_inbox_peer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_peer_id_digest", "inbox", ["peer_id", "digest"], unique=False)
    op.create_index("ix_inbox_peer_id_status", "inbox", ["peer_id", "status"], unique=False)
    op.create_table(
        "peer_alias",
        sa.Column("wwwroot", sa.String(length=255), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_peer_alias_peer_id")),
        sa.PrimaryKeyConstraint("wwwroot", name=op.f("pk_peer_alias")),
    )
    op.create_index(op.f("ix_peer_alias_peer_id"), "peer_alias", ["peer_id"], unique=False)
    op.create_table(
        "peer_certificate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("since_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_peer_certificate_peer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_peer_certificate")),
    )
    op.create_index(
        op.f("ix_peer_certificate_peer_id"), "peer_certificate", ["peer_id"], unique=False
    )
    op.create_table(
        "peer_service",
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(length=40), nullable=False),
        sa.Column("publish", sa.Boolean(), nullable=False),
        sa.Column("subscribe", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_peer_service_peer_id")),
        sa.PrimaryKeyConstraint("peer_id", "service", name=op.f("pk_peer_service")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("idnumber", sa.String(length=255), nullable=True),
        sa.Column("idnumber_key", sa.String(length=765), nullable=True),
        sa.Column("username", sa.String(length=510), nullable=False),
        sa.Column("username_key", sa.String(length=1530), nullable=False),
        sa.Column("firstname", sa.String(length=1000), nullable=False),
        sa.Column("lastname", sa.String(length=1000), nullable=False),
        sa.Column("email", sa.String(length=1000), nullable=False),
        sa.Column("can_login", sa.Boolean(), nullable=False),
        sa.Column("follows_peer_id", sa.Integer(), nullable=True),
        sa.Column("created_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["follows_peer_id"], ["peer.id"], name=op.f("fk_person_follows_peer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("idnumber_key", name=op.f("uq_person_idnumber_key")),
        sa.UniqueConstraint("username_key", name=op.f("uq_person_username_key")),
    )
    op.create_table(
        "section",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("idnumber", sa.String(length=255), nullable=False),
        sa.Column("segment", sa.String(length=255), nullable=False),
        sa.Column("moodle_id", sa.String(length=255), nullable=True),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_section_peer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section")),
        sa.UniqueConstraint(
            "peer_id", "idnumber", "segment", name=op.f("uq_section_peer_id_idnumber_segment")
        ),
    )
    op.create_index(
        "ix_section_peer_id_moodle_id", "section", ["peer_id", "moodle_id"], unique=False
    )
    op.create_table(
        "assessment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("idnumber", sa.String(length=255), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.String(length=255), nullable=True),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("points", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_assessment_peer_id")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_assessment_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
        sa.UniqueConstraint("peer_id", "idnumber", name=op.f("uq_assessment_peer_id_idnumber")),
    )
    op.create_index(
        "ix_assessment_peer_id_moodle_id", "assessment", ["peer_id", "moodle_id"], unique=False
    )
    op.create_index(op.f("ix_assessment_section_id"), "assessment", ["section_id"], unique=False)
    op.create_table(
        "enrolment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("since_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["code"], ["enrolment_state.code"], name=op.f("fk_enrolment_code")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_enrolment_person_id")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_enrolment_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
        sa.UniqueConstraint(
            "section_id", "person_id", "role", name=op.f("uq_enrolment_section_id_person_id_role")
        ),
    )
    op.create_index(op.f("ix_enrolment_person_id"), "enrolment", ["person_id"], unique=False)
    op.create_table(
        "enrolment_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=True),
        sa.Column("code", sa.String(length=20), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("timestart_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("timeend_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code"], ["enrolment_state.code"], name=op.f("fk_enrolment_history_code")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_enrolment_history_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_enrolment_history_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_history")),
    )
    op.create_index(
        "ix_enrolment_history_section_id_person_id",
        "enrolment_history",
        ["section_id", "person_id"],
        unique=False,
    )
    op.create_table(
        "inbox_wait",
        sa.Column("inbox_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=600), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_inbox_wait_inbox_id")),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_inbox_wait_peer_id")),
        sa.PrimaryKeyConstraint("inbox_id", "key", name=op.f("pk_inbox_wait")),
    )
    op.create_index("ix_inbox_wait_peer_id_key", "inbox_wait", ["peer_id", "key"], unique=False)
    op.create_table(
        "person_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("idnumber_key", sa.String(length=765), nullable=True),
        sa.Column("username", sa.String(length=255), nullable=True),
        sa.Column("username_key", sa.String(length=765), nullable=True),
        sa.Column("moodle_id", sa.String(length=255), nullable=True),
        sa.Column("password_wrapped", sa.String(length=255), nullable=True),
        sa.Column("password_algorithm", sa.String(length=40), nullable=True),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_person_link_peer_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_link_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_link")),
        sa.UniqueConstraint(
            "peer_id", "idnumber_key", name=op.f("uq_person_link_peer_id_idnumber_key")
        ),
        sa.UniqueConstraint(
            "peer_id", "username_key", name=op.f("uq_person_link_peer_id_username_key")
        ),
    )
    op.create_index(
        "ix_person_link_peer_id_moodle_id", "person_link", ["peer_id", "moodle_id"], unique=False
    )
    op.create_index(op.f("ix_person_link_person_id"), "person_link", ["person_id"], unique=False)
    op.create_table(
        "section_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("teacheridnumber", sa.String(length=255), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_section_history_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_history")),
    )
    op.create_index(
        op.f("ix_section_history_section_id"), "section_history", ["section_id"], unique=False
    )
    op.create_table(
        "assessment_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assessment_id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("points", sa.String(length=60), nullable=False),
        sa.Column("chapternum", sa.String(length=255), nullable=False),
        sa.Column("honors_required", sa.Boolean(), nullable=False),
        sa.Column("nonhonors_required", sa.Boolean(), nullable=False),
        sa.Column("extra_credit", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["assessment.id"], name=op.f("fk_assessment_history_assessment_id")
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_assessment_history_section_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_history")),
    )
    op.create_index(
        op.f("ix_assessment_history_assessment_id"),
        "assessment_history",
        ["assessment_id"],
        unique=False,
    )
    op.create_table(
        "grade",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assessment_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.String(length=60), nullable=True),
        sa.Column("excepted", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("exists", sa.Boolean(), nullable=False),
        sa.Column("authority", sa.String(length=20), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["assessment.id"], name=op.f("fk_grade_assessment_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_grade_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade")),
        sa.UniqueConstraint(
            "assessment_id", "person_id", name=op.f("uq_grade_assessment_id_person_id")
        ),
    )
    op.create_index(op.f("ix_grade_person_id"), "grade", ["person_id"], unique=False)
    op.create_table(
        "person_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["link_id"], ["person_link.id"], name=op.f("fk_person_history_link_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_history")),
    )
    op.create_index(op.f("ix_person_history_link_id"), "person_history", ["link_id"], unique=False)
    op.create_table(
        "grade_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("grade_id", sa.Integer(), nullable=False),
        sa.Column("raw_points", sa.String(length=60), nullable=True),
        sa.Column("excepted", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("effective_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["grade_id"], ["grade.id"], name=op.f("fk_grade_history_grade_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade_history")),
    )
    op.create_index(op.f("ix_grade_history_grade_id"), "grade_history", ["grade_id"], unique=False)
    state = sa.table("enrolment_state", sa.column("code"), sa.column("meaning"), sa.column("title"))
    op.bulk_insert(
        state,
        [{"code": code, "meaning": meaning, "title": title} for code, meaning, title in STATES],
    )
    guards_on(op.get_bind(), GUARDED)
