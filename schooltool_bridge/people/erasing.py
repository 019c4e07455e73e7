"""Erasing a person: one audited routine that takes away who somebody was; what they did stays.

Names, user names, ID numbers, addresses, pictures, passwords, sessions, waiting events, notes and
the bytes of issued reports go, also out of the histories, whose guards are lifted for just these
tables inside this one transaction. Dates, codes, marks and percentages stay, under "Erased person",
so that a class's figures and a teacher's record still add up. Nothing is linked any more: what a
peer pushes later about the same ID number is a new person. Text by others about them is searched
in erasing_texts.py. Source: RULES R38; manual/personal-data.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, one_at_a_time
from mnet.engines import is_sqlite
from mnet.language import N_, _
from peers import audit
from peers.model import audit_entry, peer
from peers.web import throttle
from schooltool_bridge.common.ids import OWN_ID
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import inbox
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import erasing_texts, person_data
from schooltool_bridge.people.person_data import ABOUT, Known
from schooltool_bridge.store.model import person, person_history, person_link, section_history
from schooltool_bridge.store.model_guards import GUARDED, guards_off, guards_on
from schooltool_bridge.store.model_people import person_record
from schooltool_bridge.store.model_reports import issued_report

# What stands here of somebody who was erased, in place of both names.
FIRSTNAME, LASTNAME = "Erased", "person {id}"
ACTION = N_("person erased")
# Rows that go as a whole: they say who somebody is or let them in, and nothing of the school's.
GO = frozenset(
    {
        "person_password", "person_picture", "person_session", "jump_session", "jump_denied",
        "peer_course", "staff_role", "imported_id", "errand", "sync_row", "sync_mark",
        "password_link",
        "print_sheet",
    }
)  # fmt: skip
# Rows whose dates, codes and marks stay; texts about the person in them go (TEXTS).
STAY = frozenset(
    {
        "enrolment", "enrolment_history", "grade", "grade_history", "final_mark", "person_merge",
        "issued_report", "named_teacher",
    }
)  # fmt: skip
# Rows that are made anonymous column by column below.
RENAMED = frozenset({"person", "person_link", "person_history", "person_record"})
TEXTS = ("note", "why")
# As many random bits as nobody guesses: a peer that names them would get at the record.
TOKEN_BYTES = 8


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows of a kind there are about a person."""

    title: str
    rows: int


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom an erasing is about, and what it would take and leave."""

    person_id: int
    name: str
    username: str
    is_erased: bool
    removed: tuple[Count, ...]
    stays: tuple[Count, ...]


def preview(connection: Connection, person_id: int) -> Preview:
    """Count what is held of a person; raises Refused for nobody."""
    row = _must_be_there(connection, person_id)
    who = person_data.known(connection, person_id)
    counts = {
        about.table.name: Count(
            about.title,
            connection.execute(
                sa.select(sa.func.count()).select_from(about.table).where(about.mine(who.ids))
            ).scalar_one(),
        )
        for about in ABOUT
    }
    waiting = Count(N_("events that waited"), len(person_data.inbox_about(connection, who)))
    removed = [c for name, c in counts.items() if name not in STAY] + [waiting]
    stays = [c for name, c in counts.items() if name in STAY]
    return Preview(
        row.id,
        f"{row.firstname} {row.lastname}".strip() or row.username,
        row.username,
        is_erased(connection, row.id, row.username),
        tuple(c for c in removed if c.rows),
        tuple(c for c in stays if c.rows),
    )


def is_erased(connection: Connection, person_id: int, username: str) -> bool:
    """Tell whether somebody was erased: the trail says so, and the user name is from then."""
    entries = sa.select(audit_entry.c.id).where(
        audit_entry.c.subject == f"person {person_id}", audit_entry.c.action == ACTION
    )
    is_renamed = username.startswith(f"erased-{person_id}-")
    return is_renamed and connection.execute(entries).first() is not None


def erase(connection: Connection, author: Author, person_id: int) -> int:
    """Erase a person, all rows of a merged one; return the id of the row that stands for them.

    Runs in the caller's transaction, with its entry in the audit trail. Raises Refused for nobody
    and for whoever was erased before. End their sessions at peers first: nothing is left of them.
    """
    row = _must_be_there(connection, person_id)
    if is_erased(connection, row.id, row.username):
        message = _("Person %(id)s was erased before; nothing is left to erase.", id=row.id)
        raise Refused("person", message)
    _one_writer(connection)
    who = person_data.known(connection, person_id)
    guarded = [t.name for t in _written() if t.name in GUARDED]
    guards_off(connection, guarded)
    taught = person_data.taught_under(connection, who)
    counts = {
        "events": _empty_inbox(connection, who),
        **{a.title: _rows(connection, a, who) for a in ABOUT},
        "sections taught": len(taught),
    }
    _rename_as_teacher(connection, taught, who.ids)
    throttle.forget(connection, person_data.sign_in_names(who))
    counts["texts by others"] = erasing_texts.replace_in_store(connection, who)
    guards_on(connection, guarded)
    audit.record(
        connection,
        actor=author.actor,
        action=ACTION,
        subject=f"person {row.id}",
        detail={"persons": list(who.ids), "rows": {n: c for n, c in counts.items() if c}},
        now_unix_s=author.now_unix_s,
    )
    return int(row.id)


def _must_be_there(connection: Connection, person_id: int) -> sa.Row[int, str, str, str]:
    ids = identity.everybody(connection, person_id)
    row = connection.execute(
        sa.select(person.c.id, person.c.username, person.c.firstname, person.c.lastname).where(
            person.c.id == ids[0]
        )
    ).first()
    if row is None:
        raise Refused("person", _("There is nobody with id %(id)s.", id=person_id))
    return row


def _one_writer(connection: Connection) -> None:
    """Let no peer's event come in between, and leave nothing readable in freed pages."""
    if is_sqlite(connection):
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
        return
    # In the order of ids, as everybody takes several of them.
    for peer_id in connection.execute(sa.select(peer.c.id).order_by(peer.c.id)).scalars().all():
        one_at_a_time(connection, peer_id)
    for table in _written():
        if table.name in GUARDED:
            connection.execute(sa.text(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE"))


def _written() -> list[sa.Table]:
    """Every table that may be changed."""
    named = {section_history, *(a.table for a in ABOUT), *erasing_texts.SWEPT}
    return sorted(named, key=lambda t: t.name)


def _rows(connection: Connection, about: person_data.About, who: Known) -> int:
    """Erase a person's rows of one table; return how many there were."""
    table, mine = about.table, about.mine(who.ids)
    count = sa.select(sa.func.count()).select_from(table).where(mine)
    found = int(connection.execute(count).scalar_one())
    if table.name in GO:
        connection.execute(sa.delete(table).where(mine))
    elif table.name in STAY:
        values: dict[str, object] = {name: "" for name in TEXTS if name in table.c}
        if table is issued_report:
            values |= {"pdf": b"", "title": ""}
        if values:
            connection.execute(sa.update(table).where(mine).values(values))
    else:
        _RENAME[table.name](connection, mine)
    return found


def _rename_people(connection: Connection, mine: sa.ColumnElement[bool]) -> None:
    for person_id in connection.execute(sa.select(person.c.id).where(mine)).scalars().all():
        username = f"erased-{person_id}-{secrets.token_hex(TOKEN_BYTES)}"
        connection.execute(
            sa.update(person)
            .where(person.c.id == person_id)
            .values(
                idnumber=None,
                idnumber_key=None,
                username=username,
                username_key=username,
                firstname=FIRSTNAME,
                lastname=LASTNAME.format(id=person_id),
                email="",
                can_login=False,
                follows_peer_id=None,
            )
        )


def _cut_links(connection: Connection, mine: sa.ColumnElement[bool]) -> None:
    connection.execute(
        sa.update(person_link)
        .where(mine)
        .values(
            idnumber_key=None,
            username=None,
            username_key=None,
            moodle_id=None,
            password_wrapped=None,
            password_algorithm=None,
            can_login=False,
            # Nobody has to decide about it any more.
            decided=True,
        )
    )


def _empty_history(connection: Connection, mine: sa.ColumnElement[bool]) -> None:
    blank: Mapping[str, object] = {
        "idnumber": None, "username": None, "firstname": FIRSTNAME, "lastname": "person",
        "email": "",
    }  # fmt: skip
    connection.execute(sa.update(person_history).where(mine).values(fields=blank, why=""))


def _empty_record(connection: Connection, mine: sa.ColumnElement[bool]) -> None:
    """Leave of what was written by hand when, by whom, and which fields."""
    found = connection.execute(sa.select(person_record.c.id, person_record.c.changed).where(mine))
    for row in found.all():
        blank = {name: ["", ""] for name in row.changed}
        connection.execute(
            sa.update(person_record)
            .where(person_record.c.id == row.id)
            .values(changed=blank, why="")
        )


_RENAME = {
    "person": _rename_people,
    "person_link": _cut_links,
    "person_history": _empty_history,
    "person_record": _empty_record,
}


def _empty_inbox(connection: Connection, who: Known) -> int:
    """Take the content of events about a person; none of them can be applied any more."""
    ids = [row.id for row in person_data.inbox_about(connection, who)]
    inbox.empty(connection, ids)
    return len(ids)


def _rename_as_teacher(
    connection: Connection, rows: Sequence[sa.Row[Any]], ids: Collection[int]
) -> None:
    """Write another name for a teacher into sections' history and a link by which it is known.

    So the fold still finds that they taught there, and no peer can name them again.
    """
    for peer_id in {row.peer_id for row in rows}:
        made = f"erased-{secrets.token_hex(TOKEN_BYTES)}"
        link_id = _a_link(connection, peer_id, ids)
        if link_id is not None:
            by_it = person_link.c.id == link_id
            connection.execute(sa.update(person_link).where(by_it).values(moodle_id=made))
        for some in in_parts(sorted({row.id for row in rows if row.peer_id == peer_id})):
            connection.execute(
                sa.update(section_history)
                .where(section_history.c.id.in_(some))
                .values(teacheridnumber=OWN_ID + made)
            )


def _a_link(connection: Connection, peer_id: int | None, ids: Collection[int]) -> int | None:
    mine = (person_link.c.peer_id == peer_id, person_link.c.person_id.in_(ids))
    return connection.execute(sa.select(person_link.c.id).where(*mine)).scalar()
