"""The commands that join a section made here with one that a Moodle brought, and take them apart.

Source: RULES 1.4, 1.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
from sqlalchemy.engine import Connection

from peers import audit
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import joining_sections, section_suggestions
from schooltool_bridge.hand.joining_plan import Plan
from schooltool_bridge.hand.section_suggestions import Side, Suggestion
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_origin, find_parts, people_names

_PEER = click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that section.")
_PREVIEW = click.option("--preview", is_flag=True, help="Only say what it would do.")
_WHY = click.option("--why", default="", help="For the audit trail.")


@click.command("suggestions")
@common
def suggestions(command: Command) -> None:
    """List the sections made here that may be one with a section that a Moodle brought."""
    with command.app() as app, app.database.read() as connection:
        found = section_suggestions.suggestions(connection)
        names = people_names(connection)
    rows = [_suggestion_json(each, names) for each in found]
    if command.as_json:
        command.show(rows, "")
        return
    flat = [
        {
            "ours": f"{s.ours.name} (id {s.ours.id})",
            "theirs": f"{s.theirs.name} (id {s.theirs.id})",
            "peer": s.theirs.peer,
            "by": section_suggestions.WORDS[s.reason],
            "students_in_common": s.students,
            "assessments_in_common": s.items,
        }
        for s in found
    ]
    columns = ("ours", "theirs", "peer", "by", "students_in_common", "assessments_in_common")
    command.show_table(flat, columns, "No two sections look like the same.")


@click.command("join")
@click.argument("ours", metavar="OURS")
@click.argument("theirs", metavar="THEIRS")
@_PEER
@_PREVIEW
@_WHY
@common
def join(
    command: Command,
    ours: str,
    theirs: str,
    peer_wwwroot: str | None,
    preview: bool,  # noqa: FBT001 - click's
    why: str,
) -> None:
    """Say that section OURS, made here or imported, is the Moodle's section THEIRS.

    Ours stays, and what the Moodle says of its own stands there. Of several parts (segments) all
    are joined, each with its own.
    """
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()), why)
        try:
            with app.database.read() if preview else app.database.write() as connection:
                ours_id, theirs_id = _both(connection, ours, theirs, peer_wwwroot)
                if preview:
                    plans = joining_sections.plans(connection, ours_id, theirs_id)
                else:
                    plans = joining_sections.join(connection, author, ours_id, theirs_id)
                names = people_names(connection)
        except Refused as problem:
            raise CommandError(str(problem)) from None
    command.show(
        {"applied": not preview, "sections": [_plan_json(p, names) for p in plans]},
        "\n".join(line for p in plans for line in _plan_lines(p, names, is_applied=not preview)),
    )


@click.command("join-exact")
@_PREVIEW
@_WHY
@common
def join_exact(
    command: Command,
    preview: bool,  # noqa: FBT001 - click's
    why: str,
) -> None:
    """Join every suggestion of the same idnumber that nothing else fits; look at --preview first.

    What cannot be joined is told, and left.
    """
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()), why)
        with app.database.read() if preview else app.database.write() as connection:
            exact = [s for s in section_suggestions.suggestions(connection) if s.is_exact]
            done, left = _join_each(connection, author, exact, preview=preview)
            names = people_names(connection)
    lines = [line for p in done for line in _plan_lines(p, names, is_applied=not preview)]
    command.show(
        {
            "applied": not preview,
            "sections": [_plan_json(p, names) for p in done],
            "left": left,
        },
        "\n".join([*lines, *left]) or "No two sections have the same idnumber.",
    )


@click.command("take-apart")
@click.argument("section_id", metavar="ID")
@_PEER
@_WHY
@common
def take_apart(command: Command, section_id: str, peer_wwwroot: str | None, why: str) -> None:
    """Undo the joining of a section: ours has again what is its own, the Moodle's the rest."""
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()), why)
        try:
            with app.database.write() as connection:
                parts = find_parts(connection, section_id, peer_wwwroot)
                done = [joining_sections.take_apart(connection, author, part) for part in parts]
        except Refused as problem:
            raise CommandError(str(problem)) from None
    rows = [
        {
            "ours": str(a.ours_id),
            "theirs": str(a.theirs_id),
            "assessments_back": a.back,
            "assessments_of_the_moodle": a.gone,
            "people_kept": a.kept,
        }
        for a in done
    ]
    text = "\n".join(
        f"Sections {a.ours_id} and {a.theirs_id} are two again: assessments that "
        f"went with the Moodle's: {a.gone}, that are ours again: {a.back}; "
        f"people who stay here by hand: {a.kept}."
        for a in done
    )
    command.show({"applied": True, "sections": rows}, text)


