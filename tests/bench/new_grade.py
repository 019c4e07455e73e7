"""make bench: new_grade calls a second, end to end, against the floor of two RSA operations.

Everything in one run, so that the ratio holds when the machine's speed drifts: the server on one
core, the load in processes of its own on the others. Each call is a fresh envelope, sealed
beforehand, and counts when its answer says that the grade was committed.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1

from keys.certificate import load
from mnet import envelope, xmlrpc
from mnet.database import Database
from mnet.xmlrpc import MethodResponse
from peers import store
from tests.helpers.rig import SIS, FakePeer
from tests.helpers.site import Site

CALLS = int(os.environ.get("BENCH_CALLS", "500"))
# A school's few Moodles, each with some PHP processes that push.
CONNECTIONS = 12
PUPILS, ITEMS = 40, 20
# Many short rounds, each between two looks at the floor: a machine's speed drifts by the second.
ROUNDS = 15
FLOOR_S = 0.4
HEAD = (
    b"POST /mnet/xmlrpc/server.php HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: Moodle\r\n"
    b"Accept: */*\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"
)

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


def private_operations_per_s(key: RSAPrivateKey) -> float:
    """Signatures and decryptions, half and half, on this core."""
    wrapped = key.public_key().encrypt(b"x" * 16, PKCS1v15())
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < FLOOR_S:
        key.sign(b"payload", PKCS1v15(), SHA1())
        key.decrypt(wrapped, PKCS1v15())
        done += 2
    return done / (time.perf_counter() - started)


def prepare(site: Site, peer: FakePeer) -> str:
    """Register the load's peer and a section of pupils; return our certificate."""
    certificate = load(peer.pair.certificate_pem)
    file = site.home / "load.pem"
    file.write_text(certificate.pem)
    site.run("peer", "add", peer.wwwroot, "--certificate", str(file), "--yes")
    site.run("peer", "services", peer.wwwroot, "--publish", "schooltool")
    pem: str = site.run("key", "show")["certificate"]
    told = [("new_section", {"idnumber": "5", "name": "Load", "segment": 1})]
    told += [
        (
            "fetch_user",
            {"idnumber": f"u{n}", "username": f"u{n}", "firstname": "A", "lastname": "B"},
        )
        for n in range(PUPILS)
    ]
    told += [
        ("new_enrolment", {"sectionid": "5", "userid": f"u{n}", "role": "student"})
        for n in range(PUPILS)
    ]
    told += [
        (
            "new_assessment",
            {"sectionid": "5", "idnumber": f"i{n}", "name": f"I{n}", "pointval": 100},
        )
        for n in range(ITEMS)
    ]
    events: list[Any] = [{"event": event, "data": data} for event, data in told]
    answer = peer.open(site.post(peer.request(pem, SIS + "push_events", [events])))
    assert isinstance(answer, envelope.SignedMessage)
    response = xmlrpc.read_response(answer.payload)
    assert isinstance(response, MethodResponse)
    results: Any = response.value
    assert all(r["status"] == "created" for r in results), response
    return pem


def envelopes(peer: FakePeer, pem: str, count: int) -> list[bytes]:
    """Fresh sealed calls, each with a grade of its own time and number."""
    now = int(time.time())
    return [
        peer.request(
            pem,
            SIS + "new_grade",
            [
                {
                    "assessmentid": f"i{n % ITEMS}",
                    "userid": f"u{n // ITEMS % PUPILS}",
                    "points_earned": n % 100,
                    "attempt_num": 1,
                    "timemodified": now + n,
                    "seq": n,
                    "to": os.environ["BENCH_WWWROOT"],
                }
            ],
        )
        for n in range(count)
    ]


