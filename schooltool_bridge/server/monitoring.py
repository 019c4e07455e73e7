"""What a monitor asks for: /metrics and /healthz, and who may see them.

A caller on this machine may (Prometheus beside us), everybody else only as a signed-in admin.
Source: RULES R14.
"""

from __future__ import annotations

from collections.abc import Callable

from keys.custody import Custody
from keys.keyring import NoKey
from mnet.database import Database
from mnet.exchange import Answer
from mnet.metrics import Readings
from mnet.resource import TEXT, Visitor
from peers import journal
from peers.registry import Registry
from schooltool_bridge.events import inbox
from schooltool_bridge.events.inbox_lists import count_by_status

_REFUSED = Answer(
    b"This page answers callers on this machine and signed-in admins only.\n",
    content_type=TEXT,
    status=403,
)


def guarded(
    page: Callable[[], Answer], may_see: Callable[[Visitor], bool]
) -> Callable[[Visitor], Answer]:
    """Show `page` to callers on this machine and to whom `may_see` lets in; else 403."""

    def answer(visitor: Visitor) -> Answer:
        return page() if visitor.is_local or may_see(visitor) else _REFUSED

    return answer


def readings(database: Database, registry: Registry, custody: Custody) -> Readings:
    """Read what a scrape shows of the store; raises what an unusable database raises."""
    with database.read() as connection:
        waiting = dict.fromkeys(inbox.OPEN, 0)
        for (_peer_id, status), count in count_by_status(connection).items():
            waiting[status] += count
        peers = registry.all()
        contacts = {p.wwwroot: journal.last_contact(connection, p.id) for p in peers}
    expiries = {p.wwwroot: p.certificate.not_after_unix_s for p in peers}
    return Readings(
        inbox=waiting,
        peer_key_expires_unix_s={k: v for k, v in expiries.items() if v is not None},
        peer_last_contact_unix_s={k: v for k, v in contacts.items() if v is not None},
        own_key_expires_unix_s=_own_expiry(custody),
    )


def _own_expiry(custody: Custody) -> int | None:
    try:
        return custody.keyring().current.not_after_unix_s
    except NoKey:
        return None
