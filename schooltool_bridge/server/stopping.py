"""Ending in time: within ten seconds of SIGTERM, whatever the threads are at.

What is in hand gets some seconds. Then the process ends itself; and if it cannot, because one
thread holds the interpreter, a guard does it: a small process forked at the start, to which the
system's own signal handler writes, which needs no interpreter for it. The store keeps what was
committed and nothing else, so an end at any moment harms nothing.
Source: RULES 1.8 (serve).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from twisted.internet import defer

# After SIGTERM: what work in hand gets; when the process ends itself, when its guard ends it, and
# when the server ends its workers. All before the ten seconds are over.
WORK_S, SELF_S, GUARD_S, WORKERS_S = 6.0, 7.0, 8.0, 9.0
# Tells a worker process which process started it.
PARENT_VARIABLE = "MNET_PEER_SERVER_PID"
_PR_SET_PDEATHSIG = 1
_ENDING = {signal.SIGTERM, signal.SIGINT}

log = structlog.get_logger("stopping")


class Closable(Protocol):
    """Threads that can be told to end."""

    def close(self, timeout_s: float) -> None:
        """Drop what waits, and give what runs that long to end."""
        ...


class Guard:
    """A process beside ours that ends ours when we cannot do it. Make it before any thread."""

    def __init__(self) -> None:
        """Fork it; it ends when this process does."""
        reads, self._writes = os.pipe()
        os.set_blocking(self._writes, False)
        guarded = os.getpid()
        if os.fork() == 0:
            _guard(guarded, reads)
        os.close(reads)

    def arm(self) -> None:
        """Pass each signal on to it; from the main thread, once the reactor has its handlers."""
        signal.set_wakeup_fd(self._writes, warn_on_full_buffer=False)


def _guard(guarded: int, reads: int) -> None:
    """Wait for a signal that ends the guarded process, and see to it that it does; no return."""
    try:
        for number in (*_ENDING, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # they reach the whole group, and are not for us
        os.closerange(0, reads)
        os.closerange(reads + 1, os.sysconf("SC_OPEN_MAX"))
        signals = b""
        while not _ENDING & set(signals):
            signals = _read(reads, None)
        until_s = time.monotonic() + GUARD_S
        while (left_s := until_s - time.monotonic()) > 0:
            _read(reads, left_s)
        if os.getppid() == guarded:
            os.kill(guarded, signal.SIGKILL)
    finally:
        os._exit(0)


def _read(reads: int, timeout_s: float | None) -> bytes:
    """Return what arrived within a time; ends this process when the guarded one has ended."""
    readable, _writable, _odd = select.select([reads], [], [], timeout_s)
    if not readable:
        return b""
    signals = os.read(reads, 64)
    if not signals:
        os._exit(0)
    return signals


def end_with(reactor: Any, port: Any, closables: Sequence[Closable]) -> None:
    """Let a reactor that is stopped take no more connections, and wait for what is in hand."""

    def begin() -> defer.Deferred[None]:
        threading.Thread(target=_end_anyway, name="end", daemon=True).start()
        port.stopListening()
        done: defer.Deferred[None] = defer.Deferred()

        def close() -> None:
            threads = [
                threading.Thread(target=c.close, args=(WORK_S,), daemon=True) for c in closables
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(WORK_S)
            reactor.callFromThread(done.callback, None)

        # In threads: answers leave through the reactor, and what waits for a site too.
        threading.Thread(target=close, name="close", daemon=True).start()
        return done

    reactor.addSystemEventTrigger("before", "shutdown", begin)


def _end_anyway() -> None:
    """End the process as asked when something still is not done; what was committed is kept."""
    time.sleep(SELF_S)
    log.warning("ended amid work")
    sys.stderr.flush()
    os._exit(0)


def end_with_server() -> None:
    """Let a worker process end when the server that started it is gone, however that ended."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None:
        return
    with suppress(AttributeError, OSError):  # not Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if str(os.getppid()) != parent:
        os._exit(0)
