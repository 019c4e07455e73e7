"""Tables of what is final: marks stored when a term is closed, and reports that were handed out.

Only definitions: no queries, no rules. Both are append-only; of a person's final marks in a
section the latest row holds. Source: RULES R70, R71.
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata
from schooltool_bridge.store.model import ACTOR_CHARS, ID_CHARS

final_mark = sa.Table(
    "final_mark",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    # A decimal number as text; None when nothing was graded.
    sa.Column("percent", sa.String(60), nullable=True),
    # As the score system writes it: B+, P, 87.
    sa.Column("mark", sa.String(60), nullable=False),
    sa.Column("score_system_id", sa.ForeignKey("score_system.id"), nullable=True),
    # The enrolment's state at the closing.
    sa.Column("code", sa.ForeignKey("enrolment_state.code"), nullable=False),
    sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_final_mark_section_id_person_id", "section_id", "person_id"),
)

issued_report = sa.Table(
    "issued_report",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # As printed on it, such as 2026-000123.
    sa.Column("number", sa.String(40), nullable=False, unique=True),
    # progress | transcript
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    # The moment that it shows.
    sa.Column("at_unix_s", sa.BigInteger, nullable=False),
    sa.Column("issued_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    # The very bytes that were handed out, and their SHA-256 in hex.
    sa.Column("pdf", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("title", sa.String(ID_CHARS), nullable=False),
)

# What stands on top of a paper that is handed out; the latest row holds.
letterhead = sa.Table(
    "letterhead",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # The school's address, in lines.
    sa.Column("address", sa.Text, nullable=False),
    # What stands under each line to sign on, one on a line of this.
    sa.Column("signatures", sa.Text, nullable=False),
    # Our own PNG; empty for none.
    sa.Column("logo", sa.LargeBinary, nullable=False),
    sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
)

HISTORY_TABLES = (final_mark, issued_report, letterhead)

# One time that a report of many students is printed; see reports/print_runs.py.
print_run = sa.Table(
    "print_run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # A report's name, and what was chosen for it.
    sa.Column("report", sa.String(40), nullable=False),
    sa.Column("choices", sa.JSON, nullable=False),
    # Whose students: section | term | school; our id of it, and what it was called.
    sa.Column("place", sa.String(20), nullable=False),
    sa.Column("place_id", sa.Integer, nullable=True),
    sa.Column("subject", sa.Text, nullable=False),
    # The moment that it shows.
    sa.Column("at_unix_s", sa.BigInteger, nullable=False),
    # Each is handed out with a number.
    sa.Column("is_issued", sa.Boolean, nullable=False),
    # a4 | letter
    sa.Column("size", sa.String(20), nullable=False),
    # running | done | cancelled
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    sa.Column("started_unix_s", sa.BigInteger, nullable=False),
    sa.Column("ended_unix_s", sa.BigInteger, nullable=True),
    # While it runs: which process is at it, and until when nobody else takes it.
    sa.Column("holder", sa.String(255), nullable=False),
    sa.Column("held_until_unix_s", sa.BigInteger, nullable=False),
)

# What becomes of each student in it, in their order.
print_sheet = sa.Table(
    "print_sheet",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("print_run.id"), nullable=False),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    # waiting | printed | failed
    sa.Column("state", sa.String(20), nullable=False),
    # Why it could not be printed, for whoever wanted it.
    sa.Column("reason", sa.Text, nullable=False),
    # Of an issued one, whose bytes issued_report has; else empty, and the bytes for some days.
    sa.Column("number", sa.String(40), nullable=False),
    sa.Column("pdf", sa.LargeBinary, nullable=False),
    sa.Index("ix_print_sheet_run_id_state", "run_id", "state"),
)
