"""Where the store holds something about one person, and the names by which they are known.

The one list that handing out (person_export.py) and erasing (erasing.py) go by; a test sees that
no table about people is missing from it. Only looks. Source: RULES R38;
manual/personal-data.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_
from peers.model import audit_entry
from peers.sign_on import jump_session, person_session
from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.events.inbox import DONE
from schooltool_bridge.events.kinds import FETCH_USER
from schooltool_bridge.history import identity
from schooltool_bridge.history.teacher_names import TEACHER_ID, WITH_TEACHER
from schooltool_bridge.store.model import (
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    inbox,
    peer_course,
    person,
    person_history,
    person_link,
    section,
    section_history,
)
from schooltool_bridge.store.model_access import jump_denied, person_picture
from schooltool_bridge.store.model_errands import errand
from schooltool_bridge.store.model_people import (
    imported_id,
    password_link,
    person_merge,
    person_password,
    person_record,
    staff_role,
)
from schooltool_bridge.store.model_reports import final_mark, issued_report, print_sheet
from schooltool_bridge.store.model_sync import sync_mark, sync_row
from schooltool_bridge.store.model_teaching import named_teacher

Condition = sa.ColumnElement[bool]
# The fields of an event by which a peer names somebody; `idnumber` and `moodleid` name a person
# in fetch_user only.
NAMING = ("userid", "username", "email", "teacheridnumber")
NAMING_OF_A_USER = ("idnumber", "moodleid")
# Moodle's own id beside a number, which may have been given to somebody else.
OWN_ID_BESIDE = {"userid": "usermoodleid", "teacheridnumber": "teachermoodleid"}
# What is kept of somebody's names.
NAMES = ("idnumber", "username", "firstname", "lastname", "email")


@dataclass(frozen=True, slots=True)
class About:
    """A table with rows about a person: what they are called, and which they are."""

    title: str
    table: sa.Table
    mine: Callable[[Collection[int]], Condition]


def _by(column: sa.Column[int]) -> Callable[[Collection[int]], Condition]:
    return column.in_


def _marks(ids: Collection[int]) -> Condition:
    """Marks on somebody's links, enrolments and grades (store/model_sync.py)."""
    things = {
        "users": sa.select(person_link.c.id).where(person_link.c.person_id.in_(ids)),
        "enrolments": sa.select(enrolment.c.id).where(enrolment.c.person_id.in_(ids)),
        "grades": sa.select(grade.c.id).where(grade.c.person_id.in_(ids)),
    }
    mark = sync_mark.c
    return sa.or_(*(sa.and_(mark.entity == e, mark.thing_id.in_(t)) for e, t in things.items()))


_LINKS = sa.select(person_link.c.id)
_CELLS = sa.select(grade.c.id)
ABOUT = (
    About(N_("person"), person, _by(person.c.id)),
    About(N_("links"), person_link, _by(person_link.c.person_id)),
    About(
        N_("names told by peers"),
        person_history,
        lambda ids: person_history.c.link_id.in_(_LINKS.where(person_link.c.person_id.in_(ids))),
    ),
    About(N_("names by hand"), person_record, _by(person_record.c.person_id)),
    About(
        N_("merges"),
        person_merge,
        lambda ids: sa.or_(person_merge.c.kept_id.in_(ids), person_merge.c.merged_id.in_(ids)),
    ),
    About(N_("staff role"), staff_role, _by(staff_role.c.person_id)),
    About(
        N_("ids of imports"),
        imported_id,
        lambda ids: sa.and_(imported_id.c.kind == "user", imported_id.c.own_id.in_(ids)),
    ),
    About(N_("enrolments"), enrolment, _by(enrolment.c.person_id)),
    About(N_("enrolment history"), enrolment_history, _by(enrolment_history.c.person_id)),
    About(N_("grades"), grade, _by(grade.c.person_id)),
    About(
        N_("grade history"),
        grade_history,
        lambda ids: grade_history.c.grade_id.in_(_CELLS.where(grade.c.person_id.in_(ids))),
    ),
    About(N_("named as teacher"), named_teacher, _by(named_teacher.c.person_id)),
    About(N_("final marks"), final_mark, _by(final_mark.c.person_id)),
    About(N_("reports"), issued_report, _by(issued_report.c.person_id)),
    About(N_("printed with others"), print_sheet, _by(print_sheet.c.person_id)),
    About(N_("courses elsewhere"), peer_course, _by(peer_course.c.person_id)),
    About(N_("password"), person_password, _by(person_password.c.person_id)),
    About(N_("links to choose a password"), password_link, _by(password_link.c.person_id)),
    About(N_("picture"), person_picture, _by(person_picture.c.person_id)),
    About(N_("sessions here"), person_session, _by(person_session.c.person_id)),
    About(N_("sessions at peers"), jump_session, _by(jump_session.c.person_id)),
    About(N_("still to be asked"), errand, _by(errand.c.person_id)),
    About(N_("may not go to"), jump_denied, _by(jump_denied.c.person_id)),
    About(N_("found by full syncs"), sync_row, _by(sync_row.c.person_id)),
    About(N_("missing at a peer"), sync_mark, _marks),
)

