"""What became of a person's names: sent by peers, written by hand, merged; in the order of events.

Only reads, and puts it into words. Source: RULES 1.4, R39b, R39e.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_, _, translated
from mnet.stored_sentences import localized
from peers.model import peer
from schooltool_bridge.common.times import took_effect
from schooltool_bridge.history import identity, present
from schooltool_bridge.history.fold import position
from schooltool_bridge.school.labels import ROLES
from schooltool_bridge.store.model import (
    enrolment_state,
    person,
    person_history,
    person_link,
    section,
)
from schooltool_bridge.store.model_people import person_merge, person_record

# Nobody reads further back on a page; the newest are kept.
MAX_LINES = 100
# What one page may read: a Moodle that renames somebody every day for years stays below.
MAX_ROWS = 2000
MAX_VALUE_CHARS = 80
_TITLES = {
    "username": N_("user name"),
    "firstname": N_("first name"),
    "lastname": N_("last name"),
    "idnumber": N_("ID number"),
    "email": N_("email"),
    "staff role": N_("staff role"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that became known of somebody."""

    effective_unix_s: int
    recorded_unix_s: int
    # An account's name, or the peer that sent it.
    who: str
    what: str
    why: str = ""


def story(connection: Connection, person_id: int) -> list[Line]:
    """Return what is known of how a person came to be what they are, newest first."""
    rows = identity.everybody(connection, person_id)
    # Of one second a decision came after what it was about.
    lines = [
        *_merges(connection, rows),
        *_by_hand(connection, rows),
        *reversed(_by_peers(connection, rows)),
    ]
    lines.sort(key=lambda line: (line.effective_unix_s, line.recorded_unix_s), reverse=True)
    return lines[:MAX_LINES]


def sections_of(connection: Connection, person_id: int) -> list[str]:
    """Return in which sections a person is or was, and as what; in words."""
    now = present.enrolments(connection)
    rows = connection.execute(
        sa.select(section.c.name, now.c.role, enrolment_state.c.title)
        .join_from(now, section, section.c.id == now.c.section_id)
        .join(enrolment_state, enrolment_state.c.code == now.c.code)
        .where(now.c.person_id == identity.root(connection, person_id))
        .order_by(section.c.name, section.c.id, now.c.role)
        .limit(MAX_LINES)
    )
    return [f"{row.name}: {_(ROLES[row.role])}, {_within(row.title)}" for row in rows]


def _within(title: str) -> str:
    """A state's title within a sentence: another language has capitals of its own."""
    message = translated(title)
    return message.lower() if message == title else message


def _by_peers(connection: Connection, rows: Collection[int]) -> list[Line]:
    newest = sa.select(person_history, peer.c.name.label("peer_name"), peer.c.wwwroot).select_from(
        person_history.join(person_link, person_link.c.id == person_history.c.link_id).join(
            peer, peer.c.id == person_link.c.peer_id
        )
    )
    rows_of_peers = connection.execute(
        newest.where(person_link.c.person_id.in_(rows))
        .order_by(person_history.c.id.desc())
        .limit(MAX_ROWS)
    ).all()
    before: dict[int, Mapping[str, Any]] = {}
    lines = []
    for row in sorted(rows_of_peers, key=position):
        known = before.get(row.link_id)
        now = row.fields if known is None else _known_after(known, row.fields)
        what = _change_text(known, now)
        before[row.link_id] = now
        if what:
            who = row.peer_name or row.wwwroot
            lines.append(Line(took_effect(row), row.recorded_unix_s, who, what))
    return lines


def _known_after(before: Mapping[str, Any], now: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is known after an event: one without an id leaves it as it was."""
    return {**now, **{n: before.get(n) for n in ("idnumber", "username") if not now.get(n)}}


def _change_text(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    if before is None:
        known = [
            f"{_(title)} {_quoted(now[name])}" for name, title in _TITLES.items() if now.get(name)
        ]
        return _("First told: %(names)s.", names=", ".join(known))
    return _changes(
        {
            name: [before.get(name), now.get(name)]
            for name in _TITLES
            if (before.get(name) or "") != (now.get(name) or "")
        }
    )


def _by_hand(connection: Connection, rows: Collection[int]) -> list[Line]:
    record = person_record.c
    found = connection.execute(
        sa.select(person_record)
        .where(record.person_id.in_(rows))
        .order_by(record.id.desc())
        .limit(MAX_ROWS)
    )
    return [
        Line(r.recorded_unix_s, r.recorded_unix_s, r.by_actor, _changes(r.changed), r.why)
        for r in found
    ]


def _merges(connection: Connection, rows: Collection[int]) -> list[Line]:
    stays, merged = person.alias(), person.alias()
    names = [
        t.c[name].label(f"{label}_{name}")
        for label, t in (("kept", stays), ("merged", merged))
        for name in ("firstname", "lastname", "username")
    ]
    found = connection.execute(
        sa.select(person_merge, *names)
        .join_from(person_merge, stays, stays.c.id == person_merge.c.kept_id)
        .join(merged, merged.c.id == person_merge.c.merged_id)
        .where(sa.or_(person_merge.c.kept_id.in_(rows), person_merge.c.merged_id.in_(rows)))
        .order_by(person_merge.c.id.desc())
        .limit(MAX_ROWS)
    )
    lines = []
    for r in found:
        one = f"{r.merged_firstname} {r.merged_lastname} ({r.merged_username}, id {r.merged_id})"
        other = f"{r.kept_firstname} {r.kept_lastname} ({r.kept_username}, id {r.kept_id})"
        what = (
            _("%(one)s was taken apart from %(other)s.", one=one, other=other)
            if r.undone
            else _("%(one)s was merged into %(other)s.", one=one, other=other)
        )
        lines.append(Line(r.recorded_unix_s, r.recorded_unix_s, r.by_actor, what, r.why))
    return lines


def _changes(changed: Mapping[str, Any]) -> str:
    """Write what changed: {"lastname": ["before", "after"]}."""
    parts = []
    for name, values in changed.items():
        before, after = (_(str(v)) if name == "staff role" and v else v for v in values)
        title = _(_TITLES[name]) if name in _TITLES else name
        if name == "conflict":
            parts.append(_("decided: %(what)s", what=localized(str(after))))
        elif not before:
            parts.append(f"{title} {_quoted(after)}")
        elif not after:
            parts.append(_("%(title)s %(value)s taken away", title=title, value=_quoted(before)))
        else:
            parts.append(
                _(
                    "%(title)s %(before)s became %(after)s",
                    title=title,
                    before=_quoted(before),
                    after=_quoted(after),
                )
            )
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _quoted(value: object) -> str:
    text = str(value)
    return _(
        "“%(text)s”", text=text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "…"
    )
