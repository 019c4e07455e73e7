"""It ends within ten seconds of SIGTERM, whatever it is at, and leaves no process behind."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from schooltool_bridge.events import receiving as events
from tests.helpers.pushing import answered, push, register
from tests.helpers.rig import SIS, FakePeer
from tests.helpers.site import PROGRAM, Site
from tests.schooltool_bridge.events.test_long_pushes import post, sections, stored

# What the contract says is ten; a machine full of tests wakes a process late.
MOST_S = 10 + 5
# Events of a push that takes longer than work in hand is given.
LONG = 5000

# A server one of whose threads holds the interpreter, as an expression without end does; this one
# waits in C for a lock that it has, which takes no time of a core.
HOLDING = """
import ctypes, sys, time
from schooltool_bridge.server import heartbeat
from schooltool_bridge.cli.main import main
beat, beats = heartbeat.Heartbeat.beat, []
held, lock = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
def beat_or_hold(self):
    beats.append(beat(self))
    if len(beats) > 1:
        # No other thread gets its turn between saying so and doing it.
        sys.setswitchinterval(1000)
        time.sleep(0.1)
        held.write(1, b"holds\\n", 6)
        for _time in range(2):
            held.pthread_mutex_lock(lock)
heartbeat.Heartbeat.beat, heartbeat.INTERVAL_S = beat_or_hold, 0.5
main(sys.argv[1:])
"""


def listen(site: Site) -> list[str]:
    return ["serve", "--home", str(site.home), "--listen", f"tcp:{site.port}:interface=127.0.0.1"]


def children(pid: int) -> set[int]:
    with suppress(FileNotFoundError):
        return {int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return set()


def family(pid: int) -> set[int]:
    """A process and all below it."""
    return {pid}.union(*(family(child) for child in children(pid)))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # only its parent has not looked yet


def all_gone(pids: set[int], within_s: float) -> bool:
    until_s = time.monotonic() + within_s
    while any(map(is_alive, pids)) and time.monotonic() < until_s:
        time.sleep(0.05)
    return not any(map(is_alive, pids))


@contextmanager
def silent() -> Iterator[tuple[int, list[socket.socket]]]:
    """A site that takes connections and never answers; gives its port and the connections."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1], taken
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for connection in taken:
            connection.close()


