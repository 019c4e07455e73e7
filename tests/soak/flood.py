"""What a flood is, and how it sends: a function in a table, bounded in time and in connections."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from tests.soak.stage import Stage

SERVER = "/mnet/xmlrpc/server.php"
TIMEOUT_S = 60


@dataclass(frozen=True)
class Until:
    """When a flood is over: at a time, whatever it is at."""

    at_s: float

    @property
    def is_over(self) -> bool:
        """Whether it is."""
        return time.monotonic() >= self.at_s


Flood = Callable[[Stage, Until], None]
# By name; each module of floods puts its own in.
FLOODS: dict[str, Flood] = {}


def flood(name: str) -> Callable[[Flood], Flood]:
    """Put a flood into the table."""

    def put(function: Flood) -> Flood:
        assert name not in FLOODS
        FLOODS[name] = function
        return function

    return put


def many(until: Until, abreast: int, once: Callable[[int], object], most: int = 100_000) -> None:
    """Do something over and over in so many threads, until it is over or was done `most` times."""

    def work(first: int) -> None:
        for number in range(first, most, abreast):
            if until.is_over:
                return
            with suppress(OSError, http.client.HTTPException):
                once(number)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(abreast)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until.at_s - time.monotonic()))


def post(
    stage: Stage, body: bytes, path: str = SERVER, kind: str = "text/xml", **headers: str
) -> tuple[int, bytes]:
    """Send a body; returns the status and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", path, body, {"Content-Type": kind, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def get(stage: Stage, path: str, **headers: str) -> int:
    """Ask for a page; returns the status."""
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=TIMEOUT_S)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers=named)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def raw(stage: Stage) -> socket.socket:
    """A connection on which nothing was sent."""
    return socket.create_connection(("127.0.0.1", stage.port), timeout=TIMEOUT_S)


def wait(until: Until) -> None:
    """Do nothing until it is over."""
    while not until.is_over:
        time.sleep(0.2)


def once_each(until: Until, works: Iterable[Callable[[], object]]) -> None:
    """Do different things at the same time, each once, then wait."""
    listed = list(works)
    many(until, len(listed), lambda number: listed[number](), len(listed))
    wait(until)


def unique() -> str:
    """A word that nobody used before."""
    return os.urandom(8).hex()
