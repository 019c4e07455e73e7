"""What others notice while a flood runs: another Moodle, another peer's people, a monitor.

Each asks all the time, on connections of its own, and keeps how long the longest answer took and
what was no answer.
"""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from mnet import xmlrpc
from mnet.envelope import SignedMessage
from mnet.xmlrpc import FaultResponse
from tests.helpers.rig import SIS
from tests.helpers.roaming import AGENT, LAND, visit
from tests.soak.flood import SERVER
from tests.soak.stage import Stage

EVERY_S = 0.5
LOOK_S = 0.2
# Longer than any bound; an answer that takes longer is none.
TIMEOUT_S = 20
MIB = 1024


@dataclass
class Seen:
    """What one of them noticed."""

    longest_s: float = 0.0
    asked: int = 0
    # What was no proper answer, and how often.
    wrong: dict[str, int] = field(default_factory=dict)

    def ask(self, once: Callable[[], float]) -> None:
        """Ask once; `once` returns how long the answer took, or raises what is wrong."""
        started_s = time.monotonic()
        self.asked += 1
        try:
            took_s = once()
        except (OSError, http.client.HTTPException, _Wrong) as problem:
            said = f"{type(problem).__name__}: {problem}"[:80]
            self.wrong[said] = self.wrong.get(said, 0) + 1
            took_s = time.monotonic() - started_s
        self.longest_s = max(self.longest_s, took_s)


class _Wrong(Exception):
    """An answer, but not the one that was wanted."""


@dataclass
class Probes:
    """All that is measured in one flood."""

    info: Seen = field(default_factory=Seen)
    landing: Seen = field(default_factory=Seen)
    health: Seen = field(default_factory=Seen)
    memory_mib: float = 0.0


@contextmanager
def probing(stage: Stage, server: subprocess.Popen[bytes]) -> Iterator[Probes]:
    """Ask all the time while the block runs."""
    probes, over = Probes(), threading.Event()

    def repeat(seen: Seen, once: Callable[[], float]) -> None:
        while not over.is_set():
            seen.ask(once)
            over.wait(EVERY_S)

    def remember() -> None:
        while not over.wait(LOOK_S):
            probes.memory_mib = max(probes.memory_mib, _memory_mib(server.pid))

    works = [
        threading.Thread(target=repeat, args=(probes.info, lambda: _info(stage))),
        threading.Thread(target=repeat, args=(probes.landing, lambda: _landing(stage))),
        threading.Thread(target=repeat, args=(probes.health, lambda: _health(stage))),
        threading.Thread(target=remember),
    ]
    for work in works:
        work.start()
    yield probes
    over.set()
    for work in works:
        work.join(2 * TIMEOUT_S)


def _memory_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(x.split()[1]) / MIB for x in lines if x.startswith("VmRSS")), 0.0)


def _asked(
    stage: Stage, method: str, path: str, body: bytes | None, **headers: str
) -> tuple[float, int, bytes]:
    started_s = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        return time.monotonic() - started_s, answer.status, said
    finally:
        connection.close()


def _info(stage: Stage) -> float:
    body = stage.other.fake.request(stage.pem, SIS + "server_info", [])
    took_s, status, said = _asked(stage, "POST", SERVER, body)
    if status != http.client.OK:
        raise _Wrong(f"status {status}")
    signed = stage.other.fake.open(said)
    if not isinstance(signed, SignedMessage):
        raise _Wrong("not signed")
    response = xmlrpc.read_response(signed.payload)
    if isinstance(response, FaultResponse):
        raise _Wrong(f"fault {response.code}")
    return took_s


def _landing(stage: Stage) -> float:
    query = urlencode(visit(stage.other))
    took_s, status, said = _asked(stage, "GET", f"{LAND}?{query}", None, **{"User-Agent": AGENT})
    # Somebody new is known now, and may not log in yet: a page says so.
    if status != http.client.FORBIDDEN or b"no-right" not in said:
        raise _Wrong(f"status {status}")
    return took_s


def _health(stage: Stage) -> float:
    took_s, status, _said = _asked(stage, "GET", "/healthz", None)
    if status != http.client.OK:
        raise _Wrong(f"status {status}")
    return took_s
