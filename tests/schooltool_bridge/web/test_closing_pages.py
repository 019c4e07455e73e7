"""Final marks in the browser: closed in words first, proposed, accepted, opened again."""

from __future__ import annotations

from typing import Any

import pytest

from peers import audit
from schooltool_bridge.school import final_marks
from tests.helpers.rig import SIS, Rig
from tests.helpers.visitor import Page, Visitor
from tests.schooltool_bridge.web.test_school_pages import (
    AUTUMN,
    BIOLOGY,
    HOSTILE,
    MOODLE,
    SCHOOL,
    SECTIONS,
    YEAR,
    carl,
    push,
    rig,
)

__all__ = ["carl", "rig"]  # fixtures

TERM, FINAL = SCHOOL + "/terms/1", SCHOOL + "/terms/1/final"
LETTERS = "Letter grades"


@pytest.fixture
def marked(rig: Rig, carl: Visitor) -> Visitor:
    """Two sections in Autumn: Ada and a hostile name with 91 and 55 percent, Cem ungraded."""
    for path, form in ((SCHOOL, YEAR), (SCHOOL + "/years/1", AUTUMN), (SCHOOL, BIOLOGY)):
        assert carl.send(path, **form).status == 303
    moodle = rig.peers[MOODLE]
    people = (("1", "Ada", "5", 91), ("2", HOSTILE, "5", 55), ("3", "Cem", "6", None))
    for number, name, section, points in people:
        push(rig, moodle, "fetch_user", idnumber=number, username=f"u{number}", firstname=name, lastname="X")  # fmt: skip
        push(rig, moodle, "new_enrolment", sectionid=section, userid=number, role="student")
        if points is not None:
            if number == "1":
                push(rig, moodle, "new_assessment", sectionid=section, idnumber="q", name="Quiz", pointval=100)  # fmt: skip
            grade(rig, number, points)
    assert carl.send(SECTIONS, section=["1", "2"], course="1", term="1", kept="").status == 303
    return carl


def grade(rig: Rig, person: str, points: int) -> None:
    push(rig, rig.peers[MOODLE], "new_grade", assessmentid="q", userid=person, points_earned=points)


def system(page: Page, title: str = LETTERS) -> str:
    found: list[str] = page.tree.xpath(f"//option[.='{title}']/@value")
    return found[0]


def close(visitor: Visitor, path: str) -> Page:
    """Go the whole way, over the page that asks."""
    asked = visitor.send(path, action="close", system=system(visitor.get(path)))
    assert asked.status == 200
    fields = {n: asked.tree.xpath(f"//input[@name='{n}']/@value")[0] for n in ("system", "seen", "form_token")}  # fmt: skip
    return visitor.post(path, {**fields, "action": "close"})


def cells(page: Page) -> list[list[str]]:
    """The rows of the marks, as they read."""
    table = page.tree.xpath("//*[@aria-label='Final marks']//tbody")
    rows = table[0].xpath("tr") if table else []
    return [[" ".join(c.text_content().split()) for c in r.xpath("th|td")] for r in rows]


def words(page: Page) -> str:
    """What a page says, in one line."""
    return " ".join(page.tree.text_content().split())


def sections(page: Page) -> list[list[str]]:
    """The rows of a term's sections: name, final marks, proposals, who joined since."""
    rows = page.tree.xpath("//*[@aria-label='Sections']//tbody/tr")
    return [[" ".join(c.text_content().split()) for c in r.xpath("th|td")] for r in rows]


def finals(rig: Rig) -> set[tuple[int, str]]:
    with rig.app.database.read() as connection:
        return {(f.person_id, f.mark) for f in final_marks.finals(connection)}


def test_closing_says_in_words_what_it_means_before_it_does_it(rig: Rig, marked: Visitor) -> None:
    term = marked.get(TERM)
    assert "Close the term" in term.text
    asked = marked.send(FINAL, page=TERM, action="close", system=system(term))
    words = " ".join(asked.tree.text_content().split())
    assert "3 final marks of 3 students in 2 sections, written by Letter grades" in words
    assert "1 of them stays empty" in words
    assert finals(rig) == set(), "nothing is done yet"
    closed = close(marked, FINAL)
    assert closed.location.endswith(FINAL)
    assert "3 final marks stored" in marked.get(FINAL).message("said")
    assert finals(rig) == {(1, "A"), (2, "F"), (3, "")}
    assert "closed" in marked.get(TERM).text
    again = marked.send(FINAL, action="close", system="1")
    assert (again.status, "closed already" in again.message()) == (400, True)
    assert "the records say the same" in marked.get(FINAL).text
    assert HOSTILE not in marked.get(SECTIONS + "/1/final").text
    assert trail_of(rig, "term closed") == [("carl", {"sections": 2, "marks": 3, "score system": LETTERS})]  # fmt: skip


