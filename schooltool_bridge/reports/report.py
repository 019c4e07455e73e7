"""What a report is: a name, a question to the histories, a paper; and what may be chosen for it.

Each stands in a file of its own in reports/kinds (registry.py finds it there). Page, CSV, PDF and
the command `mnet-peer report` are all made of this. Source: RULES R78; manual/reports.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from sqlalchemy.engine import Connection

from mnet import language
from mnet.language import N_, _
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.reports import letterheads
from schooltool_bridge.reports.paper import Paper, plain_number
from schooltool_bridge.school.labels import School

# What a report is about.
PERSON, SECTION, SCHOOL = SUBJECTS = ("person", "section", "school")
MAX_DIGITS = 9
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that may be chosen for a report: a field of its page, an option of its command."""

    # As the address and the command call it.
    name: str
    # Of its field, in this language.
    title: str
    # Reads what was chosen ("" for nothing); raises Refused or NotThere.
    read: Callable[[Connection, str], Any]
    # What stands in the field before anything was chosen.
    default: str = ""
    # What there is to choose from, as (value, words); None: a field to write into.
    options: Callable[[Connection], Sequence[tuple[str, str]]] | None = None
    # Kept by the page's links, and no field of its own.
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for."""

    connection: Connection
    # The person or section; 0 for the school.
    about_id: int
    # The end of the day that it shows (unix seconds); None: now.
    at_unix_s: int | None
    now_unix_s: int
    zone: tzinfo
    choices: Mapping[str, Any] = field(default_factory=dict)
    # Of a report that is read in pages: so many rows, after this one; None: all.
    rows: int | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class Report(Generic[T]):
    """A kind of report."""

    # In this language; and in one sentence what it shows.
    title: str
    about: str
    # One of SUBJECTS.
    subject: str
    # Asks the histories.
    read: Callable[[Asked], T]
    # Arranges what was found; the same for page, CSV and PDF.
    paper: Callable[[T, Asked], Paper]
    choices: Sequence[Choice] = ()
    # What --json prints; by default the rows of the CSV.
    as_json: Callable[[T], object] | None = None
    # Whether a day can be chosen.
    has_day: bool = True
    # Whether it takes so long that it waits in the share of such pages.
    is_long: bool = False
    # Whether it can be handed out to a person with a number (issuing.py).
    is_issued: bool = False

    def made(self, asked: Asked) -> Paper:
        """Ask, and arrange."""
        return self._headed(self.paper(self.read(asked), asked), asked)

    def _headed(self, made: Paper, asked: Asked) -> Paper:
        """What can be handed out has the school's letterhead."""
        return replace(made, head=letterheads.current(asked.connection)) if self.is_issued else made

    def value(self, found: T, asked: Asked) -> object:
        """Return what --json prints."""
        if self.as_json is not None:
            return self.as_json(found)
        with language.speaking(language.SOURCE):
            flat = self.paper(found, asked).flat
        names = [_word(column.title) for column in flat.columns]
        return [
            {
                name: plain_number(cell) if isinstance(cell, Decimal) else cell
                for name, cell in zip(names, row, strict=True)
            }
            for row in flat.rows
        ]

    def chosen(self, connection: Connection, given: Mapping[str, str]) -> dict[str, Any]:
        """Read what was chosen; what was not has its default. Raises Refused and NotThere."""
        return {
            c.name: c.read(connection, given.get(c.name, "").strip() or c.default)
            for c in self.choices
        }


def _word(title: str) -> str:
    """A column's head as scripts call it: "ID number" is id_number."""
    return "_".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def number(name: str, title: str, default: str, *, lowest: int = 0, highest: int = 1000) -> Choice:
    """A number to choose, with a point or comma; there may be more than 100 percent."""

    def read(_connection: Connection, text: str) -> Decimal:
        try:
            found = Decimal(text.replace(",", "."))
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite() or not lowest <= found <= highest:
            message = _(
                "%(field)s: a number from %(lowest)s to %(highest)s.",
                field=_(title), lowest=lowest, highest=highest,
            )  # fmt: skip
            raise Refused(name, message)
        return found

    return Choice(name, title, read, default)


def term() -> Choice:
    """A term to choose, by its id (a page) or title (a command); None for all sections."""

    def read(connection: Connection, text: str) -> int | None:
        if not text:
            return None
        known = School(connection).terms
        is_id = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
        if is_id and int(text) in known:
            return int(text)
        found = [
            t.id for t in known.values() if key(text) in (key(t.title), key(f"{t.year}, {t.title}"))
        ]
        if len(found) == 1:
            return found[0]
        listed = ", ".join(repr(f"{t.year}, {t.title}") for t in known.values()) or _("none yet")
        if found:
            message = _("Several years have such a term; say one of: %(terms)s.", terms=listed)
        else:
            message = _("There is no such term; there are: %(terms)s.", terms=listed)
        raise NotThere(message)

    def options(connection: Connection) -> list[tuple[str, str]]:
        terms = sorted(School(connection).terms.values(), key=lambda t: t.first_day, reverse=True)
        return [("", _("All sections")), *((str(t.id), f"{t.year}, {t.title}") for t in terms)]

    return Choice("term", N_("Term"), read, options=options)


def yes_no(name: str, title: str, *, default: bool) -> Choice:
    """Something that is wanted or not."""

    def read(_connection: Connection, text: str) -> bool:
        if text not in ("yes", "no"):
            raise Refused(name, _("%(field)s: yes or no.", field=_(title)))
        return text == "yes"

    def options(_connection: Connection) -> list[tuple[str, str]]:
        return [("yes", _("yes")), ("no", _("no"))]

    return Choice(name, title, read, "yes" if default else "no", options)
