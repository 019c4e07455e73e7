"""Who is counselor or principal: given and taken, with its entry in the audit trail.

What the roles open stands in own_access.py. Source: RULES R58, R77.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers import audit
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import people
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import person
from schooltool_bridge.store.model_people import staff_role


def role_of(connection: Connection, person_id: int) -> str:
    """Return the staff role of a person's own row; empty for none."""
    held = sa.select(staff_role.c.role).where(staff_role.c.person_id == person_id)
    return connection.execute(held).scalar() or ""


def give(connection: Connection, author: Author, person_id: int, role: str) -> bool:
    """Make somebody counselor or principal, or neither (empty); tell whether that is new.

    Raises Refused for another role, for nobody, and for a row that was merged into another.
    """
    if connection.execute(sa.select(person.c.id).where(person.c.id == person_id)).first() is None:
        raise Refused("person", _("There is nobody with id %(id)s.", id=person_id))
    root = identity.root(connection, person_id)
    if root != person_id and role:
        message = _("This person was merged into the one with id %(id)s; use that.", id=root)
        raise Refused("person", message)
    before = role_of(connection, person_id)
    people.set_staff_role(connection, author, person_id, role)
    if before == role:
        return False
    audit.record(
        connection,
        actor=author.actor,
        action=N_("staff role given") if role else N_("staff role taken"),
        subject=f"person {person_id}",
        detail={"before": before, "after": role},
        now_unix_s=author.now_unix_s,
    )
    return True