@pytest.mark.requirement("1.8")
def test_while_a_thread_holds_the_interpreter(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    command = [sys.executable, "-c", HOLDING, *listen(site)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    with server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"holds\n", (tmp_path / "log").read_text()
        pids = family(server.pid)
        server.terminate()
        started_s = time.monotonic()
        try:
            assert server.wait(2 * MOST_S) == -signal.SIGKILL, "its guard's doing"
        finally:
            server.kill()
        assert time.monotonic() - started_s < MOST_S
        assert all_gone(pids, 5)
    with site:  # its port is free and its store whole
        assert site.run("check")["ok"]


@pytest.mark.requirement("1.8")
def test_while_it_waits_for_a_silent_peer(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    with silent() as (port, taken):
        site.serve()
        wwwroot = f"http://127.0.0.1:{port}"
        asked = FakePeer(wwwroot)
        (site.home / "asked.pem").write_text(asked.pair.certificate_pem)
        site.run("peer", "add", wwwroot, "--certificate", str(site.home / "asked.pem"), "--yes")
        site.run(
            "peer", "services", wwwroot, "--publish", "schooltool", "--subscribe", "schooltool"
        )
        body = asked.request(site.certificate(), SIS + "fetch_user", [{"idnumber": "7"}])

        def call() -> None:
            with suppress(OSError, http.client.HTTPException):
                site.post(body)

        caller = threading.Thread(target=call)
        caller.start()
        until_s = time.monotonic() + 30
        while not taken and time.monotonic() < until_s:
            time.sleep(0.05)
        assert taken, "it asks"
        pids = family(site.pid)
        started_s = time.monotonic()
        assert site.stop() == 0
        assert time.monotonic() - started_s < MOST_S
        assert all_gone(pids, 5)
        caller.join(30)


def test_amid_a_long_push_which_is_whole_when_it_is_sent_anew(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    site.serve()
    peer, pem = register(site), site.certificate()
    answers: list[object] = []

    def send() -> None:
        with suppress(OSError, http.client.HTTPException):
            answers.append(post(site, peer.request(pem, SIS + "push_events", [sections(LONG)])))

    sender = threading.Thread(target=send)
    sender.start()
    until_s = time.monotonic() + 60
    while not stored(site) and time.monotonic() < until_s:
        time.sleep(0.01)
    pids = family(site.pid)
    started_s = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - started_s < MOST_S
    assert all_gone(pids, 5)
    sender.join(30)
    done = stored(site)
    assert done
    assert done % events.PART_EVENTS == 0, "of each part all or nothing"
    # A machine that is fast enough may have done it all in the seconds that work in hand gets.
    assert not answers or done == LONG, "nothing is acknowledged that is not there"
    site.serve()
    try:
        again = answered(peer, post(site, peer.request(pem, SIS + "push_events", [sections(LONG)])))
    finally:
        site.stop()
    statuses = [result["status"] for result in again]
    assert statuses == ["unchanged"] * done + ["created"] * (LONG - done)
    assert stored(site) == LONG


@pytest.mark.requirement("1.8")
@pytest.mark.parametrize("ends", ["asked", "killed"])
def test_worker_processes_end_with_it(tmp_path: Path, ends: str) -> None:
    site = Site(tmp_path / "home")
    site.serve("--workers", "2")
    until_s = time.monotonic() + 20
    while len(family(site.pid)) < 1 + 2 * 2 and time.monotonic() < until_s:
        time.sleep(0.05)  # one worker serves, the other one still begins
    pids, workers = family(site.pid), children(site.pid)
    assert len(pids) == 1 + 2 * 2, "each worker has its guard"
    if ends == "asked":
        assert site.stop() == 0
        assert all_gone(workers, 0), "it waits for them"
    else:
        assert site.stop(kill=True) == -signal.SIGKILL
    assert all_gone(pids, 5)


@pytest.mark.requirement("1.8")
def test_a_worker_that_holds_its_interpreter_ends_too(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    site.serve("--workers", "2")
    peer = register(site)
    assert push(site, peer, "new_section", {"idnumber": "1", "name": "x"})["status"] == "created"
    pids = family(site.pid)
    stuck = children(site.pid).pop()
    os.kill(stuck, signal.SIGSTOP)  # no thread of it gets anywhere
    started_s = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - started_s < MOST_S
    assert all_gone(pids, 5)


@pytest.mark.requirement("1.8")
@pytest.mark.parametrize("after_s", [0.1, 0.6, 1.2, 2.0])
def test_while_it_starts(tmp_path: Path, after_s: float) -> None:
    site = Site(tmp_path / "home")
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([*PROGRAM, *listen(site), "--workers", "2"], stderr=log)
    with server:
        time.sleep(after_s)
        pids = family(server.pid)
        # On a busy machine another thread may still have its turn between saying so and doing it.
        time.sleep(1)
        server.terminate()
        started_s = time.monotonic()
        try:
            assert server.wait(2 * MOST_S) in (0, -signal.SIGTERM)
        finally:
            server.kill()
        assert time.monotonic() - started_s < MOST_S
        assert all_gone(pids, 5)


@pytest.mark.requirement("1.8")
@pytest.mark.parametrize("loaded", ["click", "sqlalchemy"])
def test_ctrl_c_while_it_loads_prints_no_traceback(tmp_path: Path, loaded: str) -> None:
    site = Site(tmp_path / "home")
    # Whatever starts the tests may be deaf to Ctrl-C, and then so were this.
    begin = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from schooltool_bridge.cli.entry import main; main()"
    )
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c", begin, *listen(site)],
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        for line in server.stderr:
            said.append(line)
            if line.endswith(f" {loaded}\n"):
                server.send_signal(signal.SIGINT)
        assert server.wait(MOST_S) == 130
    assert f" {loaded}\n" in said[-1] or "Traceback" not in "".join(said)
    assert not [line for line in said if "Traceback" in line or "KeyboardInterrupt" in line]
