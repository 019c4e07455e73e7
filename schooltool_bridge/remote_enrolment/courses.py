"""A Moodle's courses by its service mnet_enrol: asked, read and checked, in every Moodle's shape.

Knows nothing of our people (enrolling.py) and no page. Every answer is hostile until read:
whatever comes, the callers get plain values within limits or one of the errors below. Blocks.
Source: RULES 1.2; PROTOCOL.md section 12.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from mnet.call_errors import CallError, CannotReach, RemoteFault
from mnet.faults import NotPublished, UnknownMethod
from mnet.language import N_, _
from mnet.outbound import Outbound
from mnet.protocol import SERVICE_ENROL
from mnet.stored_sentences import localized
from mnet.xmlrpc import Value
from peers.registry import Peer

ENROL_PATH = "enrol/mnet/enrol.php/"
# What Moodle's own plugin calls itself in an enrolment; only such ones does it take away again.
BY_NETWORK = "mnet"
# A page waits for two of these; a Moodle with thousands of courses takes seconds.
CALL_TIMEOUT_S = 15.0
# More than any school offers to another site, or has in one course.
MAX_COURSES = 5000
MAX_ENROLMENTS = 10_000
# Moodle's longest column of these.
MAX_NAME_CHARS = 255
MAX_ID = 2**31 - 1
# Before 1970 and after 9999 nothing can be shown as a day.
MAX_UNIX_S = 253_000_000_000

WHERE_HOST = N_("Site administration > Networking > Manage peers > (this site) > Services")
WHERE_PLUGIN = N_("Site administration > Plugins > Enrolments > Manage enrol plugins")
WHERE_COURSE = N_("the course's Enrolment methods (Moodle 4: Participants > Enrolment methods)")

Kind = Literal["not set up", "out of reach", "not granted", "not offered", "refused", "unreadable"]
T = TypeVar("T")


class CoursesError(CallError):
    """A Moodle's courses could not be asked or changed; the text says why and what to do."""

    def __init__(self, text: str, kind: Kind, *, code: int = 0) -> None:
        """Keep what went wrong in a word, and the peer's fault where there is one."""
        super().__init__(text)
        self.kind = kind
        self.code = code

    @property
    def is_of_one(self) -> bool:
        """Tell whether only this one person or course is refused, so that others may go on."""
        return self.kind == "refused"


@dataclass(frozen=True, slots=True)
class RemoteCourse:
    """A course that a Moodle offers to us."""

    id: int
    fullname: str
    shortname: str
    idnumber: str
    category: str
    category_id: int
    sort_order: int
    # None: unknown.
    starts_unix_s: int | None
    # The role that people get there, as that Moodle calls it; it often does not tell.
    role: str
    # A Moodle 1.9, whose unenrolling takes every role of a person in the course.
    is_old: bool


@dataclass(frozen=True, slots=True)
class RemoteEnrolment:
    """One of our people in a course over there; the same person may stand there in several ways."""

    username: str
    role: str
    # The plugin that enrolled: mnet, manual, self, cohort ...
    plugin: str
    # None: unknown.
    since_unix_s: int | None

    @property
    def is_ours(self) -> bool:
        """Tell whether it was made through the network, so that it can be taken away from here."""
        return self.plugin == BY_NETWORK


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """What was read of an answer, and how many of its entries were unreadable or too many."""

    items: tuple[T, ...]
    unread: int = 0


