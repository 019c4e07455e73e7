"""The course that a section's number or name tells of, and the one that somebody typed."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.changes import NotPossible
from schooltool_bridge.school.courses import Course
from schooltool_bridge.school.suggested_courses import Catalogue, shown

pytestmark = pytest.mark.requirement("R43")
TITLES = {
    "BIO-1": "Biology", "BIO-2": "Biology Lab", "MATH": "Mathematics", "MATH1": "Mathematics 1",
    "GE": "Geography", "ÖKO": "Ökologie", "D": "Deutsch", "D2": "Deutsch",
}  # fmt: skip
COURSES = [Course(n, code, title, "", "") for n, (code, title) in enumerate(TITLES.items())]
CATALOGUE = Catalogue.of(COURSES)


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("Anything", "bio-1/2026-A", "BIO-1"),
        ("Anything", "BIO 2", "BIO-2"),
        ("Anything", "MATH10", None),
        ("MATH1, group B", "77", "MATH1"),
        ("Biology Lab, Mr. Tan", None, "BIO-2"),
        ("Biology for everybody", None, "BIO-1"),
        ("Mathematics 1 (Mon)", "x", "MATH1"),
        ("OKOLOGIE im Wald", "", "ÖKO"),
        ("Paleobiology", None, None),
        ("Deutsch 7a", None, None),  # two courses are called so
        ("", "", None),
    ],
)
def test_a_section_tells_of_its_course(name: str, number: str | None, code: str | None) -> None:
    found = CATALOGUE.suggest(name, number)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", None), ("  ", None), ("bio-1", "BIO-1"), ("MATH", "MATH"), ("math1", "MATH1"),
        ("BIO-2 Biology Lab", "BIO-2"), ("geo", "GE"), ("lab", "BIO-2"), ("okologie", "ÖKO"),
        ("biology", "BIO-1"),
    ],
)  # fmt: skip
def test_a_course_is_typed_by_code_or_name(typed: str, code: str | None) -> None:
    found = CATALOGUE.named(typed)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("chemistry", "No course is called"), ("Deutsch", "fits several"), ("io", "fits several")],
)  # fmt: skip
def test_what_fits_none_or_several_is_refused(typed: str, sentence: str) -> None:
    with pytest.raises(NotPossible, match=sentence):
        CATALOGUE.named(typed)


def test_a_page_of_sections_is_read_at_once() -> None:
    """Each held the server for as long as it takes to read the whole catalogue."""
    many = Catalogue.of(Course(n, f"C-{n}", f"Course of {n}", "", "") for n in range(2000))
    begun = process_time()
    for n in range(400):
        found = many.named(f"C-{n} Course of {n}")
        assert found is not None
        assert found.id == n
        with pytest.raises(NotPossible, match="fits several"):
            many.named("course of c o u r s e")
    assert process_time() - begun < 2


@given(st.sampled_from(COURSES), st.text(max_size=40))
def test_what_a_list_offers_is_what_it_means(course: Course, more: str) -> None:
    assert CATALOGUE.named(shown(course)) == course
    # Whatever else stands behind a number.
    found = CATALOGUE.suggest(more, f"{course.code} / {more}")
    assert found is None or len(found.code) >= len(course.code)
