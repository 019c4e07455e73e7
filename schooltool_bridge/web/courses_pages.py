"""A Moodle's courses in the browser: what it offers to us, who of ours is where, and changing that.

Every page asks the Moodle live; nothing is kept. What calls and rules mean stands in
courses.py and enrolling.py. Source: RULES 1.2; PROTOCOL.md section 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from mnet.folding import MAX_SEARCH_CHARS, folded, words
from mnet.language import _
from mnet.outbound import Outbound
from peers.accounts import MANAGER
from peers.registry import Peer
from peers.web.peer_pages import PEER
from peers.web.view import PageError, Reply, Route, View, go, its_peer, page
from schooltool_bridge.common.days import day_text
from schooltool_bridge.remote_enrolment.courses import (
    WHERE_COURSE,
    WHERE_PLUGIN,
    Courses,
    CoursesError,
    RemoteCourse,
)
from schooltool_bridge.remote_enrolment.enrolling import (
    MAX_AT_ONCE,
    MAX_FOUND,
    Done,
    Enrolling,
    InCourse,
    search,
    who_is_there,
)
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web.filters import row_id

COURSES = PEER + "/courses"
COURSE = COURSES + "/<int:course_id>"
# More courses or people than this nobody reads through; a search or a command finds the rest.
MAX_COURSES_SHOWN, MAX_PEOPLE_SHOWN = 200, 500


@dataclass(frozen=True, slots=True)
class Category:
    """Courses that stand together over there."""

    name: str
    courses: tuple[RemoteCourse, ...]


class CoursesPages:
    """The pages of a Moodle's courses."""

    def __init__(self, parts: Parts, outbound: Outbound[Peer]) -> None:
        """Take the server's parts."""
        self._parts = parts
        self._outbound = outbound

    def routes(self) -> list[Route]:
        """Return the pages' addresses; all wait for the Moodle."""
        return [
            Route(COURSES, self.courses, MANAGER, waits_for=its_peer),
            Route(COURSE, self.course, MANAGER, waits_for=its_peer),
            Route(COURSE, self.change, MANAGER, ("POST",), waits_for=its_peer),
        ]

    def courses(self, view: View, peer_id: int) -> Reply:
        """Show the courses that the Moodle offers, by category."""
        peer = self._peer(peer_id)
        wanted = _searched(view)
        try:
            listed = self._asked(peer).available()
        except CoursesError as problem:
            return _sorry(peer, problem)
        found = [c for c in listed.items if _fits(c, wanted)]
        return page(
            "peer_courses.html",
            peer=peer,
            categories=by_category(found[:MAX_COURSES_SHOWN]),
            shown=min(len(found), MAX_COURSES_SHOWN),
            found=len(found),
            total=len(listed.items),
            unread=listed.unread,
            wanted=wanted,
            day=self._day,
            where={"plugin": _(WHERE_PLUGIN), "course": _(WHERE_COURSE)},
        )

    def course(self, view: View, peer_id: int, course_id: int) -> Reply:
        """Show who of ours is in a course, and people who could be added."""
        peer = self._peer(peer_id)
        wanted = _searched(view)
        try:
            asked = self._asked(peer)
            offered = asked.available().items
            course = next((c for c in offered if c.id == course_id), None)
            if course is None:
                raise PageError(
                    _("The Moodle does not offer this course to this site (any more)."), 404
                )
            listed = asked.enrolments(course_id)
        except CoursesError as problem:
            return _sorry(peer, problem)
        with self._parts.database.read() as connection:
            there = who_is_there(connection, listed.items)
            is_asked = "q" in view.query
            people, has_more = search(connection, wanted, peer) if is_asked else ([], False)
        ours = {who.person_id for who in there if who.is_removable}
        return page(
            "peer_course.html",
            peer=peer,
            course=course,
            there=there[:MAX_PEOPLE_SHOWN],
            count=len(there),
            unread=listed.unread,
            wanted=wanted,
            is_asked=is_asked,
            people=[(p, p.id in ours) for p in people],
            has_more=has_more,
            max_found=MAX_FOUND,
            max_at_once=MAX_AT_ONCE,
            day=self._day,
        )

    def change(self, view: View, peer_id: int, course_id: int) -> Reply:
        """Enrol the chosen people, or take them out."""
        peer = self._peer(peer_id)
        action = view.text("action")
        chosen = view.all("person" if action == "enrol" else "username")
        if action not in {"enrol", "unenrol"}:
            raise PageError(_("This form is not known here."))
        if not chosen:
            raise PageError(_("Choose somebody first."))
        if len(chosen) > MAX_AT_ONCE:
            raise PageError(
                _("At most %(count)s people at once, please; each is a call.", count=MAX_AT_ONCE)
            )
        try:
            courses = self._asked(peer)
            parts = self._parts
            work = Enrolling(parts.database, parts.site, peer, courses, view.who, parts.clock)
            if action == "enrol":
                done = work.enrol(course_id, [row_id(text) or 0 for text in chosen])
            else:
                done = self._unenrol(work, course_id, chosen)
        except CoursesError as problem:
            return _sorry(peer, problem)
        back = f"/admin/peers/{peer_id}/courses/{course_id}"
        if len(done) == 1 and done[0].ok:
            return go(back, f"{done[0].name or done[0].username}: {done[0].text}")
        return page(
            "peer_course_done.html",
            peer=peer,
            done=done,
            good=sum(one.ok for one in done),
            is_enrolling=action == "enrol",
            back=back,
        )

    def _unenrol(self, work: Enrolling, course_id: int, usernames: Sequence[str]) -> list[Done]:
        """Take out who stands there now; a form may be older than that."""
        with_ways = work.courses.enrolments(course_id)
        with self._parts.database.read() as connection:
            there = {who.username: who for who in who_is_there(connection, with_ways.items)}
        chosen: list[InCourse] = [there[name] for name in dict.fromkeys(usernames) if name in there]
        gone = [
            Done(None, name, "", ok=False, text=_("Is not in this course any more."))
            for name in dict.fromkeys(usernames)
            if name not in there
        ]
        return work.unenrol(course_id, chosen) + gone

    def _peer(self, peer_id: int) -> Peer:
        peer = self._parts.registry.by_id(peer_id)
        if peer is None:
            raise PageError(_("There is no such peer; perhaps it was removed."), 404)
        return peer

    def _asked(self, peer: Peer) -> Courses:
        return Courses(self._outbound, peer)

    def _day(self, unix_s: int) -> str:
        return day_text(unix_s, self._parts.settings.zone)


def by_category(courses: Sequence[RemoteCourse]) -> list[Category]:
    """Return courses in their categories, both in the order in which the Moodle has them."""
    first: dict[int, int] = {}
    for number, course in enumerate(courses):
        first.setdefault(course.category_id, number)
    by_category = sorted(courses, key=lambda c: first[c.category_id])
    return [
        Category(each[0].category, each)
        for _id, group in groupby(by_category, key=lambda c: c.category_id)
        for each in [tuple(group)]
    ]


def _fits(course: RemoteCourse, wanted: str) -> bool:
    names = folded(f"{course.fullname}\n{course.shortname}\n{course.idnumber}\n{course.category}")
    return all(word in names for word in words(wanted))


def _searched(view: View) -> str:
    return view.query.get("q", "").strip()[:MAX_SEARCH_CHARS]


def _sorry(peer: Peer, problem: CoursesError) -> Reply:
    """Say why there is nothing to see; a gateway's status, unless it is for us to set up."""
    status = 409 if problem.kind == "not set up" else 502
    return page("peer_courses_problem.html", status=status, peer=peer, problem=problem)
