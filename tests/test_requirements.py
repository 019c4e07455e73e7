"""Requirements: each has a test or is open, and REQUIREMENTS.md says which."""

from __future__ import annotations

import pytest

from tests import requirements
from tests.requirements import Rule

STATED = requirements.rules()
SHOWN = requirements.shown()


def test_the_document_is_what_the_markers_say() -> None:
    made = requirements.document(STATED, SHOWN)
    assert requirements.WRITTEN.read_text() == made, "python -m tests.requirements writes it"


def test_every_marked_number_stands_in_the_rules() -> None:
    assert {number: [*files] for number, files in SHOWN.items() if number not in STATED} == {}


def test_every_requirement_has_a_test_or_is_open() -> None:
    wanted = {r.number for r in STATED.values() if r.is_requirement}
    assert len(wanted) > 100
    is_open = {r.number for r in STATED.values() if r.is_open}
    assert wanted - is_open - set(SHOWN) == set()
    assert is_open & set(SHOWN) == set(), "open, and yet there is a test"


def test_rules_are_read_from_headings_and_lists() -> None:
    text = "# 1. No number\n## 1.3 Answers\n- **R5** Done. More.\n- **R9** (open) To 1.5 times.\n- R7 is none.\n"
    assert [*requirements.rules(text).values()] == [
        Rule("1.3", "Answers", is_requirement=False, is_open=False),
        Rule("R5", "Done.", is_requirement=True, is_open=False),
        Rule("R9", "To 1.5 times.", is_requirement=True, is_open=True),
    ]


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("Source: RULES 1.3 (answers), R5-R8 and 2.10; README 1.9.", ["1.3", "R5", "R8", "2.10"]),
        ("# what stands (RULES\n    # R39a).", ["R39a"]),
        ("Pure. Source: RULES D.2, D.3 (mapping, 1.7),\nE18.", ["D.2", "D.3", "E18"]),
        ("RULES.md has R5; rules 1.3 are none.", []),
    ],
)
def test_citations_are_found(text: str, cited: list[str]) -> None:
    assert [*requirements.citations(text)] == cited


def test_markers_are_found_wherever_they_stand() -> None:
    source = (
        '@pytest.mark.requirement("R1", "1.3")\n@other\ndef test_a(): pass\n'
        '@pytest.mark.requirement("R2")\nclass TestB:\n'
        '    @pytest.mark.requirement("R3")\n    def test_c(self): pass\n'
        'TestD = pytest.mark.requirement("R4")(Machine.TestCase)\n'
        '@pytest.mark.parametrize("R5", [])\ndef test_e(): pass\n'
    )
    assert [*requirements.marked(source)] == [
        ("test_a", "R1"), ("test_a", "1.3"), ("TestB", "R2"), ("TestB::test_c", "R3"), ("TestD", "R4"),
    ]  # fmt: skip