def test_closing_warns_of_what_is_not_settled_yet(rig: Rig, marked: Visitor) -> None:
    def asked() -> str:
        found = marked.send(FINAL, page=TERM, action="close", system=system(marked.get(TERM)))
        return words(found)

    proposed = "becomes a proposal to change them"
    assert "no code yet" not in asked()
    assert "still wait" not in asked()
    push(rig, rig.peers[MOODLE], "end_enrolment", sectionid="5", userid="1", role="student")
    early: dict[str, Any] = {"assessmentid": "late", "userid": "2", "points_earned": 1}
    rig.call(rig.peers[MOODLE], SIS + "new_grade", early)
    told = asked()
    assert "1 withdrawal has no code yet" in told
    assert "1 event still waits; what it brings would only become a proposal." in told
    assert proposed not in words(marked.get(SECTIONS + "/1/gradebook"))
    close(marked, FINAL)
    assert proposed in words(marked.get(SECTIONS + "/1/gradebook"))


def test_who_came_between_the_question_and_the_yes_is_asked_about_anew(
    rig: Rig, marked: Visitor
) -> None:  # fmt: skip
    asked = marked.send(FINAL, action="close", system=system(marked.get(FINAL)))
    seen = asked.tree.xpath("//input[@name='seen']/@value")[0]
    push(rig, rig.peers[MOODLE], "new_enrolment", sectionid="6", userid="1", role="student")
    refused = marked.send(FINAL, action="close", system=system(marked.get(FINAL)), seen=seen)
    assert refused.status == 400
    assert "Meanwhile it is about other students" in refused.message()
    assert "4 final marks of 3 students" in refused.text
    assert finals(rig) == set()


def test_proposals_are_accepted_one_by_one_or_all_with_a_reason(rig: Rig, marked: Visitor) -> None:
    close(marked, FINAL)
    grade(rig, "1", 75)
    grade(rig, "2", 85)
    shown = marked.get(FINAL)
    assert "the records now say something else for 2" in shown.text
    assert [row[3:5] for row in cells(shown)] == [
        ["F (55 %)Active", "B (85 %)Active"],
        ["A (91 %)Active", "C (75 %)Active"],
    ]
    boxes = shown.tree.xpath("//input[@name='mark']/@value")
    without = marked.send(FINAL, action="accept", mark=boxes[1:], why=" ")
    assert (without.status, "Say why" in without.message()) == (400, True)
    assert "Tick the marks" in marked.send(FINAL, action="accept", why="x").message()
    assert marked.send(FINAL, action="accept", mark=boxes[1:], why="was ill").status == 303
    assert finals(rig) == {(1, "C"), (2, "F"), (3, "")}
    digest = shown.tree.xpath("//input[@name='digest']/@value")[0]
    late = marked.send(FINAL, action="accept-all", digest=digest, why="all")
    assert (late.status, "look again" in late.message()) == (400, True)
    old = marked.send(FINAL, action="accept", mark=boxes[1:], why="twice")
    assert (old.status, "any more" in old.message()) == (400, True)
    digest = marked.get(FINAL).tree.xpath("//input[@name='digest']/@value")[0]
    assert marked.send(FINAL, action="accept-all", digest=digest, why="a slip").status == 303
    assert finals(rig) == {(1, "C"), (2, "B"), (3, "")}
    assert "a slip" in marked.get(SECTIONS + "/1/final").text
    assert [d["persons"] for _who, d in trail_of(rig, "final marks changed")] == [[2], [1]]


def test_a_term_is_opened_again_and_closed_anew(rig: Rig, marked: Visitor) -> None:
    close(marked, FINAL)
    refused = marked.send(FINAL, action="reopen", why="")
    assert (refused.status, "Say why" in refused.message()) == (400, True)
    assert marked.send(FINAL, action="reopen", why="the wrong marks").status == 303
    assert finals(rig) == {(1, "A"), (2, "F"), (3, "")}, "they stand until it is closed anew"
    grade(rig, "1", 65)
    asked = marked.send(FINAL, action="close", system=system(marked.get(FINAL), "Percent"))
    assert "3 final marks of an earlier closing are replaced" in " ".join(asked.tree.text_content().split())  # fmt: skip
    close(marked, FINAL)
    assert (1, "D") in finals(rig)
    assert trail_of(rig, "term opened again") == [("carl", {"why": "the wrong marks"})]


