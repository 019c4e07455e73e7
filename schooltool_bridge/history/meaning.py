"""What the state of an enrolment means: who is enrolled, left, passed or failed.

Only this file knows which of the shipped codes is what. A school's own states speak by the meaning
that the school gave them, so that everybody else asks here and never for a code. The half for the
store and the half for Python say the same. Source: RULES 1.6, R54.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.store.model import enrolment_state as states

# The codes that are written here: what a peer's events, imports and dates make of an enrolment.
ACTIVE, PENDING, SUSPENDED, ENDED = "a", "p", "s", "en"
WITHDRAWN, WITHDRAWN_NO_GRADE = "w", "wn"
_WITHDRAWN_FAILING, _FAILED, _IN_ERROR = "wf", "fl", "e"
# The three words of enrolment_state.meaning.
MEANS_ACTIVE, MEANS_INACTIVE, MEANS_COMPLETED = "active", "inactive", "completed"
# Not active, and yet no withdrawal.
_NO_WITHDRAWAL = (PENDING, SUSPENDED, ENDED, _IN_ERROR)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state says of somebody in a section."""

    # Counts among those who are there: on lists of now, as a teacher, in answers to peers.
    is_active: bool = False
    # Enrolled: active, or only suspended in their Moodle.
    holds: bool = False
    # Withdrawn, with or without a grade.
    left: bool = False
    # Completed, well or not.
    passed: bool = False
    failed: bool = False
    # Not there yet; over by its date; and never was there at all.
    is_coming: bool = False
    is_over: bool = False
    in_error: bool = False


def of(code: str, means: str) -> Meaning:
    """Return what a state says, by its code and its word: active, inactive or completed."""
    is_active = means == MEANS_ACTIVE
    has_failed = code in (_FAILED, _WITHDRAWN_FAILING)
    return Meaning(
        is_active=is_active,
        holds=is_active or code == SUSPENDED,
        left=means == MEANS_INACTIVE and code not in _NO_WITHDRAWAL,
        passed=means == MEANS_COMPLETED and not has_failed,
        failed=has_failed,
        is_coming=is_coming(code),
        is_over=is_over(code),
        in_error=code == _IN_ERROR,
    )


def lacks_code(code: str) -> bool:
    """Tell whether a state says that somebody withdrew, and a counselor has yet to say how."""
    return code == WITHDRAWN


def is_coming(code: str) -> bool:
    """Tell whether a state says that an enrolment has yet to begin."""
    return code == PENDING


def is_over(code: str) -> bool:
    """Tell whether a state says that an enrolment is over by its date alone."""
    return code == ENDED


def of_all(connection: Connection) -> Mapping[str, Meaning]:
    """Return what every state of the school says, by its code."""
    rows = connection.execute(sa.select(states.c.code, states.c.meaning))
    return {r.code: of(r.code, r.meaning) for r in rows}


# The same, asked of the store beside enrolment_state. An ending without a code has no state.
IS_ACTIVE = states.c.meaning == MEANS_ACTIVE
HOLDS = sa.func.coalesce(sa.or_(IS_ACTIVE, states.c.code == SUSPENDED), sa.false()).label("holds")
IS_LEFT = sa.func.coalesce(
    sa.and_(states.c.meaning == MEANS_INACTIVE, states.c.code.not_in(_NO_WITHDRAWAL)), sa.false()
).label("is_left")


def was_there(code: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a column's state says that somebody is or was there: not to come, not in error."""
    return code.not_in((PENDING, _IN_ERROR))


def is_open(code: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a column's state is what a peer says of somebody in a section, now or to come."""
    return code.in_((ACTIVE, PENDING, SUSPENDED))


def was_not_ended(code: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a column's state is as the peer has it: open, or over by its date alone."""
    return sa.or_(is_open(code), code == ENDED)


def waits_for_grades(code: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a column's state is a withdrawal whose code a peer's grades decide."""
    return sa.or_(code == WITHDRAWN, code == WITHDRAWN_NO_GRADE)


def needs_code(code: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a column's state is a withdrawal whose code a person still has to give."""
    return code == WITHDRAWN
