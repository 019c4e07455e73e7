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

HISTORY_TABLES = (final_mark, issued_report)
