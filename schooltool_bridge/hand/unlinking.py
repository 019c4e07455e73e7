"""Sections, assessments and people are cut from their peer by a person, and linked again.

Nothing is moved or deleted: people, enrolments and grades stay, and a report of a day before
stays as it was. From then on they are as if made by hand. What the peer still sends about them is
`skipped` (events/admitting.py) and can be applied once they are linked again; never does a second
one come of it. Works also when the peer is switched off or removed. Source: RULES 1.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_one, one_at_a_time
from mnet.language import N_, _
from peers.model import peer
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import admitting
from schooltool_bridge.events import assessments as peer_assessments
from schooltool_bridge.events import sections as peer_sections
from schooltool_bridge.events.admitting import APPROVED, UNLINKED
from schooltool_bridge.hand import assessments
from schooltool_bridge.history import cells, identity, joined, teacher_names
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.fold import item_hidden, item_state, position
from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.model import (
    assessment,
    assessment_history,
    person,
    person_link,
    section,
    section_history,
)
from schooltool_bridge.store.model_linking import (
    kept_out_assessment,
    link_change,
    section_decision,
)

SECTION, ASSESSMENT, PERSON_LINK = "section", "assessment", "person_link"
# Why a row of the history is there that stands for the peer's, with who did it.
_CUT, _AGAIN = "unlinked by %s", "linked again by %s"


def unlink_section(connection: Connection, author: Author, section_id: int) -> Sequence[int]:
    """Cut a section, all its parts and its assessments from their peer; return the parts.

    One that its peer deleted is here again by that. Raises Refused unless it is linked.
    """
    this = _section(connection, section_id)
    _must_stand_alone(connection, section_id)
    if this.peer_id is None or this.unlinked:
        raise Refused("section", _("This section is not linked with a peer."))
    for part in _parts(connection, this, unlinked=False):
        _must_stand_alone(connection, part.id)
    one_at_a_time(connection, this.peer_id)
    parts = _parts(connection, this, unlinked=False)
    for part in parts:
        connection.execute(sa.update(section).where(section.c.id == part.id).values(unlinked=True))
        _note(connection, author, SECTION, part.id, unlinked=True)
        if part.status != "active":
            _section_row(connection, author, part.id, by_peer=False)
        for item_id in _items(connection, part.id, unlinked=False):
            if _is_peers(connection, item_id):
                _cut_item(connection, author, item_id, part.idnumber)
    _decide(connection, author, this, UNLINKED)
    _in_trail(connection, author, N_("section unlinked"), f"section {section_id}", this.peer_id)
    return [part.id for part in parts]


def link_section_again(connection: Connection, author: Author, section_id: int) -> list[str]:
    """Link a section that was cut with its peer again, and its assessments.

    The peer's word counts again, and what came meanwhile can be applied: returns the names of its
    assessments that were kept out. One that was cut by itself before stays so. Raises Refused
    unless it was cut.
    """
    this = _section(connection, section_id)
    if not this.unlinked:
        raise Refused("section", _("This section was not unlinked."))
    one_at_a_time(connection, this.peer_id)
    stay: list[str] = []
    for part in _parts(connection, this, unlinked=True):
        cut = _last_cut(connection, SECTION, part.id)
        connection.execute(sa.update(section).where(section.c.id == part.id).values(unlinked=False))
        _note(connection, author, SECTION, part.id, unlinked=False)
        _section_row(connection, author, part.id, by_peer=True)
        for item_id in _items(connection, part.id, unlinked=True):
            if _last_cut(connection, ASSESSMENT, item_id) > cut:
                _restore_item(connection, author, item_id)
            else:
                item = _item(connection, item_id)
                stay += admitting.names_of(item.idnumber, item.moodle_id)
    _decide(connection, author, this, APPROVED)
    _in_trail(connection, author, N_("section linked again"), f"section {section_id}", this.peer_id)
    names = admitting.names_of(this.idnumber, this.moodle_id)
    return admitting.forget_assessments(connection, this.peer_id, names, but=stay)


def unlink_assessment(connection: Connection, author: Author, assessment_id: int) -> None:
    """Cut an assessment from its peer: ours by hand, with its grades. Raises Refused."""
    this = _item(connection, assessment_id)
    if this.peer_id is None or this.unlinked or not _is_peers(connection, assessment_id):
        raise Refused("assessment", _("This assessment is not linked with a peer."))
    one_at_a_time(connection, this.peer_id)
    # Of one that is joined with ours, as its peer calls it.
    its_section = joined.whole(connection, this.section_id).parts[-1]
    _cut_item(connection, author, assessment_id, _section(connection, its_section).idnumber)
    where = f"assessment {assessment_id}"
    _in_trail(connection, author, N_("assessment unlinked"), where, this.peer_id)


def link_assessment_again(connection: Connection, author: Author, assessment_id: int) -> None:
    """Link an assessment that was cut with its peer again. Raises Refused unless it was cut."""
    this = _item(connection, assessment_id)
    if not this.unlinked:
        raise Refused("assessment", _("This assessment was not unlinked."))
    if _section(connection, joined.whole(connection, this.section_id).parts[-1]).unlinked:
        raise Refused("assessment", _("Its section is unlinked; link that again first."))
    one_at_a_time(connection, this.peer_id)
    _restore_item(connection, author, assessment_id)
    names = admitting.names_of(this.idnumber, this.moodle_id)
    connection.execute(
        sa.delete(kept_out_assessment).where(
            kept_out_assessment.c.peer_id == this.peer_id,
            kept_out_assessment.c.idnumber.in_(names),
        )
    )
    where = f"assessment {assessment_id}"
    _in_trail(connection, author, N_("assessment linked again"), where, this.peer_id)


def unlink_person(
    connection: Connection, author: Author, person_id: int, peer_id: int
) -> list[Visit]:
    """Cut somebody from a peer's user; return visits that ended with the right to sign in.

    Enrolments and grades stay. What the peer tells of that user later waits for a person, who
    says whom it means. Raises Refused unless they are linked.
    """
    one_at_a_time(connection, peer_id)
    person_id = identity.root(connection, person_id)
    everybody = identity.everybody(connection, person_id)
    mine = sa.and_(
        person_link.c.peer_id == peer_id,
        person_link.c.person_id.in_(everybody),
        sa.not_(person_link.c.unlinked),
    )
    cut = connection.execute(sa.select(person_link.c.id).where(mine)).scalars().all()
    if not cut:
        raise Refused("person", _("This person is not linked with this peer."))
    visits = rights.set_links(connection, [person_id], peer_id, allowed=False)
    connection.execute(
        sa.update(person_link).where(person_link.c.id.in_(cut)).values(unlinked=True)
    )
    # From here on people here decide the names.
    connection.execute(
        sa.update(person)
        .where(person.c.id.in_(everybody), person.c.follows_peer_id == peer_id)
        .values(follows_peer_id=None)
    )
    for link_id in cut:
        _note(connection, author, PERSON_LINK, link_id, unlinked=True)
    _in_trail(connection, author, N_("person unlinked"), f"person {person_id}", peer_id)
    return visits


def link_person_again(connection: Connection, author: Author, link_id: int) -> None:
    """Let a link that was cut mean its person again, without the right to sign in."""
    row = connection.execute(sa.select(person_link).where(person_link.c.id == link_id)).one()
    connection.execute(
        sa.update(person_link).where(person_link.c.id == link_id).values(unlinked=False)
    )
    _note(connection, author, PERSON_LINK, link_id, unlinked=False)
    where = f"person {identity.root(connection, row.person_id)}"
    _in_trail(connection, author, N_("person linked again"), where, row.peer_id)


def cut_links(connection: Connection, person_id: int, peer_id: int) -> Sequence[sa.Row[Any]]:
    """Return the links of somebody that were cut from a peer."""
    mine = sa.and_(
        person_link.c.peer_id == peer_id,
        person_link.c.person_id.in_(identity.everybody(connection, person_id)),
        person_link.c.unlinked,
    )
    return connection.execute(sa.select(person_link).where(mine)).all()


def _cut_item(
    connection: Connection, author: Author, assessment_id: int, sectionid: str | None
) -> None:
    """Give an assessment back to the school, as when its peer deletes one that is to stay."""
    this = _item(connection, assessment_id)
    assessments.keep_when_gone(connection, author, assessment_id, keep=True)
    _item_row(connection, author, assessment_id, is_gone=True)
    connection.execute(
        sa.update(assessment).where(assessment.c.id == assessment_id).values(unlinked=True)
    )
    names = admitting.names_of(this.idnumber, this.moodle_id)
    admitting.keep_out_assessment(connection, this.peer_id, names, sectionid or "")
    _note(connection, author, ASSESSMENT, assessment_id, unlinked=True)


def _restore_item(connection: Connection, author: Author, assessment_id: int) -> None:
    rows = _rows(connection, assessment_history, "assessment_id", assessment_id)
    first_peer_id = min(r.id for r in rows if r.by_actor is None)
    was_ours = any(r.by_actor is not None and r.id < first_peer_id for r in rows)
    connection.execute(
        sa.update(assessment).where(assessment.c.id == assessment_id).values(unlinked=False)
    )
    _item_row(connection, author, assessment_id, is_gone=False)
    if not was_ours:
        # Should its peer delete it later, it goes.
        assessments.keep_when_gone(connection, author, assessment_id, keep=False)
    _note(connection, author, ASSESSMENT, assessment_id, unlinked=False)


def _item_row(connection: Connection, author: Author, assessment_id: int, *, is_gone: bool) -> None:
    """Write into the history, in the peer's stead, that an assessment is gone, or as it was."""
    history, why = assessment_history, _CUT if is_gone else _AGAIN
    rows = _rows(connection, history, "assessment_id", assessment_id)
    by_peer = sorted((r for r in rows if r.by_actor is None), key=position)
    said = [r for r in by_peer if not r.deleted] or by_peer
    # What was gone says no more whether students see it: that is said again.
    until = [r for r in by_peer if position(r) <= position(said[-1])]
    own_words = [r for r in by_peer if not _is_in_its_stead(r)]
    is_gone = is_gone or own_words[-1].deleted  # what its peer deleted does not come back
    values = said[-1]._asdict() | {"deleted": is_gone, "hidden": item_hidden(until)}
    _as_peer(connection, history, author, rows, values, why)
    before = _item(connection, assessment_id)
    peer_assessments.refold(connection, assessment_id)
    cells.refold_all(connection, assessment_id, before.section_id)


