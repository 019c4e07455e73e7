"""Categories, weights, score systems and enrolment states: what is refused, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from peers.changes import NotPossible
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import Score, ScoreSystem
from schooltool_bridge.school import marking, scores, states
from schooltool_bridge.store.model import ENROLMENT_STATES
from schooltool_bridge.store.model_school import HISTORY_TABLES
from tests.helpers.school import NOW, School

DAY_S = 86_400


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url)
    school.push("new_section", idnumber="5", name="Biology")
    yield school
    school.database.close()


def change(school: School, do: Callable[..., Any], *given: Any, **named: Any) -> Any:
    now = named.pop("now", NOW)
    with school.database.write() as connection:
        author = Author("anna", now, named.pop("why", ""))
        return do(connection, author, *given, **named)


def ids(school: School) -> dict[str, int]:
    with school.database.read() as connection:
        return {c.title: c.id for c in marking.categories(connection)}


def weights(school: School, at: int | None = None) -> dict[int, Decimal]:
    with school.database.read() as connection:
        found = marking.weights(connection, 1, at)
        assert found == as_of.of_section(connection, 1, at).weights, "the reports count otherwise"
        return found


def test_categories_are_added_renamed_and_removed_while_unused(school: School) -> None:
    made = change(school, marking.add_category, title=" Field trip ")
    change(school, marking.rename_category, made, title="Excursion")
    assert ids(school)["Excursion"] == made
    with pytest.raises(NotPossible, match="There is a category 'Excursion' already"):
        change(school, marking.add_category, title="EXCURSION")
    change(school, marking.set_weights, 1, {made: Decimal(5)})
    with pytest.raises(NotPossible, match="rename it instead"):
        change(school, marking.remove_category, made)
    exam = ids(school)["Exam"]
    change(school, marking.remove_category, exam)
    with pytest.raises(NotThere):
        change(school, marking.rename_category, exam, title="Back")


def test_weights_hold_from_a_moment_on_and_end(school: School) -> None:
    home, exam = ids(school)["Homework"], ids(school)["Exam"]
    assert change(school, marking.set_weights, 1, {home: Decimal(40), exam: Decimal("60.50")}) == 2
    assert change(school, marking.set_weights, 1, {home: Decimal(40)}) == 0
    later = NOW + DAY_S
    assert change(school, marking.set_weights, 1, {home: None}, now=later, why="no more") == 1
    assert weights(school) == {exam: Decimal("60.5")}
    assert weights(school, NOW) == {home: Decimal(40), exam: Decimal("60.5")}
    assert weights(school, NOW - 1) == {}
    # Told late: it held since yesterday, and what was said for today still stands.
    change(school, marking.set_weights, 1, {exam: Decimal(10)}, effective_unix_s=NOW - DAY_S)
    assert weights(school, NOW - 1) == {exam: Decimal(10)}
    assert weights(school) == {exam: Decimal("60.5")}


def test_wrong_weights_change_nothing(school: School) -> None:
    home = ids(school)["Homework"]
    for of, wanted, more, problem in (
        (9, {home: Decimal(1)}, {}, NotThere),
        (1, {home: Decimal(1), 999: Decimal(1)}, {}, NotThere),
        (1, {home: Decimal(0)}, {}, NotPossible),
        (1, {home: Decimal(1)}, {"effective_unix_s": NOW + 1}, NotPossible),
        (1, {home: Decimal(1)}, {"why": "w" * 1001}, NotPossible),
    ):  # fmt: skip
        with pytest.raises(problem):
            change(school, marking.set_weights, of, wanted, **more)
    assert weights(school) == {}


def test_histories_of_the_schools_own_order_cannot_be_changed(school: School) -> None:
    change(school, marking.set_weights, 1, {ids(school)["Homework"]: Decimal(1)})
    table = next(t for t in HISTORY_TABLES if t.name == "category_weight")
    for statement in (table.update().values(weight="2"), table.delete()):
        with pytest.raises(DBAPIError, match="append-only"), school.database.write() as connection:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one"),
        ("A; 95; 90", "Line 1 must be"),
        ("A; 95; 90; maybe", "Line 1 must be"),
        ("\nA; x; 90; pass", "Line 2: the percent 'x' is no number"),
        ("A; 95; 90; pass\na; 50; 0; fail", "twice"),
        ("A; 105; 90; pass\nF; 0; 0; fail", "between 0 and 100"),
        ("A; 80; 90; pass\nF; 0; 0; fail", "below its own lower end"),
        ("F; 10; 0; fail\nA; 95; 90; pass", "Best first"),
        ("A; 95; 90; pass\nB; 92; 50; pass\nF; 0; 0; fail", "makes a 'A'"),
        ("A; 95; 90; fail\nF; 10; 0; pass", "passes, but the better"),
        ("A; 95; 90; pass\nB; 60; 50; pass", "must begin at 0"),
        ("A" * 21 + "; 95; 0; pass", "longer than 20"),
        ("\n".join(f"{n}; {100 - n}; {100 - n}; pass" for n in range(60)), "At most 50"),
    ],
)
def test_wrong_scores_are_refused_naming_the_place(school: School, text: str, says: str) -> None:
    with pytest.raises(NotPossible) as refused:
        change(school, scores.add, title="Own", scores=scores.read_scores(text))
    assert says in str(refused.value)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=8, unique=True))
def test_each_score_of_a_system_that_is_let_in_makes_itself(ends: list[int]) -> None:
    ends = sorted({0, *ends}, reverse=True)
    given_scores = tuple(Score(f"S{e}", Decimal(e), Decimal(e), e > 0) for e in ends)
    scores.check(given_scores)
    system = ScoreSystem(1, "Own", "values", given_scores)
    for each in given_scores:
        assert system.mark(system.percent(each.score)) == each.score


def test_score_systems_are_added_hidden_and_never_deleted(school: School) -> None:
    read = scores.read_scores("Good; 90; 50; pass\n\nPoor; 20; 0; FAIL\n")
    made = change(school, scores.add, title="Effort", scores=read)
    change(school, scores.set_hidden, 1, hidden=True)
    with school.database.read() as connection:
        known = {s.system.title: s for s in scores.all_systems(connection)}
        offered = [s.system.title for s in scores.all_systems(connection, hidden_too=False)]
    assert list(known) == ["Points", "Percent", "Pass/Fail", "Letter grades", "Effort"]
    assert known["Effort"].system.scores == read
    assert known["Effort"].system.id == made
    assert known["Points"].hidden
    assert "Points" not in offered
    with pytest.raises(NotPossible, match="already"):
        change(school, scores.add, title="effort", scores=read)
    for shipped in ("Pass/Fail", "Letter grades"):
        scores.check(known[shipped].system.scores)


@pytest.mark.parametrize(
    ("code", "meaning", "title", "says"),
    [
        ("a", "active", "X", "already"),
        ("A", "active", "X", "already"),
        ("x y", "active", "X", "must be of a to z"),
        ("x" * 21, "active", "X", "at most 20"),
        ("x", "gone", "X", "means one of: active, inactive, completed"),
        ("x", "active", "", "The title is missing"),
        ("x", "active", "passed", "There is a state called 'Passed' already"),
        ("x", "active", "X" * 101, "longer than 100"),
    ],
)
def test_a_wrong_state_is_refused(
    school: School, code: str, meaning: str, title: str, says: str
) -> None:
    with pytest.raises(NotPossible) as refused:
        change(school, states.add, code=code, meaning=meaning, title=title)
    assert says in str(refused.value)


@pytest.mark.requirement("R54", "R55")
def test_states_are_added_and_renamed_and_keep_what_they_mean(school: School) -> None:
    change(school, states.add, code="Lv", meaning="inactive", title="On leave")
    change(school, states.rename, "wn", title="Left without a grade")
    with pytest.raises(NotThere, match="there are: a, p, w"):
        change(school, states.rename, "zz", title="X")
    with school.database.read() as connection:
        known = states.all_states(connection)
    assert [(s.code, s.meaning) for s in known] == [
        *((s["code"], s["meaning"]) for s in ENROLMENT_STATES),
        ("lv", "inactive"),
    ]
    assert {s.title for s in known} >= {"On leave", "Left without a grade"}
    assert [s.code for s in known if not s.is_shipped] == ["lv"]
