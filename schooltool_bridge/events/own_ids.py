"""Which user, course or item an event means by a number that was given again.

Beside a number an event may carry Moodle's own id of what has it (`usermoodleid` ...). Where the
number is another one's here, what is meant goes by `#` and Moodle's own id: that finds it as soon
as it is told of, and never anybody else. Only looks. Source: RULES 1.3 (Identity fields).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.events.applied import Source
from schooltool_bridge.history import links
from schooltool_bridge.store.model import assessment, person_link, section


def user(connection: Connection, peer_id: int, userid: str, own: str | None) -> str:
    """Return the id under which a user is found: the one sent, or `#` and Moodle's own."""
    if own is None or not links.real(userid):
        return userid
    wanted, mine = key(userid), key(own)
    link = person_link.c
    rows = _rows(connection, peer_id, (link.idnumber_key, wanted), (link.moodle_id, mine))
    with_number = {row.moodle_id for row in rows if row.number == wanted}
    if not rows:  # somebody whom another peer brought may be another user of this one
        theirs = sa.and_(
            link.peer_id == peer_id, link.person_id == links.holder(connection, userid)
        )
        with_number = set(connection.execute(sa.select(link.moodle_id).where(theirs)).scalars())
    return userid if _is_its(mine, with_number, rows) else OWN_ID + own


def course(connection: Connection, peer_id: int, idnumber: str, own: str | None) -> str:
    """Return the id under which a section is found: the one sent, or `#` and Moodle's own."""
    return _of(section, connection, peer_id, idnumber, own)


def item(connection: Connection, peer_id: int, idnumber: str, own: str | None) -> str:
    """Return the id under which an assessment is found: the one sent, or `#` and Moodle's own."""
    return _of(assessment, connection, peer_id, idnumber, own)


def is_free(connection: Connection, table: sa.Table, source: Source, idnumber: str) -> bool:
    """Tell whether nothing of a peer stands under just this id.

    What contradicts itself (two items that say that they are one) may hold it.
    """
    taken = sa.and_(table.c.peer_id == source.peer_id, table.c.idnumber == idnumber)
    return connection.execute(sa.select(table.c.id).where(taken)).first() is None


def _of(
    table: sa.Table, connection: Connection, peer_id: int, idnumber: str, own: str | None
) -> str:
    if own is None or not links.real(idnumber):
        return idnumber
    rows = _rows(connection, peer_id, (table.c.idnumber, idnumber), (table.c.moodle_id, own))
    with_number = {row.moodle_id for row in rows if row.number == idnumber}
    return idnumber if _is_its(own, with_number, rows) else OWN_ID + own


def _rows(
    connection: Connection,
    peer_id: int,
    number: tuple[sa.Column[Any], str],
    own: tuple[sa.Column[Any], str],
) -> list[Any]:
    """Return what has a number, or Moodle's own id."""
    (numbers, wanted), (owns, mine) = number, own
    # What is cut from its peer is as unknown to it (admitting.py).
    columns = numbers.table.c
    of_peer = sa.and_(columns.peer_id == peer_id, sa.not_(columns.unlinked))
    either = sa.or_(numbers == wanted, owns == mine)
    asked = sa.select(numbers.label("number"), owns.label("moodle_id")).where(of_peer, either)
    return list(connection.execute(asked))


def _is_its(own: str, with_number: set[str | None], rows: list[Any]) -> bool:
    """Tell whether a number is that of what has this id of Moodle's own, or may become it."""
    if any(row.moodle_id == own for row in rows):
        return own in with_number
    return not with_number - {None}
