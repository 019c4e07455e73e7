"""Who writes by hand, when it took effect, and how a refusal reads.

Source: RULES R55, R72.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mnet.language import N_, _, translated
from mnet.letters import within
from peers.audit import By
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history.fold import Positioned, position
from schooltool_bridge.store.model import ID_CHARS, NAME_CHARS

MAX_NOTE_CHARS = 2000
# Before any school that still keeps records; a slip of the keyboard is caught.
EARLIEST_UNIX_S = int(datetime(1970, 1, 2, tzinfo=UTC).timestamp())
# How sentences call the fields.
_FIELDS = (
    N_("name"),
    N_("segment"),
    N_("title"),
    N_("label"),
    N_("worksheet"),
    N_("idnumber"),
    N_("username"),
    N_("firstname"),
    N_("lastname"),
    N_("email"),
)  # fmt: skip - a list of words


@dataclass(frozen=True, slots=True)
class Author(By):
    """Somebody who writes by hand: an account's or person's name, the time now, and why."""

    why: str = ""

    def position(self, rows: Iterable[Positioned], effective_unix_s: int | None) -> tuple[int, int]:
        """Return the time and running number of a new row: now, or the time that was given.

        A row by hand comes after whatever stands there at the same second. Raises Refused for a
        time that is still to come, or before there were such records.
        """
        at = self.now_unix_s if effective_unix_s is None else effective_unix_s
        if at > self.now_unix_s:
            raise Refused("effective", _("This day is still to come; give today or a day before."))
        if at < EARLIEST_UNIX_S:
            raise Refused("effective", _("This day is too long ago."))
        positions = [position(r)[:2] for r in rows]
        if effective_unix_s is None:
            at = max([at, *(when for when, _seq in positions)])
        return at, max((seq for when, seq in positions if when == at), default=-1)

    def columns(self, at: tuple[int, int]) -> dict[str, object]:
        """What every history row says of when and by whom."""
        return {
            "effective_unix_s": at[0],
            "seq": at[1],
            "recorded_unix_s": self.now_unix_s,
            "by_actor": self.actor,
            "why": self.why,
        }  # fmt: skip - one line a kind of fact

    def noted(self) -> dict[str, object]:
        """The same for tables that know no running number; it takes effect now."""
        return {
            "effective_unix_s": self.now_unix_s,
            "recorded_unix_s": self.now_unix_s,
            "by_actor": self.actor,
            "why": self.why,
        }  # fmt: skip - one line a kind of fact


def text(field: str, value: str, *, required: bool = True, limit: int = NAME_CHARS) -> str:
    """Read a line of text: NFC, without blanks around it; raises Refused."""
    clean = within(value, limit)
    if clean is None:
        raise Refused(
            field,
            _(
                "%(field)s is longer than %(limit)s characters.",
                field=_field_title(field),
                limit=limit,
            ),
        )
    if not clean and required:
        raise Refused(field, _("%(field)s must not be empty.", field=_field_title(field)))
    if any(unicodedata.category(c) == "Cc" for c in clean):
        raise Refused(
            field,
            _("%(field)s has a character that cannot be shown.", field=_field_title(field)),
        )
    return clean


def must_be_somebody(who: int, people: Collection[int], roots: Mapping[int, int]) -> None:
    """Raise Refused for an id that is not among `people`, or merged (`roots`: into whom)."""
    if who not in people:
        raise Refused("person", _("There is nobody with id %(id)s.", id=who))
    root = roots.get(who, who)
    if root != who:
        raise Refused(
            "person", _("This person was merged into the one with id %(id)s; use that.", id=root)
        )


def note(value: str) -> str:
    """Read a note of several lines; raises Refused."""
    clean = within(value.replace("\r\n", "\n"), MAX_NOTE_CHARS)
    if clean is None:
        raise Refused("note", _("A note has at most %(count)s characters.", count=MAX_NOTE_CHARS))
    if any(unicodedata.category(c) == "Cc" and c != "\n" for c in clean):
        raise Refused("note", _("The note has a character that cannot be shown."))
    return clean


def identifier(field: str, value: str) -> str | None:
    """Read an ID number; empty is none. Raises Refused; "#" begins a Moodle's own ids."""
    clean = text(field, value, required=False, limit=ID_CHARS)
    if clean.startswith("#"):
        raise Refused(
            field,
            _(
                "%(field)s must not begin with #; that is how a Moodle writes its own.",
                field=_field_title(field),
            ),
        )
    return clean or None


def _field_title(field: str) -> str:
    return translated(field) if field in _FIELDS else field
