"""Enrolments by hand: who is in a section as what, withdrawals with their code and note.

Any state may follow any. Source: RULES 1.6, R52-R56, R60.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.language import _
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import identity, joined, roster_many
from schooltool_bridge.history.author import Author, must_be_somebody, note
from schooltool_bridge.store.model import enrolment_history, enrolment_state, person, section


def set_state(
    connection: Connection,
    author: Author,
    section_id: int,
    person_id: int,
    role: str,
    code: str,
    *,
    text: str = "",
    effective_unix_s: int | None = None,
    timestart_unix_s: int | None = None,
    timeend_unix_s: int | None = None,
) -> None:
    """Write what somebody is in a section from a moment on (now), with a note; raises Refused.

    The same state again with another note changes the note alone.
    """
    state = State(
        section_id, person_id, role, code, text, effective_unix_s, timestart_unix_s, timeend_unix_s
    )
    (refused,) = set_all(connection, author, [state])
    if refused is not None:
        raise refused


@dataclass(frozen=True, slots=True)
class State:
    """What somebody is in a section from a moment on (now), with a note."""

    section_id: int
    person_id: int
    role: str
    code: str
    text: str = ""
    effective_unix_s: int | None = None
    timestart_unix_s: int | None = None
    timeend_unix_s: int | None = None


def set_all(connection: Connection, author: Author, many: Sequence[State]) -> list[Refused | None]:
    """Write many states by few statements: for each why it was not; the others are written."""
    there = _There.read(connection, many)
    histories = roster_many.read(connection, {(s.section_id, s.person_id) for s in many})
    outcomes: list[Refused | None] = []
    rows = []
    memberships = set()
    for state in many:
        membership = state.section_id, state.person_id
        try:
            there.must_fit(state)
            at = author.position(histories.of(membership), state.effective_unix_s)
            note_text = note(state.text)
        except Refused as problem:
            outcomes.append(problem)
            continue
        outcomes.append(None)
        memberships.add(membership)
        rows.append(
            {
                "section_id": state.section_id,
                "person_id": state.person_id,
                "role": state.role,
                "code": state.code,
                "note": note_text,
                "timestart_unix_s": state.timestart_unix_s,
                "timeend_unix_s": state.timeend_unix_s,
                **author.columns(at),
            }
        )
    if rows:
        connection.execute(sa.insert(enrolment_history), rows)
        roster_many.refold(connection, memberships)
    return outcomes


@dataclass(frozen=True, slots=True)
class _There:
    """The states, sections and people that are there."""

    codes: frozenset[str]
    sections: frozenset[int]
    people: frozenset[int]
    roots: Mapping[int, int]

    @classmethod
    def read(cls, connection: Connection, many: Sequence[State]) -> _There:
        codes = connection.execute(sa.select(enrolment_state.c.code)).scalars()
        return cls(
            frozenset(codes),
            # What a peer's section that is joined with ours says is the peer's alone.
            _known(connection, section.c.id, {s.section_id for s in many})
            - joined.homes(connection, {s.section_id for s in many}).keys(),
            _known(connection, person.c.id, {s.person_id for s in many}),
            identity.roots(connection),
        )

    def must_fit(self, state: State) -> None:
        """Raise Refused unless all that it names is there and its times are in order."""
        if state.role not in (STUDENT, TEACHER):
            raise Refused("role", _("The role is student or teacher."))
        if state.code not in self.codes:
            raise Refused("code", _("There is no enrolment state %(code)s.", code=repr(state.code)))
        if state.section_id not in self.sections:
            raise Refused("section", _("There is no section with id %(id)s.", id=state.section_id))
        must_be_somebody(state.person_id, self.people, self.roots)
        begin, end = state.timestart_unix_s, state.timeend_unix_s
        if end is not None and end < (begin or end):
            raise Refused("timeend", _("The enrolment would end before it begins."))


def _known(connection: Connection, column: sa.Column[int], ids: set[int]) -> frozenset[int]:
    found: set[int] = set()
    for part in in_parts(sorted(ids)):
        found.update(connection.execute(sa.select(column).where(column.in_(part))).scalars())
    return frozenset(found)
