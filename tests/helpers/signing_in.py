"""Admins who sign in to a site in memory."""

from __future__ import annotations

from peers import accounts, audit
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.visitor import Visitor, in_memory

FIRST, OWN = "one-time-one-time", "correct horse battery"


def browser(rig: Rig, sender: str = "198.51.100.7") -> Visitor:
    return Visitor(in_memory(frame_of(rig.app), sender))


def add(rig: Rig, name: str, role: str, password: str = OWN, *, one_time: bool = False) -> int:
    with rig.app.database.write() as connection:
        accounts.add(
            connection, name, password, one_time=one_time, now_unix_s=START_UNIX_S, role=role
        )
        return accounts.by_name(connection, name).id


def is_in(visitor: Visitor, page: str = "/admin/password") -> bool:
    answer = visitor.get(page)
    assert answer.status in {200, 303}
    return answer.status == 200


def actions(rig: Rig) -> list[tuple[str, str, str]]:
    with rig.app.database.read() as connection:
        return [(e.actor, e.action, e.subject) for e in reversed(audit.entries(connection))]