@click.command("not-same")
@click.argument("ours", metavar="OURS")
@click.argument("theirs", metavar="THEIRS")
@_PEER
@common
def not_same(command: Command, ours: str, theirs: str, peer_wwwroot: str | None) -> None:
    """Say that two sections are not the same, so that they are suggested no more."""
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()))
        try:
            with app.database.write() as connection:
                pair = _both(connection, ours, theirs, peer_wwwroot)
                is_new = joining_sections.keep_apart(connection, author, *pair)
        except Refused as problem:
            raise CommandError(str(problem)) from None
    text = "They are suggested no more." if is_new else "That is known already."
    command.show({"ours": str(pair[0]), "theirs": str(pair[1]), "new": is_new}, text)


def _both(
    connection: Connection, ours: str, theirs: str, peer_wwwroot: str | None
) -> tuple[int, int]:
    return (
        find_origin(connection, ours, is_ours=True, wwwroot=None),
        find_origin(connection, theirs, is_ours=False, wwwroot=peer_wwwroot),
    )


def _join_each(
    connection: Connection, author: Author, exact: Sequence[Suggestion], *, preview: bool
) -> tuple[list[Plan], list[str]]:
    done: list[Plan] = []
    left: list[str] = []
    for each in exact:
        pair = each.ours.id, each.theirs.id
        if pair in [(p.ours_id, p.theirs_id) for p in done]:
            continue  # a part that went with another one
        try:
            if preview:
                done += joining_sections.plans(connection, *pair)
            else:
                done += joining_sections.join(connection, author, *pair)
        except Refused as problem:
            left.append(str(problem))
    return done, left


def _suggestion_json(suggestion: Suggestion, names: dict[int, str]) -> dict[str, object]:
    return {
        "ours": _side_json(suggestion.ours, names),
        "theirs": _side_json(suggestion.theirs, names),
        "by": suggestion.reason,
        "exact": suggestion.is_exact,
        "students_in_common": suggestion.students,
        "assessments_in_common": suggestion.items,
    }


def _side_json(side: Side, names: dict[int, str]) -> dict[str, object]:
    return {
        "id": str(side.id),
        "idnumber": side.idnumber,
        "segment": side.segment,
        "name": side.name,
        "peer": side.peer or None,
        "course": side.course or None,
        "teachers": _named(side.teachers, names),
        "students": len(side.students),
    }


def _named(people: Iterable[int], names: dict[int, str]) -> list[str]:
    return sorted(names[who] for who in people)


def _plan_json(plan: Plan, names: dict[int, str]) -> dict[str, object]:
    return {
        "ours": {"id": str(plan.ours_id), "name": plan.ours_name},
        "theirs": {"id": str(plan.theirs_id), "name": plan.theirs_name, "peer": plan.peer},
        "segment": plan.segment,
        "people": [
            {"person": names[c.person_id], "role": c.role, "before": c.before, "after": c.after}
            for c in plan.changes
        ],
        "people_unchanged": plan.unchanged,
        "become_one": [
            {
                "hand": str(s.ours_id),
                "moodle": str(s.theirs_id),
                "name": s.name,
                "points_before": decimal_text(s.points_before),
                "points_after": decimal_text(s.points_after),
                "grades_by_hand": s.entries,
            }
            for s in plan.shared
        ],
        "arriving": list(plan.arriving),
        "grades_of_the_moodle": plan.grades,
        "side_by_side": list(plan.beside),
        "no_more_filed": plan.filed,
        "no_more_weighed": plan.weighs,
        "by_hand_there": plan.by_hand,
    }


def _plan_lines(plan: Plan, names: dict[int, str], *, is_applied: bool) -> list[str]:
    both = f"“{plan.ours_name}” (id {plan.ours_id}) and “{plan.theirs_name}” of {plan.peer}"
    lines = [f"{both} are one now:" if is_applied else f"{both} would be one:"]
    lines += [
        f"  {names[c.person_id]} {c.role}: {c.before or 'not there'} -> {c.after}"
        for c in plan.changes
    ]
    lines.append(f"  {plan.unchanged} people as they are, {plan.grades} grades of the Moodle's.")
    for s in plan.shared:
        worth = ""
        if s.points_before != s.points_after:
            before, after = decimal_text(s.points_before), decimal_text(s.points_after)
            worth = f", worth {before} here and {after} there: entries keep their percentage"
        lines.append(f"  “{s.name}” becomes one, {s.entries} grades by hand count{worth}.")
    if plan.beside:
        lines.append(f"  Side by side, for somebody to join: {', '.join(plan.beside)}.")
    if plan.filed:
        lines.append("  Where the Moodle's is filed, and what it continues, counts no more.")
    if plan.weighs:
        lines.append("  The weights of the Moodle's count no more; those of ours do.")
    return lines
