"""The MNet methods that we publish: from a call's parameters to the SIS and back.

Checks how a method is called; what the events mean is decided in receiving.py.
Source: RULES 1.2, 1.3, R37-R67.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mnet.database import one_at_a_time
from mnet.dispatcher import SYSTEM_METHODS, Method, Parameter, Unfinished
from mnet.exchange import Context, Site
from mnet.faults import Malformed
from mnet.protocol import SERVICE_SIS, SIS_PATH
from mnet.slow_work import ForSite
from mnet.stored_sentences import english
from mnet.xmlrpc import Value
from peers import store
from peers.registry import Peer
from schooltool_bridge.events import clock_notes, kinds, reading, releasing
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.applied import ClocksDiffer, source
from schooltool_bridge.events.peer_client import PeerClient

Call = Context[Peer]

# The last segments of all methods that we know: what we publish, and what we ask peers for
# (RULES 1.2). Others' names are a caller's own words.
KNOWN_METHODS = frozenset(
    {
        *kinds.BY_NAME, "push_events", "server_info",
        "get_user", "list_user_enrolments", "full_sync", "site_info",
        "user_authorise", "update_enrolments", "available_courses", "course_enrolments",
        "enrol_user", "unenrol_user", "keepalive_server", "keepalive_client", "kill_child",
        "kill_children", "refresh_log", "fetch_user_image", "fetch_theme_info",
        *SYSTEM_METHODS,
    }
)  # fmt: skip
# A push of more has transactions of its own and shares none with others' calls.
TOGETHER_EVENTS = 20
EVENT_ANSWER = ("struct", "status (created, updated, unchanged, held, skipped), id, message")


def methods(site: Site, peer_client: PeerClient) -> list[Method[Call]]:
    """Return everything that we publish under the service `schooltool`."""
    return [
        *(_event_method(kind, peer_client) for kind in kinds.BY_NAME.values()),
        Method(
            path=SIS_PATH + "push_events",
            service=SERVICE_SIS,
            run=partial(_push_events, peer_client),
            help="Apply many events in one call; the answer has one result for each.",
            parameters=(Parameter("events", "array", "structs of event and data"),),
            returns=("array", "each event's own answer, or status failed, fault and message"),
            is_long=_is_long,
            bare=True,
        ),
        Method(
            path=SIS_PATH + "server_info",
            service=SERVICE_SIS,
            run=lambda _call, _params: {
                "name": site.name,
                "wwwroot": site.wwwroot,
                "version": site.version,
            },
            help="Tell this server's name, wwwroot and version.",
            returns=("struct", "name, wwwroot, version"),
            bare=True,
        ),
    ]


def _event_method(kind: kinds.Kind[Any], peer_client: PeerClient) -> Method[Call]:
    return Method(
        path=SIS_PATH + kind.name,
        service=SERVICE_SIS,
        run=partial(_run, kind.name, peer_client),
        help=kind.help,
        parameters=(Parameter(f"{kind.name}data", "struct", "the event's fields"),),
        returns=EVENT_ANSWER,
        prepare=partial(_complete_user, peer_client) if kind.name == kinds.FETCH_USER else None,
        bare=True,
    )


def _complete_user(
    peer_client: PeerClient, call: Call, params: list[Value]
) -> Callable[[], list[Value]] | None:
    """Ask the peer for the rest of a person that was named only by idnumber or username."""
    wanted = reading.needs_get_user(_only(params, kinds.FETCH_USER))
    if wanted is None or not call.peer.enabled:
        return None
    known = params[0]

    def ask() -> list[Value]:
        found = peer_client.get_user(call.peer, wanted)
        return [{**found, **known} if isinstance(known, dict) else found]

    return ask


def _is_long(params: list[Value]) -> bool:
    return any(isinstance(pushed, list) and len(pushed) > TOGETHER_EVENTS for pushed in params)


def _run(
    event: str, peer_client: PeerClient, call: Call, params: list[Value]
) -> Value | Unfinished:
    one_at_a_time(call.connection, call.peer.id)
    data = _only(params, event)
    sender = source(call.peer, peer_client.site, call.sent_unix_s)
    sender = sender._replace(is_careful=call.is_again)
    try:
        received = events.receive(call.connection, sender, event, data, call.now_unix_s)
    except ClocksDiffer as differ:
        _note_clock(call, peer_client, differ)
        raise
    _note_addressee(call, [data])
    _follow_up(call, peer_client, received.new_people, received.names)
    return _finish(peer_client, call, received.left, received.answer)


def _finish(
    peer_client: PeerClient, call: Call, left: events.Lots, answer: Value
) -> Value | Unfinished:
    """Answer when all that an event released is applied."""
    if not left:
        return answer

    def rest() -> Value | Unfinished:
        one_at_a_time(call.connection, call.peer.id)
        sender = source(call.peer, peer_client.site)._replace(is_careful=call.is_again)
        came = events.come_again(call.connection, sender, left)
        _follow_up(call, peer_client, came.new_people, came.names)
        return _finish(peer_client, call, came.left, answer)

    return Unfinished(rest, english("The event was applied, and some of what waited for it."))


def _push_events(peer_client: PeerClient, call: Call, params: list[Value]) -> Value | Unfinished:
    pushed = _only(params, "push_events")
    sender = source(call.peer, peer_client.site, call.sent_unix_s)
    return _push(peer_client, call, pushed, events.Push(sender))


def _push(
    peer_client: PeerClient, call: Call, pushed: Value, before: events.Push
) -> Value | Unfinished:
    """Apply the next part of a push."""
    one_at_a_time(call.connection, call.peer.id)
    begun = events.carefully(before) if call.is_again else before
    push = events.receive_part(call.connection, begun, pushed, call.now_unix_s)
    if push.source.names_addressee and not before.source.names_addressee:
        store.set_columns(call.connection, call.peer.id, names_addressee=True)
    differ = ClocksDiffer((call.sent_unix_s or 0) - call.now_unix_s)
    if any(r.get("message") == differ.text for r in push.results[len(before.results) :]):
        _note_clock(call, peer_client, differ)
    # Who is enrolled by this very push, whichever part of it, need not be asked about.
    enrolled = reading.enrolled_in(pushed) if push.new_people else frozenset()
    _follow_up(call, peer_client, [p for p in push.new_people if not p.keys & enrolled], push.names)
    if not (isinstance(pushed, list) and events.is_left(push, pushed)):
        return [*push.results]
    done = english(
        "The first %(done)s of %(all)s events were looked at, and what was applied of them stays.",
        done=len(push.results),
        all=len(pushed),
    )
    return Unfinished(partial(_push, peer_client, call, pushed, push), done)


def _note_clock(call: Call, peer_client: PeerClient, differ: ClocksDiffer) -> None:
    """Note a clock for which events are refused, for a notice; nothing else is kept of them."""
    values = {"ahead_s": differ.ahead_s, "now_unix_s": call.now_unix_s}
    call.afterwards.append(partial(clock_notes.note, peer_client.database, call.peer.id, **values))


def _only(params: list[Value], method: str) -> Value:
    if len(params) != 1:
        raise Malformed(
            english(
                "%(method)s takes exactly one parameter, not %(count)s.",
                method=method,
                count=len(params),
            )
        )
    return params[0]


def _note_addressee(call: Call, accepted: list[Value]) -> None:
    """From the first event on that names us, this peer always has to (RULES 1.3)."""
    if not call.peer.names_addressee and any(isinstance(d, dict) and d.get("to") for d in accepted):
        store.set_columns(call.connection, call.peer.id, names_addressee=True)


def _follow_up(
    call: Call, peer_client: PeerClient, people: Sequence[events.NewPerson], names: tuple[str, ...]
) -> None:
    """After the answer has left, ask the peer for the enrolments of people new to us.

    And apply again what other peers sent that waited for them.
    """
    if people:
        peer_client.ask_after(call.connection, call.peer.id, people)
        if not any(isinstance(work, ForSite) for work in call.afterwards):
            call.afterwards.append(peer_client.errands.at(call.peer.id))
    if names:
        where = (peer_client.database, peer_client.registry, peer_client.site)
        call.afterwards.append(partial(releasing.release_others, *where, call.peer.id, names))
