"""The server of a flood and the sites around it: another Moodle, a silent one, one that answers bombs.

All on 127.0.0.1. The data folder is made once and copied for each flood, so that none finds what
another left behind.
"""

from __future__ import annotations

import gzip
import http.server
import multiprocessing
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

from keys.keypair import generate
from mnet.xmlrpc import Value
from tests.helpers.moodle import Moodle
from tests.helpers.rig import SIS, FakePeer
from tests.helpers.roaming import app_of, befriend
from tests.helpers.site import Site

CLERK, PASSWORD = "admin", "a long enough one 4711"
SECTION = "flooded"
# What a bomb unpacks to; the server may hold 400 MiB in all.
BOMB_BYTES = 600 * 1024 * 1024


def fake_at(wwwroot: str) -> FakePeer:
    """A site whose calls we make, with a key of its own."""
    fake = FakePeer(wwwroot)
    fake.pair = generate(wwwroot, "Moodle", int(time.time()))
    return fake


@dataclass
class Stage:
    """What a flood and the probes work with; made before anything is measured."""

    site: Site
    pem: str
    # Another Moodle, that answers as it should; one that takes connections and never answers; one
    # whose answers are bombs.
    other: Moodle
    silent: FakePeer
    bomber: FakePeer
    # Set by the flood that wants the bombs; until then (the server itself verifies its peers) they
    # are plain refusals.
    armed: Event
    scratch: Path

    @property
    def port(self) -> int:
        """The server's."""
        return self.site.port


def start(stage: Stage, home: Path, held: Path) -> subprocess.Popen[bytes]:
    """Start the server on a copy of the stage's folder and wait until it is well."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(stage.site.home, home)
    address = f"tcp:{stage.port}:interface=127.0.0.1"
    command = [sys.executable, "-m", "tests.soak.held", str(held), "serve", "--home", str(home)]
    with (home / "serve.log").open("ab") as log:
        server = subprocess.Popen([*command, "--listen", address], stdout=log, stderr=log)
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", stage.port), 2) as asks:
            asks.sendall(b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
            if b" 200 " in asks.recv(100):
                return server
        time.sleep(0.1)
    server.kill()
    said = (home / "serve.log").read_text()[-2000:]
    raise RuntimeError(f"the server did not start ({server.wait()}): {said}")


@contextmanager
def stage(scratch: Path) -> Iterator[Stage]:
    """Make the folder and the sites; they serve while the block runs."""
    password = scratch / "password"
    password.write_text(PASSWORD)
    site = Site(scratch / "made", "--admin", CLERK, "--admin-password-file", str(password))
    pem = site.run("key", "show")["certificate"]
    armed = multiprocessing.Event()
    with _silent() as quiet, _bombs(armed) as bombs, Moodle(site.wwwroot, pem) as other:
        made = Stage(site, pem, other, fake_at(quiet), fake_at(bombs), armed, scratch)
        befriend(site, other)
        with app_of(site) as app:
            section: list[Value] = [{"idnumber": SECTION, "name": "Flooded"}]
            app.exchange.answer(other.fake.request(pem, SIS + "new_section", section))
        for fake in (made.silent, made.bomber):
            file = scratch / "peer.pem"
            file.write_text(fake.pair.certificate_pem)
            site.run("peer", "add", fake.wwwroot, "--certificate", str(file), "--yes")
            both = ("--publish", "schooltool,sso_sp", "--subscribe", "schooltool,sso_idp")
            site.run("peer", "services", fake.wwwroot, *both)
        yield made


@contextmanager
def _silent() -> Iterator[str]:
    """A site that takes connections and says nothing."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
                    for old in taken[:-2000]:
                        old.close()
                    del taken[:-2000]

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    for connection in taken:
        connection.close()


class _Bombs(http.server.BaseHTTPRequestHandler):
    """Answers everything with what is small and unpacks to very much."""

    bomb = b""
    armed: Event

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        if not self.armed.is_set():
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip, gzip")
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(self.bomb)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(self.bomb)

    def log_message(self, *_about: object) -> None:
        pass


@contextmanager
def _bombs(armed: Event) -> Iterator[str]:
    _Bombs.armed = armed
    _Bombs.bomb = gzip.compress(gzip.compress(bytes(BOMB_BYTES), 9), 9)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Bombs)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
