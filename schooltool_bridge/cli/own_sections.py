"""Commands about sections made here: many people put in, another name, removed, brought back.

Source: RULES 1.8 (the form of commands), R47, R60.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click
from sqlalchemy.engine import Connection

from peers import audit
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.days import first_moment
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.hand import enrol_lists, sections
from schooltool_bridge.hand.enrol_lists import Candidate, Line
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_section
from schooltool_bridge.school import lookup
from schooltool_bridge.school.written import day

_PEER = click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that id.")
_SEGMENT = click.option("--segment", help="Of several parts (segments) of a section this one.")
_WHY = click.option("--why", default="", help="The reason, for the section's history.")


@click.command("enrol-list")
@click.argument("section_id", metavar="ID")
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--from-section", "from_id", metavar="ID", help="Everybody of this section too.")
@click.option("--role", type=click.Choice((STUDENT, TEACHER)), default=STUDENT, show_default=True)
@click.option("--since", "since_text", default="", metavar="DAY", help="2026-09-01; else now.")
@click.option("--clear-only", is_flag=True, help="Leave out lines that fit several or nobody.")
@click.option("--preview", is_flag=True, help="Only say what it would do.")
@_PEER
@_SEGMENT
@_WHY
@common
def enrol_list(
    command: Command,
    section_id: str,
    file: Path | None,
    from_id: str | None,
    role: str,
    since_text: str,
    *,
    clear_only: bool,
    preview: bool,
    peer_wwwroot: str | None,
    segment: str | None,
    why: str,
) -> None:  # fmt: skip - one option a line says nothing more
    """Put many people into a section: those of FILE, one a line, or of another section.

    A line is an ID number, a user name, a mail address or a name; FILE - is what is piped in. All
    of them or, when a line is not clear, none. Who is in it already stays as they are.
    """
    if file is None and from_id is None:
        raise click.UsageError("Give a FILE, or --from-section.")
    text = _text(file) if file else ""
    settings = command.settings
    since = first_moment(day(since_text, "--since"), settings.zone) if since_text else None
    with command.app() as app:
        with app.database.read() as connection:
            this = find_section(connection, section_id, peer_wwwroot, segment)
            lines = enrol_lists.read_list(connection, this, text, role)
            wanted = [line.people[0] for line in lines if line.is_clear]
            if from_id is not None:
                wanted += _roster(connection, this, from_id, role)
        left_out = [line for line in lines if not line.is_clear]
        people = {who.id: who for who in wanted}
        row: dict[str, object] = {
            "section": str(this),
            "put_in": [_person(who) for who in people.values() if not who.is_there],
            "already": [_person(who) for who in people.values() if who.is_there],
            "unclear": [_unclear(line) for line in left_out if line.people],
            "unknown": [line.text for line in left_out if not line.people],
        }
        if preview:
            command.show(row, lambda: click.echo(_told(row, "would be put in")))
            return
        if left_out and not clear_only:
            raise CommandError(
                f"{_lines(left_out)} Nobody was put in; set that right, or leave it out by "
                "--clear-only."
            )
        with app.database.write() as connection:
            author = Author(audit.COMMAND_LINE, int(app.clock()), why)
            done = enrol_lists.enrol(
                connection, author, this, list(people), role, effective_unix_s=since
            )
        released = app.resolving.brought_by_hand(memberships=[(this, who) for who in done.put_in])
    row["put_in"] = [_person(people[who]) for who in done.put_in]
    row["already"] = [_person(people[who]) for who in done.already]
    row["released"] = released
    command.show(row, lambda: click.echo(_told(row, "put in")))


@click.command("rename")
@click.argument("section_id", metavar="ID")
@click.argument("name")
@_SEGMENT
@_WHY
@common
def rename(command: Command, section_id: str, name: str, segment: str | None, why: str) -> None:
    """Give a section made here another name from now on."""
    row = _change(
        command,
        section_id,
        segment,
        why,
        lambda c, author, this: sections.rename(c, author, this, name),
    )
    _say(command, row, f"is called {row['name']} now", "is called so already")


@click.command("remove")
@click.argument("section_id", metavar="ID")
@_SEGMENT
@_WHY
@common
def remove(command: Command, section_id: str, segment: str | None, why: str) -> None:
    """Make a section made here a former one; all that it holds stays.

    Nobody is put into it and no teacher grades in it from then on; `section bring-back` undoes it.
    """
    row = _change(command, section_id, segment, why, sections.remove)
    _say(command, row, "is removed", "was removed already")


@click.command("bring-back")
@click.argument("section_id", metavar="ID")
@_SEGMENT
@_WHY
@common
def bring_back(command: Command, section_id: str, segment: str | None, why: str) -> None:
    """Undo that a section made here was removed."""
    row = _change(command, section_id, segment, why, sections.bring_back)
    _say(command, row, "is back", "was not removed")


def _change(
    command: Command,
    section_id: str,
    segment: str | None,
    why: str,
    do: Callable[[Connection, Author, int], bool],
) -> dict[str, object]:
    with command.app() as app, app.database.write() as connection:
        this = find_section(connection, section_id, segment=segment)
        is_changed = do(connection, Author(audit.COMMAND_LINE, int(app.clock()), why), this)
        (row,) = lookup.by_ids(connection, [this])
    return {
        "id": str(this), "name": row.name, "removed": row.is_removed, "changed": is_changed
    }  # fmt: skip


def _say(command: Command, row: dict[str, object], done: str, before: str) -> None:
    command.show(row, f"Section {row['id']} {done if row['changed'] else before}.")


def _text(file: Path) -> str:
    try:
        with click.open_file(str(file), encoding="utf-8-sig") as stream:
            return str(stream.read())
    except UnicodeDecodeError:
        raise CommandError(f"{file}: this is no UTF-8.") from None


def _roster(connection: Connection, this: int, from_id: str, role: str) -> list[Candidate]:
    other = find_section(connection, from_id)
    ids = enrol_lists.roster_of(connection, other)
    return enrol_lists.of_people(connection, this, ids, role)


def _person(who: Candidate) -> dict[str, object]:
    return {"id": str(who.id), "name": who.name, "idnumber": who.idnumber or None}


def _unclear(line: Line) -> dict[str, object]:
    return {"line": line.text, "could_be": [_person(who) for who in line.people]}


def _lines(left_out: Sequence[Line]) -> str:
    """Say what is the matter with each line."""
    return " ".join(
        f"{line.text!r} could be {_names(line)}." if line.people else f"{line.text!r} is nobody."
        for line in left_out
    )


def _names(line: Line) -> str:
    return " or ".join(f"{who.name} (id {who.id})" for who in line.people)


def _told(row: dict[str, object], done: str) -> str:
    def count(name: str) -> int:
        found = row[name]
        assert isinstance(found, list)
        return len(found)

    text = f"{count('put_in')} {done}; {count('already')} were in it already."
    rest = [(count("unclear"), "not clear"), (count("unknown"), "nobody known")]
    return " ".join([text, *(f"{number} lines: {what}." for number, what in rest if number)])
