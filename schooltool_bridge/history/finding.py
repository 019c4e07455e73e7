"""Finding the one person or section that somebody means, by an idnumber or our own id.

Source: RULES 1.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from peers.model import peer
from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.common.segments import segment_order
from schooltool_bridge.history import identity, joined
from schooltool_bridge.store.model import person, person_link, section

# Our ids stay below 2**31, as the databases count them.
_ID_DIGITS = 9


def find_person(connection: Connection, text: str) -> int:
    """Return our id of a person named by idnumber or our id; raises NotThere.

    Of somebody with several records it is the one that stands for all.
    """
    roots = identity.roots(connection)
    hits = {roots.get(i, i) for i in _records(connection, text)}
    return _only("person", text, _described(connection, hits))


def find_record(connection: Connection, text: str) -> int:
    """As `find_person`, and return just the record that is named; raises NotThere."""
    return _only("person", text, _described(connection, _records(connection, text)))


def _records(connection: Connection, text: str) -> set[int]:
    hits = set(
        connection.execute(
            sa.select(person.c.id).where(person.c.idnumber_key == key(text))
        ).scalars()
    )
    linked = sa.select(person_link.c.person_id).where(person_link.c.idnumber_key == key(text))
    if not hits and text.startswith(OWN_ID):
        hits |= set(connection.execute(linked).scalars())
    return hits | _own_id(connection, person, text)


def _described(connection: Connection, hits: set[int]) -> dict[int, str]:
    return {i: f"{n} (id {i})" for i, n in people_names(connection).items() if i in hits}


def find_section(
    connection: Connection, text: str, peer_wwwroot: str | None = None, segment: str | None = None
) -> int:
    """Return our id of the one part of a section that is meant, to change it; raises NotThere.

    Of several parts (segments) the one of this segment, or that our own id names.
    """
    parts = find_parts(connection, text, peer_wwwroot)
    of = {part: segment_of(connection, part) for part in parts}
    meant = parts if segment is None else [part for part in parts if of[part] == segment]
    if segment is None and text.isascii() and text.isdigit() and int(text) in parts:
        return int(text)
    if len(meant) == 1:
        return meant[0]
    listed = ", ".join(f"{of[part]} (id {part})" for part in parts)
    raise NotThere(
        _(
            "Section %(text)s has these parts (segments): %(found)s. Choose one by --segment, or "
            "give its id.",
            text=repr(text),
            found=listed,
        )
    )


def find_parts(connection: Connection, text: str, peer_wwwroot: str | None = None) -> list[int]:
    """Return our ids of all parts (segments) of a section, in their order; raises NotThere.

    It is named by its idnumber or by our own id of a part; then just that part is meant. A peer's
    that is joined with ours names ours.
    """
    own = _own_id(connection, section, text)
    named = _SECTIONS.where(sa.or_(section.c.idnumber == text, section.c.id.in_(own)))
    rows = connection.execute(named).all()
    homes = joined.homes(connection, [row.id for row in rows])
    if homes:
        return _joined_parts(connection, text, peer_wwwroot, rows, homes)
    return _parts(text, peer_wwwroot, rows)


def _joined_parts(
    connection: Connection,
    text: str,
    peer_wwwroot: str | None,
    rows: Sequence[sa.Row[Any]],
    homes: Mapping[int, int],
) -> list[int]:
    """As `find_parts`, where some are joined: what a peer brought is sought in ours."""
    of_peer = {homes[r.id] for r in rows if r.id in homes and r.wwwroot == peer_wwwroot}
    alone = [r.id for r in rows if r.id not in homes and peer_wwwroot in (None, r.wwwroot)]
    wanted = {*alone, *(homes[r.id] for r in rows if r.id in homes and peer_wwwroot is None)}
    return _parts(
        text,
        None,
        connection.execute(_SECTIONS.where(section.c.id.in_(wanted | of_peer))).all(),
    )


def find_origin(connection: Connection, text: str, *, is_ours: bool, wwwroot: str | None) -> int:
    """Return our id of a section made here, or of one that a peer brought; raises NotThere.

    Of several parts the first.
    """
    origin = section.c.peer_id.is_(None) if is_ours else section.c.peer_id.is_not(None)
    own = _own_id(connection, section, text)
    named = sa.or_(section.c.idnumber == text, section.c.id.in_(own))
    return _parts(text, wwwroot, connection.execute(_SECTIONS.where(origin, named)).all())[0]


def _parts(text: str, peer_wwwroot: str | None, rows: Sequence[sa.Row[Any]]) -> list[int]:
    found: dict[tuple[str | None, object], list[sa.Row[Any]]] = {}
    for row in sorted(rows, key=lambda r: (segment_order(r.segment), r.id)):
        if peer_wwwroot in (None, row.wwwroot):
            # By our own id alone: just this part.
            whole = row.idnumber if row.idnumber == text else (row.id,)
            found.setdefault((row.wwwroot, whole), []).append(row)
    hits = {parts[-1].id: parts for parts in found.values()}
    meant = _only(
        "section",
        text,
        {
            i: f"{parts[-1].idnumber} {parts[-1].name!r} of {parts[-1].wwwroot} (id {i})"
            for i, parts in hits.items()
        },
    )
    return [part.id for part in hits[meant]]


_SECTIONS: sa.Select[Any] = sa.select(section, peer.c.wwwroot).select_from(
    section.outerjoin(peer, peer.c.id == section.c.peer_id)
)


def segment_of(connection: Connection, section_id: int) -> str:
    """Return which part of its section this is."""
    one = sa.select(section.c.segment).where(section.c.id == section_id)
    return str(connection.execute(one).scalar_one())


def _only(kind: str, text: str, hits: dict[int, str]) -> int:
    if not hits:
        raise NotThere(
            _("There is no person %(text)s; see: mnet-peer person list.", text=repr(text))
            if kind == "person"
            else _("There is no section %(text)s; see: mnet-peer section list.", text=repr(text))
        )
    if len(hits) > 1:
        listed = "; ".join(hits.values())
        raise NotThere(
            _(
                "%(text)s fits several: %(found)s. Use --peer, or the other's id.",
                text=repr(text),
                found=listed,
            )
        )
    return next(iter(hits))


def _own_id(connection: Connection, table: sa.Table, text: str) -> set[int]:
    if not (text.isascii() and text.isdigit()) or len(text) > _ID_DIGITS:
        return set()
    return set(connection.execute(sa.select(table.c.id).where(table.c.id == int(text))).scalars())


def people_names(connection: Connection) -> dict[int, str]:
    """Return what lists call each record: its shared idnumber, else our id."""
    return {i: idnumber or str(i) for i, idnumber in shared_ids(connection).items()}


def shared_ids(connection: Connection) -> dict[int, str | None]:
    """The shared idnumber of each record; of somebody merged any that there is."""
    own = sa.select(person.c.id, person.c.idnumber).order_by(person.c.id)
    found = {r.id: r.idnumber for r in connection.execute(own)}
    for merged, root in identity.roots(connection).items():
        found[root] = found[root] or found[merged]
    return found
