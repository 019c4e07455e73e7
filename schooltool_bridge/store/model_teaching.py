"""The table of whom rows of sections' histories name as the teacher.

Only definitions; what they mean stands in history/teacher_names.py. Source: RULES 1.3, R46.
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata

# A section names its teacher by a number, which may be somebody else's later. Whom a row of
# section_history meant is kept as soon as it is known; rows are only added.
named_teacher = sa.Table(
    "named_teacher",
    metadata,
    sa.Column("row_id", sa.ForeignKey("section_history.id"), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
)

HISTORY_TABLES = (named_teacher,)
