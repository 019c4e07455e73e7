"""Our people in a Moodle's courses: who is who over there, who may go, many at once, the audit.

The calls themselves stand in courses.py; no page or command here. A person is called over
there as when they jump (jumping.py): by the user name here, in lower case.
Source: RULES 1.2; PROTOCOL.md section 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.exchange import Site
from mnet.folding import folded
from mnet.language import N_, _
from mnet.xmlrpc import Value
from peers import audit
from peers.registry import Peer
from schooltool_bridge.common.ids import key
from schooltool_bridge.history import identity
from schooltool_bridge.history.people_search import by_name, found_by
from schooltool_bridge.remote_enrolment.courses import Courses, CoursesError, RemoteEnrolment
from schooltool_bridge.sign_on import jumping
from schooltool_bridge.store.model import person

# What a Moodle makes an account of. The rest of a profile is about a session, or a picture.
USER_FIELDS = (
    "username", "email", "firstname", "lastname", "auth", "confirmed", "deleted", "city",
    "description", "mailformat", "maildigest", "maildisplay", "htmleditor",
)  # fmt: skip
# Each is a call of its own, while somebody looks at a page that is loading.
MAX_AT_ONCE = 50
# A proxy in front of us usually gives up on a page after a minute.
BATCH_S = 40.0
# What a search shows at most; whoever needs more types another letter.
MAX_FOUND = 50
_NAMES_A_QUERY = 500  # far below any database's limit of parameters
NEEDED = {
    "firstname": N_("a first name"),
    "lastname": N_("a last name"),
    "email": N_("an email address"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of our people, and why they cannot be enrolled; empty when they can."""

    id: int
    name: str
    username: str
    idnumber: str
    why_not: str


