"""Years and their terms: read, added, changed, removed while nothing was ever filed there.

Every change works in the caller's transaction with its entry in the audit trail; what is refused
raises NotPossible and changes nothing. Source: RULES R41-R43, A.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_one, one_at_a_time
from mnet.language import N_, SOURCE, _, ngettext, speaking
from peers.changes import NotPossible
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import spans
from schooltool_bridge.school.spans import Span
from schooltool_bridge.school.written import free, line
from schooltool_bridge.store.model import section
from schooltool_bridge.store.model_school import school_year, section_filing, term

# Stands for "no peer" where changes of one kind follow each other: the school's own order.
OWN_ORDER = 0


@dataclass(frozen=True, slots=True)
class Year:
    """A school year; both days belong to it."""

    id: int
    title: str
    first_day: date
    last_day: date

    @property
    def span(self) -> Span:
        """Its days."""
        return Span(self.title, self.first_day, self.last_day)


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a year; both days belong to it."""

    id: int
    year_id: int
    year_title: str
    title: str
    first_day: date
    last_day: date
    closed_unix_s: int | None

    @property
    def span(self) -> Span:
        """Its days."""
        return Span(self.title, self.first_day, self.last_day)

    @property
    def full_title(self) -> str:
        """The term with its year, where the term's own title does not say it."""
        named = key(self.year_title) in key(self.title)
        return self.title if named else f"{self.title}, {self.year_title}"


def all_years(connection: Connection) -> list[Year]:
    """Return every year, in the order of their days."""
    rows = connection.execute(sa.select(school_year).order_by(school_year.c.first_day))
    return [Year(*row) for row in rows]


def all_terms(connection: Connection) -> list[Term]:
    """Return every term, in the order of their days."""
    return [Term(*row) for row in connection.execute(_TERMS)]


def current_term(connection: Connection, day: date) -> Term | None:
    """Return the term that holds a day; None between terms."""
    holding = _TERMS.where(term.c.first_day <= day, term.c.last_day >= day)
    row = connection.execute(holding).first()
    return Term(*row) if row else None


def term_at_hand(connection: Connection, day: date) -> Term | None:
    """Return the term of a day, else the next one; None where none that is open ends later."""
    coming = _TERMS.where(term.c.last_day >= day, term.c.closed_unix_s.is_(None))
    row = connection.execute(coming.limit(1)).first()
    return Term(*row) if row else None


def one_year(connection: Connection, year_id: int) -> Year:
    """Return a year; raises NotThere."""
    row = connection.execute(sa.select(school_year).where(school_year.c.id == year_id)).first()
    if row is None:
        raise NotThere(_("There is no such school year (any more)."))
    return Year(*row)


def one_term(connection: Connection, term_id: int) -> Term:
    """Return a term; raises NotThere."""
    row = connection.execute(_TERMS.where(term.c.id == term_id)).first()
    if row is None:
        raise NotThere(_("There is no such term (any more)."))
    return Term(*row)


def find_year(connection: Connection, title: str) -> Year:
    """Return the year of a title, whatever its capitals; raises NotThere."""
    known = all_years(connection)
    found = next((y for y in known if key(y.title) == key(title.strip())), None)
    if found is None:
        names = ", ".join(repr(y.title) for y in known) or "none yet"
        raise NotThere(f"There is no school year {title!r}; there are: {names}.")
    return found


def find_term(connection: Connection, title: str, year_title: str | None = None) -> Term:
    """Return the term of a title, in a year or in all; raises NotThere, also for several."""
    year = find_year(connection, year_title) if year_title is not None else None
    among = [t for t in all_terms(connection) if year is None or t.year_id == year.id]
    found = [t for t in among if key(t.title) == key(title.strip())]
    if not found:
        names = ", ".join(repr(t.full_title) for t in among) or "none yet"
        raise NotThere(f"There is no term {title!r}; there are: {names}.")
    if len(found) > 1:
        years = ", ".join(repr(t.year_title) for t in found)
        raise NotThere(f"Several years have a term {title!r}: {years}. Say which: --year.")
    return found[0]


def add_year(
    connection: Connection, author: Author, *, title: str, first_day: date, last_day: date
) -> int:
    """Add a school year and return its id; raises NotPossible."""
    one_at_a_time(connection, OWN_ORDER)
    span = _checked_year(connection, Span(line(title, _("The title")), first_day, last_day), None)
    new_id = insert_one(connection, sa.insert(school_year).values(_columns(span)))
    author.note(connection, N_("year added"), span.title, _trail_detail(span))
    return new_id


def change_year(
    connection: Connection,
    author: Author,
    year_id: int,
    *,
    title: str,
    first_day: date,
    last_day: date,
) -> None:
    """Change a year's title and days; its terms must still lie inside.

    Raises NotPossible and NotThere.
    """
    one_at_a_time(connection, OWN_ORDER)
    before = one_year(connection, year_id).span
    span = _checked_year(
        connection, Span(line(title, _("The title")), first_day, last_day), year_id
    )
    for each in all_terms(connection):
        if each.year_id == year_id:
            spans.check_inside(each.span, span)
    if span == before:
        return
    connection.execute(
        sa.update(school_year).where(school_year.c.id == year_id).values(_columns(span))
    )
    author.note(connection, N_("year changed"), span.title, _trail_detail(span, before))


