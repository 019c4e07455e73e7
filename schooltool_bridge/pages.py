"""The pages put together: the frame, who adds pages to it, and how times are written.

No page stands here. Source: requirements R11.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peers.web.frame import Frame
from peers.web.sign_in import SignInPages
from peers.web.view import Route, page
from schooltool_bridge.web.calls_pages import CallsPages
from schooltool_bridge.web.inbox_pages import InboxPages

if TYPE_CHECKING:
    from schooltool_bridge.app import App

HERE = Path(__file__).parent


def frame_of(app: App) -> Frame:
    """Return the frame with every page of the server."""
    settings = app.settings
    zone = settings.zone
    frame = Frame(
        wwwroot=settings.wwwroot,
        name=settings.name,
        database=app.database,
        clock=app.clock,
        templates=[HERE / "web" / "templates"],
        filters={"moment": lambda t: moment(t, zone), "iso": iso},
    )
    frame.add(
        [
            Route("/", lambda _view: page("home.html", wwwroot=settings.wwwroot), None),
            Route("/admin/static/<name>", frame.static, None),
        ]
    )
    for pages in (
        CallsPages(app.database, zone),
        InboxPages(app.database, app.settling),
        SignInPages(app.database),
    ):
        frame.add(pages.routes(), pages.tabs())
    return frame


def moment(unix_s: float, zone: ZoneInfo) -> str:
    """Write a time as people of the school read it: 21 Nov 2026, 09:14."""
    return datetime.fromtimestamp(unix_s, zone).strftime("%-d %b %Y, %H:%M")


def iso(unix_s: float) -> str:
    """Write a time for machines, in UTC."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat()
