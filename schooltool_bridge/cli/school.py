"""Commands about the school's own order: year, term, course; filing and linking sections.

Source: RULES 1.8 (the form of commands), R41-R47.
"""

from __future__ import annotations

from collections import Counter

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import audit
from schooltool_bridge.cli.lazy_group import LazyGroup
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.history import joined
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_parts, find_section
from schooltool_bridge.school import courses, filing, marking, years
from schooltool_bridge.school.written import day
from schooltool_bridge.school.years import Term, Year
from schooltool_bridge.store.model import section

_FIRST = click.option("--first", "first_text", required=True, metavar="DAY", help="2026-09-01")
_LAST = click.option("--last", "last_text", required=True, metavar="DAY", help="2027-07-02")
_PEER = click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that id.")
_SEGMENT = click.option("--segment", help="Of several parts (segments) of a section this one.")
_WHY = click.option("--why", default="", help="The reason, for the section's history.")


@click.group()
def year() -> None:
    """School years."""


@year.command("list")
@common
def year_list(command: Command) -> None:
    """List the school years."""
    with command.app() as app, app.database.read() as connection:
        terms = years.all_terms(connection)
        rows = [
            {**_year_row(y), "terms": [t.title for t in terms if t.year_id == y.id]}
            for y in years.all_years(connection)
        ]
    columns = ("id", "title", "first_day", "last_day", "terms")
    command.show_table(rows, columns, "There is no school year yet; add one: mnet-peer year add.")


@year.command("add")
@click.argument("title")
@_FIRST
@_LAST
@common
def year_add(command: Command, title: str, first_text: str, last_text: str) -> None:
    """Add a school year; both days belong to it."""
    first_day, last_day = day(first_text, "The first day"), day(last_text, "The last day")
    with command.app() as app, app.database.write() as connection:
        year_id = years.add_year(
            connection,
            Author(audit.COMMAND_LINE, int(app.clock())),
            title=title,
            first_day=first_day,
            last_day=last_day,
        )
        added = years.one_year(connection, year_id)
    command.show(_year_row(added), f"Added {added.span}.")


@click.group(cls=LazyGroup)
def term() -> None:
    """Terms of the school years."""


@term.command("list")
@click.option("--year", "year_title", help="Only of this school year.")
@common
def term_list(command: Command, year_title: str | None) -> None:
    """List the terms."""
    with command.app() as app, app.database.read() as connection:
        wanted = None if year_title is None else years.find_year(connection, year_title).id
        found = [t for t in years.all_terms(connection) if wanted in (None, t.year_id)]
    columns = ("id", "year", "title", "first_day", "last_day", "closed")
    empty = "There is no term yet; add one: mnet-peer term add."
    command.show_table([_term_row(t) for t in found], columns, empty)


@term.command("add")
@click.argument("title")
@click.option("--year", "year_title", required=True, help="The title of its school year.")
@_FIRST
@_LAST
@common
def term_add(
    command: Command, title: str, year_title: str, first_text: str, last_text: str
) -> None:
    """Add a term to a school year; both days belong to it."""
    first_day, last_day = day(first_text, "The first day"), day(last_text, "The last day")
    with command.app() as app, app.database.write() as connection:
        term_id = years.add_term(
            connection,
            Author(audit.COMMAND_LINE, int(app.clock())),
            year_id=years.find_year(connection, year_title).id,
            title=title,
            first_day=first_day,
            last_day=last_day,
        )
        added = years.one_term(connection, term_id)
    command.show(_term_row(added), f"Added {added.span} to {added.year_title}.")


@click.group()
def course() -> None:
    """The catalogue; many sections teach one course."""


@course.command("list")
@common
def course_list(command: Command) -> None:
    """List the courses of the catalogue."""
    with command.app() as app, app.database.read() as connection:
        filed = sa.select(section.c.course_id).where(
            section.c.course_id.is_not(None), joined.is_shown(section.c.id)
        )
        counts = Counter(connection.execute(filed).scalars())
        rows = [
            {
                "id": str(c.id),
                "code": c.code,
                "title": c.title,
                "description": c.description,
                "credits": c.credits or None,
                "sections": counts[c.id],
            }
            for c in courses.all_courses(connection)
        ]
    columns = ("id", "code", "title", "credits", "sections")
    command.show_table(rows, columns, "There is no course yet; add one: mnet-peer course add.")


@course.command("add")
@click.argument("code")
@click.argument("title")
@click.option("--description", default="")
@click.option("--credits", "credits_text", default="", help="A number such as 0.5.")
@common
def course_add(
    command: Command, code: str, title: str, description: str, credits_text: str
) -> None:
    """Add a course to the catalogue."""
    with command.app() as app, app.database.write() as connection:
        course_id = courses.add(
            connection,
            Author(audit.COMMAND_LINE, int(app.clock())),
            code=code,
            title=title,
            description=description,
            credits_text=credits_text,
        )
        added = courses.one(connection, course_id)
    row = {"id": str(added.id), "code": added.code, "title": added.title}
    command.show(row, f"Added the course {added.code}, {added.title}.")