class Courses:
    """Asks one Moodle about its courses."""

    def __init__(self, outbound: Outbound[Peer], peer: Peer) -> None:
        """Ask `peer`; raises CoursesError (not set up) when it cannot be asked from here at all."""
        if SERVICE_ENROL not in peer.services.subscribed:
            raise CoursesError(
                _(
                    "Courses of %(name)s are not asked for from here. Subscribe to the service "
                    "%(service)s (Remote enrolment service) on its page Services, or by: "
                    "mnet-peer peer services %(peer)s --subscribe ...,%(service)s",
                    name=_name(peer),
                    service=SERVICE_ENROL,
                    peer=peer.wwwroot,
                ),
                "not set up",
            )
        if not peer.enabled:
            raise CoursesError(
                _(
                    "%(name)s is switched off here. Switch it on first: mnet-peer peer enable "
                    "%(peer)s",
                    name=_name(peer),
                    peer=peer.wwwroot,
                ),
                "not set up",
            )
        self._outbound = outbound
        self._peer = peer

    def available(self) -> Listed[RemoteCourse]:
        """Return the courses offered to us, in the Moodle's own order; raises CoursesError."""
        return read_courses(self._ask("available_courses"))

    def enrolments(self, course_id: int) -> Listed[RemoteEnrolment]:
        """Return who of ours is in a course, by user name; raises CoursesError."""
        return read_enrolments(self._ask("course_enrolments", course_id))

    def enrol(self, user: Mapping[str, Value], course_id: int) -> None:
        """Enrol a user, whose account the Moodle makes when it is new there; raises CoursesError.

        `user` holds at least username, email, firstname and lastname.
        """
        self._change("enrol_user", dict(user), course_id)

    def unenrol(self, username: str, course_id: int) -> None:
        """Take a user's enrolment by the network away; raises CoursesError."""
        self._change("unenrol_user", username, course_id)

    def _change(self, method: str, who: Value, course_id: int) -> None:
        answer = self._ask(method, who, str(course_id))
        if answer is not True:
            # A Moodle 1.9 says false, whatever the reason.
            raise CoursesError(
                _(
                    "The Moodle did not do it and does not say why. Look whether it still offers "
                    "the course to this site and whether %(plugin_on)s",
                    plugin_on=_plugin_on(),
                ),
                "refused",
            )

    def _ask(self, method: str, *params: Value) -> Value:
        try:
            return self._outbound.call(
                self._peer, ENROL_PATH + method, list(params), timeout_s=CALL_TIMEOUT_S
            )
        except RemoteFault as fault:
            raise _refusal(self._peer, fault) from fault
        except CannotReach as problem:
            raise CoursesError(
                _(
                    "%(name)s is out of reach: %(why)s Try again later, or look what is wrong: "
                    "mnet-peer peer verify %(peer)s",
                    name=_name(self._peer),
                    why=localized(str(problem)),
                    peer=self._peer.wwwroot,
                ),
                "out of reach",
            ) from problem
        except CallError as problem:
            raise CoursesError(
                _(
                    "%(name)s gave no answer that can be believed: %(why)s See: mnet-peer peer "
                    "verify %(peer)s",
                    name=_name(self._peer),
                    why=localized(str(problem)),
                    peer=self._peer.wwwroot,
                ),
                "unreadable",
            ) from problem


def read_courses(answer: Value) -> Listed[RemoteCourse]:
    """Read the answer of available_courses; raises CoursesError (unreadable).

    A list, or a Moodle 1.9's struct keyed by course id; its false or nothing means no courses.
    """
    read = _read_all(answer, _course, MAX_COURSES, N_("The Moodle's answer is no list of courses."))
    items = {course.id: course for course in reversed(read.items)}
    ordered = sorted(items.values(), key=lambda c: (c.sort_order, c.fullname.casefold(), c.id))
    return Listed(tuple(ordered), read.unread)


def read_enrolments(answer: Value) -> Listed[RemoteEnrolment]:
    """Read the answer of course_enrolments; raises CoursesError (refused, unreadable).

    A list, or a Moodle 1.9's struct keyed by user name; 1.9 says "no course" for an unknown one.
    """
    if isinstance(answer, str) and answer.strip().lower() == "no course":
        raise _of_code(COURSE_GONE)
    read = _read_all(
        answer, _enrolment, MAX_ENROLMENTS, N_("The Moodle's answer is no list of enrolments.")
    )
    # The guest stands in every Moodle and is nobody.
    items = {e: None for e in read.items if e.username.casefold() != "guest"}
    return Listed(tuple(sorted(items, key=lambda e: (e.username, e.plugin, e.role))), read.unread)


def _read_all(
    answer: Value, read: Callable[[Mapping[str, Value]], T | None], limit: int, no_list: str
) -> Listed[T]:
    if answer is None or answer is False or answer == "":
        return Listed(())
    rows = list(answer.values()) if isinstance(answer, dict) else answer
    if not isinstance(rows, list):
        raise CoursesError(_(no_list), "unreadable")
    found = [read(row) if isinstance(row, dict) else None for row in rows[:limit]]
    items = tuple(item for item in found if item is not None)
    if rows and not items:
        raise CoursesError(_(no_list), "unreadable")
    return Listed(items, len(rows) - len(items))


def _course(row: Mapping[str, Value]) -> RemoteCourse | None:
    number = _whole(row.get("remoteid"), MAX_ID)
    if not number:
        return None
    shortname = _text(row.get("shortname"))
    return RemoteCourse(
        id=number,
        fullname=_text(row.get("fullname")) or shortname or _("Course %(number)s", number=number),
        shortname=shortname,
        idnumber=_text(row.get("idnumber")),
        category=_text(row.get("cat_name")),
        category_id=_whole(row.get("cat_id"), MAX_ID) or 0,
        sort_order=_whole(row.get("sortorder"), MAX_UNIX_S) or 0,
        starts_unix_s=_whole(row.get("startdate"), MAX_UNIX_S) or None,
        role=_text(row.get("defaultrolename")),
        is_old="summaryformat" not in row,
    )


