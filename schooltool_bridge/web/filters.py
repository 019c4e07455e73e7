"""What lists of the record share: choosing a peer and days, older rows, links that keep a choice.

Reads a page's address, where anything may stand: what is not known counts as not chosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mnet.language import _
from peers import store
from peers.web.view import MAX_ID, PageError
from schooltool_bridge.common.days import ONE_DAY, first_moment


@dataclass(frozen=True, slots=True)
class PeerChoice:
    """A peer to choose in a list's filter, removed ones too: their record stays."""

    id: int
    wwwroot: str
    name: str
    is_removed: bool


def peer_choices(connection: Connection) -> list[PeerChoice]:
    """Return every peer that there ever was, by name."""
    found = [
        PeerChoice(p.id, p.wwwroot, p.name or p.wwwroot, p.state == store.DELETED)
        for p in store.all_peers(connection)
    ]
    return sorted(found, key=lambda p: (p.is_removed, p.name.casefold(), p.wwwroot))


def chosen_peer(choices: Iterable[PeerChoice], wwwroot: str) -> PeerChoice | None:
    """Return the peer that an address names; None for none. Raises PageError (404)."""
    if not wwwroot:
        return None
    found = next((p for p in choices if p.wwwroot == wwwroot), None)
    if found is None:
        raise PageError(_("There is no such peer."), 404)
    return found


def row_id(text: str) -> int | None:
    """Return an id that stands in an address; None when none does."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))
    return int(text) if is_number and int(text) <= MAX_ID else None


def known_id(number: int) -> int:
    """Return an id that can be one; raises PageError (404)."""
    if number > MAX_ID:
        raise PageError(_("There is nothing of that number."), 404)
    return number


def day_start(text: str, zone: ZoneInfo, *, days_later: int = 0) -> int | None:
    """Return when a day (2026-11-21) begins in the school's zone, in unix seconds.

    None when it is no day; `days_later` 1 gives its end.
    """
    try:
        day = date.fromisoformat(text) + days_later * ONE_DAY
    except (ValueError, OverflowError):
        return None
    return first_moment(day, zone)


def query(**values: object) -> str:
    """Return what stands behind a page's address, "?" included; empty values are left out."""
    given = {name: str(value) for name, value in values.items() if value not in (None, "")}
    return "?" + urlencode(given) if given else ""
