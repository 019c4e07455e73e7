"""The audit trail in the words of whoever reads it: old rows too, and nothing of the school's."""

from __future__ import annotations

import pytest

from mnet.language import speaking
from peers import audit_words


@pytest.fixture(autouse=True)
def in_german() -> object:
    with speaking("de"):
        yield


def test_an_action_is_said_and_one_that_nobody_knows_stays() -> None:
    assert audit_words.action("peer added") == "Partner hinzugefügt"
    assert audit_words.action("grades uploaded") == "Bewertungen hochgeladen"
    assert audit_words.action("xq done") == "xq done"


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("section 5", "Lerngruppe 5"), ("person 7", "Person 7"), ("1 people", "1 Person"),
        ("20 people", "20 Personen"), ("report 2026-000001", "Bericht 2026-000001"),
        ("admin", "admin"), ("section", "section"), ("section A", "section A"),
    ],
)  # fmt: skip
def test_a_subject_is_said_unless_it_is_a_name(subject: str, said: str) -> None:
    assert audit_words.subject(subject) == said


def test_values_of_ours_are_said_and_the_schools_stay() -> None:
    said = audit_words.details(
        "conflict decided",
        {
            "decision": "one person",
            "why": "one person",
            "own password": True,
            "course": None,
            "state": "",
        },
    )
    assert said == [
        ("Entscheidung", "eine Person"), ("warum", "one person"), ("eigenes Passwort", "ja"),
        ("Kurs", "-"),
    ]  # fmt: skip


def test_a_change_is_said_by_what_stood_before_and_after() -> None:
    policy = {"tls": {"before": "default", "after": "none"}, "x": {"before": [], "after": []}}
    assert audit_words.details("policy changed", policy) == [
        ("tls", "Vorgabe → none"), ("x", "-"),
    ]  # fmt: skip
    assert audit_words.details("label changed", {"before": "test", "after": "production"}) == [
        ("zuvor", "Test"), ("danach", "Produktivbetrieb"),
    ]  # fmt: skip


def test_days_are_written_anew() -> None:
    ((_name, said),) = audit_words.details("term added", {"days": "1 Sep - 20 Dec 2026"})
    assert said.replace("\N{NO-BREAK SPACE}", " ") == "1. Sept. - 20. Dez. 2026"
    assert audit_words.days_again("31 Feb 2026, 5 May") == "31 Feb 2026, 5.\N{NO-BREAK SPACE}Mai"
    assert audit_words.details("section filed", {"after": "5 May"}) == [("danach", "5 May")]
