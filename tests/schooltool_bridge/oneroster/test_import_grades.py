"""Results of a package as entries by hand: of their day, together in time, extra credit included."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from schooltool_bridge.hand import assessments, grades
from schooltool_bridge.history import cells
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import assessment_history, grade, person
from tests.schooltool_bridge.oneroster.packages import (
    district,
    edited,
    empty,
    gradebook,
    problems,
    taken_in,
)
from tests.schooltool_bridge.oneroster.story import exported, judged, table


def test_grades_written_many_at_once_are_as_if_folded_one_by_one(tmp_path: Path, out: Path) -> None:
    school = empty(tmp_path)
    taken_in(school, out)
    with school.database.write() as connection:
        before = connection.execute(sa.select(grade).order_by(grade.c.id)).all()
        assert len(before) == len(table(out, "results"))
        for row in before:
            cells.refold(connection, row.assessment_id, row.person_id)
        assert connection.execute(sa.select(grade).order_by(grade.c.id)).all() == before


def test_grades_come_as_entries_by_hand_of_their_day(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    gradebook(folder, "7.50")
    school = empty(tmp_path)
    assert problems(taken_in(school, folder)) == []
    assert school.grades("M-1") == {("1", "n1"): 7.5}
    on_the_fifth, on_the_seventh = 1_788_566_400, 1_788_739_200
    assert school.grades("M-1", on_the_fifth) == {}
    assert school.grades("M-1", on_the_seventh) == {("1", "n1"): 7.5}
    gradebook(folder, "8")
    assert taken_in(school, folder).counts["results"] == {"updated": 1}
    assert school.grades("M-1") == {("1", "n1"): 8}
    with school.database.write() as connection:
        author = Author("clerk", school.now)
        one = connection.execute(
            sa.select(person.c.id).where(person.c.idnumber == "n1")
        ).scalar_one()
        grades.enter(connection, author, 1, one, Decimal(2))
    taken_in(school, folder)
    assert school.grades("M-1") == {("1", "n1"): 2}
    exported(school, tmp_path / "out")
    titles = [c["title"].casefold() for c in table(tmp_path / "out", "categories")]
    assert titles.count("homework") == 1


@pytest.mark.requirement("D.2")
def test_extra_credit_survives_going_out_and_coming_in(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    gradebook(folder, "7")
    there = empty(tmp_path)
    taken_in(there, folder)
    with there.database.write() as connection:
        assessments.change(
            connection, Author("clerk", there.now), 1, name="Sums", points=Decimal(10),
            extra_credit=True,
        )  # fmt: skip
    exported(there, tmp_path / "out")
    assert judged(tmp_path / "out").ok, "the standard leaves room for such a column"
    assert table(tmp_path / "out", "lineItems")[0]["metadata.extraCredit"] == "true"
    here = empty(tmp_path, "here")
    for outcome in ("new", "unchanged"):
        assert taken_in(here, tmp_path / "out").counts["lineItems"] == {outcome: 1}
        with here.database.read() as connection:
            extra = sa.select(assessment_history.c.extra_credit)
            assert list(connection.execute(extra).scalars()) == [True]


def test_results_of_one_cell_are_read_together_in_time(tmp_path: Path) -> None:
    folder = district(tmp_path / "d")
    gradebook(folder, "7")
    later = {"sourcedId": "r2", "score": "9", "scoreDate": "2026-09-20"}
    edited(folder, "results", lambda rows: rows.insert(0, {**rows[0], **later}))
    school = empty(tmp_path)
    assert taken_in(school, folder).counts["results"] == {"new": 2}
    assert school.grades("M-1") == {("1", "n1"): 9}
    on_the_seventh = 1_788_739_200
    assert school.grades("M-1", on_the_seventh) == {("1", "n1"): 7}
    assert taken_in(school, folder).counts["results"] == {"unchanged": 2}
    edited(folder, "results", lambda rows: rows[0].update(score="8", scoreDate="2026-09-08"))
    assert taken_in(school, folder).counts["results"] == {"updated": 1, "unchanged": 1}
    assert school.grades("M-1") == {("1", "n1"): 8}, "what the file says counts, whatever its day"
    assert taken_in(school, folder).counts["results"] == {"unchanged": 2}
