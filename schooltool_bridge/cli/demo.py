"""The demo: two peers on this machine, a key swap, a section, an enrolment, a grade.

Two real servers in data folders of their own, real HTTP between them, nothing kept afterwards.
The one plays a Moodle: it calls what a Moodle's plugin calls. Source: RULES 1.8.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import click

from schooltool_bridge.cli.shared import Command, CommandError, common

T = TypeVar("T")
R = TypeVar("R")

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
PUPIL = {
    "username": "aquist",
    "firstname": "Ōda",
    "lastname": "Ōquist \N{EN DASH} Ünï",
    "idnumber": "2347234",
    "email": "",
}
TEACHER = {"username": "msmith", "firstname": "Mary", "lastname": "Smith", "idnumber": "987234"}
STORY = (
    ("The teacher", "fetch_user", TEACHER),
    (
        "A section",
        "new_section",
        {"name": "Algebra 1: Cats", "idnumber": 197423, "teacheridnumber": 987234, "segment": 1},
    ),
    (
        "A grade that comes too early",
        "new_grade",
        {"assessmentid": 73743734, "userid": 2347234, "points_earned": 62, "attempt_num": 1},
    ),
    (
        "The pupil's enrolment, before anybody told of the pupil",
        "new_enrolment",
        {"sectionid": 197423, "userid": 2347234, "role": "student"},
    ),
    ("The pupil", "fetch_user", PUPIL),
    (
        "The assessment that the grade waits for",
        "new_assessment",
        {"sectionid": 197423, "name": "Fractions", "idnumber": 73743734, "pointval": 68},
    ),
)

# What the SIS holds at the end, and what lists it.
LISTS = {
    "people": ("person", "list"),
    "sections": ("section", "list"),
    "enrolments": ("enrolment", "list"),
    "grades": ("grade", "list", "--section", "197423"),
    "inbox": ("inbox", "list"),
}


@click.command()
@common
def demo(command: Command) -> None:
    """Run two peers on this machine and tell the whole story in a minute."""
    story: list[dict[str, object]] = []

    def say(text: str) -> None:
        click.echo(text, err=command.as_json)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mnet-peer-demo-")))
        sis, moodle = _Peer(folder / "sis", "Demo SIS"), _Peer(folder / "moodle", "Demo Moodle")
        say("Two sites are made, each with a key pair of its own ...")
        both = (sis, moodle)
        _together(lambda p: p.run("init", "--wwwroot", p.wwwroot, "--name", p.name), both)
        _together(lambda peer: stack.enter_context(peer.serving()), both)
        for peer in both:
            say(f"  {peer.name} serves at {peer.wwwroot}")
        say("They swap keys and tick their services ...")
        pairs = ((sis, moodle), (moodle, sis))
        known = _together(lambda pair: pair[0].run("peer", "add", pair[1].wwwroot, "--yes"), pairs)
        for (one, other), added in zip(pairs, known, strict=True):
            say(f"  {one.name} knows {other.name} by {str(added['fingerprint'])[:16]}...")
        services = ["--publish", "schooltool", "--subscribe", "schooltool"]
        _together(lambda pair: pair[0].run("peer", "services", pair[1].wwwroot, *services), pairs)
        say("The Moodle pushes events as they happen, each signed and sealed ...")
        for title, event, data in STORY:
            answer = moodle.run(
                "call", sis.wwwroot, f"schooltool/sis.php/{event}", json.dumps([data])
            )
            story.append({"event": event, "answer": answer})
            waits = answer.get("waiting_for")
            waiting = f" (waits for {', '.join(waits)})" if isinstance(waits, list) else ""
            say(f"  {title}: {event} -> {answer['status']}{waiting}")
        say("The SIS makes a new key; the next call finds that out and goes on ...")
        sis.run("key", "rotate")
        data = {"assessmentid": 73743734, "userid": 2347234, "points_earned": 65, "attempt_num": 2}
        answer = moodle.run("call", sis.wwwroot, "schooltool/sis.php/new_grade", json.dumps([data]))
        story.append({"event": "new_grade", "answer": answer})
        say(f"  A second attempt: new_grade -> {answer['status']}")
        say("\nWhat the SIS holds now:\n")
        as_script = ["--json"] if command.as_json else []
        held = _together(lambda asked: sis.text(*asked, *as_script), LISTS.values())
        holds = {}
        for name, text in zip(LISTS, held, strict=True):
            if command.as_json:
                holds[name] = json.loads(text)
            elif name != "inbox":
                say(text)
    command.show(
        {"story": story, "holds": holds}, "That was real: two servers, real keys, real HTTP."
    )


def _together(work: Callable[[T], R], some: Iterable[T]) -> list[R]:
    """Do several things at once: a command takes a core for a second, and there are two."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(work, some))


class _Peer:
    """One site of the demo."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.name = name
        self.port = _free_port()
        self.wwwroot = f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> dict[str, object]:
        """Run a command of this site and return its JSON."""
        value: dict[str, object] = json.loads(self.text(*arguments, "--json"))
        return value

    def text(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own program with our own words
            [*_PROGRAM, *arguments, "--home", str(self.home)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(f"{self.name}: {' '.join(arguments[:3])}: {done.stderr.strip()}")
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve while the block runs."""
        log = (self.home / "serve.log").open("wb")
        process = subprocess.Popen(  # noqa: S603 - our own program with our own words
            [
                *_PROGRAM, "serve", "--home", str(self.home),
                "--listen", f"tcp:{self.port}:interface=127.0.0.1",
            ],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            self._wait(process)
            yield
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)
            log.close()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.wwwroot}/healthz", timeout=1):  # noqa: S310 - our own address
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise CommandError(f"{self.name} did not start; its log: {self.home / 'serve.log'}")


_PROGRAM = (sys.executable, "-m", "schooltool_bridge.cli.main")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
