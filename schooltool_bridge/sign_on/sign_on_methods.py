"""The methods of sso_idp and sso_sp, with Moodle's own names, parameters and layouts.

What they mean stands in jumping.py and signing_off.py. A peer is told, and may change, only what
concerns a live visit to it. Source: RULES 1.2, 1.3, 1.7; PROTOCOL.md section 11.
"""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa

from mnet.dispatcher import Method, Parameter
from mnet.exchange import Context, Site
from mnet.faults import BadParameters
from mnet.protocol import AUTH_PATH, SERVICE_IDP, SERVICE_SP
from mnet.slow_work import ForSite
from mnet.xmlrpc import Value
from peers.registry import Peer
from peers.web import sessions
from peers.web.sessions import Came
from schooltool_bridge.sign_on import jumping, person_sessions, pictures, sign_offs
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.store import errands
from schooltool_bridge.store.model import ID_CHARS, NAME_CHARS, peer_course

Call = Context[Peer]
# More than any school has signed in at once, or anybody's courses.
MAX_NAMES, MAX_COURSES = 5000, 500

_USERNAME = Parameter("username", "string", "The person's user name.")
_AGENT = Parameter("useragent", "string", "SHA-1 of the browser's User-Agent, in hex.")


def methods(site: Site, signing_off: SigningOff) -> list[Method[Call]]:
    """Return everything that we publish under sso_idp and sso_sp."""
    return [
        Method(
            path=AUTH_PATH + "user_authorise",
            service=SERVICE_IDP,
            run=partial(_user_authorise, site),
            help="Tell who came with a token; works once, for half a minute.",
            parameters=(Parameter("token", "string", "The token."), _AGENT),
            returns=("struct", "the person's profile"),
        ),
        Method(
            path=AUTH_PATH + "keepalive_server",
            service=SERVICE_IDP,
            run=_keepalive_server,
            help="Keep the sessions of people who are busy at your site.",
            parameters=(Parameter("usernames", "array", "Their user names."),),
            returns=("struct", "code, message, last log id"),
        ),
        Method(
            path=AUTH_PATH + "kill_children",
            service=SERVICE_IDP,
            run=partial(_kill_children, signing_off),
            help="Sign a person out who signed out at your site.",
            parameters=(_USERNAME, _AGENT),
            returns=("string", "what was ended"),
        ),
        Method(
            path=AUTH_PATH + "update_enrolments",
            service=SERVICE_IDP,
            run=_update_enrolments,
            help="Tell in which of your courses a person is.",
            parameters=(_USERNAME, Parameter("courses", "array", "The courses.")),
            returns=("boolean", "whether the person is known"),
        ),
        Method(
            path=AUTH_PATH + "fetch_user_image",
            service=SERVICE_IDP,
            run=_fetch_user_image,
            help="Tell a person's picture.",
            parameters=(_USERNAME,),
            returns=("struct", "f1, f1_mimetype, f2, f2_mimetype; empty without a picture"),
        ),
        Method(
            path=AUTH_PATH + "fetch_theme_info",
            service=SERVICE_IDP,
            run=lambda _call, _params: {"themename": "", "logourl": ""},
            help="Tell this site's theme; there is none.",
            returns=("struct", "themename, logourl"),
        ),
        Method(
            path=AUTH_PATH + "refresh_log",
            service=SERVICE_IDP,
            run=lambda _call, _params: {"code": 0, "message": "All ok"},
            help="Take log entries, which are not kept, as in a Moodle since 2.8.",
            parameters=(Parameter("entries", "array", "The entries."),),
            returns=("struct", "code, message"),
        ),
        Method(
            path=AUTH_PATH + "kill_child",
            service=SERVICE_SP,
            run=_kill_child,
            help="Sign a person out whom your site signed in here.",
            parameters=(_USERNAME, _AGENT),
            returns=("boolean", "whether there was a session"),
        ),
        Method(
            path=AUTH_PATH + "keepalive_client",
            service=SERVICE_SP,
            run=partial(_keepalive_client, signing_off),
            help="Have us tell your site who is busy here.",
            returns=("boolean", "true"),
        ),
    ]


def _user_authorise(site: Site, call: Call, params: list[Value]) -> Value:
    token, agent_sha1 = _texts(params)
    found = jumping.authorise(call.connection, call.peer, token, agent_sha1, call.now_unix_s)
    return jumping.profile(found, site, pictures.shown(call.connection, found.id))


