"""Commands about notices: what needs a hand, a test of the channels, a look right now.

Source: manual/notices.md; RULES 1.8 (the form of commands).
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.notices.facts import gather
from schooltool_bridge.notices.notices import StoredNotice, latest_notices, limits_of
from schooltool_bridge.notices.rules import Notice, standing
from schooltool_bridge.notices.sending import Outcome
from schooltool_bridge.server import background
from schooltool_bridge.server.app import in_reactor

NO_CHANNEL = (
    "Nobody is told: set mail_to and smtp_url, or webhook_url, in settings.toml "
    '(manual: "Being told").'
)


@click.group()
def notice() -> None:
    """What needs a hand, and who gets a message."""


@notice.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is over, newest first.")
@common
def notice_list(command: Command, everything: bool) -> None:  # noqa: FBT001 - click's
    """List what needs a hand, the most urgent first."""
    with command.app() as app, app.database.read() as connection:
        now_unix_s = int(app.clock())
        # What stands is judged anew, as the page does: the next look may be minutes away.
        stand = standing(gather(connection, now_unix_s), now_unix_s, limits_of(app.settings))
        stored = latest_notices(connection)
    known = {one.notice.key: one for one in stored if one.ended_unix_s is None}
    rows = [_row(n, known.get(n.key), everything=everything) for n in stand]
    if everything:
        over = [one for one in stored if one.ended_unix_s is not None]
        rows += [_row(one.notice, one, everything=True) for one in over]
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


def _row(one: Notice, stored: StoredNotice | None, *, everything: bool) -> dict[str, object]:
    """A notice as scripts read it; since when is kept from the next look on."""
    row: dict[str, object] = {
        "key": one.key,
        "subject": one.subject,
        "severity": one.severity,
        "text": one.text,
        "remedy": one.remedy,
        "since": _iso(stored.since_unix_s if stored else None),
        "told": _iso(stored.sent_unix_s if stored else None),
    }
    if everything:
        row["ended"] = _iso(stored.ended_unix_s if stored else None)
    return row


def _iso(unix_s: int | None) -> str | None:
    return None if unix_s is None else iso(unix_s)


def _sent(outcome: Outcome) -> dict[str, object]:
    return {"channel": outcome.channel, "ok": outcome.ok, "detail": outcome.detail}


def _line(outcome: Outcome) -> str:
    return f"{'ok  ' if outcome.ok else 'FAIL'} {outcome.channel}: {outcome.detail}"
