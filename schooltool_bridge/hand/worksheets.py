"""Worksheets of a section: pages on which its assessments are spread, by hand.

They are an order for the eye, so the audit trail alone keeps what was changed.
Source: RULES 1.5, A.4.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_one
from mnet.language import N_, _
from mnet.letters import nfc
from peers import audit
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history.author import Author, text
from schooltool_bridge.store.model import ID_CHARS, section
from schooltool_bridge.store.model_school import worksheet

# Each is a tab; nobody finds one among more.
MAX_SHEETS = 50


def add(connection: Connection, author: Author, section_id: int, title: str) -> int:
    """Add a worksheet after the others; return its id. Raises Refused."""
    there = connection.execute(
        sa.select(section.c.id).where(section.c.id == section_id).with_for_update()
    ).scalar()
    if there is None:
        raise Refused("section", _("There is no section with id %(id)s.", id=section_id))
    title = text("title", title, limit=ID_CHARS)
    others = _sheets(connection, section_id)
    if len(others) >= MAX_SHEETS:
        raise Refused("title", _("A section has at most %(count)s worksheets.", count=MAX_SHEETS))
    _must_be_free(others, title)
    position = max((o.position for o in others), default=0) + 1
    new_id = insert_one(
        connection,
        sa.insert(worksheet).values(section_id=section_id, title=title, position=position),
    )
    _record(connection, author, section_id, N_("worksheet added"), {"title": title})
    return new_id


def find(connection: Connection, section_id: int, title: str) -> int | None:
    """Return a section's worksheet of that title, whatever its capitals."""
    found = (o.id for o in _sheets(connection, section_id) if _same(o.title, title))
    return next(found, None)


def rename(connection: Connection, author: Author, worksheet_id: int, title: str) -> None:
    """Give a worksheet another title; raises Refused."""
    row = _known(connection, worksheet_id)
    title = text("title", title, limit=ID_CHARS)
    others = [o for o in _sheets(connection, row.section_id) if o.id != worksheet_id]
    _must_be_free(others, title)
    connection.execute(
        sa.update(worksheet).where(worksheet.c.id == worksheet_id).values(title=title)
    )
    detail = {"title": title, "before": row.title}
    _record(connection, author, row.section_id, N_("worksheet renamed"), detail)


def move(connection: Connection, author: Author, worksheet_id: int, *, later: bool) -> bool:
    """Let a worksheet change places with its neighbour; False when there is none."""
    row = _known(connection, worksheet_id)
    ids = [o.id for o in _sheets(connection, row.section_id)]
    here = ids.index(worksheet_id)
    there = here + (1 if later else -1)
    if not 0 <= there < len(ids):
        return False
    ids[here], ids[there] = ids[there], ids[here]
    for position, sheet_id in enumerate(ids, 1):
        connection.execute(
            sa.update(worksheet).where(worksheet.c.id == sheet_id).values(position=position)
        )
    detail = {"title": row.title, "place": there + 1}
    _record(connection, author, row.section_id, N_("worksheet moved"), detail)
    return True


def _sheets(connection: Connection, section_id: int) -> list[sa.Row[Any]]:
    rows = connection.execute(
        sa.select(worksheet)
        .where(worksheet.c.section_id == section_id)
        .order_by(worksheet.c.position, worksheet.c.id)
    )
    return list(rows)


def _known(connection: Connection, worksheet_id: int) -> sa.Row[Any]:
    row = connection.execute(sa.select(worksheet).where(worksheet.c.id == worksheet_id)).first()
    if row is None:
        raise Refused("worksheet", _("There is no worksheet with id %(id)s.", id=worksheet_id))
    return row


def _must_be_free(others: list[sa.Row[Any]], title: str) -> None:
    if any(_same(o.title, title) for o in others):
        raise Refused("title", _("There is a worksheet “%(title)s” already.", title=title))


def _same(one: str, other: str) -> bool:
    return one.casefold() == nfc(other).casefold()


def _record(
    connection: Connection, author: Author, section_id: int, action: str, detail: dict[str, object]
) -> None:
    audit.record(
        connection,
        actor=author.actor,
        action=action,
        subject=f"section {section_id}",
        detail=detail,
        now_unix_s=author.now_unix_s,
    )