class Connection:
    """One kept connection that sends call after call, like PHP's curl: head and body together."""

    def __init__(self, port: int, bodies: list[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._port = port
        self._left = iter(bodies)
        self._received = b""

    def send(self) -> bool:
        """Send the next call; False when there is none left."""
        body = next(self._left, None)
        if body is not None:
            self.socket.sendall(HEAD % (self._port, len(body)) + body)
        return body is not None

    def receive(self) -> bytes | None:
        """Take what has come; return the answer's body once it is whole."""
        self._received += self.socket.recv(65536)
        head, _blank, body = self._received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if length is None or len(body) < int(length[1]):
            return None
        assert head.startswith(b"HTTP/1.1 200 "), head
        self._received = b""
        return body


def load_round(port: int, bodies: list[bytes]) -> tuple[float, list[bytes]]:
    """Send every body over a few connections at once; return seconds and answers.

    One thread waits for all of them: a load that is slow to answer, or busy on a core that shares
    its parts with the server's, would be measured with it.
    """
    answers: list[bytes] = []
    with ExitStack() as stack:
        waiting = stack.enter_context(selectors.DefaultSelector())
        for number in range(CONNECTIONS):
            connection = Connection(port, bodies[number::CONNECTIONS])
            stack.enter_context(connection.socket)
            waiting.register(connection.socket, selectors.EVENT_READ, connection)
        started = time.perf_counter()
        for key in waiting.get_map().values():
            key.data.send()
        while len(answers) < len(bodies):
            for key, _events in waiting.select():
                answer = key.data.receive()
                if answer is not None:
                    key.data.send()
                    answers.append(answer)
        return time.perf_counter() - started, answers


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    serving, loading = {cores[0]}, set(cores[1:]) or {cores[0]}
    with tempfile.TemporaryDirectory() as folder:
        # Before the first command: the server inherits its one core.
        os.sched_setaffinity(0, serving)
        site = Site(Path(folder) / "home")
        os.environ["BENCH_WWWROOT"] = site.wwwroot
        peer = FakePeer("http://load.example.org")
        site.serve()
        assert os.sched_getaffinity(site.pid) == serving
        os.sched_setaffinity(0, loading)
        pem = prepare(site, peer)
        everything = envelopes(peer, pem, CALLS * ROUNDS)

        def floor_per_s() -> float:
            os.sched_setaffinity(0, serving)
            operations_per_s.append(private_operations_per_s(peer.pair.private_key))
            os.sched_setaffinity(0, loading)
            return operations_per_s[-1] / 2

        operations_per_s: list[float] = []
        rates, ratios = [], []
        before = floor_per_s()
        for number in range(ROUNDS):
            bodies = everything[number * CALLS : (number + 1) * CALLS]
            taken_s, answers = load_round(site.port, bodies)
            check(peer, answers)
            after = floor_per_s()
            rates.append(CALLS / taken_s)
            ratios.append(rates[-1] / ((before + after) / 2))
            before = after
        site.stop()
        with Database(f"sqlite:///{site.home / 'mnet-peer.sqlite'}").read() as connection:
            assert store.find(connection, peer.wwwroot) is not None
        rows = site.run("grade", "list", "--section", "5")
        assert len(rows) == PUPILS * ITEMS
    print(f"one worker on one core, {ROUNDS} rounds of {CALLS} calls: median (lowest to highest)")
    for what, values, places in (
        ("RSA-2048 private operations/s", operations_per_s, 0),
        ("new_grade calls/s, committed", rates, 0),
        ("of the floor, two operations a call", ratios, 2),
    ):
        print(
            f"{statistics.median(values):8.{places}f} ({min(values):.{places}f} to "
            f"{max(values):.{places}f}) {what}"
        )


def check(peer: FakePeer, answers: list[bytes]) -> None:
    """See that every call was applied: one by one, opened and read."""
    for body in answers:
        signed = peer.open(body)
        assert isinstance(signed, envelope.SignedMessage)
        response = xmlrpc.read_response(signed.payload)
        assert isinstance(response, MethodResponse), response
        assert isinstance(response.value, dict)
        assert response.value["status"] in ("created", "updated", "unchanged"), response
        assert json.dumps(response.value)


if __name__ == "__main__":
    main()
