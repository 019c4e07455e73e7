"""Dates of enrolments hold; each grade and each held event keeps the policy under which it came."""

import json

import sqlalchemy as sa
from alembic import op

from schooltool_bridge.migrations.guards import guards_off, guards_on

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    connection = op.get_bind()
    states = sa.table("enrolment_state", *map(sa.column, ("code", "meaning", "title")))
    # A school that had made a state of this code keeps it.
    if not connection.execute(sa.select(states.c.code).where(states.c.code == "en")).first():
        op.bulk_insert(states, [{"code": "en", "meaning": "inactive", "title": "Ended"}])
    with op.batch_alter_table("enrolment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("next_code", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("next_unix_s", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("last_code", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("last_unix_s", sa.BigInteger(), nullable=True))
        for name in ("next_code", "last_code"):
            batch_op.create_foreign_key(
                batch_op.f(f"fk_enrolment_{name}"), "enrolment_state", [name], ["code"]
            )
    op.add_column("enrolment_history", sa.Column("dates", sa.String(length=20), nullable=True))
    op.add_column(
        "grade_history",
        sa.Column("is_clamped", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "inbox", sa.Column("arrived_under", sa.JSON(), server_default="{}", nullable=False)
    )
    _clamp(connection)


def _clamp(connection: sa.Connection) -> None:
    """What came until now was read under its peer's policy of today: it keeps that one."""
    peers = connection.execute(sa.text("SELECT id, policy FROM peer")).all()
    clamping = [p.id for p in peers if _stored(p.policy).get("out_of_range") == "clamp"]
    if not clamping:
        return
    guards_off(connection, ["grade_history"])
    told = sa.text(
        "UPDATE grade_history SET is_clamped = :yes WHERE by_actor IS NULL AND grade_id IN ("
        "SELECT grade.id FROM grade JOIN assessment ON assessment.id = grade.assessment_id "
        "JOIN section ON section.id = assessment.section_id WHERE section.peer_id = :peer)"
    )
    for peer_id in clamping:
        connection.execute(told, {"yes": True, "peer": peer_id})
    guards_on(connection, ["grade_history"])


def _stored(policy: object) -> dict[str, str]:
    found = json.loads(policy) if isinstance(policy, str) else policy
    return found if isinstance(found, dict) else {}
