"""Sections made by hand, with no Moodle component. Source: RULES R47, R60."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_all
from mnet.language import _
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.segments import FIRST_SEGMENT
from schooltool_bridge.history import joined
from schooltool_bridge.history.author import Author, identifier, text
from schooltool_bridge.history.fold import position
from schooltool_bridge.store.model import ACTIVE, DELETED, ID_CHARS, section, section_history


def add(
    connection: Connection,
    author: Author,
    name: str,
    *,
    idnumber: str = "",
    segment: str = FIRST_SEGMENT,
) -> int:
    """Make a section; return our id. Raises Refused when its idnumber is taken by another."""
    name = text("name", name)
    number = identifier("idnumber", idnumber)
    part = text("segment", segment, limit=ID_CHARS)
    if number is not None:
        taken = connection.execute(
            sa.select(section.c.id).where(
                section.c.peer_id.is_(None),
                section.c.idnumber == number,
                section.c.segment == part,
            )
        ).scalar()
        if taken is not None:
            raise Refused(
                "idnumber",
                _(
                    "There is a section %(idnumber)s already (id %(id)s).",
                    idnumber=repr(number),
                    id=taken,
                ),
            )
    return add_all(connection, author, [(name, number)], segment=part)[0]


def add_all(
    connection: Connection,
    author: Author,
    wanted: Sequence[tuple[str, str | None]],
    *,
    segment: str = FIRST_SEGMENT,
) -> list[int]:
    """Make sections by few statements; return our ids.

    Names and idnumbers are as `add` reads them, and the idnumbers free.
    """
    at = author.position((), None)
    made = insert_all(
        connection,
        section,
        [
            {
                "peer_id": None,
                "idnumber": number,
                "segment": segment,
                "name": name,
                "status": ACTIVE,
                "effective_unix_s": at[0],
                "seq": at[1],
            }
            for name, number in wanted
        ],
    )
    rows = [
        {
            "section_id": section_id,
            "name": name,
            "teacheridnumber": "",
            "deleted": False,
            **author.columns(at),
        }
        for section_id, (name, _number) in zip(made, wanted, strict=True)
    ]
    if rows:
        connection.execute(sa.insert(section_history), rows)
    return made


def rename(connection: Connection, author: Author, section_id: int, name: str) -> bool:
    """Give a section of ours another name from now on; return whether it had another.

    What is said of days before keeps the old one. Raises Refused for a peer's.
    """
    row, name = _must_be_ours(connection, section_id), text("name", name)
    if row.status == DELETED:
        raise Refused("section", _("This section was removed; bring it back first."))
    if row.name == name:
        return False
    _add_row(connection, author, section_id, name, deleted=False)
    return True


def remove(connection: Connection, author: Author, section_id: int) -> bool:
    """Make a section of ours a former one from now on; return whether it was none yet.

    Everything about it stays, and `bring_back` undoes it. Raises Refused for a peer's, and for one
    that is joined with a peer's.
    """
    row = _must_be_ours(connection, section_id)
    if len(joined.whole(connection, section_id).parts) > 1:
        message = _(
            "%(section)s is joined with a Moodle's section; take these apart first.",
            section=repr(row.name),
        )
        raise Refused("section", message)
    if row.status == DELETED:
        return False
    _add_row(connection, author, section_id, row.name, deleted=True)
    return True


def bring_back(connection: Connection, author: Author, section_id: int) -> bool:
    """Undo `remove` from now on; return whether the section was removed. Raises Refused."""
    row = _must_be_ours(connection, section_id)
    if row.status != DELETED:
        return False
    _add_row(connection, author, section_id, row.name, deleted=False)
    return True


def _must_be_ours(connection: Connection, section_id: int) -> sa.Row[Any, Any, Any, Any]:
    columns = (section.c.peer_id, section.c.name, section.c.unlinked, section.c.status)
    row = connection.execute(sa.select(*columns).where(section.c.id == section_id)).first()
    if row is None:
        raise Refused("section", _("There is no section with id %(id)s.", id=section_id))
    if row.peer_id is not None and not row.unlinked:
        raise Refused("section", _("This section comes from a Moodle; change it there."))
    return row


def _add_row(
    connection: Connection, author: Author, section_id: int, name: str, *, deleted: bool
) -> None:
    history = section_history
    rows = connection.execute(sa.select(history).where(history.c.section_id == section_id)).all()
    at = author.position(rows, None)
    connection.execute(
        sa.insert(history).values(
            section_id=section_id,
            name=name,
            teacheridnumber="",
            deleted=deleted,
            **author.columns(at),
        )
    )
    newest = max([at, *(position(r)[:2] for r in rows)])
    connection.execute(
        sa.update(section)
        .where(section.c.id == section_id)
        .values(
            name=name,
            status=DELETED if deleted else ACTIVE,
            effective_unix_s=newest[0],
            seq=newest[1],
        )
    )
