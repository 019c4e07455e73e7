"""People's own pages: what each kind of person sees there, and that nobody sees anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from lxml import html

from peers.accounts import CLERK
from schooltool_bridge.hand import enrolments as hand_enrolments
from schooltool_bridge.hand import people as hand_people
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from schooltool_bridge.reports import own_progress
from schooltool_bridge.reports.own_progress import Moment
from tests.helpers.cast import DAY_S, GRADED, LEFT, NAMES, POINTS, Cast, cast_in
from tests.helpers.framed import signed_in
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Page

PASSWORD = "correct horse battery"
AUTHOR = Author("anna", START_UNIX_S)
STAFF = {"carol", "prue"}
PUPILS = {"pam", "pete", "paul", "mia", "mia2"}
# Who teaches a student's section is named on the student's page: of a day that has been also who
# was said only later to have been added in error.
TEACHERS = {"tess", "theo", "fred", "err"}
# Whose records each person may see: their own; a teacher those of the section.
SEES: dict[str, set[str]] = {
    "": set(),
    "pam": {"pam"},
    "pete": {"pete"},
    "paul": {"paul"},
    "mia": {"mia", "mia2"},
    "mia2": {"mia", "mia2"},
    "tess": {"tess", "pam", "pete", "mia"},
    "fred": {"fred", "pam", "pete", "mia"},
    # A print of a past day is headed by who was a teacher there then.
    "theo": {"theo", "pete", "paul", "mia", "mia2", "err"},
    # Olga is in no section: somebody whom a counselor may enrol.
    "carol": {"carol", "olga"} | PUPILS | TEACHERS,
    "prue": {"prue"} | PUPILS | TEACHERS,
    "olga": {"olga"},
    "err": {"err"},
}
TEACH = {"tess": "algebra", "fred": "algebra", "theo": "biology"}


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with cast_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """For tests that only look."""
    with cast_in(tmp_path_factory.mktemp("cast")) as made:
        yield made


def words(page: Page) -> str:
    return " ".join(" ".join(page.tree.xpath("//main//text()")).split())


def row(page: Page, name: str) -> str:
    """The line of a table that begins with a name."""
    found = [tr for tr in page.tree.xpath("//tbody/tr") if name in "".join(tr[0].itertext())]
    assert len(found) == 1, (name, html.tostring(page.tree))
    return " ".join("".join(found[0].itertext()).split())


def day(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).date().isoformat()


# Nobody sees anybody else's, whatever pages there are.


@pytest.mark.requirement("R77")
@pytest.mark.parametrize("who", SEES)
def test_on_no_page_of_the_server_does_anybody_see_what_is_not_theirs(
    shared: Cast, who: str
) -> None:
    others = {name: NAMES[name] for name in NAMES.keys() - SEES[who]}
    hidden = {p for (name, _where), p in POINTS.items() if name not in SEES[who]}
    ids = [0, *shared.people.values(), *shared.sections.values(), 999, 2**31 - 1, 2**31]
    visitor = shared.browser(who)
    shown = 0
    for route in shared.frame.routes:
        if "GET" not in route.methods:
            continue
        is_admins = route.role is not None
        # An admin's page asks nobody what it is about before it knows who is there.
        for number in ids[:2] if is_admins else sorted(set(ids)):
            path = re.sub(r"<(?:int:)?\w+>", str(number), route.rule)
            for query in ("", "?at=2026-10-31", "?search=a"):
                answer = visitor.get(path + query)
                if is_admins:
                    assert answer.location.startswith("/?next="), path
                    assert not answer.body
                text = answer.body.decode("utf-8", "replace")
                seen = {name for name, whole in others.items() if whole in text}
                assert not seen, (who, path, seen)
                assert not {p for p in hidden if p in text}, (who, path)
                shown += answer.status == 200
            if "<" not in route.rule:
                break
    assert shown > 3


@pytest.mark.parametrize("who", [name for name in SEES if name])
def test_a_number_that_is_not_theirs_is_as_if_it_were_not_there(shared: Cast, who: str) -> None:
    visitor = shared.browser(who)
    nowhere = visitor.get("/me/students/999").body
    nowhere = re.sub(rb'name="form_token" value="[^"]*"', b"", nowhere)
    for kind, table in (("teaching", shared.sections), ("students", shared.people)):
        for name, number in table.items():
            mine = TEACH.get(who) == name or (kind == "students" and who in STAFF)
            mine = mine and (kind == "teaching" or name in PUPILS)
            answer = visitor.get(f"/me/{kind}/{number}")
            assert answer.status == (200 if mine else 404), (who, kind, name)
            if not mine:
                body = re.sub(rb'name="form_token" value="[^"]*"', b"", answer.body)
                assert body == nowhere, "it differs from what was never there"
    assert visitor.get("/me/students").status == (200 if who in STAFF else 404)


def test_a_visitor_is_asked_to_sign_in_the_same_way_for_any_number(shared: Cast) -> None:
    visitor = shared.browser()
    for path in ("/me/marks?at=2026-10-31", "/me/teaching/1", "/me/teaching/999", "/me/students/1"):
        answer = visitor.get(path)
        assert (answer.status, answer.body) == (303, b"")
        assert answer.location.startswith("/?next=%2Fme%2F")


# What each sees.


def test_a_pupil_sees_their_sections_with_percent_and_marks_as_of_a_day(cast: Cast) -> None:
    pete = cast.browser("pete")
    overview = words(pete.get("/me"))
    assert "My sections" in overview
    assert "Algebra Active 62.41 %" in overview
    assert "Biology Active 63.53 %" in overview
    page = pete.get("/me/marks")
    assert row(page, "Quiz of algebra") == "Quiz of algebra 62.41 of 100"
    cast.push("new_grade", assessmentid="quiz-algebra", userid="id-pete", points_earned="77.7",
              timemodified=LEFT)  # fmt: skip
    cast.push("end_enrolment", sectionid="biology", userid="id-pete", timemodified=LEFT)
    page = pete.get("/me/marks")
    assert row(page, "Quiz of algebra") == "Quiz of algebra 77.7 of 100"
    assert [h.text for h in page.tree.xpath("//main/h2")] == ["Now", "Before"]
    assert "Withdrawn (code to be given)" in words(page)
    before = pete.get(f"/me/marks?at={day(LEFT - DAY_S)}")
    assert row(before, "Quiz of algebra") == "Quiz of algebra 62.41 of 100"
    assert [h.text for h in before.tree.xpath("//main/h2")] == ["On that day"]
    assert "in no section as a student by then" in words(pete.get("/me/marks?at=2001-01-01"))
    # What is no day counts as not asked.
    for wrong in ("x", "2026-13-01", "0000-00-00", "9999-12-31", "\0", "-1", "2026-10-31T00"):
        assert pete.get(f"/me/marks?at={wrong}").status == 200


def test_before_enrolment_excused_and_extra_credit_say_so(cast: Cast) -> None:
    cast.push("fetch_user", idnumber="new", username="newt", firstname="N", lastname="T", email="")
    cast.push("new_enrolment", sectionid="algebra", userid="new", role="student",
              timemodified=LEFT)  # fmt: skip
    for number, more in ((1, {"extra_credit": True}), (2, {}), (3, {})):
        cast.push("new_assessment", idnumber=f"late{number}", sectionid="algebra", pointval=10,
                  name=f"Late {number}", timemodified=LEFT + 10, **more)  # fmt: skip
    cast.push("new_grade", assessmentid="late1", userid="new", points_earned=1)
    cast.push("new_grade", assessmentid="late2", userid="new", points_earned=5)
    cast.push("new_grade", assessmentid="late3", userid="new", points_earned=2, excepted=True)
    with cast.app.database.read() as connection:
        cast.people["newt"] = find_person(connection, "new")
    page = cast.browser("newt").get("/me/marks")
    assert row(page, "Quiz of algebra") == "Quiz of algebra before enrolment of 100"
    assert row(page, "Late 1") == "Late 1 extra credit 1 of 10"
    assert row(page, "Late 3") == "Late 3 excused 2 of 10"
    assert "60 %" in words(page), "5 and 1 of 10: what came before does not count"


def test_a_merged_person_sees_all_of_theirs_by_either_way_in(shared: Cast) -> None:
    for name in ("mia", "mia2"):
        page = shared.browser(name).get("/me/marks")
        assert row(page, "Quiz of algebra") == "Quiz of algebra 65.67 of 100"
        assert row(page, "Quiz of biology") == "Quiz of biology 66.71 of 100"


@pytest.mark.requirement("R77")
def test_a_teacher_sees_sections_of_now_and_former_ones_as_they_stood(cast: Cast) -> None:
    tess, fred = cast.browser("tess"), cast.browser("fred")
    algebra = f"/me/teaching/{cast.sections['algebra']}"
    assert "I teach Algebra" in words(tess.get("/me"))
    assert "I taught Algebra until" in words(fred.get("/me"))
    page = tess.get(algebra)
    names = [th.text for th in page.tree.xpath("//tbody//th")]
    assert names == ["Miajx OfMiajx", "Pamxq OfPamxq", "Petevz OfPetevz"]
    assert row(page, "Pamxq").endswith("61.37 %")
    # What came after the former teacher left is not theirs.
    cast.push("new_grade", assessmentid="quiz-algebra", userid="id-pam", points_earned="88",
              timemodified=LEFT + 1)  # fmt: skip
    cast.push("new_enrolment", sectionid="algebra", userid="id-paul", role="student")
    assert row(tess.get(algebra), "Pamxq").endswith("88 %")
    assert "Paulwk" in words(tess.get(algebra))
    for query in ("", f"?at={day(START_UNIX_S)}", "?at=9999-12-30"):
        late = fred.get(algebra + query)
        assert row(late, "Pamxq").endswith("61.37 %"), query
        assert "Paulwk" not in words(late)
    early = fred.get(f"{algebra}?at={day(GRADED - DAY_S)}")
    assert row(early, "Pamxq").endswith("nothing graded")
    # A section that is gone is a former one.
    cast.push("delete_section", idnumber="algebra")
    assert "I taught Algebra" in words(tess.get("/me"))
    assert "This section is closed" in words(tess.get(algebra))


@pytest.mark.requirement("R58")
def test_staff_find_any_student_and_see_what_is_still_to_come(cast: Cast) -> None:
    prue = cast.browser("prue")
    found = prue.get("/me/students?search=Of")
    links = found.tree.xpath("//tbody//th/a/text()")
    assert links == [f"{NAMES[n]} Of{NAMES[n]}" for n in ("mia", "pam", "paul", "pete")]
    assert "No student like that" in words(prue.get("/me/students?search=tess"))
    assert "No student like that" in words(prue.get("/me/students?search=%00nobody"))
    pam = f"/me/students/{cast.people['pam']}"
    # In July, a course of the fall.
    cast.push("new_section", idnumber="fall", name="Fall course", teacheridnumber="id-tess")
    cast.push("new_assessment", idnumber="early", sectionid="fall", name="Early", pointval=3)
    cast.push("new_enrolment", sectionid="fall", userid="id-pam", role="student",
              timestart=START_UNIX_S + 50 * DAY_S)  # fmt: skip
    with cast.app.database.write() as connection:
        hand_enrolments.set_state(
            connection, AUTHOR, cast.sections["algebra"], cast.people["pam"], "student", "wf",
            text="Moved <away>",
        )  # fmt: skip
    page = prue.get(pam)
    assert [h.text for h in page.tree.xpath("//main/h2")] == ["Sections to come", "Sections before"]
    assert "Fall course" in words(page)
    begins = datetime.fromtimestamp(START_UNIX_S + 50 * DAY_S, UTC)
    starts = f"starts {begins:%-d %b %Y}"
    assert starts in words(page)
    # Everybody who sees it reads the same.
    with cast.app.database.read() as connection:
        fall = find_section(connection, "fall")
    office, pam_there = signed_in(cast.rig, CLERK), f"/admin/sections/{fall}"
    assert starts in words(office.get(pam_there))
    assert starts in words(office.get(f"{pam_there}/people/{cast.people['pam']}"))
    assert starts in words(cast.browser("tess").get(f"/me/teaching/{fall}"))
    assert starts in words(cast.browser("pam").get("/me"))
    assert row(page, "Early") == "Early none yet of 3"
    assert "Withdrawn - Failing" in words(page)
    assert "Moved <away>" in words(page)
    own = words(cast.browser("pam").get("/me/marks"))
    assert "Withdrawn - Failing" in own
    assert "Moved" not in own, "the office's note is the office's"
    # A merged row leads to the whole person.
    both = words(prue.get(f"/me/students/{cast.people['mia2']}"))
    assert "65.67" in both
    assert "66.71" in both


def test_a_role_or_place_that_is_taken_closes_its_pages_at_once(cast: Cast) -> None:
    carol, tess = cast.browser("carol"), cast.browser("tess")
    algebra = f"/me/teaching/{cast.sections['algebra']}"
    assert (carol.get("/me/students").status, tess.get(algebra).status) == (200, 200)
    with cast.app.database.write() as connection:
        hand_people.set_staff_role(connection, AUTHOR, cast.people["carol"], "")
        hand_enrolments.set_state(
            connection, AUTHOR, cast.sections["algebra"], cast.people["tess"], "teacher", "e"
        )
    assert (carol.get("/me/students").status, tess.get(algebra).status) == (404, 404)
    assert carol.get(f"/me/students/{cast.people['pam']}").status == 404


def test_a_pupils_page_asks_as_often_for_many_sections_as_for_few(cast: Cast) -> None:
    asked: list[str] = []
    sa.event.listen(
        cast.app.database.engine, "before_cursor_execute", lambda *a: asked.append(str(a[2]))
    )

    def count() -> int:
        asked.clear()
        moment = Moment(None, START_UNIX_S, cast.app.settings.zone)
        with cast.app.database.read() as connection:
            found = own_progress.of_student(connection, cast.people["pete"], moment, is_own=True)
        assert found
        return len(asked)

    few = count()
    for number in range(12):
        cast.push("new_section", idnumber=f"s{number}", name="More")
        cast.push("new_assessment", idnumber=f"a{number}", sectionid=f"s{number}", name="A",
                  pointval=5)  # fmt: skip
        cast.push("new_enrolment", sectionid=f"s{number}", userid="id-pete", role="student")
        cast.push("new_grade", assessmentid=f"a{number}", userid="id-pete", points_earned=3)
    assert count() == few


def test_the_pages_work_on_each_database(tmp_path: Path, database_url: str) -> None:
    with cast_in(tmp_path, database_url) as cast:
        pam = f"/me/students/{cast.people['pam']}?at={day(START_UNIX_S)}"
        algebra = f"/me/teaching/{cast.sections['algebra']}"
        for who, path in (
            ("pam", "/me/marks"),
            ("prue", pam),
            ("tess", algebra),
            ("fred", algebra),
        ):
            assert "61.37" in words(cast.browser(who).get(path)), path
        assert "4 found" in words(cast.browser("carol").get("/me/students"))
