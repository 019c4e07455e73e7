"""What is served on the listening port: the peers' door, the pages, /healthz and /metrics."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from mnet.exchange import Answer
from mnet.http_limits import BoundedSite
from mnet.metrics import CONTENT_TYPE as METRICS_TYPE
from mnet.resource import TEXT, PeerResource, Visitor, sender_of
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from peers.accounts import MANAGER
from peers.web import sessions
from peers.web.roles import allows
from schooltool_bridge.server import monitoring
from schooltool_bridge.server.app import App
from schooltool_bridge.server.heartbeat import Heartbeat
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web.pages import frame_of


def site_of(
    app: App, reactor: Any, workers: Workers, page_workers: Workers, slow_work: SlowWork
) -> BoundedSite:
    """Return what is served; `slow_work` is for waiting for other sites."""
    trusted_proxies = frozenset(
        p.strip() for p in app.settings.trusted_proxies.split(",") if p.strip()
    )
    health = partial(_health, app.heartbeat)
    may_see = partial(_may_see, app.parts)
    resource = PeerResource(
        path=urlsplit(app.site.wwwroot).path,
        steps_of=app.exchange.steps,
        database=app.database,
        certificate_pem=lambda: app.custody.keyring().certificate_pem,
        instant={"/healthz": health},
        pages={
            "/healthz": monitoring.guarded(health, may_see),
            "/metrics": monitoring.guarded(
                lambda: Answer(app.metrics.page(), content_type=METRICS_TYPE), may_see
            ),
        },
        reactor=reactor,
        workers=workers,
        slow_work=slow_work,
        trusted_proxies=trusted_proxies,
        others=frame_of(app).resource(
            reactor, page_workers, slow_work, lambda request: sender_of(request, trusted_proxies)
        ),
    )
    return BoundedSite(resource, reactor)


def _may_see(parts: Parts, visitor: Visitor) -> bool:
    token = visitor.cookies.get(sessions.COOKIE.encode(), b"").decode("ascii", "replace")
    with parts.database.read() as connection:
        session = sessions.find(connection, token, int(parts.clock()))
    # Who has not chosen a password yet sees nothing else either (peers/web/frame.py).
    if session is None or session.account.one_time:
        return False
    return allows(session.account.role, MANAGER)


def _health(heartbeat: Heartbeat) -> Answer:
    """Tell, out of memory, whether the store takes what is written and the key is usable."""
    health = heartbeat.health()
    status = HTTPStatus.OK if health.is_well else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(f"{health.text}\n".encode(), content_type=TEXT, status=status)
