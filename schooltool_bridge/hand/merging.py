"""Two rows are one person: merged, and apart again, with everything folded anew.

No row is moved: person.merged_into_id says who stands for whom, links and histories stay where
they are, and undoing gives each row back what it was told. Whoever of them is signed in has to
sign in again. Source: RULES 1.4, R39b.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from mnet.language import N_, _
from peers import accounts, audit
from peers.model import peer
from peers.sign_on import jump_session, person_session
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history import cells, identity, roster
from schooltool_bridge.history.author import Author, note
from schooltool_bridge.sign_on import person_sessions
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.model import (
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    person,
    person_link,
)
from schooltool_bridge.store.model_people import person_merge

# What a merge does with each table about people; a test fails for one that is in none of these.
# Folded or marked anew for whoever its rows belong to now.
FOLDED = frozenset({"person", "person_link", "enrolment", "grade"})
# Ended, so that whoever is signed in signs in again as who they are now.
ENDED = frozenset({"person_session", "jump_session"})
# Left where they are, and read for all rows of a person at once (identity.everybody).
READ_TOGETHER = frozenset(
    {
        "person_history", "enrolment_history", "grade_history", "final_mark", "issued_report",
        "peer_course", "person_picture", "person_record", "staff_role", "jump_denied",
        "named_teacher",
    }
)  # fmt: skip
# Left alone, and why.
LEFT_ALONE = {
    "person_merge": "tells of the merges themselves",
    "person_password": "of a row and its own user name; sign_on/rights.py asks whose it is now",
    "password_link": "for one row's own password; of a row that was merged it opens nothing",
    "imported_id": "says which row an import means; imports follow a merge by themselves",
    "sync_row": "says which row a peer's list spoke of",
    "sync_mark": "says which link or cell a peer's list left out",
    "print_sheet": "says for whom it was printed; whom it shows is looked up when it is",
    "errand": "says whom to ask a peer about by the link of that peer, which stays",
}

# No peer has this id; it lets merges follow each other where there is no peer at all.
_MERGING = 0


def merge(connection: Connection, author: Author, kept_id: int, merged_id: int) -> list[Visit]:
    """Let one row stand for two from now on; return the visits to peers that ended with it.

    Raises Refused for one and the same, for somebody who is merged already, and for an account
    with admin rights.
    """
    wait_for_peers(connection)
    kept, merged = _row(connection, kept_id), _row(connection, merged_id)
    if kept_id == merged_id:
        raise Refused(
            "person",
            _("%(whom)s cannot be merged with itself; give two people.", whom=_name(kept)),
        )
    for row in (kept, merged):
        if row.merged_into_id is not None:
            root = identity.root(connection, row.id)
            raise Refused(
                "person",
                _(
                    "%(whom)s was merged into the person with id %(id)s; use that.",
                    whom=_name(row),
                    id=root,
                ),
            )
        if accounts.is_taken(connection, row.username_key):
            raise Refused(
                "person",
                _(
                    "%(whom)s has the user name of an account with admin rights here; such a "
                    "person is never merged.",
                    whom=_name(row),
                ),
            )
    ended = identity.everybody(connection, merged_id)
    connection.execute(
        sa.update(person).where(person.c.id == merged_id).values(merged_into_id=kept_id)
    )
    _refold_all(connection, identity.everybody(connection, kept_id))
    _record(connection, author, kept_id, merged_id, undone=False)
    return _sign_out(connection, ended)


def undo(connection: Connection, author: Author, merged_id: int) -> list[Visit]:
    """Let a row that was merged stand for itself again; return the visits that ended with it.

    Raises Refused when it is not merged.
    """
    wait_for_peers(connection)
    row = _row(connection, merged_id)
    if row.merged_into_id is None:
        message = _("%(whom)s is not merged into anybody.", whom=_name(row))
        raise Refused("person", message)
    everybody = identity.everybody(connection, merged_id)
    connection.execute(
        sa.update(person).where(person.c.id == merged_id).values(merged_into_id=None)
    )
    _refold_all(connection, everybody)
    _record(connection, author, row.merged_into_id, merged_id, undone=True)
    return _sign_out(connection, everybody)


def wait_for_peers(connection: Connection) -> None:
    """Let no peer change anything meanwhile (PostgreSQL); always in the same order."""
    one_at_a_time(connection, _MERGING)
    for peer_id in connection.execute(sa.select(peer.c.id).order_by(peer.c.id)).scalars().all():
        one_at_a_time(connection, peer_id)


def _row(connection: Connection, person_id: int) -> sa.Row[Any]:
    row = connection.execute(sa.select(person).where(person.c.id == person_id)).first()
    if row is None:
        raise Refused("person", _("There is nobody with id %(id)s.", id=person_id))
    return row


def _name(row: sa.Row[Any]) -> str:
    return f"{row.firstname} {row.lastname}".strip() or str(row.username)


def _refold_all(connection: Connection, rows: Collection[int]) -> None:
    """Fold anew whatever these rows touch, for whoever they are now."""
    # Looked up before anything is folded: an enrolment that one of them loses is another's.
    items, sections = _graded(connection, rows), _section_ids(connection, rows)
    for root in sorted({identity.root(connection, row) for row in rows}):
        theirs = identity.everybody(connection, root)
        connection.execute(
            sa.update(person_link)
            .where(person_link.c.person_id.in_(theirs))
            .values(is_several=len(theirs) > 1)
        )
        for assessment_id in items:
            cells.refold_cell(connection, assessment_id, root)
        for section_id in sections:
            roster.refold(connection, section_id, root, afresh=True)
    rows_of_cell = sa.select(grade_history.c.id).where(grade_history.c.grade_id == grade.c.id)
    held = sa.select(person.c.merged_into_id).where(person.c.merged_into_id.is_not(None))
    connection.execute(
        sa.delete(grade).where(
            grade.c.person_id.in_(rows), grade.c.person_id.not_in(held), ~rows_of_cell.exists()
        )
    )


def _graded(connection: Connection, rows: Collection[int]) -> Sequence[int]:
    graded = sa.select(grade.c.assessment_id).where(grade.c.person_id.in_(rows)).distinct()
    return connection.execute(graded).scalars().all()


def _section_ids(connection: Connection, rows: Collection[int]) -> Sequence[int]:
    section_ids = sa.union(
        sa.select(enrolment.c.section_id).where(enrolment.c.person_id.in_(rows)),
        sa.select(enrolment_history.c.section_id).where(enrolment_history.c.person_id.in_(rows)),
    )
    return connection.execute(section_ids).scalars().all()


def _record(
    connection: Connection, author: Author, kept_id: int, merged_id: int, *, undone: bool
) -> None:
    why = note(author.why)
    connection.execute(
        sa.insert(person_merge).values(
            kept_id=kept_id,
            merged_id=merged_id,
            undone=undone,
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=why,
        )
    )
    audit.record(
        connection,
        actor=author.actor,
        action=N_("merge of people undone") if undone else N_("people merged"),
        subject=f"person {kept_id}",
        detail={"merged": merged_id, "why": why},
        now_unix_s=author.now_unix_s,
    )


def _sign_out(connection: Connection, rows: Collection[int]) -> list[Visit]:
    visits = [
        *person_sessions.end_where(connection, person_session.c.person_id.in_(rows)),
        *person_sessions.end_visits(connection, jump_session.c.person_id.in_(rows)),
    ]
    return sorted(set(visits))
