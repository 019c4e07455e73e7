"""What a Moodle hides: students see neither it nor what counts it; staff see it, marked."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from peers.accounts import CLERK
from schooltool_bridge.cli import lists
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import person_export
from schooltool_bridge.reports import progress
from tests.helpers.cast import BEGAN, DAY_S, GRADED, Cast, cast_in
from tests.helpers.framed import signed_in
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Page, Visitor

UNTIL = START_UNIX_S + 3600
HIDDEN_UNTIL = "hidden from students until"
# Of Pam: her quiz (61.37 of 100) and all of the essay are hidden by now, the lab is not.
ESSAY, LAB = "11.11", "80"
OWN_PERCENT, WHOLE_PERCENT = "80 %", "50.83 %"


@pytest.fixture
def cast(tmp_path: Path, database_url: str) -> Iterator[Cast]:
    with cast_in(tmp_path, database_url) as made:
        for name, more in (("Essay", {"hidden": 1}), ("Lab", {})):
            made.push(
                "new_assessment", sectionid="algebra", idnumber=name.lower(), name=f"{name}xq",
                pointval=100, timemodified=BEGAN, **more,
            )  # fmt: skip
        grade(made, "essay", ESSAY)
        grade(made, "lab", LAB)
        grade(made, "quiz-algebra", "61.37", timemodified=GRADED + 5 * DAY_S, hidden=UNTIL)
        yield made


def grade(cast: Cast, item: str, points: str, **more: Any) -> None:
    told = {
        "assessmentid": item,
        "userid": "id-pam",
        "points_earned": points,
        "timemodified": GRADED,
    }
    assert cast.push("new_grade", **{**told, **more})["status"] in ("created", "updated")


def words(page: Page) -> str:
    return " ".join(" ".join(page.tree.xpath("//main//text()")).split())


def day(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).date().isoformat()


def clerk(cast: Cast) -> Visitor:
    return signed_in(cast.rig, CLERK)


@pytest.mark.requirement("R67", "R77")
def test_a_student_sees_neither_what_is_hidden_nor_what_counts_it(cast: Cast) -> None:
    pam = cast.browser("pam")
    for path in (
        "/me",
        "/me/marks",
        f"/me/marks?at={day(START_UNIX_S)}",
        "/me/marks?at=2199-12-31",
    ):
        text = words(pam.get(path))
        assert OWN_PERCENT in text, path
        for secret in ("61.37", ESSAY, "Essayxq", WHOLE_PERCENT, "hidden"):
            assert secret not in text, (path, secret)
    marks = words(pam.get("/me/marks"))
    assert "Labxq 80 of 100" in marks
    assert "Quiz of algebra none yet of 100" in marks, "as if nobody had graded it"


@pytest.mark.requirement("R69")
def test_a_student_sees_a_day_as_they_saw_it_then(cast: Cast) -> None:
    pam = cast.browser("pam")
    then = words(pam.get(f"/me/marks?at={day(GRADED)}"))
    assert "Quiz of algebra 61.37 of 100" in then
    assert "70.69 %" in then, "of quiz and lab; the essay was hidden from its first day on"
    assert "Essayxq" not in then
    later = words(pam.get(f"/me/marks?at={day(GRADED + 5 * DAY_S)}"))
    assert "61.37" not in later
    cast.rig.clock.now = UNTIL
    assert "61.37" not in words(pam.get(f"/me/marks?at={day(GRADED + 5 * DAY_S)}"))


def test_it_is_shown_from_that_second_on(cast: Cast) -> None:
    pam = cast.browser("pam")
    for now, sees in ((UNTIL - 1, False), (UNTIL, True)):
        cast.rig.clock.now = now
        assert ("Quiz of algebra 61.37 of 100" in words(pam.get("/me/marks"))) is sees
    cast.push(
        "new_assessment", sectionid="algebra", idnumber="essay", name="Essayxq", pointval=100,
        timemodified=UNTIL, hidden=0,
    )  # fmt: skip
    assert WHOLE_PERCENT in words(pam.get("/me/marks"))


@pytest.mark.requirement("R58")
def test_a_counselor_sees_all_of_it_marked_but_of_themselves_what_a_student_does(
    cast: Cast,
) -> None:
    path = f"/me/students/{cast.people['pam']}"
    text = words(cast.browser("carol").get(path))
    assert f"Quiz of algebra {HIDDEN_UNTIL}" in text
    assert "Essayxq hidden from students" in text
    for shown in ("61.37", ESSAY, WHOLE_PERCENT, "counted here, and not on their own pages"):
        assert shown in text
    cast.push(
        "new_enrolment", sectionid="algebra", userid="id-carol", role="student", timemodified=BEGAN
    )
    own = words(cast.browser("carol").get(f"/me/students/{cast.people['carol']}"))
    assert "Labxq" in own
    assert "Essayxq" not in own


@pytest.mark.requirement("E45")
def test_the_gradebook_marks_the_column_and_the_cell(cast: Cast) -> None:
    algebra = cast.sections["algebra"]
    pages = (
        cast.browser("tess").get(f"/me/teaching/{algebra}/gradebook"),
        clerk(cast).get(f"/admin/sections/{algebra}/gradebook"),
    )
    for page in pages:
        heads = page.tree.xpath("//thead//span[@title='hidden from students']/ancestor::th")
        assert ["Essayxq" in "".join(h.itertext()) for h in heads] == [True]
        (cell,) = page.tree.xpath(
            "//td[contains(@class, 'cell')][.//span[contains(@class, 'not-shown')]]"
        )
        assert cell[0].value == "61.37"
        (mark,) = cell.xpath(".//span[@title]")
        assert mark.get("title").startswith(HIDDEN_UNTIL)
        described = cell[0].get("aria-describedby").split()
        said = " ".join("".join(page.tree.get_element_by_id(i).itertext()) for i in described)
        assert HIDDEN_UNTIL in said
        assert WHOLE_PERCENT in page.text, "counted"
    item = pages[1].tree.xpath("//thead//a[contains(., 'Essayxq')]/@href")[0]
    assert "hidden from students" in words(clerk(cast).get(item))
    section = clerk(cast).get(f"/admin/sections/{algebra}")
    (row,) = section.tree.xpath("//tr[th[contains(., 'Essayxq')]]/th")
    assert "hidden from students" in " ".join(row.itertext())


@pytest.mark.requirement("R69", "R70", "R78")
def test_reports_count_it_and_say_so(cast: Cast) -> None:
    visitor, pam, algebra = clerk(cast), cast.people["pam"], cast.sections["algebra"]
    report = words(visitor.get(f"/admin/people/{pam}/progress"))
    assert WHOLE_PERCENT in report
    assert "hidden from students until" in report
    assert "counted here, and not on their own pages" in report
    flat = visitor.get(f"/admin/people/{pam}/progress.csv").body.decode("utf-8-sig")
    remarks = {r["Assessment"]: r["Remarks"] for r in csv.DictReader(io.StringIO(flat))}
    assert remarks["essay"] == "hidden from students"
    assert HIDDEN_UNTIL in remarks["quiz-algebra"]
    assert "hidden" not in remarks["lab"]
    section = visitor.get(f"/admin/sections/{algebra}/section-report")
    assert "Essayxq (100) HID" in words(section)
    assert "61.4 % HID" in words(section).replace("\xa0", " ")
    assert "HID: hidden from students, and counted here." in words(section)
    transcript = words(visitor.get(f"/admin/people/{pam}/transcript"))
    assert "Grades that are hidden from students are counted in: Algebra." in transcript
    history = words(visitor.get(f"/admin/sections/{algebra}/section-history"))
    assert f"61.37, {HIDDEN_UNTIL}" in history
    nobody = words(visitor.get(f"/admin/people/{cast.people['paul']}/progress"))
    assert "hidden" not in nobody
    assert "HID" not in words(
        visitor.get(f"/admin/sections/{cast.sections['biology']}/section-report")
    )


@pytest.mark.requirement("R72", "R73")
def test_the_history_says_it_in_words(cast: Cast) -> None:
    cast.push(
        "new_assessment", sectionid="algebra", idnumber="essay", name="Essayxq", pointval=100,
        timemodified=GRADED + DAY_S, hidden=0,
    )  # fmt: skip
    grade(cast, "quiz-algebra", "62", timemodified=GRADED + 6 * DAY_S)
    grade(cast, "quiz-algebra", "62", timemodified=GRADED + 7 * DAY_S, hidden=0)
    grade(cast, "quiz-algebra", "63", timemodified=GRADED + 8 * DAY_S, hidden=0)
    page = clerk(cast).get(f"/admin/sections/{cast.sections['algebra']}/section-history")
    rows = [
        [" ".join("".join(cell.itertext()).split()) for cell in tr]
        for tr in page.tree.xpath("//tbody/tr")
    ]
    changes = [(r[4], r[5], r[6]) for r in rows if r[3] in ("", "Pamxq OfPamxq")]
    (until,) = {a[a.index("hidden") :] for _what, _before, a in changes if HIDDEN_UNTIL in a}
    quiz = [(before, after) for what, before, after in changes if what == "Quiz of algebra"]
    assert quiz[:4] == [
        ("62", "63"),
        (f"62, {until}", "62, shown to students again"),
        (f"61.37, {until}", f"62, {until}"),
        ("61.37", f"61.37, {until}"),
    ]
    essay = [(b, a) for what, b, a in changes if what == "Essayxq" and "points" in a]
    assert essay == [
        (
            "Essayxq, 100 points, hidden from students",
            "Essayxq, 100 points, shown to students again",
        ),
        ("", "Essayxq, 100 points, hidden from students"),
    ]


@pytest.mark.requirement("R70", "R71")
def test_who_issues_a_report_or_closes_a_term_is_told_first(cast: Cast) -> None:
    visitor, path = clerk(cast), f"/admin/people/{cast.people['pam']}/issued"
    for kind in ("progress", "transcript"):
        asked = words(visitor.send(path, kind=kind, size="a4", at=""))
        assert "It shows or counts grades that are hidden from students now." in asked, kind
    paul = f"/admin/people/{cast.people['paul']}/issued"
    assert "hidden" not in words(visitor.send(paul, kind="progress", size="a4", at=""))
    final = f"/admin/sections/{cast.sections['algebra']}/final"
    system = visitor.get(final).tree.xpath("//select[@name='system']/option/@value")[0]
    asked = words(visitor.send(final, action="close", system=system))
    assert "1 of them counts grades that are hidden from its student now." in asked


@pytest.mark.requirement("R38")
def test_handed_out_it_is_there_and_marked(cast: Cast) -> None:
    with cast.app.database.write() as connection:
        author = Author("anna", START_UNIX_S)
        data, _name = person_export.make(connection, author, cast.people["pam"], site="Hill")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        told = json.loads(archive.read("person.json"))
    found = {
        r["assessment_is"]: (r["points"], r["hidden"], r["assessment_hidden"])
        for r in told["grades"]
    }
    until = "until " + datetime.fromtimestamp(UNTIL, UTC).isoformat().replace("+00:00", "Z")
    assert found == {
        "Quiz of algebra": ("61.37", until, False),
        "Essayxq": (ESSAY, False, True),
        "Labxq": (LAB, False, False),
    }
    history = [(r["assessment_is"], r["hidden"]) for r in told["grade history"]]
    assert history == [
        ("Quiz of algebra", None), ("Essayxq", None), ("Labxq", None), ("Quiz of algebra", until),
    ]  # fmt: skip


@pytest.mark.requirement("R69")
def test_scripts_read_it(cast: Cast) -> None:
    with cast.app.database.read() as connection:
        rows = lists.grades(connection, cast.sections["algebra"])
        found = progress.read(connection, cast.people["pam"], None, START_UNIX_S, UTC)
        then = lists.grades(connection, cast.sections["algebra"], GRADED)
    hidden = {(r["assessment"], r["person"]) for r in rows if r["hidden"]}
    assert hidden == {("quiz-algebra", "id-pam"), ("essay", "id-pam")}
    assert {(r["assessment"], r["person"]) for r in then if r["hidden"]} == {("essay", "id-pam")}
    told = progress.as_json(found)["sections"]
    assert isinstance(told, list)
    items = {i["assessment"]: i["hidden"] for s in told for i in s["assessments"]}
    assert items == {"quiz-algebra": True, "essay": True, "lab": False}
