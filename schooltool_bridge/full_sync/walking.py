"""Walks: a peer's answers to full_sync, page by page, and whether they are whole.

A walk is whole when it went from the empty cursor to an empty `next`, said the same of itself on
all pages, and as many items came as it says; only then what it leaves out means something. Pure.
Source: RULES 1.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from typing import Any, Self

from mnet.faults import Malformed
from mnet.stored_sentences import E_, english
from mnet.xmlrpc import Value
from schooltool_bridge.common import times
from schooltool_bridge.events.fields import Fields
from schooltool_bridge.events.kinds import FETCH_USER, NEW_ASSESSMENT, NEW_ENROLMENT

USERS, SECTIONS, ENROLMENTS = "users", "sections", "enrolments"
ASSESSMENTS, GRADES = "assessments", "grades"
# In the order of the walks, with the event that each item is.
EVENT_OF: Mapping[str, str] = {
    USERS: FETCH_USER,
    SECTIONS: "new_section",
    ENROLMENTS: NEW_ENROLMENT,
    ASSESSMENTS: NEW_ASSESSMENT,
    GRADES: "new_grade",
}
ENTITIES = tuple(EVENT_OF)
# As many as are applied in one transaction (events/receiving.PART_EVENTS).
PAGE_ITEMS = 200
MAX_CURSOR_CHARS = 255
MAX_SCOPE_CHARS = 10_000
MAX_PROBLEM_CHARS = 300
# Years of a large Moodle have ten million grades; a walk beyond this does not end.
MAX_PAGES = 100_000
MAX_COUNT = 2**53

_CALL = "full_sync"
TAKEN_DIFFERS = E_("taken_at is not the same on all pages")
SCOPE_DIFFERS = E_("scope is not the same on all pages")
NO_TIME = E_("taken_at is missing, or lies ahead")
NO_END = E_("next leads back to where the walk was")
LEFT_OUT = E_("the peer says itself that something was left out")
MISCOUNTED = E_("%(count)s items came, but the peer counts %(num)s")


class BadPage(Malformed):
    """An answer to full_sync is none; the text names the field and what is wrong."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, read."""

    items: tuple[Value, ...]
    # The cursor of the next page; empty on the last one.
    next: str
    count: int | None
    taken_unix_s: int | None
    scope: str
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a walk has come; plain values, to be stored."""

    # Asked for next.
    cursor: str = ""
    pages: int = 0
    came: int = 0
    # Items in all as the peer last said: an estimate.
    estimate: int = 0
    taken_unix_s: int | None = None
    scope: str = ""
    # When it began by our clock.
    began_unix_s: int | None = None
    is_over: bool = False
    # The peer does not send this kind, on purpose; `problem` has its words.
    is_off: bool = False
    # Why nothing is judged missing by it; empty: nothing is wrong with it so far.
    problem: str = ""
    # A cursor of before, to notice that a walk goes in a circle.
    milestone: str = ""

    @property
    def scope_digest(self) -> str:
        """A digest by which scopes are compared."""
        return sha256(self.scope.encode()).hexdigest()

    @property
    def is_whole(self) -> bool:
        """Whether what it left out means something."""
        return self.is_over and not self.problem

    @property
    def done(self) -> float:
        """How far it is, from 0 to 1."""
        return 1.0 if self.is_over else self.came / max(self.estimate, self.came, 1)

    def stored(self) -> dict[str, Any]:
        """Return what is stored of it."""
        return asdict(self)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """Read what was stored; fields of another version are left."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


def read_page(answer: object, most: int = PAGE_ITEMS) -> Page:
    """Read an answer that may have at most so many items; raises BadPage."""
    try:
        given = Fields(_CALL, answer)
        count = given.whole("count", limit=MAX_COUNT)
        taken = given.time("taken_at")
        is_complete = given.boolean("complete")
    except Malformed as problem:
        raise BadPage(problem.text) from None
    assert isinstance(answer, dict) or answer == []
    struct: dict[str, Value] = answer if isinstance(answer, dict) else {}
    listed = struct.get("items", [])
    # PHP sends a list with gaps in its keys as a struct.
    items = list(listed.values()) if isinstance(listed, dict) else listed
    if "items" not in struct or not isinstance(items, list):
        raise BadPage(english("full_sync: items must be a list."))
    if len(items) > most:
        raise BadPage(
            english("full_sync: %(count)s items came, at most %(num)s were asked for.",
                    count=len(items), num=most)
        )  # fmt: skip
    return Page(
        tuple(items),
        _text(struct, "next", MAX_CURSOR_CHARS),
        count,
        taken,
        _text(struct, "scope", MAX_SCOPE_CHARS),
        is_complete,
    )


def _text(struct: Mapping[str, Value], name: str, limit: int) -> str:
    """Read a text just as it is: it is sent back, or compared."""
    value = struct.get(name)
    if value is None or value == []:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or len(str(value)) > limit:
        raise BadPage(
            english("full_sync: %(field)s must be a text of at most %(num)s characters.",
                    field=name, num=limit)
        )  # fmt: skip
    return str(value)


def go_on(walk: Walk, page: Page, now_unix_s: int) -> Walk:
    """Return the walk after one more page. Once something is wrong with it that stays."""
    is_first = walk.pages == 0
    came, pages = walk.came + len(page.items), walk.pages + 1
    is_last = not page.next
    is_round = not is_last and (
        page.next in (walk.cursor, walk.milestone) or pages >= MAX_PAGES
    )  # fmt: skip
    problem = walk.problem or _contradiction(walk, page, now_unix_s, is_first=is_first)
    if not problem and is_round:
        problem = NO_END
    elif not problem and is_last:
        problem = _at_the_end(page, came)
    return replace(
        walk,
        cursor=page.next,
        pages=pages,
        came=came,
        estimate=max(page.count or 0, came),
        taken_unix_s=page.taken_unix_s if is_first else walk.taken_unix_s,
        scope=page.scope if is_first else walk.scope,
        began_unix_s=walk.began_unix_s if walk.began_unix_s is not None else now_unix_s,
        is_over=is_last or is_round,
        problem=problem,
        # As Brent finds circles: at every power of two of pages another one is remembered.
        milestone=page.next if pages & (pages - 1) == 0 else walk.milestone,
    )


def cut_short(walk: Walk, problem: str, *, is_off: bool = False) -> Walk:
    """Return a walk that ends here, with why; `is_off`: the peer does not send that at all."""
    is_off = is_off and walk.pages == 0
    problem = walk.problem or problem[:MAX_PROBLEM_CHARS]
    return replace(walk, is_over=True, is_off=is_off, problem=problem)


def _contradiction(walk: Walk, page: Page, now_unix_s: int, *, is_first: bool) -> str:
    if page.taken_unix_s is None or page.taken_unix_s > now_unix_s + times.MAX_AHEAD_S:
        return NO_TIME
    if not is_first and page.taken_unix_s != walk.taken_unix_s:
        return TAKEN_DIFFERS
    if not is_first and page.scope != walk.scope:
        return SCOPE_DIFFERS
    return ""


def _at_the_end(page: Page, came: int) -> str:
    if page.count != came:
        return english(MISCOUNTED, count=came, num=page.count or 0)
    return "" if page.is_complete else LEFT_OUT
