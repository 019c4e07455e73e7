"""Sentences that are stored or sent in English, and shown in the language of whoever reads them.

A journal, an inbox, a log and a peer get English, whatever a school speaks. `english` says such
a sentence; `localized` knows it again by the message that it was made of, so that also what was
stored long ago is read in another language, and what nothing here said is left as it is.
The catalogues tell which messages are meant: they have the flag `kept`.
Source: manual/languages.md.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mnet.language import SOURCE, catalogue_of, spoken, translated

FLAG = "kept"
# A value with a name that begins so is a sentence of ours itself; any other stays as it is.
OURS = "our_"
# A sentence may hold another one, which holds one more; none of ours goes deeper.
MAX_DEPTH = 8
# What values called so look like; any other is any text.
SHAPES = {"count": "[0-9]+", "id": "[0-9]+", "num": "[0-9]+", "part": "[^;]*?"}
# Sentences that were said one after the other; more are no sentence of ours.
MAX_SENTENCES = 12
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")


def english(message: str, **values: object) -> str:
    """Say a message in English, to be stored or sent; `localized` says it in another language."""
    return message % values


def E_(message: str) -> str:  # noqa: N802 - like gettext's N_
    """Mark a message that is filled in elsewhere, by `english` of this constant."""
    return message


def joined(by: str, sentences: Sequence[str]) -> str:
    """Say several things as one, of which the message `by` joins the first and the others."""
    *before, sentence = sentences or [""]
    for first in reversed(before):
        sentence = english(by, our_first=first, our_others=sentence)
    return sentence


def localized(text: str) -> str:
    """Say in the language spoken here what is known in English; anything else as it is."""
    if spoken() == SOURCE or not text:
        return text
    message = translated(text)
    return _localized(text, MAX_DEPTH) if message == text else message


def _localized(text: str, depth: int) -> str:
    known = _known(text, depth)
    return _one_by_one(text, depth) if known is None else known


def _one_by_one(text: str, depth: int) -> str:
    """Say again what is several sentences, one after the other, of which some may be ours."""
    left = _SENTENCE_END.split(text) if depth else []
    if not 1 < len(left) <= MAX_SENTENCES:
        return text
    done: list[str] = []
    while left:
        # One message may be several sentences itself: the longest that is known.
        for count in range(len(left), 0, -1):
            together = " ".join(left[:count])
            known = _known(together, depth - 1)
            if known is not None or count == 1:
                done.append(together if known is None else known)
                del left[:count]
                break
    return " ".join(done)


def _known(text: str, depth: int) -> str | None:
    """Say again what one message of ours was; None when it was none."""
    plain, formats = _stored_messages(spoken())
    if text in plain:
        return translated(plain[text])
    # A sentence that stands within another one has lost its full stop.
    if f"{text}." in plain:
        return translated(plain[f"{text}."]).removesuffix(".")
    if not depth:
        return None
    for one in formats:
        values = one.values_of(text)
        if values is not None:
            again = {
                name: _localized(value, depth - 1) if name.startswith(OURS) else value
                for name, value in values.items()
            }
            return translated(one.message) % again
    return None


@dataclass(frozen=True, slots=True)
class StoredFormat:
    """A message with values, of which sentences are stored."""

    message: str
    names: tuple[str, ...]
    pattern: re.Pattern[str]
    # How many letters of a sentence are the message's own: the more, the surer it is this one.
    own_chars: int
    # Whether any of them is more than a space.
    has_words: bool

    def values_of(self, text: str) -> dict[str, str] | None:
        """Return the values that make this text of the message; None when none do."""
        found = self.pattern.fullmatch(text)
        if found is None:
            return None
        values = dict(zip(self.names, found.groups(), strict=True))
        # A value that stands in a message twice is the same both times.
        return values if self.message % values == text else None


def format_of(message: str) -> StoredFormat:
    """Make of a message what finds its sentences, in time that grows with their length alone."""
    names: list[str] = []
    literals = [""]
    end = 0
    for found in _PLACEHOLDER.finditer(message):
        literals[-1] += message[end : found.start()]
        end = found.end()
        if found[1]:
            names.append(found[1])
            literals.append("")
        else:
            literals[-1] += "%"
    literals[-1] += message[end:]
    first, *rest = map(re.escape, literals)
    # A value ends where what follows it first stands (atomic groups try nothing twice).
    parts = [
        f"({SHAPES.get(name, '.*?')}){follows}" for name, follows in zip(names, rest, strict=True)
    ]
    pattern = re.compile(
        "".join([first, *(f"(?>{part})" for part in parts[:-1]), *parts[-1:]]), re.DOTALL
    )
    has_words = any(literal.strip() for literal in literals)
    return StoredFormat(message, tuple(names), pattern, sum(map(len, literals)), has_words)


@functools.cache
def _stored_messages(language: str) -> tuple[dict[str, str], tuple[StoredFormat, ...]]:
    """The kept messages of a catalogue: those without values by their text, and the others."""
    every = [format_of(str(m.id)) for m in catalogue_of(language) if m.id and FLAG in m.flags]
    # What only says sentences one after the other fits everything; see `_one_by_one`.
    every = [one for one in every if not one.names or one.has_words]
    plain = {one.message % {}: one.message for one in every if not one.names}
    formats = sorted((k for k in every if k.names), key=lambda k: -k.own_chars)
    return plain, tuple(formats)