def _section_row(connection: Connection, author: Author, section_id: int, *, by_peer: bool) -> None:
    """Write what a section is: as its peer said last, or here by hand though that deleted it."""
    history = section_history
    rows = _rows(connection, history, "section_id", section_id)
    peers = sorted((r for r in rows if r.by_actor is None), key=position)
    if by_peer:
        new_id = _as_peer(connection, history, author, rows, peers[-1]._asdict(), _AGAIN)
        teacher_names.keep_same(connection, peers[-1].id, new_id)
    else:
        named = [r.name for r in peers if not r.deleted]
        at = author.position(rows, None)
        connection.execute(
            sa.insert(history).values(
                section_id=section_id,
                name=named[-1] if named else "",
                teacheridnumber="",
                deleted=False,
                **author.columns(at),
            )
        )
    peer_sections.refold(connection, section_id)


def _as_peer(
    connection: Connection,
    history: sa.Table,
    author: Author,
    rows: Sequence[sa.Row[Any]],
    values: dict[str, Any],
    why: str,
) -> int:
    at = author.position(rows, None)
    columns = author.columns(at) | {"by_actor": None, "why": why % author.actor}
    said = {name: value for name, value in values.items() if name != "id"}
    return insert_one(connection, sa.insert(history).values(**said | columns))


