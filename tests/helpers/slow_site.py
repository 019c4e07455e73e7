"""A site in memory with the threads of a real server, and peers silent until a test lets them go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from io import BytesIO
from typing import Any, Self
from urllib.parse import urlencode

from twisted.web.http_headers import Headers

from mnet import xmlrpc
from mnet.batching import Batches
from mnet.connection_shares import SlowPages
from mnet.envelope import SignedMessage
from mnet.exchange import Answer
from mnet.outbound import Outbound
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from mnet.xmlrpc import FaultResponse, Value
from peers.registry import Peer
from peers.web.wire import on_worker
from schooltool_bridge.server.app import PAGE_THREADS, WORKER_THREADS
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import SIS
from tests.helpers.roaming import AGENT, LAND
from tests.helpers.vouching import LandingSite, Voucher

# Far more than anything here takes, unless it waits for a silent peer.
WAIT_S = 180.0


class Request:
    """As much of Twisted's request as a page looks at, from a browser that may hang up."""

    method = b"GET"
    is_gone = False

    def __init__(self, path: str) -> None:
        self.uri = path.encode()
        self.content = BytesIO()
        self.responseHeaders = Headers()
        self.status = 0
        self.at_end: list[Callable[[], object]] = []
        # The body, once the answer has left.
        self.page = Future[bytes]()
        self._body = b""

    def write(self, body: bytes) -> None:
        self._body += body

    def finish(self) -> None:
        for work in self.at_end:
            work()
        self.page.set_result(self._body)

    def when_over(self, work: Callable[[], object]) -> None:
        self.at_end.append(work)

    def getHeader(self, name: bytes) -> bytes | None:  # noqa: N802 - Twisted's
        return AGENT.encode() if name == b"user-agent" else None

    def setResponseCode(self, status: int) -> None:  # noqa: N802 - Twisted's
        self.status = status


class Reactor:
    """Does at once what a real one does a moment later."""

    @staticmethod
    def callFromThread(work: Callable[..., object], *given: object) -> None:  # noqa: N802 - Twisted's
        work(*given)


class SlowSite:
    """As a context manager: its end lets everything go."""

    def __init__(self, site: LandingSite) -> None:
        self.app, self.rig = site.rig.app, site.rig
        self.silent: set[str] = set()
        self.go = threading.Event()
        # One for each question that a silent peer got.
        self.asked = threading.Semaphore(0)
        self._post = self.app.outbound.post
        self.workers, self.page_workers = Workers(WORKER_THREADS), Workers(PAGE_THREADS)
        self.slow_work = SlowWork()
        self.gone: set[Future[Any]] = set()
        self.batches = Batches[Future[Answer], Answer](
            self.app.database,
            self.workers,
            self._send,
            3,
            self.slow_work,
            self.gone.__contains__,
        )
        self.goes_out_by(replace(self.app.outbound, post=self._slowly))

    def goes_out_by(self, outbound: Outbound[Peer]) -> None:
        """Make whatever calls peers anew, with this way out."""
        self.app.outbound = self.app.peer_client.outbound = outbound
        for made in ("landing", "signing_off"):
            vars(self.app).pop(made, None)
        self.frame = frame_of(self.app)
        [number] = [n for n, r in enumerate(self.frame.routes) if r.rule == LAND]
        self._land: Any = on_worker(
            self.frame.begin,
            self.frame.routes[number],
            Reactor,
            self.page_workers,
            self.slow_work,
            SlowPages(),
            lambda _request: "198.51.100.7",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.go.set()
        for pool in (self.workers, self.page_workers, self.slow_work):
            pool.close(WAIT_S)
        self.app.database.close()

    def _slowly(self, url: str, body: bytes, **how: Any) -> bytes:
        if any(url.startswith(wwwroot + "/") for wwwroot in self.silent):
            self.asked.release()
            assert self.go.wait(WAIT_S)
        return self._post(url, body, **how)

    def _send(self, ended: list[tuple[Future[Answer], Answer | None]]) -> None:
        for who, answer in ended:
            assert answer is not None
            if who not in self.gone:
                who.set_result(answer)
            for afterwards in answer.afterwards:
                self.slow_work.after(self.workers, afterwards)

    def submit(self, voucher: Voucher, method: str, *params: Value) -> Future[Answer]:
        """Let a peer call; its answer is in the future once it has come."""
        body = voucher.fake.request(self.rig.pem, SIS + method, list(params))
        answer: Future[Answer] = Future()
        self.batches.submit(answer, self.app.exchange.steps(body))
        return answer

    def value(self, voucher: Voucher, answer: Future[Answer]) -> Any:
        """What a call was answered, a FaultResponse for a fault."""
        signed = voucher.fake.open(answer.result(WAIT_S).body)
        assert isinstance(signed, SignedMessage)
        response = xmlrpc.read_response(signed.payload)
        return response if isinstance(response, FaultResponse) else response.value

    def call(self, voucher: Voucher, method: str, *params: Value) -> Any:
        """Let a peer call, and wait for the answer."""
        return self.value(voucher, self.submit(voucher, method, *params))

    def land(self, brought: dict[str, str]) -> tuple[Request, Future[bytes]]:
        """Let a browser land; the page is in the future once it has come."""
        request = Request(f"{LAND}?{urlencode(brought)}")
        self._land(request)
        return request, request.page