def _enrolment(row: Mapping[str, Value]) -> RemoteEnrolment | None:
    username = _text(row.get("username"))
    if not username:
        return None
    return RemoteEnrolment(
        username=username,
        role=_text(row.get("name")) or _text(row.get("shortname")),
        plugin=_text(row.get("enrol")),
        since_unix_s=_whole(row.get("timemodified"), MAX_UNIX_S) or None,
    )


def _text(value: Value) -> str:
    """Return a name as it can be shown: one line, nothing invisible, within the limit."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        text = str(value)[: 4 * MAX_NAME_CHARS]
        plain = "".join(c if c.isprintable() else " " for c in text)
        return " ".join(plain.split())[:MAX_NAME_CHARS].strip()
    return ""


def _whole(value: Value, limit: int) -> int | None:
    """Return a number from 0 to the limit that came as a number or as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        digits = value.strip()
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(limit))
        value = int(digits) if is_number else None
    return value if isinstance(value, int) and 0 <= value <= limit else None


COURSE_GONE = 5012
# The faults of Moodle's enrol plugin (PROTOCOL.md section 12), each with what to do.
_FAULTS = {
    5011: N_(
        "The Moodle could not make an account for this person. Look whether an account with the "
        "same user name or email address is in the way there."
    ),
    COURSE_GONE: N_(
        "There is no such course at the Moodle any more. Load the list of courses anew."
    ),
    5013: N_(
        "The Moodle does not offer this course to this site. Over there, look whether %(plugin_on)s"
    ),
    5014: N_(
        "The Moodle knows nobody of ours by this user name, so there is nothing to take away."
    ),
    5017: N_(
        "The course has no enrolment method for this site. Add MNet remote enrolments, for this "
        "site or for all hosts, to %(course)s."
    ),
    5018: N_(
        "Remote enrolments are off at the Moodle. Enable MNet remote enrolments there: %(plugin)s."
    ),
    5019: N_(
        "The Moodle could not enrol this person. Look whether the course's method MNet remote "
        "enrolments has a role, and into the Moodle's own log."
    ),
    5020: N_(
        "The Moodle could not take the enrolment away. Only one that was made through the network "
        "can be taken away from here; others are taken away in the Moodle."
    ),
    5021: N_("The Moodle got no user name. Give the person one, then try again."),
}
# Faults of the whole plugin or course rather than of one person; going on would only repeat them.
_OF_ALL = (COURSE_GONE, 5013, 5017, 5018)
# A service or plugin that the caller may not use or that is not there (PROTOCOL.md section 8);
# a Moodle 1.9 has more numbers for it.
_NOT_GRANTED = (702, 703, 705, 706, NotPublished.code, 708, UnknownMethod.code, 7013, 7014, 7015)


def _refusal(peer: Peer, fault: RemoteFault) -> CoursesError:
    if fault.code in _FAULTS and fault.proven:
        return _of_code(fault.code)
    if fault.code in _NOT_GRANTED:
        return CoursesError(
            _(
                "%(name)s does not let this site ask for its courses. Over there: %(host)s: tick "
                "Publish for Remote enrolment service (mnet_enrol); and enable MNet remote "
                "enrolments: %(plugin)s. A Moodle from 5.0 on has no remote enrolments any more.",
                name=_name(peer),
                host=_(WHERE_HOST),
                plugin=_(WHERE_PLUGIN),
            ),
            "not granted",
            code=fault.code,
        )
    kind: Kind = "refused" if fault.proven else "unreadable"
    return CoursesError(
        _(
            "%(name)s refused with fault %(code)s. Look into the log over there, or see: mnet-peer "
            "peer verify %(peer)s",
            name=_name(peer),
            code=fault.code,
            peer=peer.wwwroot,
        ),
        kind,
        code=fault.code,
    )


def _of_code(code: int) -> CoursesError:
    message = _(
        _FAULTS[code], plugin_on=_plugin_on(), plugin=_(WHERE_PLUGIN), course=_(WHERE_COURSE)
    )
    return CoursesError(message, "not offered" if code in _OF_ALL else "refused", code=code)


def _plugin_on() -> str:
    return _(
        "MNet remote enrolments is enabled (%(plugin)s) and stands among %(course)s, for this site "
        "or for all hosts.",
        plugin=_(WHERE_PLUGIN),
        course=_(WHERE_COURSE),
    )


def _name(peer: Peer) -> str:
    return peer.name or peer.wwwroot