@click.command("file")
@click.argument("section_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--course", "code", help="The course's code.")
@click.option("--term", "term_title", help="The term's title.")
@click.option("--year", "year_title", help="Of this school year, when several have that term.")
@click.option("--ongoing", is_flag=True, help="Back to the ongoing sections.")
@_PEER
@_SEGMENT
@_WHY
@common
def file_sections(
    command: Command,
    section_ids: tuple[str, ...],
    code: str | None,
    term_title: str | None,
    year_title: str | None,
    ongoing: bool,  # noqa: FBT001 - click's
    peer_wwwroot: str | None,
    segment: str | None,
    why: str,
) -> None:
    """File sections under a course in a term; all of them or, when one cannot be, none."""
    if ongoing == bool(code or term_title):
        raise CommandError("Say --course and --term, or --ongoing.")
    with command.app() as app, app.database.write() as connection:
        found = [find_section(connection, i, peer_wwwroot, segment) for i in section_ids]
        in_course = courses.find(connection, code) if code else None
        in_term = years.find_term(connection, term_title, year_title) if term_title else None
        moved = filing.file(
            connection,
            Author(audit.COMMAND_LINE, int(app.clock()), why),
            found,
            course_id=in_course.id if in_course else None,
            term_id=in_term.id if in_term else None,
        )
    filed_under = filing.filed_text(in_course, in_term)
    row = {
        "sections": [str(i) for i in found],
        "moved": moved,
        "course": in_course.code if in_course else None,
        "term": in_term.title if in_term else None,
        "year": in_term.year_title if in_term else None,
    }
    command.show(
        row, f"{moved} section(s) moved to {filed_under}; {len(found) - moved} there already."
    )


@click.command("link")
@click.argument("section_id", metavar="ID")
@click.argument("previous_id", metavar="PREVIOUS_ID")
@_PEER
@_SEGMENT
@_WHY
@common
def link_section(
    command: Command,
    section_id: str,
    previous_id: str,
    peer_wwwroot: str | None,
    segment: str | None,
    why: str,
) -> None:
    """Say that a section continues another one."""
    _link(command, section_id, previous_id, peer_wwwroot, segment, why)


@click.command("weights")
@click.argument("section_id", metavar="ID")
@click.option("--whose", type=click.Choice(marking.WHOSE), help="Whose count from now on.")
@_PEER
@_SEGMENT
@_WHY
@common
def section_weights(
    command: Command,
    section_id: str,
    whose: str | None,
    peer_wwwroot: str | None,
    segment: str | None,
    why: str,
) -> None:
    """Show the weights of a section's categories, and whose count; or choose whose.

    The peer's are the points with which its assessments came.
    """
    with command.app() as app, app.database.write() as connection:
        this = find_section(connection, section_id, peer_wwwroot, segment)
        if whose is not None:
            author = Author(audit.COMMAND_LINE, int(app.clock()), why)
            marking.choose_weights(connection, author, this, whose)
        titles = {c.id: c.title for c in marking.categories(connection)}
        weights = {titles[c]: f"{w:f}" for c, w in marking.weights(connection, this).items()}
        counting = marking.whose_weights(connection, this)
    row = {"id": str(this), "whose": counting, "weights": weights}
    listed = ", ".join(f"{title}: {weight}" for title, weight in weights.items()) or "none"
    name = "ours" if counting == marking.OURS else "the peer's points"
    command.show(row, f"Weights of section {this}: {listed}. What counts: {name}.")


@click.command("unlink")
@click.argument("section_id", metavar="ID")
@_PEER
@_SEGMENT
@_WHY
@common
def unlink_section(
    command: Command, section_id: str, peer_wwwroot: str | None, segment: str | None, why: str
) -> None:
    """Say that a section continues no other one any more."""
    _link(command, section_id, None, peer_wwwroot, segment, why)


def _link(
    command: Command,
    section_id: str,
    previous: str | None,
    peer_wwwroot: str | None,
    segment: str | None,
    why: str,
) -> None:
    with command.app() as app, app.database.write() as connection:
        this = find_section(connection, section_id, peer_wwwroot, segment)
        before = _previous(connection, previous, peer_wwwroot)
        filing.link(connection, Author(audit.COMMAND_LINE, int(app.clock()), why), this, before)
        chain = [str(i) for i in filing.links(connection).chain(this)]
    row = {"id": str(this), "previous": None if before is None else str(before), "chain": chain}
    command.show(row, f"In their order: {' -> '.join(chain)}.")


def _previous(connection: Connection, previous: str | None, peer_wwwroot: str | None) -> int | None:
    if previous is None:
        return None
    parts = find_parts(connection, previous, peer_wwwroot)
    # Its parts follow each other, so what continues it follows the last one; or the one named.
    is_named = previous.isascii() and previous.isdigit() and int(previous) in parts
    return int(previous) if is_named else parts[-1]


def _year_row(one: Year) -> dict[str, object]:
    return {
        "id": str(one.id),
        "title": one.title,
        "first_day": one.first_day.isoformat(),
        "last_day": one.last_day.isoformat(),
    }


def _term_row(one: Term) -> dict[str, object]:
    return {
        "id": str(one.id),
        "year": one.year_title,
        "title": one.title,
        "first_day": one.first_day.isoformat(),
        "last_day": one.last_day.isoformat(),
        "closed": None if one.closed_unix_s is None else iso(one.closed_unix_s),
    }
