"""Sentences kept in English are known again, and said in the language of whoever reads them."""

from __future__ import annotations

import re
import time

import pytest

from mnet import language, outcomes
from mnet.language import speaking
from mnet.stored_sentences import FLAG, OURS, english, format_of, joined, localized

PLACEHOLDER = re.compile(r"%\((\w+)\)s")
KEPT = [str(m.id) for m in language.catalogue_of("de") if m.id and FLAG in m.flags]
WITH_VALUES = [message for message in KEPT if PLACEHOLDER.search(message)]


def filled(message: str) -> str:
    """A sentence of a message: its values are no words of ours."""
    names = PLACEHOLDER.findall(message)
    return message % {
        name: "7" if name in ("count", "id", "num") else f"<{name}>" for name in names
    }


@pytest.mark.parametrize("message", WITH_VALUES)
def test_a_kept_sentence_is_known_again_by_its_own_message(message: str) -> None:
    with speaking("de"):
        said = language.translated(message)
        assert localized(filled(message)) == filled(said)


@pytest.mark.parametrize("message", WITH_VALUES)
def test_between_two_values_of_a_kept_message_something_stands(message: str) -> None:
    assert not re.search(r"\)s%\(", message)


def test_a_kept_sentence_without_values_is_said_again() -> None:
    with speaking("de"):
        assert localized("The answer is not signed.") == "Die Antwort ist nicht signiert."


def test_what_nobody_here_said_stays_as_it_is() -> None:
    with speaking("de"):
        assert localized("Kaputt: irgendwas is wrong.") == "Kaputt: irgendwas is wrong."
        assert localized("") == ""


def test_english_stays_english() -> None:
    assert localized("The answer is not signed.") == "The answer is not signed."


def test_a_sentence_within_another_is_said_again_too() -> None:
    kept = outcomes.remote_reason(7023, proven=False)
    with speaking("de"):
        assert localized(kept) == (
            "Der Partner antwortete mit Fehler 7023, ohne ihn zu signieren (Die Nachricht ließ "
            "sich mit keinem Schlüssel des Empfängers öffnen; sein Schlüssel muss neu geholt "
            "werden)."
        )


def test_a_value_that_is_no_sentence_of_ours_is_left_alone() -> None:
    kept = english("Did you mean %(our_others)s?", our_others="x")
    assert kept == "Did you mean x?"
    named = "“held” (id 7, by hand)"
    with speaking("de"):
        assert localized(named) == "„held“ (ID 7, von Hand)"


def test_several_things_are_said_as_one() -> None:
    kept = joined("%(our_first)s; %(our_others)s", ["search a", "role Students", "peer p"])
    assert kept == "search a; role Students; peer p"
    with speaking("de"):
        assert localized(kept) == "Suche a; Rolle Lernende; Partner p"
    assert joined("%(our_first)s; %(our_others)s", []) == ""


def test_sentences_that_stand_one_after_the_other_are_each_said_again() -> None:
    kept = joined(
        "%(our_first)s %(our_others)s",
        ["The answer is not signed.", "Whatever this is.", "The first page answers."],
    )
    assert kept == "The answer is not signed. Whatever this is. The first page answers."
    with speaking("de"):
        answers = localized("The first page answers.")
        assert localized(kept) == f"Die Antwort ist nicht signiert. Whatever this is. {answers}"
        # What only stands side by side is no sentence of ours, whatever its words mean alone.
        assert localized("xq done") == "xq done"


def test_a_sentence_that_was_cut_is_shown_as_it_was_kept() -> None:
    with speaking("de"):
        assert localized("fetch_user: username 'x' belongs to so") == (
            "fetch_user: username 'x' belongs to so"
        )


def test_looking_for_a_message_takes_no_time_that_a_sender_could_make_long() -> None:
    message = "%(a)s: %(b)s: %(c)s: %(d)s: %(e)s: %(f)s: %(g)s!"
    begun_s = time.process_time()
    assert format_of(message).values_of(": " * 20_000) is None
    assert time.process_time() - begun_s < 1


def test_a_value_that_a_message_says_twice_must_be_the_same() -> None:
    kept = format_of("%(a)s and %(a)s.")
    assert kept.values_of("x and x.") == {"a": "x"}
    assert kept.values_of("x and y.") is None


def test_a_percent_sign_is_a_percent_sign() -> None:
    assert format_of("%(a)s is 5%% of it.").values_of("x is 5% of it.") == {"a": "x"}


def test_no_other_value_is_called_as_those_that_are_ours() -> None:
    others = [m.id for m in language.catalogue_of("de") if m.id and FLAG not in m.flags]
    assert not [m for m in others if f"%({OURS}" in str(m)]
