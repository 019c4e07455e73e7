"""Serving: the listening socket, worker processes, renewing our key, background work, a clean end.

Source: RULES 1.8 (serve).
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import structlog
from twisted.internet import defer, endpoints, error, protocol
from twisted.internet.task import LoopingCall
from twisted.web.server import Site

from mnet import settings as settings_file
from mnet.connection_shares import BACKLOG
from mnet.metrics import environment_of_workers
from mnet.settings import Settings
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from schooltool_bridge.cli.shared import CommandError
from schooltool_bridge.server.app import PAGE_THREADS, WORKER_THREADS, App
from schooltool_bridge.server.background import TICK_S
from schooltool_bridge.server.stopping import (
    PARENT_VARIABLE,
    WORKERS_S,
    Guard,
    end_with,
    end_with_server,
)
from schooltool_bridge.store.errands import LOOK_INTERVAL_S

DEFAULT_PORT = 8900
# Where the port is another server's.
ANOTHER = "Is another server running there? --listen tcp:PORT:interface=127.0.0.1 takes another."
KEY_CHECK_INTERVAL_S = 3600.0
# Calls leave few cycles behind, so looking for them every 700 objects is mostly in vain.
GC_THRESHOLD = 20_000

log = structlog.get_logger("server")


def serve(settings: Settings, listen: str, workers: int) -> None:
    """Serve until SIGTERM; raises CommandError when the address cannot be listened on."""
    from twisted.internet import reactor  # noqa: PLC0415 - importing it installs it

    if workers > 1:
        _serve_by_workers(reactor, settings, listen, workers)
    else:
        _serve_here(reactor, settings, listen)


def listen_for(wwwroot: str) -> str:
    """Where to listen when nobody says: a wwwroot on this machine is called at its own port."""
    url = urlsplit(wwwroot)
    is_here = url.scheme == "http" and url.hostname in {"localhost", "127.0.0.1"}
    port = (url.port if is_here else None) or DEFAULT_PORT
    return f"tcp:{port}:interface=127.0.0.1"


def _serve_here(reactor: Any, settings: Settings, listen: str) -> None:
    # The pages bring the reactor, which may be there only once this process serves.
    from schooltool_bridge.web.site import site_of  # noqa: PLC0415 - see above

    end_with_server()
    guard = Guard()
    _let_work_finish()
    with App(settings) as app:
        app.file_settings = settings_file.read(settings.home)
        app.rotate_key_if_due()
        pool = Workers(WORKER_THREADS)
        page_pool = Workers(PAGE_THREADS)
        # It verifies peers one after the other, each of which may be silent.
        background_pool = Workers(1)
        slow_work = SlowWork()
        site = site_of(app, reactor, pool, page_pool, slow_work)
        port = _listen(reactor, site, listen)
        app.heartbeat.start()
        care = LoopingCall(lambda: pool.submit(app.rotate_key_if_due))
        care.start(KEY_CHECK_INTERVAL_S, now=False)
        pool.submit(app.resolving.release_missed)

        def look_for_errands() -> None:
            for work in app.errands.due():
                slow_work.after(pool, work)

        LoopingCall(lambda: pool.submit(look_for_errands)).start(LOOK_INTERVAL_S)

        def begin_due() -> None:
            app.syncs.start_due()
            app.prints.go_on()

        background = app.background(app.verify, begin_due)
        LoopingCall(lambda: background_pool.submit(background.tick)).start(TICK_S)
        reactor.addSystemEventTrigger("before", "shutdown", background.stop)
        reactor.addSystemEventTrigger("before", "shutdown", app.heartbeat.stop)
        end_with(
            reactor, port, (pool, page_pool, background_pool, slow_work, app.syncs, app.prints)
        )
        reactor.callLater(0, guard.arm)
        # What is loaded by now stays: no garbage collection has to look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        log.info("serving", wwwroot=settings.wwwroot, listen=listen)
        print(f"Serving. Open {settings.wwwroot} in a browser; Ctrl-C stops.", file=sys.stderr)  # noqa: T201 - to who started it
        reactor.run()


def _let_work_finish() -> None:
    """Ask the system not to interrupt a thread of ours each time that another one wakes.

    Each byte that comes would break into an RSA otherwise; so it waits some milliseconds at most,
    and calls that come meanwhile are taken together. Threads inherit it.
    """
    with suppress(AttributeError, OSError):  # not Linux; or not allowed, and only slower
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _listen(reactor: Any, site: Site, listen: str) -> Any:
    """Return the listening port; raises CommandError."""
    if listen.startswith("fd:"):
        descriptor = int(listen.removeprefix("fd:"))
        return reactor.adoptStreamPort(descriptor, socket.AF_INET, site)
    ports: list[Any] = []
    problem: list[Any] = []
    try:
        endpoint = endpoints.serverFromString(reactor, _with_backlog(listen))
    except ValueError as wrong:
        raise CommandError(
            f"--listen {listen!r}: {wrong}; write tcp:PORT:interface=ADDRESS."
        ) from None
    endpoint.listen(site).addCallbacks(ports.append, problem.append)
    if problem:
        why = problem[0].value
        text = str(why.socketError) if isinstance(why, error.CannotListenError) else str(why)
        raise CommandError(f"Cannot listen on {listen}: {text}. {ANOTHER}")
    return ports[0]


def _with_backlog(listen: str) -> str:
    """Return a TCP address to listen at with our own length of the queue, unless it names one."""
    is_plain = listen.startswith("tcp:") and ":backlog=" not in listen
    return f"{listen}:backlog={BACKLOG}" if is_plain else listen


class _Worker(protocol.ProcessProtocol):
    """A worker process; tells when it ended."""

    def __init__(self, ended: Callable[[Any, Any], None]) -> None:
        self._ended = ended

    def processEnded(self, reason: Any) -> None:
        self._ended(self.transport, reason)


class _WorkerProcesses:
    """Several processes that take connections from one socket; when one ends, all do."""

    def __init__(self, reactor: Any, command: Sequence[str], server: socket.socket) -> None:
        self._reactor = reactor
        self._command = command
        self._server = server
        self._running: list[Any] = []
        self._is_stopping = False
        self._all_ended: defer.Deferred[None] = defer.Deferred()
        self.one_ended_unasked = False

    def start(self, count: int) -> None:
        environment = {**environment_of_workers(), PARENT_VARIABLE: str(os.getpid())}
        descriptors = {0: 0, 1: 1, 2: 2, 3: self._server.fileno()}
        for _worker in range(count):
            process = self._reactor.spawnProcess(
                _Worker(self._ended),
                sys.executable,
                self._command,
                env=environment,
                childFDs=descriptors,
            )
            self._running.append(process)

    def stop(self) -> defer.Deferred[None] | None:
        """Ask all to end, end those that do not, and wait until all are gone."""
        self._is_stopping = True
        self._signal("TERM")
        if not self._running:
            return None
        self._reactor.callLater(WORKERS_S, self._signal, "KILL")
        return self._all_ended

    def _signal(self, name: str) -> None:
        for process in self._running:
            with suppress(error.ProcessExitedAlready):
                process.signalProcess(name)

    def _ended(self, process: Any, reason: Any) -> None:
        self._running.remove(process)
        if not self._is_stopping:
            self.one_ended_unasked = True
            log.error("worker ended", reason=reason.getErrorMessage())
            self._reactor.stop()
        elif not self._running:
            self._all_ended.callback(None)


def _serve_by_workers(reactor: Any, settings: Settings, listen: str, count: int) -> None:
    """Listen once and let several processes take connections from the one socket."""
    server = _bound_socket(listen)
    program = [sys.executable, "-m", "schooltool_bridge.cli.main"]
    command = [*program, "serve", "--home", str(settings.home), "--listen", "fd:3"]
    workers = _WorkerProcesses(reactor, command, server)
    reactor.callWhenRunning(workers.start, count)
    reactor.addSystemEventTrigger("before", "shutdown", workers.stop)
    reactor.run()
    if workers.one_ended_unasked:
        raise CommandError("A worker ended by itself; its log says why.")


def _bound_socket(listen: str) -> socket.socket:
    parts = dict(p.partition("=")[::2] for p in listen.split(":")[2:])
    try:
        family = socket.AF_INET
        server = socket.create_server(
            (parts.get("interface", ""), int(listen.split(":")[1])), family=family, backlog=BACKLOG
        )
    except (OSError, ValueError, IndexError) as problem:
        raise CommandError(f"Cannot listen on {listen}: {problem}. {ANOTHER}") from None
    server.setblocking(False)  # noqa: FBT003 - the socket's own interface
    return server
