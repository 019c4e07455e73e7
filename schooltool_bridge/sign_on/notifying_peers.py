"""Calls that notify a peer of sign-on; its answer changes nothing here.

A peer that cannot be told is noted in the log, in no words of its own. Blocks; runs after the
page has left. Source: RULES 1.7; PROTOCOL.md section 11.
"""

from __future__ import annotations

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mnet.call_errors import CallError, RemoteFault
from mnet.database import Database
from mnet.outbound import Outbound
from mnet.protocol import AUTH_PATH
from mnet.xmlrpc import Value
from peers.registry import Peer
from schooltool_bridge.history import meaning, present
from schooltool_bridge.store.model import ACTIVE, enrolment_state, section

TELL_TIMEOUT_S = 10.0
# More than anybody is enrolled in.
MAX_COURSES = 500

log = structlog.get_logger("sign-on")


def notify(
    outbound: Outbound[Peer],
    peer: Peer,
    method: str,
    params: list[Value],
    *,
    timeout_s: float = TELL_TIMEOUT_S,
    needs_proof: bool = False,
) -> bool:
    """Call a method of sso_idp or sso_sp on a peer; return whether it answered.

    A plain fault is no answer to what `needs_proof`. Never raises CallError.
    """
    try:
        outbound.call(peer, AUTH_PATH + method, params, timeout_s=timeout_s)
    except CallError as problem:
        log.warning(method, peer=peer.wwwroot, reason=problem.in_our_words)
        return isinstance(problem, RemoteFault) and (problem.proven or not needs_proof)
    return True


def notify_courses(
    database: Database, outbound: Outbound[Peer], peer: Peer, person_id: int, username: str
) -> bool:
    """Tell an identity provider where its user is enrolled here (update_enrolments).

    Returns whether it answered.
    """
    with database.read() as connection:
        courses: list[Value] = [*courses_here(connection, person_id, peer.id)]
    return notify(outbound, peer, "update_enrolments", [username, courses])


def courses_here(connection: Connection, person_id: int, but: int) -> list[dict[str, Value]]:
    """Return a person's active sections as update_enrolments lays courses out.

    Without those of the peer `but`, whose own courses they are.
    """
    now = present.as_peers_say(connection)
    rows = connection.execute(
        sa.select(section.c.id, section.c.name, section.c.idnumber, now.c.role)
        .join_from(now, section, section.c.id == now.c.section_id)
        .join(enrolment_state, enrolment_state.c.code == now.c.code)
        .where(now.c.person_id == person_id, meaning.IS_ACTIVE)
        .where(section.c.peer_id != but, section.c.status == ACTIVE)
        .order_by(section.c.name, section.c.id)
        .limit(MAX_COURSES)
    ).all()
    return [
        {
            "id": str(row.id),
            "sortorder": str(number),
            "fullname": row.name,
            "shortname": row.name,
            "idnumber": row.idnumber,
            "summary": "",
            "startdate": "0",
            "cat_id": "1",
            "cat_name": "",
            "cat_description": "",
            "defaultroleid": "1",
            "defaultrolename": row.role,
        }
        for number, row in enumerate(rows, 1)
    ]
