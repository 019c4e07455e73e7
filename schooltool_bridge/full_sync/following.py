"""What is missing only because something else is: grades of somebody who left, items of a section.

A Moodle deletes the grades of whoever leaves, and all of a course with it. They are marked like
any other, but do not count towards what is too much to be done without asking.
Source: RULES 1.10 (what waits for a person).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.full_sync.holding import Missing
from schooltool_bridge.full_sync.walking import ASSESSMENTS, ENROLMENTS, GRADES, SECTIONS
from schooltool_bridge.history import identity, meaning, present
from schooltool_bridge.store.model import ACTIVE, section


def without_followers(
    connection: Connection, missing: Mapping[str, Sequence[Missing]]
) -> dict[str, list[Missing]]:
    """Return what is missing by kind, without what only follows from something else missing."""
    gone_sections = {m.thing_id for m in missing.get(SECTIONS, ())}
    gone_items = {m.thing_id for m in missing.get(ASSESSMENTS, ())}
    grades = missing.get(GRADES, ())
    items = missing.get(ASSESSMENTS, ())
    gone_sections |= _deleted(connection, {m.section_id for m in (*items, *grades)})
    gone_places = {m.thing_id for m in missing.get(ENROLMENTS, ())}
    there = _places(connection, {m.section_id for m in grades}, gone_places)
    roots = identity.roots(connection)

    def is_by_itself(m: Missing) -> bool:
        return m.section_id not in gone_sections

    def is_grade_by_itself(m: Missing) -> bool:
        who = roots.get(m.person_id or 0, m.person_id)
        is_there = (m.section_id, who) in there
        return is_by_itself(m) and m.assessment_id not in gone_items and is_there

    found = {entity: [*things] for entity, things in missing.items()}
    if ASSESSMENTS in found:
        found[ASSESSMENTS] = [m for m in items if is_by_itself(m)]
    if GRADES in found:
        found[GRADES] = [m for m in grades if is_grade_by_itself(m)]
    return found


def _deleted(connection: Connection, sections: set[int | None]) -> set[int]:
    """Return which sections their peer said were deleted."""
    found: set[int] = set()
    for part in in_parts(sorted(i for i in sections if i is not None)):
        gone = sa.select(section.c.id).where(section.c.id.in_(part), section.c.status != ACTIVE)
        found.update(connection.execute(gone).scalars())
    return found


def _places(
    connection: Connection, sections: set[int | None], gone: set[int]
) -> set[tuple[int, int]]:
    """Return who is in which of the sections still: section and person."""
    now = present.as_peers_say(connection)
    found: set[tuple[int, int]] = set()
    for part in in_parts(sorted(i for i in sections if i is not None)):
        rows = connection.execute(
            sa.select(now.c.id, now.c.section_id, now.c.person_id).where(
                now.c.section_id.in_(part), meaning.is_open(now.c.code)
            )
        )
        found.update((r.section_id, r.person_id) for r in rows if r.id not in gone)
    return found
