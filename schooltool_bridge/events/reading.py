"""Reading what a peer pushed: is there such an event, may it come in, is it for us, is it whole.

Asks no store. Source: RULES 1.3.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet.faults import Malformed, SwitchedOff
from mnet.stored_sentences import english
from mnet.xmlrpc import Value
from schooltool_bridge.common import times
from schooltool_bridge.common.ids import key
from schooltool_bridge.events import kinds
from schooltool_bridge.events.applied import ClocksDiffer, Source
from schooltool_bridge.events.fields import Event, Fields, UserEvent


def read(source: Source, event: str, data: object) -> Event:
    """Read an event's fields; raises Malformed or SwitchedOff."""
    kind = kinds.BY_NAME.get(event)
    if kind is None:
        raise Malformed(
            english(
                "There is no event %(event)s; there are: %(known)s.",
                event=repr(event[:40]),
                known=", ".join(kinds.BY_NAME),
            )
        )
    if not source.enabled:
        raise SwitchedOff
    if policy := closed_by(source, event):
        raise SwitchedOff(
            english(
                "%(event)s is switched off for your site here (policy %(policy)s).",
                event=event,
                policy=policy,
            )
        )
    if event == kinds.FETCH_USER:
        data = _mapped(data, source.policy.names)
    given = Fields(event, data)
    _check_addressee(source, event, given)
    found: Event = kind.read(given, source.policy)
    return found


def event_of(element: Value) -> tuple[str, Value]:
    """Return the name and the data of an element of push_events; raises Malformed."""
    event = element.get("event") if isinstance(element, dict) else None
    if not isinstance(element, dict) or not isinstance(event, str):
        raise Malformed(english("push_events: an event is a struct of event (its name) and data."))
    return event, element.get("data")


def check_clock(source: Source, event: str, given: Event, now_unix_s: int) -> None:
    """See that what happened is no more than a day ahead; raises Malformed, or ClocksDiffer."""
    sent, clock = given.when.timemodified, source.clock_unix_s
    if sent is None or sent - now_unix_s <= times.MAX_AHEAD_S:
        return
    # By the sender's own clock, which is ahead as well, that is no day from now.
    if clock is not None and clock > now_unix_s and sent - clock <= times.MAX_AHEAD_S:
        raise ClocksDiffer(clock - now_unix_s)
    raise Malformed(
        english(
            "%(event)s: timemodified lies more than a day ahead of the clock here.", event=event
        )
    )


def _check_addressee(source: Source, event: str, given: Fields) -> None:
    """A signed call names no addressee, so an event must: else a peer could pass it on."""
    to = given.text("to").removesuffix("/")
    if to and to != source.our_wwwroot:
        raise Malformed(
            english(
                "%(event)s: to names another site; this is %(ours)s.",
                event=event,
                ours=source.our_wwwroot,
            )
        )
    if not to and source.names_addressee:
        raise Malformed(
            english("%(event)s: to is missing, though your site names it otherwise.", event=event)
        )


def read_user(source: Source, payload: object) -> UserEvent:
    """Read a person that waits in the inbox; raises Malformed, SwitchedOff."""
    found = read(source._replace(names_addressee=False), kinds.FETCH_USER, payload)
    assert isinstance(found, UserEvent)
    return found


def closed_by(source: Source, event: str) -> str | None:
    """Return the policy that keeps this peer's event out; None when none does."""
    kind = kinds.BY_NAME.get(event)
    return None if kind is None or getattr(source.policy, kind.policy) else kind.policy


def needs_get_user(data: object) -> dict[str, str] | None:
    """Return what to ask the peer's get_user for, when fetch_user names nobody's name.

    That is when there is an idnumber or username and neither first nor last name.
    """
    if not isinstance(data, dict) or data.get("firstname") or data.get("lastname"):
        return None
    given = Fields(kinds.FETCH_USER, data)
    wanted = {name: given.id(name, required=False) for name in ("idnumber", "username")}
    return {n: v for n, v in wanted.items() if v} or None


def enrolled_in(pushed: object) -> frozenset[str]:
    """Return the keys (applied.NewPerson) of all whom a push enrols. Pure."""
    found: set[str] = set()
    for element in pushed if isinstance(pushed, list) else ():
        data = element.get("data") if isinstance(element, dict) else None
        if isinstance(data, dict) and element.get("event") == kinds.NEW_ENROLMENT:
            userid = data.get("userid")
            if isinstance(userid, (str, int)) and not isinstance(userid, bool):
                found.add(key(str(userid).strip()))
    return frozenset(found)


def _mapped(data: object, names: Mapping[str, str]) -> object:
    """Return fetch_user's struct with names taken from the fields that a policy says (RULES R39d).

    `names` gives for ours the peer's field, empty to leave ours out; an empty field of the
    peer's leaves ours as it is.
    """
    if not names or not isinstance(data, dict):
        return data
    taken = {ours: data.get(theirs) if theirs else "" for ours, theirs in names.items()}
    return {**data, **{ours: value for ours, value in taken.items() if value or not names[ours]}}
