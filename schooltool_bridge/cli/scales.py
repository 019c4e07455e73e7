"""Commands about score systems: scale list, add, hide, offer.

Source: RULES 1.8, A.4.
"""

from __future__ import annotations

from pathlib import Path

import click

from peers import audit
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports.paper import plain_number
from schooltool_bridge.school import scores
from schooltool_bridge.school.scores import Listed
from schooltool_bridge.school.usual_scales import USUAL
from schooltool_bridge.server.app import App

_TITLE = click.argument("title")


@click.group()
def scale() -> None:
    """Score systems: the grade scales of the school."""


@scale.command("list")
@common
def list_(command: Command) -> None:
    """List the score systems, hidden ones too."""
    with command.app() as app, app.database.read() as connection:
        found = scores.all_systems(connection)
    rows = [_row(each) for each in found]
    shown = [
        {**row, "scores": " ".join(s.score for s in each.system.scores)}
        for row, each in zip(rows, found, strict=True)
    ]
    columns = ("title", "kind", "scores", "hidden")
    command.show_table(rows if command.as_json else shown, columns, "There is none.")


@scale.command("add")
@_TITLE
@click.option("--scores", "file", type=click.Path(path_type=Path), help="A file with its scores.")
@common
def add(command: Command, title: str, file: Path | None) -> None:
    """Add a usual scale by its title, or one of your own whose scores stand in a file.

    On each line of it: a score; its percent; from which percent on; pass or fail; grade points.
    """
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()))
        with app.database.write() as connection:
            if file is not None:
                read = scores.read_scores(file.read_text("utf-8", "replace"))
                scores.add(connection, author, title=title, scores=read)
            else:
                usual = next((t for t in USUAL if key(t) == key(title)), title)
                scores.add_usual(connection, author, usual)
        row = _find(app, title)
    command.show(row, f"The score system {row['title']} is there.")


@scale.command("hide")
@_TITLE
@common
def hide(command: Command, title: str) -> None:
    """Offer a score system no longer; what was marked by it stays."""
    _set_hidden(command, title, hidden=True)


@scale.command("offer")
@_TITLE
@common
def offer(command: Command, title: str) -> None:
    """Offer a hidden score system again."""
    _set_hidden(command, title, hidden=False)


def _set_hidden(command: Command, title: str, *, hidden: bool) -> None:
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()))
        found = _find(app, title)
        with app.database.write() as connection:
            scores.set_hidden(connection, author, int(str(found["id"])), hidden=hidden)
        row = _find(app, title)
    command.show(row, f"{row['title']} is {'hidden' if hidden else 'offered'}.")


def _find(app: App, title: str) -> Row:
    with app.database.read() as connection:
        known = scores.all_systems(connection)
    found = next((s for s in known if key(s.system.title) == key(title.strip())), None)
    if found is None:
        names = ", ".join(repr(s.system.title) for s in known)
        raise CommandError(f"There is no score system {title!r}; there are: {names}.")
    return _row(found)


def _row(listed: Listed) -> Row:
    system = listed.system
    return {
        "id": str(system.id),
        "title": system.title,
        "kind": system.kind,
        "hidden": listed.hidden,
        "scores": [
            {
                "score": s.score,
                "percent": plain_number(s.percent),
                "from": plain_number(s.from_percent),
                "passes": s.passes,
                "points": plain_number(s.points),
            }
            for s in system.scores
        ],
    }