def _keepalive_server(call: Call, params: list[Value]) -> Value:
    names = _list(params, 0)
    if not all(isinstance(name, str) for name in names) or len(names) > MAX_NAMES:
        raise BadParameters(f"keepalive_server takes at most {MAX_NAMES} user names.")
    visits = jumping.visitors(call.connection, call.peer.id, [str(name) for name in names])
    for digest in sorted({visit.session_digest for visit in visits}):
        person_sessions.touch(call.connection, digest, call.now_unix_s)
    unknown = len({str(name).lower() for name in names} - {visit.username for visit in visits})
    message = f"{unknown} of these people are not signed in here." if unknown else "All ok"
    return {"code": int(bool(unknown)), "message": message, "last log id": 0}


def _kill_children(signing_off: SigningOff, call: Call, params: list[Value]) -> Value:
    username, agent_sha1 = _texts(params)
    visits = [
        visit
        for visit in jumping.visitors(call.connection, call.peer.id, [username])
        if visit.agent_sha1 == agent_sha1
    ]
    # The peer knows already; a late word of ours would end what is begun there anew.
    sign_offs.forget(
        call.connection, errands.KILL_CHILD, Visit(call.peer.id, username.lower(), agent_sha1)
    )
    for digest in sorted({visit.session_digest for visit in visits}):
        person_sessions.end(call.connection, digest)
        call.afterwards += signing_off.end_children(call.connection, digest, but=call.peer.id)
    return "Session ended." if visits else "There was no session."


def _update_enrolments(call: Call, params: list[Value]) -> Value:
    match params:
        case [str() as username, _]:
            pass
        case _:
            raise BadParameters("update_enrolments takes a user name and a list of courses.")
    courses = _list(params, 1)
    if len(courses) > MAX_COURSES:
        raise BadParameters(f"update_enrolments takes at most {MAX_COURSES} courses.")
    visits = jumping.visitors(call.connection, call.peer.id, [username])
    if not visits:
        return False
    person_id = visits[0].person_id
    rows = {}
    for course in courses:
        if isinstance(course, dict) and (course_id := _cut(course.get("id"), ID_CHARS)):
            rows[course_id] = {
                "peer_id": call.peer.id,
                "person_id": person_id,
                "course_id": course_id,
                "fullname": _cut(course.get("fullname"), NAME_CHARS),
                "shortname": _cut(course.get("shortname"), NAME_CHARS),
                "told_unix_s": call.now_unix_s,
            }
    mine = (peer_course.c.peer_id == call.peer.id, peer_course.c.person_id == person_id)
    call.connection.execute(sa.delete(peer_course).where(*mine))
    if rows:
        call.connection.execute(sa.insert(peer_course), list(rows.values()))
    return True


def _fetch_user_image(call: Call, params: list[Value]) -> Value:
    if len(params) != 1 or not isinstance(params[0], str):
        raise BadParameters("fetch_user_image takes a user name.")
    visits = jumping.visitors(call.connection, call.peer.id, [params[0]])
    if not visits:
        return False
    picture = pictures.shown(call.connection, visits[0].person_id)
    return pictures.answered(picture) if picture else []


def _kill_child(call: Call, params: list[Value]) -> Value:
    username, agent_sha1 = _texts(params)
    where = call.peer.id, username, agent_sha1
    ended = person_sessions.end_by_word(call.connection, *where)
    return ended + sessions.end_by_word(call.connection, Came(*where)) > 0


def _keepalive_client(signing_off: SigningOff, call: Call, _params: list[Value]) -> Value:
    call.afterwards.append(ForSite(call.peer.id, partial(signing_off.keep_alive_at, call.peer)))
    return True


def _texts(params: list[Value]) -> tuple[str, str]:
    match params:
        case [str() as first, str() as second]:
            return first, second
        case _:
            raise BadParameters("The method takes two strings.")


def _list(params: list[Value], index: int) -> list[Value]:
    """Return a parameter that is a list; PHP sends one with gaps as a struct."""
    value = params[index] if len(params) > index else None
    if isinstance(value, dict):
        return [*value.values()]
    if not isinstance(value, list):
        raise BadParameters("The parameter must be a list.")
    return value


def _cut(value: Value, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return "".join(c for c in str(value) if c.isprintable())[:limit]
