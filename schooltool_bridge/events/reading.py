"""Reading what a peer pushed: is there such an event, may it come in, is it for us, is it whole.

Asks no store. Source: RULES 1.3.
"""

from __future__ import annotations

from mnet.faults import Malformed, SwitchedOff
from mnet.retelling import english
from schooltool_bridge.common import times
from schooltool_bridge.common.ids import key
from schooltool_bridge.events import fields
from schooltool_bridge.events.applying import ClocksDiffer, Source
from schooltool_bridge.events.fields import Event, Fields, UserEvent

EVENTS = (
    "fetch_user",
    "new_section",
    "new_enrolment",
    "new_assessment",
    "new_grade",
    "end_enrolment",
    "delete_section",
    "delete_assessment",
    "delete_grade",
)

# Which of a peer's policies lets an event in.
_POLICY = {
    "fetch_user": "accept_people",
    "new_section": "accept_sections",
    "delete_section": "accept_sections",
    "new_enrolment": "accept_enrolments",
    "end_enrolment": "accept_enrolments",
}


def read(source: Source, event: str, data: object) -> Event:
    """Read an event's fields; raises Malformed or SwitchedOff."""
    if event not in EVENTS:
        raise Malformed(
            english(
                "There is no event %(event)s; there are: %(known)s.",
                event=repr(event[:40]),
                known=", ".join(EVENTS),
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
    if event == "fetch_user":
        data = fields.mapped(data, source.policy.names)
    given = Fields(event, data)
    _check_addressee(source, event, given)
    deleted = event.startswith("delete_")
    if event == "fetch_user":
        return fields.user(given)
    if event.endswith("_section"):
        return fields.section(given, deleted=deleted)
    if event.endswith("_enrolment"):
        return fields.enrolment(given, source.policy.roles, ended=event == "end_enrolment")
    if event.endswith("_assessment"):
        return fields.assessment(given, deleted=deleted)
    return fields.grade(given, deleted=deleted)


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
    found = read(source._replace(names_addressee=False), "fetch_user", payload)
    assert isinstance(found, UserEvent)
    return found


def closed_by(source: Source, event: str) -> str | None:
    """Return the policy that keeps this peer's event out; None when none does."""
    if event not in EVENTS:
        return None
    policy = _POLICY.get(event, "accept_grades")
    return None if getattr(source.policy, policy) else policy


def needs_get_user(data: object) -> dict[str, str] | None:
    """Return what to ask the peer's get_user for, when fetch_user names nobody's name.

    That is when there is an idnumber or username and neither first nor last name.
    """
    if not isinstance(data, dict) or data.get("firstname") or data.get("lastname"):
        return None
    given = Fields("fetch_user", data)
    wanted = {name: given.id(name, required=False) for name in ("idnumber", "username")}
    return {n: v for n, v in wanted.items() if v} or None


def enrolled_in(pushed: object) -> frozenset[str]:
    """Return the keys (applying.NewPerson) of all whom a push enrols. Pure."""
    found: set[str] = set()
    for element in pushed if isinstance(pushed, list) else ():
        data = element.get("data") if isinstance(element, dict) else None
        if isinstance(data, dict) and element.get("event") == "new_enrolment":
            userid = data.get("userid")
            if isinstance(userid, (str, int)) and not isinstance(userid, bool):
                found.add(key(str(userid).strip()))
    return frozenset(found)
