"""What two Moodles push in random use: strategies for events, and how each is sent."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.helpers.any_day_statements import STUDENT, Thing
from tests.helpers.school import NOW, A, B

DAY = 86_400
PEOPLE = ("91", "92", "93")
# Both have a section 5 and an assessment 7; only A's are two.
SECTIONS = ((A, "5"), (A, "6"), (B, "5"))
ITEMS = ((A, "7"), (A, "8"), (B, "7"))

# Mostly the same few, so that what is said meets.
people = st.sampled_from(["91", "91", "91", "92", "92", "93"])
sections = st.sampled_from([(A, "5"), (A, "5"), (A, "6"), (B, "5")])
items = st.sampled_from([(A, "7"), (A, "7"), (A, "8"), (B, "7")])
by_hand = st.sampled_from(["99", "5", None, "0", "7.5", "68"])
points = st.sampled_from(["99", "-3", "5", None, "0", "7.5", "68", "99", "-3"])
names = st.sampled_from(["Ada", "Öda"])
codes = st.sampled_from(["a", "s", "w", "wp", "ps", "e"])
# Two seconds of three days, so that moments meet and running numbers decide; None: the sender
# gives no time.
moments = st.builds(lambda day, s: NOW + day * DAY + s, st.integers(0, 2), st.integers(0, 1))
timed = st.tuples(moments, st.integers(-1, 2))
# When an enrolment begins or ends, some time before and after the moments; mostly nothing is said.
dates = st.none() | st.none() | st.builds(lambda h: NOW + h * DAY // 2, st.integers(-2, 6))
times = st.one_of(st.none(), timed, timed)

# An event: its name, what it is about, whom it names, what else it says, its peer and its time.
Event = tuple[str, Thing | None, str | None, dict[str, Any], str, tuple[int, int] | None]


def _own(things: tuple[Thing, ...], peer: str) -> st.SearchStrategy[Thing]:
    """A peer's own, mostly the first."""
    own = [thing for thing in things if thing[0] == peer]
    return st.sampled_from([own[0], *own])


def _numbered(
    grades: st.SearchStrategy[Event], attempts: st.SearchStrategy[int]
) -> st.SearchStrategy[Event]:
    """Grades that name their attempt; 0: they do not."""
    return st.builds(
        lambda event, attempt: (
            *event[:3], event[3] | ({"attempt_num": attempt} if attempt else {}), *event[4:]
        ),
        grades, attempts,
    )  # fmt: skip


def events_of(peer: str) -> st.SearchStrategy[Event]:
    """What a peer pushes: of its own sections and assessments, and of anybody."""
    sections, items = _own(SECTIONS, peer), _own(ITEMS, peer)

    def of(
        what: str, things: st.SearchStrategy[Thing], who: st.SearchStrategy[str | None], **data: Any
    ) -> st.SearchStrategy[Event]:
        return st.builds(
            lambda thing, who, data, when: (what, thing, who, data, thing[0], when),
            things, who, st.fixed_dictionaries(data), times,
        )  # fmt: skip

    user = st.builds(
        lambda who, first, when: (
            "fetch_user", None, who, {"firstname": first, "lastname": f"L{who}"}, peer, when
        ),
        people, names, times,
    )  # fmt: skip
    a_role = st.sampled_from([STUDENT, STUDENT, "teacher"])
    a_grade = _numbered(of("new_grade", items, people, points_earned=points,
                           excepted=st.booleans()), st.integers(0, 3))  # fmt: skip
    an_item = of(
        "new_assessment", items, st.none(), section=sections,
        name=st.sampled_from(["Quiz", "Essay"]), pointval=st.sampled_from(["68", "10"]),
    )  # fmt: skip
    taken_back = _numbered(of("delete_grade", items, people), st.integers(0, 3))
    return st.one_of(
        a_grade, a_grade, taken_back, an_item,
        of("new_section", sections, st.none(), name=st.sampled_from(["Algebra", "Botany"]),
           teacheridnumber=st.just("") | people),
        of("new_enrolment", sections, people, role=a_role, code=st.sampled_from(["a", "a", "s"]),
           timestart=dates, timeend=dates),
        of("end_enrolment", sections, people, role=st.just("") | a_role),
        of("delete_section", sections, st.none()),
        of("delete_assessment", items, st.none()), user,
    )  # fmt: skip


def _own_id(said: dict[str, Any]) -> dict[str, Any]:
    """Moodle's own id of somebody, which stands in half of what is told of them."""
    return {"moodleid": 1000 + int(said["lastname"][1:])} if said.get("firstname") == "Öda" else {}


def as_sent(event: Event) -> dict[str, Any]:
    """The event's fields on the wire."""
    what, thing, who, said, _peer, when = event
    number = thing[1] if thing else None
    kind = what.partition("_")[2]
    about: dict[str, Any] = {
        "user": {"idnumber": who, "username": f"u{who}", **_own_id(said)},
        "section": {"idnumber": number},
        "assessment": {"idnumber": number},
        "enrolment": {"sectionid": number, "userid": who},
        "grade": {"assessmentid": number, "userid": who},
    }[kind]
    data = {**about, **said}
    if "code" in said:
        data["status"] = 1 if data.pop("code") == "s" else 0
        data |= {name: data[name] or 0 for name in ("timestart", "timeend")}
    if "section" in said:
        data["sectionid"] = data.pop("section")[1]
    if when:
        data["timemodified"] = when[0]
        data |= {"seq": when[1]} if when[1] >= 0 else {}
    return data
