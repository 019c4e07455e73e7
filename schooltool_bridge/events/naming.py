"""Names beside the numbers that events and the audit trail hold, for people who read them.

Only reads; who is not known (any more) stays a number. Source: RULES 1.4, R90.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.events.inbox import Entry
from schooltool_bridge.store.model import assessment, person, person_link, section

# Says how a peer's number of a kind (user, section, assessment) is called here.
Namer = Callable[[str, str], str]
# In which fields of an event which kind of number stands.
NUMBERS = {"userid": "user", "sectionid": "section", "assessmentid": "assessment"}
_SUBJECT = re.compile(r"(person|section|assessment) ([0-9]{1,18})")
# Details of the audit trail that hold people's numbers; `persons` holds many.
_PEOPLE = ("person", "kept", "merged", "persons")
# A list names so many of many people.
MAX_NAMED = 20


def of_events(connection: Connection, entries: Iterable[Entry]) -> dict[int, Namer]:
    """Return a namer for each peer that sent one of these events."""
    wanted: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for entry in entries:
        numbers = wanted[entry.peer_id]
        if isinstance(entry.payload, Mapping):
            for field, kind in NUMBERS.items():
                numbers[kind].add(str(entry.payload.get(field) or ""))
        for waits in entry.waiting_for:
            kind, _colon, rest = waits.partition(":")
            first, slash, second = rest.partition("/")
            if slash:
                numbers["section" if kind == "enrolment" else "assessment"].add(first)
                numbers["user"].add(second)
            else:
                numbers[kind].add(first)
    return {
        peer_id: of_numbers(connection, peer_id, numbers) for peer_id, numbers in wanted.items()
    }


def of_numbers(
    connection: Connection, peer_id: int | None, numbers: Mapping[str, set[str]]
) -> Namer:
    """Return a namer for these numbers, by their kinds, as one peer tells them."""
    known: dict[tuple[str, str], str] = {}
    keys = sorted({key(text) for text in numbers.get("user", ()) if text})
    own = [text.removeprefix(OWN_ID) for text in keys if text.startswith(OWN_ID)]
    if keys:
        link = person_link.c
        rows = connection.execute(
            sa.select(link.idnumber_key, link.username_key, link.moodle_id, *_NAME)
            .join_from(person_link, person, person.c.id == link.person_id)
            .where(link.peer_id == peer_id)
            .where(
                sa.or_(
                    link.idnumber_key.in_(keys),
                    link.username_key.in_(keys),
                    link.moodle_id.in_(own),
                )
            )
        )
        shared = connection.execute(
            sa.select(person.c.idnumber_key, *_NAME).where(person.c.idnumber_key.in_(keys))
        )
        known |= {("user", row.idnumber_key): _called(row) for row in shared}
        for row in rows:
            theirs = (row.idnumber_key, row.username_key, row.moodle_id and OWN_ID + row.moodle_id)
            known |= {("user", number): _called(row) for number in theirs if number}
    for kind, table in (("section", section), ("assessment", assessment)):
        numbers_there = sorted(text for text in numbers.get(kind, ()) if text)
        if not numbers_there:
            continue
        own = [n.removeprefix(OWN_ID) for n in numbers_there if n.startswith(OWN_ID)]
        for thing in connection.execute(
            sa.select(table.c.idnumber, table.c.moodle_id, table.c.name)
            .where(table.c.peer_id == peer_id)
            .where(sa.or_(table.c.idnumber.in_(numbers_there), table.c.moodle_id.in_(own)))
        ):
            for number in (thing.idnumber, thing.moodle_id and OWN_ID + thing.moodle_id):
                if number:
                    known[kind, number] = thing.name

    def name(kind: str, text: str) -> str:
        found = known.get((kind, key(text) if kind == "user" else text))
        return f"{found} ({text})" if found else text

    return name


def of_teachers(
    connection: Connection, peer_id: int | None, rows: Collection[sa.Row[Any]]
) -> Callable[[sa.Row[Any]], str]:
    """Return what names the teacher of a section's row, as teacher_names.ROWS gives them."""
    numbers = {r.teacheridnumber for r in rows if r.teacher_id is None}
    name_of = of_numbers(connection, peer_id, {"user": numbers})
    known = of_people(connection, (r.teacher_id for r in rows if r.teacher_id is not None))

    def name(row: sa.Row[Any]) -> str:
        if row.teacher_id is None:
            return name_of("user", row.teacheridnumber)
        return f"{known[row.teacher_id]} ({row.teacheridnumber})"

    return name


def of_people(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return how people are called, by our ids."""
    rows = connection.execute(sa.select(person.c.id, *_NAME).where(person.c.id.in_(set(ids))))
    return {row.id: _called(row) for row in rows}


def of_trail(
    connection: Connection, entries: Iterable[tuple[str, Mapping[str, object]]]
) -> Callable[[str, object], str | None]:
    """Return what names the subject or a detail of the trail's entries, or None.

    Takes `subject` and the subject, or a detail's name and value.
    """
    subjects: dict[str, set[int]] = defaultdict(set)
    for subject, detail in entries:
        if found := _SUBJECT.fullmatch(subject):
            subjects[found[1]].add(int(found[2]))
        for field in _PEOPLE:
            subjects["person"] |= set(_numbers(detail.get(field)))
    names = {
        "person": of_people(connection, subjects["person"]),
        "section": _titles(connection, section, subjects["section"]),
        "assessment": _titles(connection, assessment, subjects["assessment"]),
    }

    def name(field: str, value: object) -> str | None:
        if field == "subject" and isinstance(value, str):
            found = _SUBJECT.fullmatch(value)
            return names[found[1]].get(int(found[2])) if found else None
        numbers = _numbers(value) if field in _PEOPLE else []
        people = [names["person"].get(number, str(number)) for number in numbers]
        return ", ".join(people) or None

    return name


def _numbers(value: object) -> list[int]:
    many = value if isinstance(value, list) else [value]
    return [n for n in many if isinstance(n, int) and not isinstance(n, bool)][:MAX_NAMED]


def _titles(connection: Connection, table: sa.Table, ids: set[int]) -> dict[int, str]:
    rows = connection.execute(sa.select(table.c.id, table.c.name).where(table.c.id.in_(ids)))
    return {row.id: row.name for row in rows}


def _called(row: Any) -> str:
    return f"{row.firstname} {row.lastname}".strip() or str(row.username)


_NAME = (person.c.firstname, person.c.lastname, person.c.username)