def _is_in_its_stead(row: sa.Row[Any]) -> bool:
    """Tell whether a row was written here in a peer's stead."""
    return str(row.why or "").startswith((_CUT % "", _AGAIN % ""))


def _rows(
    connection: Connection, history: sa.Table, column: str, thing_id: int
) -> Sequence[sa.Row[Any]]:
    return connection.execute(sa.select(history).where(history.c[column] == thing_id)).all()


def _is_peers(connection: Connection, assessment_id: int) -> bool:
    rows = _rows(connection, assessment_history, "assessment_id", assessment_id)
    return bool(rows) and item_state(rows).is_peers


def _section(connection: Connection, section_id: int) -> sa.Row[Any]:
    row = connection.execute(sa.select(section).where(section.c.id == section_id)).first()
    if row is None:
        raise Refused("section", _("There is no section with id %(id)s.", id=section_id))
    return row


def _item(connection: Connection, assessment_id: int) -> sa.Row[Any]:
    found = sa.select(assessment).where(assessment.c.id == assessment_id)
    row = connection.execute(found).first()
    if row is None:
        raise Refused("assessment", _("There is no assessment with id %(id)s.", id=assessment_id))
    return row


def _parts(connection: Connection, this: sa.Row[Any], *, unlinked: bool) -> Sequence[sa.Row[Any]]:
    """Return all parts of a peer's section."""
    mine = sa.and_(
        section.c.peer_id == this.peer_id,
        section.c.idnumber == this.idnumber,
        section.c.unlinked.is_(unlinked),
    )
    return connection.execute(sa.select(section).where(mine).order_by(section.c.id)).all()


