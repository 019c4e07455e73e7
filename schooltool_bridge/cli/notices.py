"""Commands about being told: what needs a hand, a test of the channels, a look right now.

Source: manual/notices.md; RULES 1.8 (the form of commands).
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.notices.notices import KeptNotice, latest_notices, open_notices
from schooltool_bridge.notices.sending import Outcome
from schooltool_bridge.server import background
from schooltool_bridge.server.app import in_reactor

NO_CHANNEL = (
    "Nobody is told: set mail_to and smtp_url, or webhook_url, in settings.toml "
    '(manual: "Being told").'
)


@click.group()
def notice() -> None:
    """What needs a hand, and who is told."""


@notice.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is over, newest first.")
@common
def notice_list(command: Command, everything: bool) -> None:  # noqa: FBT001 - click's
    """List what needs a hand, the most urgent first."""
    with command.app() as app, app.database.read() as connection:
        found = latest_notices(connection) if everything else open_notices(connection)
    rows = [_row(one, everything=everything) for one in found]
    columns = ["severity", "since", "text", "remedy", "told", *(["ended"] if everything else [])]
    command.show_table(rows, columns, "Nothing needs a hand.")


@notice.command("test")
@common
def notice_test(command: Command) -> None:
    """Send a test by every channel and say how that went."""
    with command.app() as app:
        outcomes = in_reactor(lambda: background.sender_of(app.parts, app.post_json).test())
    if not outcomes:
        raise CommandError(NO_CHANNEL)
    command.show([_sent(o) for o in outcomes], "\n".join(map(_line, outcomes)))
    _fail_unless_sent(outcomes)


@notice.command("run")
@common
def notice_run(command: Command) -> None:
    """Look now what needs a hand, and tell what is new; a server does so every ten minutes."""
    with command.app() as app:
        new, ended = background.refresh(app.parts)
        outcomes = in_reactor(lambda: background.sender_of(app.parts, app.post_json).send_news())
    value = {
        "new": [n.key for n in new],
        "ended": [n.key for n in ended],
        "told": [_sent(o) | {"keys": list(o.keys)} for o in outcomes],
    }
    lines = [f"new: {n.text}" for n in new] + [f"over: {n.text}" for n in ended]
    lines += map(_line, outcomes)
    command.show(value, "\n".join(lines) or "Nothing new.")
    _fail_unless_sent(outcomes)


def _fail_unless_sent(outcomes: Sequence[Outcome]) -> None:
    failed = [o for o in outcomes if not o.ok]
    if failed:
        raise CommandError(f"Not told by {failed[0].channel}: {failed[0].detail}")


def _row(one: KeptNotice, *, everything: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "key": one.notice.key,
        "subject": one.notice.subject,
        "severity": one.notice.severity,
        "text": one.notice.text,
        "remedy": one.notice.remedy,
        "since": iso(one.since_unix_s),
        "told": iso(one.told_unix_s) if one.told_unix_s is not None else None,
    }
    if everything:
        row["ended"] = iso(one.ended_unix_s) if one.ended_unix_s is not None else None
    return row


def _sent(outcome: Outcome) -> dict[str, object]:
    return {"channel": outcome.channel, "ok": outcome.ok, "detail": outcome.detail}


def _line(outcome: Outcome) -> str:
    return f"{'ok  ' if outcome.ok else 'FAIL'} {outcome.channel}: {outcome.detail}"