@dataclass(frozen=True, slots=True)
class InCourse:
    """One of ours in a course over there, with every way in which they stand there."""

    # As the Moodle calls them.
    username: str
    # None: nobody here has this user name (any more).
    person_id: int | None
    name: str
    enrolments: tuple[RemoteEnrolment, ...]

    @property
    def is_removable(self) -> bool:
        """Tell whether an enrolment of theirs was made through the network."""
        return any(e.is_ours for e in self.enrolments)

    @property
    def why_not(self) -> str:
        """Say why nothing can be taken away from here; empty when it can."""
        if self.is_removable:
            return ""
        how = sorted({e.plugin for e in self.enrolments if e.plugin})
        if not how:
            return _("Was enrolled in the Moodle itself, so it can be taken away only there.")
        return _(
            "Was enrolled by %(plugins)s in the Moodle itself, so it can be taken away only there.",
            plugins=_(" and ").join(how),
        )


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one person."""

    person_id: int | None
    username: str
    name: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Enrolling:
    """Changes who of ours is in the courses of one peer; `actor` goes into the audit trail."""

    database: Database
    site: Site
    peer: Peer
    courses: Courses
    actor: str
    clock: Callable[[], float]

    def enrol(self, course_id: int, person_ids: Iterable[int]) -> list[Done]:
        """Enrol people, each by a call; return what became of each.

        Stops asking when the peer does not answer, when the course itself is refused, or after
        BATCH_S; the rest is returned as not tried. Never raises CoursesError.
        """
        with self.database.read() as connection:
            roots = identity.roots(connection)
            wanted = list(dict.fromkeys(roots.get(i, i) for i in person_ids))
            found = {
                row.id: row
                for some in _in_parts(wanted)
                for row in connection.execute(sa.select(person).where(person.c.id.in_(some)))
            }
        run = _Run(self, N_("enrolled at"), course_id)
        for person_id in wanted:
            row = found.get(person_id)
            if row is None:
                run.refuse(
                    Done(person_id, "", "", ok=False, text=_("There is no such person here."))
                )
                continue
            reason = why_not(row, self.peer)
            one = Done(row.id, row.username.lower(), full_name(row), ok=False, text=reason)
            if reason:
                run.refuse(one)
            else:
                user = user_of(row, self.site)
                run.change(one, partial(self.courses.enrol, user, course_id), _("Enrolled."))
        return run.done

    def unenrol(self, course_id: int, there: Iterable[InCourse]) -> list[Done]:
        """Take people's enrolments by the network away; as `enrol` does.

        `there` is who stands in the course, as the Moodle listed them just now (`who_is_there`).
        """
        run = _Run(self, N_("unenrolled at"), course_id)
        for who in there:
            one = Done(who.person_id, who.username, who.name, ok=False, text=who.why_not)
            if one.text:
                run.refuse(one)
            else:
                call = partial(self.courses.unenrol, who.username, course_id)
                run.change(one, call, _("Taken out."))
        return run.done


class _Run:
    """Many changes in a row: what is done, and why the rest is not tried."""

    def __init__(self, enrolling: Enrolling, action: str, course_id: int) -> None:
        self.done: list[Done] = []
        self._with = enrolling
        self._action = action
        self._course_id = course_id
        self._end_unix_s = enrolling.clock() + BATCH_S
        self._stopped = ""

    def refuse(self, one: Done) -> None:
        self.done.append(one)

    def change(self, one: Done, call: Callable[[], None], message: str) -> None:
        if not self._stopped and self._with.clock() >= self._end_unix_s:
            self._stopped = _("Not tried: the Moodle answers slowly. Send the rest again.")
        if self._stopped:
            return self._add(one, self._stopped)
        try:
            call()
        except CoursesError as problem:
            text = str(problem)
            if problem.kind in ("out of reach", "unreadable"):
                more = _("Whether it was done shows when the course is looked at again.")
                text = f"{text} {more}"
            if not problem.is_of_one:
                self._stopped = _("Not tried, after what went wrong before.")
            return self._add(one, text)
        self._record(one)
        return self._add(one, message, ok=True)

    def _add(self, one: Done, text: str, *, ok: bool = False) -> None:
        self.done.append(Done(one.person_id, one.username, one.name, ok, text))

    def _record(self, one: Done) -> None:
        about = f"person {one.person_id}" if one.person_id else f"user {one.username}"
        with self._with.database.write() as connection:
            audit.record(
                connection,
                actor=self._with.actor,
                action=self._action,
                subject=about,
                detail={"peer": self._with.peer.wwwroot, "course": self._course_id},
                now_unix_s=int(self._with.clock()),
            )


def why_not(row: sa.Row[Any], peer: Peer) -> str:
    """Say why somebody cannot be enrolled at a peer from here; empty when they can."""
    if row.follows_peer_id == peer.id:
        return _(
            "Came from that Moodle and has an account of its own there; enrol that one over there."
        )
    missing = [_(words) for name, words in NEEDED.items() if not getattr(row, name).strip()]
    if missing:
        return _(
            "Lacks %(names)s, without which a Moodle takes nobody. Add it where they come from.",
            names=_(" and ").join(missing),
        )
    if not jumping.USERNAME.fullmatch(row.username.lower()):
        return _(
            "Has a user name that no Moodle takes: plain letters, digits and . _ - @ only, at most "
            "100. Change it where they come from."
        )
    return ""


def user_of(row: sa.Row[Any], site: Site) -> dict[str, Value]:
    """Return what a Moodle needs of a person for whom it may have to make an account."""
    # The picture goes along when they sign on there.
    profile = jumping.profile(row, site, None)
    return {name: profile[name] for name in USER_FIELDS if name in profile}


def who_is_there(connection: Connection, enrolments: Iterable[RemoteEnrolment]) -> list[InCourse]:
    """Return who stands in a course, with our name for them, by name; each person once."""
    ways: dict[str, list[RemoteEnrolment]] = {}
    for one in enrolments:
        ways.setdefault(one.username, []).append(one)
    keys = {name: key(name) for name in ways}
    ours = {
        row.username_key: row
        for some in _in_parts(list(keys.values()))
        for row in connection.execute(sa.select(person).where(person.c.username_key.in_(some)))
    }
    roots = identity.roots(connection)
    found = []
    for username, each in ways.items():
        row = ours.get(keys[username])
        name = full_name(row) if row is not None else ""
        person_id = roots.get(row.id, row.id) if row is not None else None
        found.append(InCourse(username, person_id, name, tuple(each)))
    return sorted(found, key=lambda w: (folded(w.name or w.username), w.username))


def search(connection: Connection, text: str, peer: Peer) -> tuple[list[Candidate], bool]:
    """Return our people in whose names every word of `text` stands, and whether there are more."""
    rows = connection.execute(
        sa.select(person)
        .where(*found_by(text), person.c.merged_into_id.is_(None))
        .order_by(*by_name())
        .limit(MAX_FOUND + 1)
    ).all()
    found = [
        Candidate(row.id, full_name(row), row.username, row.idnumber or "", why_not(row, peer))
        for row in rows[:MAX_FOUND]
    ]
    return found, len(rows) > MAX_FOUND


def full_name(row: sa.Row[Any]) -> str:
    """Return a person's name as lists show it."""
    return f"{row.firstname} {row.lastname}".strip() or str(row.username)


def _in_parts(values: list[Any]) -> list[list[Any]]:
    return [values[n : n + _NAMES_A_QUERY] for n in range(0, len(values), _NAMES_A_QUERY)]
