"""Our commands, forked from a process that has loaded their modules already.

Each is a process of its own, with its own arguments, environment, folder, streams and exit
status; what it saves is the second that the imports take. The process that is forked has loaded
modules and done nothing else: no thread, no reactor, no engine (it checks that itself).
That each file of commands loads alone, test_command_files shows.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

TOP = Path(__file__).parents[2]
# One message holds a command with its environment.
MESSAGE_BYTES = 150_000


class Forked:
    """A command that runs: the part of subprocess.Popen that the tests use."""

    def __init__(
        self, arguments: list[str], stdout: IO[bytes], stderr: IO[bytes], **environment: str
    ) -> None:
        """Start the command; it has nothing to read on its stdin."""
        self.returncode: int | None = None
        told = [arguments, {**os.environ, **environment}, str(Path.cwd())]
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, Path(os.devnull).open("rb") as nothing:
            streams = [file.fileno() for file in (nothing, stdout, stderr, theirs)]
            socket.send_fds(_loader(), [json.dumps(told).encode()], streams)
        self.pid = int(self._end.recv(20))

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for its end; returns its status, raises TimeoutError."""
        if self.returncode is None:
            self._end.settimeout(timeout_s)
            self.returncode = int(self._end.recv(20))
            self._end.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return its status; None while it runs."""
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


@cache
def _loader() -> socket.socket:
    """Start the process that will be forked; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MESSAGE_BYTES)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.forked", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, cwd=TOP,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _load() -> None:
    """Load what commands load, except what does something when it is loaded: the reactor."""
    for file in sorted((TOP / "schooltool_bridge" / "cli").glob("*.py")):
        import_module(f"schooltool_bridge.cli.{file.stem}")
    for name in ("alembic.command", "psycopg"):
        import_module(name)
    assert "twisted.internet.reactor" not in sys.modules
    assert len(list(Path("/proc/self/task").iterdir())) == 1


def _wait_for_command(requests: socket.socket) -> list[str] | None:
    """Fork for every command; returns its arguments in the command's process, None at the end."""
    while True:
        message, streams, _flags, _address = socket.recv_fds(requests, MESSAGE_BYTES, 4)
        _reap()
        if not message:
            return None
        if os.fork() == 0:
            requests.close()
            end = streams.pop()
            command = os.fork()
            if command == 0:
                os.close(end)
                return _become(json.loads(message), streams)
            os.write(end, b"%d" % command)
            _pid, status = os.waitpid(command, 0)
            os.write(end, b"%d" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        for stream in streams:
            os.close(stream)


def _reap() -> None:
    """Take leave of those that ended, so that their time counts as this process's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(told: list[object], streams: list[int]) -> list[str]:
    arguments, environment, folder = told
    assert isinstance(arguments, list)
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(str(folder))
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    return arguments


def _run(arguments: list[str]) -> int:
    """Run a command to its end; returns its status."""
    status: object = 0
    from schooltool_bridge.cli.main import main

    sys.argv[:] = ["mnet-peer", *arguments]
    try:
        main(prog_name="mnet-peer")
    except SystemExit as ended:
        status = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        sys.excepthook(*sys.exc_info())
        status = 1
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    assert isinstance(status, int), "click ends with numbers"
    return status


if __name__ == "__main__":
    _load()
    chosen = _wait_for_command(socket.socket(fileno=int(sys.argv[1])))
    if chosen is not None:
        # All that an interpreter does at its end but taking its modules apart, which would touch,
        # and so copy, everything that was loaded before the fork.
        os._exit(_run(chosen))
