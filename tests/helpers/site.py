"""A site of ours for tests: a data folder, a real server in a process of its own, its commands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self

from mnet import settings
from mnet.database import REVISION_AGE_S, Database, read_revision
from tests.helpers.forked import Forked
from tests.php_peer.runner import free_port

# A command started for real, as by a shell; most tests fork theirs.
PROGRAM = [sys.executable, "-m", "schooltool_bridge.cli.main"]

# For a site's `first`: it looks at its store each second, and waits some for others' locks.
HASTY_INTERVAL_S, HASTY_PATIENCE_S = 1, 5
HASTY = f"""
from mnet import database, engines
from schooltool_bridge.server import heartbeat
engines.BUSY_TIMEOUT_MS = database.BUSY_TIMEOUT_MS = {HASTY_PATIENCE_S * 1000}
heartbeat.INTERVAL_S = {HASTY_INTERVAL_S}
"""


class Refused(Exception):
    """A command ended with another status than 0."""

    def __init__(self, status: int, stderr: str, stdout: str = "") -> None:
        super().__init__(f"{status}: {stderr}")
        self.status = status
        self.stderr = stderr
        self.stdout = stdout


class Site:
    """As a context manager it serves."""

    def __init__(
        self,
        home: Path,
        *init_options: str,
        name: str = "Test SIS",
        path: str = "",
        first: str = "",
    ) -> None:
        """Make its folder; its servers run `first`, in Python, before all else."""
        self._first = first
        self.home = home
        self.port = free_port()
        self.wwwroot = f"http://127.0.0.1:{self.port}{path}"
        self._server: Forked | subprocess.Popen[bytes] | None = None
        self._seen = ""
        self.made = self.run("init", "--wwwroot", self.wwwroot, "--name", name, *init_options)

    def run(self, *arguments: str) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.text(*arguments, "--json"))

    def text(self, *arguments: str) -> str:
        """Run a command and return what it printed; raises Refused."""
        with TemporaryFile() as stdout, TemporaryFile() as stderr:
            command = Forked([*arguments, "--home", str(self.home)], stdout, stderr)
            try:
                status = command.wait(60)
            except TimeoutError:
                command.kill()
                raise
            said, complained = (_read(file) for file in (stdout, stderr))
        if status:
            raise Refused(status, complained, said)
        self.wait_until_seen()
        return said

    def wait_until_seen(self) -> None:
        """Wait until a server that runs knows the configuration as it is stored."""
        if self._server is not None and self._seen != (stored := self._revision()):
            time.sleep(REVISION_AGE_S)
            self._seen = stored

    def _revision(self) -> str:
        database = Database(settings.read(self.home).database)
        with database.read() as connection:
            found = read_revision(connection)
        database.close()
        return found

    def serve(self, *options: str) -> None:
        """Start the server and wait until it answers."""
        with (self.home / "serve.log").open("ab") as log:
            address = f"tcp:{self.port}:interface=127.0.0.1"
            command = ["serve", "--home", str(self.home), "--listen", address, *options]
            if self._first:
                program = f"{self._first}\nfrom schooltool_bridge.cli.main import main\nmain()"
                started = [sys.executable, "-c", program, *command]
                self._server = subprocess.Popen(started, stdout=log, stderr=log)
            else:
                self._server = Forked(command, log, log, PYTHONUNBUFFERED="1")
        self._seen = self._revision()
        for _attempt in range(2000):  # 40 s, for a machine that is busy with many tests
            try:
                with urllib.request.urlopen(f"{self.wwwroot}/healthz", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                if self._server.poll() is not None:
                    break
                time.sleep(0.02)
        self._server.kill()
        raise AssertionError(self.log())

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._server is not None
        return self._server.pid

    def stop(self, *, kill: bool = False) -> int:
        """End the server; returns its status."""
        assert self._server is not None
        if kill:
            self._server.kill()
        else:
            self._server.terminate()
        return self._server.wait(15)

    def log(self) -> str:
        """What the server logged."""
        return (self.home / "serve.log").read_text()

    def certificate(self) -> str:
        """Our certificate, as peers fetch it."""
        with urllib.request.urlopen(f"{self.wwwroot}/mnet/publickey.php", timeout=20) as answer:
            return str(answer.read(), "ascii")

    def post(self, body: bytes, path: str = "/mnet/xmlrpc/server.php") -> bytes:
        """Send a body as a peer does and return the answer's."""
        request = urllib.request.Request(self.wwwroot + path, body, {"Content-Type": "text/xml"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200
            data: bytes = answer.read()
            return data

    def __enter__(self) -> Self:
        self.serve()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._server is not None and self._server.poll() is None:
            self.stop()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
