"""The command that files many sections, each under the course that it tells of.

Source: RULES 1.8, R43.
"""

from __future__ import annotations

from collections import defaultdict

import click

from peers import audit
from schooltool_bridge.cli.shared import Command, common
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, filing, lookup, years
from schooltool_bridge.school.filing import MAX_AT_ONCE
from schooltool_bridge.school.lookup import Wanted
from schooltool_bridge.school.suggested_courses import Catalogue


@click.command("file-suggested")
@click.option("--term", "term_title", required=True, help="The term's title.")
@click.option("--year", "year_title", help="Of this school year, when several have that term.")
@click.option("--search", default="", help="Only sections with these words in name or ID number.")
@click.option("--preview", is_flag=True, help="Only show what would be filed under which course.")
@click.option("--why", default="", help="The reason, for the sections' history.")
@common
def file_suggested(
    command: Command,
    term_title: str,
    year_title: str | None,
    search: str,
    preview: bool,  # noqa: FBT001 - click's
    why: str,
) -> None:
    """File ongoing sections, each under the course that its number or name tells of.

    Where no course is sure the section stays ongoing.
    """
    with command.app() as app, app.database.write() as connection:
        term = years.find_term(connection, term_title, year_title)
        catalogue = Catalogue.of(courses.all_courses(connection))
        rows, _total = lookup.find(connection, Wanted(ongoing=True, text=search), limit=MAX_AT_ONCE)
        found = [(row, catalogue.suggest(row.name, row.idnumber)) for row in rows]
        by_course: dict[int, list[int]] = defaultdict(list)
        for row, course in found:
            if course is not None:
                by_course[course.id].append(row.id)
        author = Author(audit.COMMAND_LINE, int(app.clock()), why)
        for course_id, some in by_course.items() if not preview else ():
            filing.file(connection, author, some, course_id=course_id, term_id=term.id)
    shown = [
        {
            "id": str(row.id),
            "idnumber": row.idnumber,
            "name": row.name,
            "course": course.code if course else None,
            "term": term.title if course else None,
            "filed": course is not None and not preview,
        }
        for row, course in found
    ]
    columns = ("id", "idnumber", "name", "course", "filed")
    command.show_table(shown, columns, "No section is ongoing.")
