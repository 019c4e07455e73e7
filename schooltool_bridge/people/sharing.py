"""Which personal data goes to which peer, and which comes from it: why, and for how long.

For the person who answers for data protection. Follows from the peer's services and policy
alone; what each event holds stands in the table of kinds (events/kinds.py), and a test keeps that
and the code together. Asks no store. Source: RULES 1.2-1.4, R38, R39a.
"""

from __future__ import annotations

from dataclasses import dataclass

from mnet.dispatcher import Services
from mnet.language import N_
from mnet.protocol import SERVICE_ENROL, SERVICE_IDP, SERVICE_SIS
from peers import sign_on
from peers.policy import PeerPolicy
from schooltool_bridge.events import kinds
from schooltool_bridge.events.kinds import FETCH_USER, NEW_ENROLMENT, RECORD, Personal

_NOT_HERE = N_("we keep nothing of it; the peer keeps it by its own rules")


@dataclass(frozen=True, slots=True)
class Item:
    """Personal data that one call carries one way."""

    # The method, by its last segment.
    call: str
    # The fields, by their names on the wire.
    fields: tuple[str, ...]
    # Whose data it is, in a word: people, students, teachers.
    about: str
    why: str
    # How long it is kept, and where.
    retention: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """What goes to one peer and what comes from it; what is switched off is not in it."""

    sent: tuple[Item, ...]
    received: tuple[Item, ...]


def sharing(services: Services, policy: PeerPolicy, *, enabled: bool = True) -> Sharing:
    """Tell what is shared with a peer that has these services and this policy.

    A peer that is switched off (`enabled` false) gets nothing and is asked nothing.
    """
    if not enabled:
        return Sharing((), ())
    takes_events = SERVICE_SIS in services.published
    # Peers are asked only about people whom they named first.
    asks = takes_events and SERVICE_SIS in services.subscribed
    asks_enrolments = asks and policy.accept_people
    lands = sign_on.may_land(services.published, services.subscribed)
    sent = [
        (SERVICE_IDP in services.published, _SIGN_ON),
        (SERVICE_ENROL in services.subscribed, _ENROL_THERE),
        (SERVICE_ENROL in services.subscribed, _UNENROL_THERE),
        (SERVICE_IDP in services.published, _PICTURE_THERE),
        (asks, _ASK_USER),
        (asks_enrolments, _ASK_ENROLMENTS),
    ]
    received = [
        *((takes_events, item) for item in _pushed(policy)),
        (asks and policy.accept_people, _ANSWER_USER),
        (asks_enrolments and policy.accept_enrolments, _ANSWER_ENROLMENTS),
        (SERVICE_ENROL in services.subscribed, _WHO_IS_THERE),
        (lands, _LANDING),
        (lands, _PICTURE_HERE),
    ]
    is_stored = any(is_on for is_on, item in received if item is not _WHO_IS_THERE)
    received.append((is_stored, _INBOX))
    return Sharing(_only_on(sent), _only_on(received))


def _only_on(items: list[tuple[bool, Item]]) -> tuple[Item, ...]:
    return tuple(item for is_on, item in items if is_on)


def _pushed(policy: PeerPolicy) -> list[Item]:
    """What a peer's events bring that its policy lets in; events that bring the same together."""
    calls: dict[Personal, list[str]] = {}
    for kind in kinds.BY_NAME.values():
        for personal in kind.personal if getattr(policy, kind.policy) else ():
            calls.setdefault(personal, []).append(kind.name)
    return [_item(", ".join(names), personal) for personal, names in calls.items()]


def _item(call: str, personal: Personal) -> Item:
    return Item(call, personal.fields, personal.about, personal.why, personal.retention)


_SIGN_ON = Item(
    "user_authorise",
    ("username", "firstname", "lastname", "email"),
    N_("people who sign on there with their account here"),
    N_(
        "so that the peer knows who signed on; sent only for a person who goes there, at that "
        "moment"
    ),
    _NOT_HERE,
)
_ENROL_THERE = Item(
    "enrol_user",
    ("username", "firstname", "lastname", "email"),
    N_("people whom an admin enrols in a course there"),
    N_("so that the peer can enrol them, and make an account for whom it does not know"),
    _NOT_HERE,
)
_UNENROL_THERE = Item(
    "unenrol_user",
    ("username",),
    N_("people whom an admin takes out of a course there"),
    N_("so that the peer knows whom to take out"),
    _NOT_HERE,
)
_WHO_IS_THERE = Item(
    "course_enrolments",
    ("username", "role", "plugin", "since"),
    N_("people of ours in a course there"),
    N_("to show an admin who is in it"),
    N_("not at all; shown once, to whom asked"),
)
_PICTURE_THERE = Item(
    "fetch_user_image",
    ("f1", "f2"),
    N_("people who sign on there with their account here"),
    N_("so that the peer can show who it is; sent only while the person is on a visit there"),
    _NOT_HERE,
)
_LANDING = Item(
    "user_authorise",
    ("username", "firstname", "lastname", "email", "idnumber", "further fields"),
    N_("people of the peer who sign on here"),
    N_("to know who signs on; place, language and time zone stand only in the history"),
    RECORD,
)
_PICTURE_HERE = Item(
    "fetch_user_image",
    ("f1", "f2"),
    N_("people of the peer who sign on here"),
    N_("shown to the person and the school office; made small, with nothing else of the file kept"),
    N_("until the peer has another one or none"),
)
_ASK_USER = Item(
    "get_user",
    ("idnumber", "username"),
    N_("people whom the peer named without their names"),
    N_("to ask the peer who it means; both fields came from the peer itself"),
    _NOT_HERE,
)
_ASK_ENROLMENTS = Item(
    "list_user_enrolments",
    ("idnumber", "username"),
    N_("people whom the peer brought for the first time"),
    N_("to ask the peer for their enrolments; both fields came from the peer itself"),
    _NOT_HERE,
)
_INBOX = Item(
    "every event",
    ("the fields of the event, but no password",),
    N_("people whom the event is about"),
    N_("to apply later what cannot be applied yet, and to show what was refused"),
    N_("until it is applied; of refused ones the latest thousand"),
)
_ANSWER_USER = Item(
    "get_user",
    kinds.BY_NAME[FETCH_USER].personal[0].fields,
    N_("people whom the peer named without their names"),
    N_("the same as a fetch_user with every field"),
    RECORD,
)
_ANSWER_ENROLMENTS = Item(
    "list_user_enrolments",
    kinds.BY_NAME[NEW_ENROLMENT].personal[0].fields,
    N_("people whom the peer brought for the first time"),
    N_("the same as a new_enrolment for each"),
    RECORD,
)
