"""The seven scenarios of the integration, each told over the sealed wire and through the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.admins import browser, site_with_admins
from tests.helpers.rig import SIS, FakePeer, Rig
from tests.helpers.visitor import SAME, Page, Visitor
from tests.schooltool_bridge.gradebook.test_gradebook_uploads import BOUNDARY, agreed


@dataclass
class Story:
    """A school with a Moodle, and somebody in its office."""

    rig: Rig
    moodle: FakePeer
    office: Visitor

    def push(self, event: str, **data: Any) -> dict[str, Any]:
        answer: Any = self.rig.call(self.moodle, SIS + event, data)
        return dict(answer)

    def on(self, day: str) -> Story:
        """It is noon of that day."""
        moment = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
        self.rig.clock.now = int(moment.timestamp())
        return self

    def person(self, idnumber: str, first: str, last: str) -> None:
        self.push(
            "fetch_user", idnumber=idnumber, username=first.lower(), firstname=first, lastname=last
        )  # fmt: skip - a person

    def page(self, path: str) -> str:
        answer = self.office.get(path)
        assert answer.status == 200, (path, answer.status)
        return " ".join(" ".join(answer.tree.xpath("//main//text()")).split())

    def line(self, path: str, begins: str) -> str:
        """The row of a table that begins so."""
        for row in self.office.get(path).tree.xpath("//main//tr"):
            text = " ".join(" ".join(row.itertext()).split())
            if text.startswith(begins):
                return text
        raise AssertionError((path, begins, self.page(path)))


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with site_with_admins(tmp_path) as rig:
        told = Story(rig, rig.add("http://moodle.example.org"), browser(rig, "carl"))
        told.on("2026-07-01")
        yield told


@pytest.mark.requirement("R88")
def test_1_in_july_the_principal_sees_a_students_fall_courses(story: Story) -> None:
    story.person("1001", "Sally", "Student")
    story.on("2026-07-10").push("new_section", idnumber="500", name="Fall Biology")
    september = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp())
    story.push("new_enrolment", sectionid="500", userid="1001", role="student", timestart=september)
    report = story.on("2026-07-20").page("/admin/people/1/progress")
    assert "Fall Biology" in report
    assert "1 Sep 2026" in report


@pytest.mark.requirement("R9", "R88")
def test_2_a_new_student_is_enrolled_in_one_sitting_and_reported_for_any_day(
    story: Story,
) -> None:
    story.on("2026-09-07")
    for number in ("501", "502", "503"):
        # In whatever order Moodle's calls come.
        held = story.push("new_enrolment", sectionid=number, userid="1002", role="student")
        assert held["status"] == "held"
    story.person("1002", "Nina", "New")
    for number, name in (("503", "Art"), ("501", "Algebra"), ("502", "History")):
        story.push("new_section", idnumber=number, name=name)
    story.push("new_assessment", sectionid="501", idnumber="71", name="Quiz", pointval=20)
    # One grade by itself, from an automatic quiz; one given again by the teacher.
    story.on("2026-09-14").push("new_grade", assessmentid="71", userid="1002", points_earned=8)
    story.on("2026-09-28").push(
        "new_grade", assessmentid="71", userid="1002", points_earned=18, attempt_num=2
    )
    report = story.on("2026-10-05").page("/admin/people/1/progress")
    assert all(name in report for name in ("Art", "Algebra", "History"))
    assert story.line("/admin/people/1/progress", "Quiz") == "Quiz 18 20 90 % attempt 2"
    assert story.line("/admin/people/1/progress?at=2026-09-20", "Quiz") == "Quiz 8 20 40 %"
    assert "Quiz" not in story.page("/admin/people/1/progress?at=2026-09-01")


@pytest.mark.requirement("R88")
def test_3_a_student_leaves_and_the_counselor_writes_why(story: Story) -> None:
    story.on("2026-09-07").person("1003", "Will", "Withdraw")
    story.push("new_section", idnumber="501", name="Algebra")
    story.push("new_enrolment", sectionid="501", userid="1003", role="student")
    story.push("new_assessment", sectionid="501", idnumber="71", name="Quiz", pointval=20)
    story.push("new_grade", assessmentid="71", userid="1003", points_earned=15)
    story.on("2026-10-12").push("end_enrolment", sectionid="501", userid="1003")
    assert "Withdrawn (code to be given)" in story.page("/admin/people/1/transcript")
    done = story.on("2026-10-13").office.send(
        "/admin/sections/1/people/1",
        role="student",
        code="wp",
        note="Moved to Dover",
        day="",
        why="",
    )  # fmt: skip - a form
    assert done.status == 303
    transcript = story.page("/admin/people/1/transcript")
    assert "Withdrawn - Passing" in transcript
    assert "Moved to Dover" in transcript
    # As of the week before nobody had left, and the grade stays with the record.
    assert "Active" in story.line("/admin/people/1/progress?at=2026-10-01", "Algebra")
    assert "75 %" in story.line("/admin/people/1/progress", "Algebra")


@pytest.mark.requirement("R88")
def test_4_an_assignment_in_moodle_takes_grades_here_at_once(story: Story) -> None:
    story.on("2026-09-07").push("new_section", idnumber="501", name="Algebra")
    for number in ("1", "2", "3"):
        story.person(number, f"Pupil{number}", "P")
        story.push("new_enrolment", sectionid="501", userid=number, role="student")
    answer = story.push("new_assessment", sectionid="501", idnumber="71", name="Cats", pointval=10)
    assert answer["status"] == "created"
    for number in ("1", "2", "3"):
        graded = story.push("new_grade", assessmentid="71", userid=number, points_earned=number)
        assert graded["status"] == "created"
    book = story.office.get("/admin/sections/1/gradebook")
    cells = {i.get("name"): i.get("value") for i in book.tree.xpath("//input[@name]")}
    assert sorted(v for n, v in cells.items() if n.startswith("c.")) == ["1", "2", "3"]


@pytest.mark.requirement("R47", "R88")
def test_5_a_section_without_moodle_is_made_filled_graded_and_reported(story: Story) -> None:
    story.on("2026-09-07").person("1001", "Sally", "Student")
    story.person("9001", "Tom", "Teacher")
    made = story.office.send("/admin/sections/new", name="Drama", idnumber="DRAMA-1")
    section = made.location
    for person, role in (("1", "student"), ("2", "teacher")):
        story.office.send(
            f"{section}/people/{person}", role=role, code="a", note="", day="", why=""
        )  # fmt: skip - a form
    seen = _upload(story.office, f"{section}/upload", b"name,points\nMonologue,20\nScene,30\n")
    assert "2 new" in " ".join(" ".join(seen.tree.itertext()).split())
    story.office.post(f"{section}/upload", agreed(seen))
    book = story.office.get(f"{section}/gradebook")
    form = {i.get("name"): i.get("value") or "" for i in book.tree.xpath("//form//input[@name]")}
    first = min(name for name in form if name.startswith("c."))
    assert story.office.post(f"{section}/gradebook", form | {first: "15"}).status == 303
    progress = story.page("/admin/people/1/progress")
    assert "Drama" in progress
    assert "Tom Teacher" in progress
    assert story.line("/admin/people/1/progress", "Monologue").startswith("Monologue 15 20 75 %")
    assert "75 %" in story.line("/admin/people/1/transcript", "Drama")


@pytest.mark.requirement("R88")
def test_6_an_item_made_by_hand_is_taken_over_by_moodles_of_exactly_its_name(
    story: Story,
) -> None:
    story.on("2026-09-07").push("new_section", idnumber="501", name="Algebra")
    for number, name in (("1", "Ada"), ("2", "Bo")):
        story.person(number, name, "Last")
        story.push("new_enrolment", sectionid="501", userid=number, role="student")
    seen = _upload(story.office, "/admin/sections/1/upload", b"name,points\nEssay on cats,20\n")
    story.office.post("/admin/sections/1/upload", agreed(seen))
    book = story.office.get("/admin/sections/1/gradebook")
    form = {i.get("name"): i.get("value") or "" for i in book.tree.xpath("//form//input[@name]")}
    (adas,) = [name for name in form if re.fullmatch(r"c\.\d+\.1", name)]
    story.office.post("/admin/sections/1/gradebook", form | {adas: "12"})
    story.push("new_assessment", sectionid="501", idnumber="77", name="Essay on cats", pointval=20)
    for number in ("1", "2"):
        story.push("new_grade", assessmentid="77", userid=number, points_earned=18)
    # One item; what was entered here stands, the other's grade came by itself.
    assert story.line("/admin/people/1/progress", "Essay on cats").startswith(
        "Essay on cats 12 20 60 %"
    )
    assert story.line("/admin/people/2/progress", "Essay on cats").startswith(
        "Essay on cats 18 20 90 %"
    )
    assert story.page("/admin/people/1/progress").count("Essay on cats") == 1


@pytest.mark.requirement("R9", "R79", "R80", "R88")
def test_7_years_of_a_moodle_come_over_and_the_next_term_is_planned(story: Story) -> None:
    story.on("2026-07-01")
    events: list[Any] = []
    for number in range(1, 21):
        person = {
            "idnumber": f"p{number}",
            "username": f"u{number}",
            "firstname": "P",
            "lastname": f"Number {number}",
        }  # fmt: skip - a person
        events.append({"event": "fetch_user", "data": person})
    for number in range(1, 4):
        section = {"idnumber": f"s{number}", "name": f"Course {number}", "teacheridnumber": "p20"}
        item = {
            "sectionid": f"s{number}",
            "idnumber": f"a{number}",
            "name": "Exam",
            "pointval": 100,
        }
        events += [
            {"event": "new_section", "data": section},
            {"event": "new_assessment", "data": item},
        ]  # fmt: skip - two events
        for pupil in range(1, 20):
            place = {"sectionid": f"s{number}", "userid": f"p{pupil}", "role": "student"}
            grade = {"assessmentid": f"a{number}", "userid": f"p{pupil}", "points_earned": 50}
            events += [
                {"event": "new_grade", "data": grade},
                {"event": "new_enrolment", "data": place},
            ]  # fmt: skip - two events
    answers: Any = story.rig.call(story.moodle, SIS + "push_events", events)
    assert {a["status"] for a in answers} <= {"created", "updated", "unchanged"}
    again: Any = story.rig.call(story.moodle, SIS + "push_events", events)
    assert {a["status"] for a in again} == {"unchanged"}
    assert "20" in story.page("/admin/people")
    sections = story.page("/admin/sections")
    assert all(f"Course {n}" in sections for n in (1, 2, 3))
    year = {"title": "2026/27", "first": "2026-09-01", "last": "2027-07-02", "action": "add-year"}
    fall = {"title": "Fall", "first": "2026-09-01", "last": "2026-12-20", "action": "add-term"}
    course = {
        "code": "C1",
        "title": "Course one",
        "credits": "1",
        "description": "",
        "action": "add-course",
    }  # fmt: skip - a form
    for path, form in (("", year), ("/years/1", fall), ("", course)):
        assert story.office.send("/admin/school" + path, **form).status == 303
    filed = story.office.send(
        "/admin/sections/1/settings", action="file", course="1", term="1", why=""
    )
    assert filed.status == 303
    assert "Fall" in story.page("/admin/people/1/transcript")
    assert "50 %" in story.line("/admin/people/1/transcript", "Course 1")


def _upload(visitor: Visitor, path: str, data: bytes) -> Page:
    fields = {"form_token": visitor.get(path).form_token, "what": "assessments"}
    body = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode()
        for n, v in fields.items()
    )
    body += (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n{data.decode()}\r\n--{BOUNDARY}--\r\n"
    ).encode()
    kind = {**SAME, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return visitor.post(path, body, kind)