# Tables that name people in words, without a reference: searched by the functions below, by
# erasing_texts.py, and by the throttle's own forget.
NAMED_IN = frozenset(
    {"section_history", "audit_entry", "inbox", "inbox_wait", "sign_in_address", "sign_in_failure"}
)
# Tables with such a column that neither are handed out nor erased, and why.
LEFT_ALONE = {
    "account": "an admin's own way in, which is no person of the school; removed by its command",
    "admin_session": "an account's",
    "account_link": "an account's",
    "account_sign_on": "an account's, and its user name at a peer",
    "key_pair": "this server's certificates",
}


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that ever named a person here: texts as they were written, by kind."""

    # Our ids, the one that stands for them first.
    ids: tuple[int, ...]
    # A kind of NAMES to its values.
    names: Mapping[str, frozenset[str]]
    # By peer, in the form that is compared: what this peer's events call the person.
    by_peer: Mapping[int, frozenset[str]]

    @property
    def whole_names(self) -> frozenset[str]:
        """First and last name together, as people write them."""
        pairs = [(f, s) for f in self.names["firstname"] for s in self.names["lastname"] if f and s]
        return frozenset(form for f, s in pairs for form in (f"{f} {s}", f"{s} {f}", f"{s}, {f}"))

    @property
    def callings(self) -> frozenset[str]:
        """User names and ID numbers, in the form that is compared."""
        return frozenset(key(v) for kind in ("username", "idnumber") for v in self.names[kind])


def known(connection: Connection, person_id: int) -> Known:
    """Gather every name that a person has or had, by peers, by hand and by imports."""
    ids = identity.everybody(connection, person_id)
    names: dict[str, set[str]] = {kind: set() for kind in NAMES}
    by_peer: dict[int, set[str]] = {}

    def note(values: Mapping[str, object]) -> None:
        for kind in NAMES:
            if isinstance(values.get(kind), str):
                names[kind].add(str(values[kind]))

    for row in connection.execute(sa.select(person).where(person.c.id.in_(ids))):
        note({kind: getattr(row, kind) for kind in NAMES})
    for row in connection.execute(sa.select(person_link).where(person_link.c.person_id.in_(ids))):
        own = OWN_ID + row.moodle_id if row.moodle_id else None
        note({"username": row.username, "idnumber": row.idnumber_key})
        called = {row.idnumber_key, row.username_key, own} - {None}
        by_peer.setdefault(row.peer_id, set()).update(called)
    by_peers = sa.select(person_history.c.fields, person_link.c.peer_id).join_from(
        person_history, person_link, person_link.c.id == person_history.c.link_id
    )
    for fields, peer_id in connection.execute(by_peers.where(person_link.c.person_id.in_(ids))):
        note(fields)
        called = {key(v) for v in (fields.get("idnumber"), fields.get("username")) if v}
        by_peer.setdefault(peer_id, set()).update(called)
    written = sa.select(person_record.c.changed).where(person_record.c.person_id.in_(ids))
    for changed in connection.execute(written).scalars():
        for side in (0, 1):
            note({kind: both[side] for kind, both in changed.items()})
    for table in (person_session, jump_session):
        called_there = sa.select(table.c.username).where(table.c.person_id.in_(ids))
        names["username"].update(connection.execute(called_there).scalars())
    return Known(
        tuple(ids),
        {kind: frozenset(v for v in found if v) for kind, found in names.items()},
        {peer_id: frozenset(found) for peer_id, found in by_peer.items()},
    )


def inbox_about(connection: Connection, who: Known) -> list[sa.Row[Any]]:
    """Return the events of the inbox that name a person; an applied one has no content left."""
    open_events = sa.select(inbox).where(inbox.c.status != DONE).order_by(inbox.c.id)
    emails = {key(v) for v in who.names["email"]}
    whole = {key(v) for v in who.whole_names}
    found = []
    for row in connection.execute(open_events):
        called = who.callings | emails | who.by_peer.get(row.peer_id, frozenset())
        if _names(row.event, row.payload, called, whole):
            found.append(row)
    return found


def _names(event: str, payload: object, called: Collection[str], whole: Collection[str]) -> bool:
    if not isinstance(payload, Mapping) or "cut" in payload:
        # No struct of fields, or only the beginning of one: whatever stands there in quotes.
        text = key(json.dumps(payload, ensure_ascii=False).replace('\\"', '"'))
        return any(f'"{name.removeprefix(OWN_ID)}"' in text for name in called)
    fields = (*NAMING, *(NAMING_OF_A_USER if event == FETCH_USER else ()))
    if any(_is_called(payload, name, called) for name in fields):
        return True
    return key(f"{payload.get('firstname')} {payload.get('lastname')}") in whole


def _is_called(payload: Mapping[str, Any], field: str, called: Collection[str]) -> bool:
    """Tell whether a field of an event names somebody who is called like this at its peer."""
    own = _text(payload, "moodleid" if field == "moodleid" else OWN_ID_BESIDE.get(field, ""))
    if own and (field == "moodleid" or any(name.startswith(OWN_ID) for name in called)):
        return OWN_ID + own in called
    return bool(_text(payload, field)) and _text(payload, field) in called


def _text(payload: Mapping[str, Any], field: str) -> str:
    value = payload.get(field)
    return key(str(value).strip()) if isinstance(value, (str, int)) else ""


def taught_under(connection: Connection, who: Known) -> list[sa.Row[Any]]:
    """Return the rows of sections' history that name a person as teacher: id, peer, the name."""
    history = section_history
    named: sa.Select[Any] = (
        sa.select(history.c.id, section.c.peer_id, history.c.teacheridnumber, TEACHER_ID)
        .select_from(WITH_TEACHER.join(section, section.c.id == history.c.section_id))
        .where(history.c.teacheridnumber != "")
    )
    shared = {key(v) for v in who.names["idnumber"]}

    def names_them(row: sa.Row[Any]) -> bool:
        if row.teacher_id is not None:
            return row.teacher_id in who.ids
        called = shared | who.by_peer.get(row.peer_id or 0, frozenset())
        return key(row.teacheridnumber) in called

    return [r for r in connection.execute(named) if names_them(r)]


def audit_about(connection: Connection, who: Known) -> list[sa.Row[Any]]:
    """Return the audit trail's entries about a person, oldest first."""
    subjects = [f"person {i}" for i in who.ids]
    subjects += [f"user {name}" for name in who.names["username"]]
    rows = connection.execute(sa.select(audit_entry).order_by(audit_entry.c.id)).all()
    return [
        r
        for r in rows
        if r.subject in subjects
        or r.actor in subjects
        or not set(who.ids).isdisjoint(_people_in(r.detail))
    ]


def sign_in_names(who: Known) -> list[str]:
    """Return the names under which a person's sign-ins are counted (peers/web/throttle.py)."""
    names = [key(name) for name in who.names["username"]]
    return [f"{what} {name}" for name in names for what in ("person", "forgotten")]


def _people_in(detail: Mapping[str, object]) -> set[int]:
    named = [detail.get(name) for name in ("person", "kept", "merged")]
    listed = detail.get("persons")
    named += listed if isinstance(listed, list) else []
    return {i for i in named if isinstance(i, int)}
