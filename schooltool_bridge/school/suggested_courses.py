"""Which course of the catalogue a section belongs to by its number and name, and what was typed.

Only suggested: a person looks before anything is filed. Pure. Source: RULES R43, A.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mnet.folding import folded
from mnet.language import _
from peers.changes import NotPossible
from schooltool_bridge.common.ids import key
from schooltool_bridge.school.courses import Course

# A name has no more words that tell of its course.
MAX_WORDS = 30
# So many are named where a text fits several.
MAX_NAMED = 5

_Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The courses, found by the words of their codes and titles."""

    by_code: dict[_Words, list[Course]]
    by_title: dict[_Words, list[Course]]
    # By what may be typed: the code, or as a list shows it; the title alone.
    called: dict[str, list[Course]]
    titled: dict[str, list[Course]]
    # As a list shows each, folded.
    texts: Sequence[tuple[str, Course]]

    @classmethod
    def of(cls, courses: Iterable[Course]) -> Catalogue:
        """Take the courses of a catalogue."""
        known = list(courses)
        texts = [(folded(shown(each)), each) for each in known]
        found = cls({}, {}, {}, {}, texts)
        for each in known:
            found.by_code.setdefault(_words(each.code), []).append(each)
            found.by_title.setdefault(_words(each.title), []).append(each)
            found.titled.setdefault(key(each.title), []).append(each)
            for name in {key(each.code), key(shown(each))}:
                found.called.setdefault(name, []).append(each)
        return found

    def suggest(self, name: str, idnumber: str | None) -> Course | None:
        """Return the one course that a section's number or name tells of; None when unsure.

        Its number begins with the course's code, else its name has the code in it, else the title;
        of several the one with most words.
        """
        number, words = _words(idnumber or ""), _words(name)
        begins = [number[:length] for length in range(len(number), 0, -1)]
        return (
            _first(self.by_code, begins)
            or _first(self.by_code, _parts(words))
            or _first(self.by_title, _parts(words))
        )

    def named(self, text: str) -> Course | None:
        """Return the course that somebody typed: its code, its title, both, or a part of them.

        None for nothing. Raises NotPossible when no course fits, or several do.
        """
        if not text.strip():
            return None
        wanted, words = key(text.strip()), _words(text)
        found = self.called.get(wanted) or self.titled.get(wanted) or self._within(words)
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotPossible(_("No course is called %(text)s.", text=repr(text)))
        named = ", ".join(shown(c) for c in found[:MAX_NAMED])
        more = "" if len(found) <= MAX_NAMED else ", …"
        raise NotPossible(
            _(
                "%(text)s fits several courses: %(found)s. Type more of it.",
                text=repr(text),
                found=named + more,
            )
        )

    def _within(self, words: _Words) -> list[Course]:
        return [c for text, c in self.texts if words and all(word in text for word in words)]


def shown(course: Course) -> str:
    """Return how a course stands in a list to choose from."""
    return f"{course.code} {course.title}"


def _words(text: str) -> _Words:
    """The words of a code or name as they are compared: BIO-1 is bio and 1."""
    plain = "".join(char if char.isalnum() else " " for char in folded(text))
    return tuple(plain.split()[:MAX_WORDS])


def _parts(words: _Words) -> list[_Words]:
    """All words in a row, the longest first."""
    count = len(words)
    return [
        words[first : first + length]
        for length in range(count, 0, -1)
        for first in range(count - length + 1)
    ]


def _first(known: dict[_Words, list[Course]], parts: Iterable[_Words]) -> Course | None:
    """The course of the longest part that is one; None where that means several."""
    for part in parts:
        found = known.get(part)
        if found:
            return found[0] if len(found) == 1 else None
    return None