def remove_year(connection: Connection, author: Author, year_id: int) -> None:
    """Remove a year without terms; raises NotPossible and NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    span = one_year(connection, year_id).span
    titles = [t.title for t in all_terms(connection) if t.year_id == year_id]
    if titles:
        raise NotPossible(
            _(
                "%(year)s has terms: %(terms)s. Remove them first.",
                year=span.title,
                terms=", ".join(titles),
            )
        )
    connection.execute(sa.delete(school_year).where(school_year.c.id == year_id))
    author.note(connection, N_("year removed"), span.title, _trail_detail(span))


def add_term(
    connection: Connection,
    author: Author,
    *,
    year_id: int,
    title: str,
    first_day: date,
    last_day: date,
) -> int:
    """Add a term to a year and return its id; raises NotPossible and NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    span = Span(line(title, _("The title")), first_day, last_day)
    _check_term(connection, one_year(connection, year_id), span, None)
    new_id = insert_one(
        connection, sa.insert(term).values(school_year_id=year_id, **_columns(span))
    )
    author.note(connection, N_("term added"), span.title, _trail_detail(span))
    return new_id


def change_term(
    connection: Connection,
    author: Author,
    term_id: int,
    *,
    title: str,
    first_day: date,
    last_day: date,
) -> None:
    """Change a term's title and days; a closed one keeps its days.

    Raises NotPossible and NotThere.
    """
    one_at_a_time(connection, OWN_ORDER)
    known = one_term(connection, term_id)
    before, span = known.span, Span(line(title, _("The title")), first_day, last_day)
    _check_term(connection, one_year(connection, known.year_id), span, term_id)
    has_moved = (before.first_day, before.last_day) != (first_day, last_day)
    if known.closed_unix_s is not None and has_moved:
        raise NotPossible(
            _("%(term)s is closed: its marks were given for these days.", term=before)
        )
    if span == before:
        return
    connection.execute(sa.update(term).where(term.c.id == term_id).values(_columns(span)))
    author.note(connection, N_("term changed"), span.title, _trail_detail(span, before))


def remove_term(connection: Connection, author: Author, term_id: int) -> None:
    """Remove a term where nothing was ever filed; raises NotPossible and NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    known = one_term(connection, term_id)
    filed = connection.execute(
        sa.select(sa.func.count()).select_from(section).where(section.c.term_id == term_id)
    ).scalar_one()
    if filed:
        raise NotPossible(
            ngettext(
                "%(num)s section(s) are filed in %(term)s; file them elsewhere.",
                "%(num)s section(s) are filed in %(term)s; file them elsewhere.",
                filed,
                term=known.full_title,
            )
        )
    ever = sa.select(section_filing.c.id).where(section_filing.c.term_id == term_id).limit(1)
    if known.closed_unix_s is not None or connection.execute(ever).first():
        raise NotPossible(
            _(
                "Sections were filed in %(term)s once, and their history names it; "
                "change its title or days in place of removing it.",
                term=known.full_title,
            )
        )
    connection.execute(sa.delete(term).where(term.c.id == term_id))
    author.note(connection, N_("term removed"), known.span.title, _trail_detail(known.span))


def _checked_year(connection: Connection, span: Span, year_id: int | None) -> Span:
    others = [y for y in all_years(connection) if y.id != year_id]
    free(span.title, [y.title for y in others], _("a school year"))
    spans.check_days(span)
    spans.check_apart(span, [y.span for y in others])
    return span


def _check_term(connection: Connection, year: Year, span: Span, term_id: int | None) -> None:
    siblings = [t for t in all_terms(connection) if t.year_id == year.id and t.id != term_id]
    free(span.title, [t.title for t in siblings], _("a term of %(year)s", year=year.title))
    spans.check_days(span)
    spans.check_inside(span, year.span)
    spans.check_apart(span, [t.span for t in siblings])


def _columns(span: Span) -> dict[str, object]:
    return {"title": span.title, "first_day": span.first_day, "last_day": span.last_day}


def _trail_detail(span: Span, before: Span | None = None) -> dict[str, str]:
    """What the audit trail says of a year or term."""
    with speaking(SOURCE):  # as everything that is stored
        change = {} if before is None else {"before": str(before)}
        return {**change, "days": spans.days(span.first_day, span.last_day)}


_TERMS = (
    sa.select(
        term.c.id,
        term.c.school_year_id,
        school_year.c.title.label("year_title"),
        term.c.title,
        term.c.first_day,
        term.c.last_day,
        term.c.closed_unix_s,
    )
    .join_from(term, school_year, school_year.c.id == term.c.school_year_id)
    .order_by(term.c.first_day)
)
