"""The first steps with a new site: from the password to the first backup, each by what is there.

Nothing is ticked by hand: a step is done when the store shows it. Source: RULES R14;
manual/operating.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_
from peers import accounts, audit, store
from peers.model import peer, peer_check
from schooltool_bridge.store import backups
from schooltool_bridge.store.model import person, person_link, section
from schooltool_bridge.store.model_people import staff_role
from schooltool_bridge.store.model_school import term
from schooltool_bridge.store.site_memory import one_writer, recall, remember

_MEMORY = "first steps"


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done, and the page where; title and text are said by `_`."""

    key: str
    title: str
    text: str
    path: str


STEPS = (
    Step(
        "password",
        N_("A password of your own"),
        N_("In place of the one that was printed when this site was made."),
        "/admin/password",
    ),
    Step(
        "school",
        N_("The school year and its terms"),
        N_("So that sections have a place, and reports a term."),
        "/admin/school",
    ),
    Step(
        "moodle",
        N_("A Moodle, verified and switched on"),
        N_("Four steps, about five minutes; you need to be an admin there, too."),
        "/admin/peers/add",
    ),
    Step(
        "transfer",
        N_("The first transfer"),
        N_("People and sections of that Moodle are here: by a full sync, or as they change."),
        "/admin/sections",
    ),
    Step(
        "roles",
        N_("Who works here"),
        N_("An account for the office, or one of the people who may sign in or see students."),
        "/admin/accounts",
    ),
    Step(
        "backup",
        N_("The first backup"),
        N_("Everything in one file, as secret as the grades in it."),
        "/admin/settings/backups",
    ),
)


def steps(connection: Connection) -> tuple[Step, ...]:
    """Return them; where a peer is there already, its page and not another peer's beginning."""
    has_peer = _is_there(connection, sa.select(peer.c.id))
    return tuple(
        replace(s, path="/admin/peers") if s.key == "moodle" and has_peer else s for s in STEPS
    )


def done(connection: Connection) -> Mapping[str, bool]:
    """Tell of each step, by its key, whether it is done."""
    everybody = accounts.all_accounts(connection)
    managers = [a for a in everybody if a.role == accounts.MANAGER]
    verified = sa.select(peer.c.id).where(
        peer.c.state == store.ENABLED, peer.c.id == peer_check.c.peer_id, peer_check.c.ok
    )
    may_sign_in = sa.or_(_any(person_link.c.can_login), _any(person.c.can_login))
    return {
        "password": any(not a.one_time for a in managers),
        "school": _is_there(connection, sa.select(term.c.id)),
        "moodle": _is_there(connection, verified),
        "transfer": _is_there(
            connection, sa.select(section.c.id).where(section.c.peer_id.is_not(None))
        ),
        "roles": len(everybody) > 1
        or _is_there(connection, sa.select(staff_role.c.person_id))
        or bool(connection.execute(sa.select(may_sign_in)).scalar()),
        "backup": backups.last_unix_s(connection) is not None,
    }


def is_put_away(connection: Connection) -> bool:
    """Tell whether a manager does not want to see them any more."""
    return bool((recall(connection, _MEMORY) or {}).get("put_away"))


def put_away(connection: Connection, by: audit.By, *, away: bool) -> None:
    """Put them away, or bring them back; it stands in the audit trail."""
    one_writer(connection)
    if is_put_away(connection) == away:
        return
    remember(connection, _MEMORY, {"put_away": away})
    action = N_("first steps put away") if away else N_("first steps brought back")
    by.note(connection, action, "first steps", {})


def _any(column: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(column)


def _is_there(connection: Connection, wanted: sa.Select[tuple[int]]) -> bool:
    return connection.execute(wanted.limit(1)).first() is not None
