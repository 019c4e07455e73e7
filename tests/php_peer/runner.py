"""Runs the PHP peer: a server on a free port and a client to tell what to do."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent


class PhpFault(Exception):
    """The PHP side refused or was refused; `code` is the fault's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class PhpPeer:
    """A peer in PHP; as a context manager it also serves."""

    def __init__(self, folder: Path, style: str = "moodle-old", **environment: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.wwwroot = f"http://127.0.0.1:{free_port()}"
        self._environment = {
            **os.environ,
            "OPENSSL_CONF": str(HERE / "openssl.cnf"),
            "PHP_PEER_STATE": str(folder),
            "PHP_CLI_SERVER_WORKERS": "4",  # calls nest: a refresh asks back while it answers
            **environment,
        }
        self._client = subprocess.Popen(
            ["php", "-d", "error_reporting=24575", str(HERE / "client.php")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        self._server: subprocess.Popen[bytes] | None = None
        self.do("init", self.wwwroot, style)

    def do(self, operation: str, *arguments: Any) -> Any:
        """Let the client do something; raises PhpFault."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(json.dumps([operation, *arguments]).encode() + b"\n")
        self._client.stdin.flush()
        line = self._client.stdout.readline()
        try:
            answer = json.loads(line)
        except ValueError:
            raise AssertionError(f"PHP said: {line.decode(errors='replace')}") from None
        if not answer["ok"]:
            raise PhpFault(answer["code"], answer["message"])
        return answer["value"]

    def calls(self) -> list[list[Any]]:
        """The calls that this peer received."""
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def __enter__(self) -> Self:
        address = self.wwwroot.removeprefix("http://")
        with (self.folder / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                ["php", "-d", "error_reporting=24575", "-d", "display_errors=stderr",
                 "-S", address, str(HERE / "server.php")],
                stdout=log, stderr=log, env=self._environment, start_new_session=True,
            )  # fmt: skip
        host, port = address.split(":")
        for _attempt in range(100):
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return self
        raise AssertionError((self.folder / "server.log").read_text())

    def __exit__(self, *_exc: object) -> None:
        assert self._server is not None
        os.killpg(self._server.pid, 15)  # its workers too
        self._server.wait()
        self.close()

    def close(self) -> None:
        """End the client."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.close()
        self._client.stdout.close()
        self._client.wait()