def _items(connection: Connection, section_id: int, *, unlinked: bool) -> Sequence[int]:
    mine = sa.and_(
        assessment.c.section_id == section_id,
        assessment.c.peer_id.is_not(None),
        assessment.c.unlinked.is_(unlinked),
    )
    found = sa.select(assessment.c.id).where(mine).order_by(assessment.c.id)
    return connection.execute(found).scalars().all()


def _must_stand_alone(connection: Connection, section_id: int) -> None:
    if len(joined.whole(connection, section_id).parts) > 1:
        message = _("This section is one with another; take them apart first.")
        raise Refused("section", message)


def _decide(connection: Connection, author: Author, this: sa.Row[Any], decision: str) -> None:
    connection.execute(
        sa.insert(section_decision).values(
            peer_id=this.peer_id,
            idnumber=this.idnumber,
            moodle_id=this.moodle_id,
            name=this.name,
            decision=decision,
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=author.why,
        )
    )


def _note(
    connection: Connection, author: Author, kind: str, thing_id: int, *, unlinked: bool
) -> None:
    connection.execute(
        sa.insert(link_change).values(
            kind=kind,
            thing_id=thing_id,
            unlinked=unlinked,
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=author.why,
        )
    )


def _last_cut(connection: Connection, kind: str, thing_id: int) -> int:
    """Return the place of a thing's last cut among all changes of links; 0: never."""
    table = link_change.c
    mine = (table.kind == kind, table.thing_id == thing_id, table.unlinked)
    found = sa.select(sa.func.max(table.id)).where(*mine)
    return connection.execute(found).scalar() or 0


def _in_trail(
    connection: Connection, author: Author, action: str, subject: str, peer_id: int
) -> None:
    wwwroot = connection.execute(sa.select(peer.c.wwwroot).where(peer.c.id == peer_id)).scalar()
    author.note(connection, action, subject, {"peer": wwwroot, "why": author.why})
