"""A site of ours for tests: a data folder, a real server in a process of its own, its commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.php_peer.runner import free_port

PROGRAM = [sys.executable, "-m", "schooltool_bridge.cli"]


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
        self, home: Path, *init_options: str, name: str = "Test SIS", path: str = ""
    ) -> None:
        self.home = home
        self.port = free_port()
        self.wwwroot = f"http://127.0.0.1:{self.port}{path}"
        self.made = self.run("init", "--wwwroot", self.wwwroot, "--name", name, *init_options)
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.text(*arguments, "--json"))

    def text(self, *arguments: str) -> str:
        """Run a command and return what it printed; raises Refused."""
        done = subprocess.run(
            [*PROGRAM, *arguments, "--home", str(self.home)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise Refused(done.returncode, done.stderr, done.stdout)
        return done.stdout

    def serve(self, *options: str) -> None:
        """Start the server and wait until it answers."""
        with (self.home / "serve.log").open("ab") as log:
            self._server = subprocess.Popen(
                [*PROGRAM, "serve", "--home", str(self.home),
                 "--listen", f"tcp:{self.port}:interface=127.0.0.1", *options],
                stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        for _attempt in range(800):  # 40 s, for a machine that is busy with many tests
            try:
                with urllib.request.urlopen(f"{self.wwwroot}/healthz", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                if self._server.poll() is not None:
                    break
                time.sleep(0.05)
        self._server.kill()
        raise AssertionError(self.log())

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