def test_an_ongoing_section_is_closed_alone(rig: Rig, marked: Visitor) -> None:
    path = SECTIONS + "/1/final"
    assert marked.send(SECTIONS + "/1/settings", action="file", course="", term="").status == 303
    assert marked.get(SECTIONS + "/1").tree.xpath(f"//a[contains(@href, '{path}')]")
    assert "Close this section" in marked.get(path).text
    assert close(marked, path).status == 303
    assert finals(rig) == {(1, "A"), (2, "F")}
    shown = marked.get(path)
    assert [row[0] for row in cells(shown)] == ["X, <script>alert(1)</script>", "X, Ada"]
    assert marked.send(path, action="reopen", why="x").status == 400
    assert marked.send(path, action="close", system="1", seen="2").status == 400
    empty = SECTIONS + "/3/final"
    assert "no student" in marked.send(empty, action="close", system="1").message()


def join(rig: Rig, points: int) -> None:
    """Cem comes into Algebra too, and is graded there."""
    moodle = rig.peers[MOODLE]
    push(rig, moodle, "new_enrolment", sectionid="5", userid="3", role="student")
    grade(rig, "3", points)


def test_who_joined_since_is_shown_and_closing_again_stores_their_marks_alone(
    rig: Rig, marked: Visitor
) -> None:
    path = SECTIONS + "/1/final"
    close(marked, path)
    assert "joined since" not in words(marked.get(path))
    join(rig, 75)
    grade(rig, "1", 10)
    shown = marked.get(path)
    assert "1 student joined since it was closed" in words(shown)
    assert "X, Cem (75 %)" in words(shown)
    assert shown.tree.xpath("//option[@selected]/text()") == [LETTERS], "as the other marks"
    assert [row[1:] for row in sections(marked.get(FINAL))] == [["2", "1", "1"], ["0", "0", "0"]]
    asked = words(marked.send(path, action="close", system=system(shown)))
    assert "1 final mark of 1 student in 1 section, written by Letter grades" in asked
    assert "Final marks that are stored already do not change" in asked
    assert close(marked, path).status == 303
    assert finals(rig) == {(1, "A"), (2, "F"), (3, "C")}
    assert "joined since" not in words(marked.get(path))
    again = marked.send(path, action="close", system="1")
    assert (again.status, "closed already" in again.message()) == (400, True)


def test_who_joined_a_closed_term_is_counted_by_section_and_given_a_mark(
    rig: Rig, marked: Visitor
) -> None:
    close(marked, FINAL)
    join(rig, 85)
    shown = marked.get(FINAL)
    assert "1 student joined since it was closed" in words(shown)
    assert [row[1:] for row in sections(shown)] == [["2", "0", "1"], ["1", "0", "0"]]
    assert close(marked, FINAL).status == 303
    assert finals(rig) == {(1, "A"), (2, "F"), (3, ""), (3, "B")}
    assert [d["persons"] for _who, d in trail_of(rig, "final marks added")] == [[3]]


def test_who_joins_while_somebody_reads_the_question_is_asked_about_anew(
    rig: Rig, marked: Visitor
) -> None:
    path = SECTIONS + "/1/final"
    asked = marked.send(path, action="close", system=system(marked.get(path)))
    seen = asked.tree.xpath("//input[@name='seen']/@value")[0]
    close(marked, path)
    join(rig, 75)
    late = marked.send(path, action="close", system="1", seen=seen)
    assert (late.status, "Meanwhile" in late.message()) == (400, True)
    assert finals(rig) == {(1, "A"), (2, "F")}


def test_what_is_not_there_or_not_known_is_refused(marked: Visitor) -> None:
    for path in (SCHOOL + "/terms/9/final", SECTIONS + "/9/final", SCHOOL + "/terms/9999999999/final"):  # fmt: skip
        assert marked.get(path).status == 404
        assert marked.send(path, page=TERM, action="close", system="1").status == 404
    for fields in ({"action": "burn"}, {"action": "close"}, {"action": "close", "system": "99"},
                   {"action": "accept-all", "why": "x"}):  # fmt: skip
        assert marked.send(FINAL, **fields).status == 400
    marked.cookies.clear()
    for path in (FINAL, SECTIONS + "/1/final"):
        assert marked.get(path).status == 303  # to the door


def trail_of(rig: Rig, action: str) -> list[tuple[str, Any]]:
    with rig.app.database.read() as connection:
        found = audit.entries(connection)
    return [(e.actor, e.detail) for e in found if e.action == action]
