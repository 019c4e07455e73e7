"""make soak: runs every flood, or FLOOD=name alone, for SECONDS in all, and prints what was noticed.

Exit status 1 when a bound is broken, 2 for a name that is no flood's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from tests.soak import floods_pages, floods_peers, floods_wire
from tests.soak.flood import FLOODS, Until
from tests.soak.held import looking
from tests.soak.probes import Probes, Seen, probing
from tests.soak.stage import Stage, stage, start

SECONDS = 600.0
# The server and the probes settle before a flood begins.
SETTLE_S = 2.0
# A flood goes on while the server is asked to end, which it does within ten seconds.
END_S = 15.0
# Where the beats are written: whoever writes to a page that goes to a disk waits for it, and with
# the interpreter in hand.
MEMORY = Path("/dev/shm")
TABLES = (floods_pages, floods_peers, floods_wire)


@dataclass(frozen=True)
class Bounds:
    """What must hold whatever is sent."""

    server_info_s: float = 1.0
    landing_s: float = 5.0
    healthz_s: float = 1.0
    hold_s: float = 0.1
    memory_mib: float = 400.0
    stop_s: float = 10.0


@dataclass(frozen=True)
class Row:
    """What was noticed of one flood."""

    flood: str
    server_info_s: float
    landing_s: float
    healthz_s: float
    hold_s: float
    memory_mib: float
    stop_s: float
    # What was no proper answer, in words.
    wrong: list[str]

    def broken(self, bounds: Bounds) -> list[str]:
        """Name what did not hold."""
        limits = asdict(bounds)
        return [name for name, most in limits.items() if getattr(self, name) > most] + self.wrong


def run(made: Stage, name: str, seconds: float) -> Row:
    """Run one flood against a fresh server."""
    held = made.scratch / f"held-{name.replace(' ', '-')}"
    for left in made.scratch.glob(f"{held.name}*"):
        left.unlink()
    if MEMORY.is_dir():
        held.symlink_to(MEMORY / f"mnet-peer-beats-{os.getpid()}")
    made.armed.clear()
    server = start(made, made.scratch / "home", held)
    try:
        with probing(made, server) as probes, looking(held, server.pid) as holds:
            time.sleep(SETTLE_S)
            holds.begin()
            until = Until(time.monotonic() + seconds + END_S)
            flooding = multiprocessing.get_context("fork").Process(
                target=_flood, args=(name, made, until), daemon=True
            )
            flooding.start()
            time.sleep(seconds)
            hold_s, failed = holds.longest_s, bool(flooding.exitcode)
        stop_s = _stop(server)
        flooding.kill()
        flooding.join()
    finally:
        server.kill()
        server.wait()
        held.resolve().unlink(missing_ok=True)
    row = _row(name, probes, hold_s, stop_s)
    return replace(row, wrong=[*row.wrong, "the flood itself failed"]) if failed else row


def _flood(name: str, made: Stage, until: Until) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        FLOODS[name](made, until)
    except Exception:  # noqa: BLE001 - told, and the row says that there was no flood
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _stop(server: subprocess.Popen[bytes]) -> float:
    started_s = time.monotonic()
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(3 * END_S)
    return time.monotonic() - started_s


def _row(name: str, probes: Probes, hold_s: float, stop_s: float) -> Row:
    def wrong(what: str, seen: Seen) -> list[str]:
        return [f"{what}: {count} of {seen.asked} {said}" for said, count in seen.wrong.items()]

    return Row(
        name,
        round(probes.info.longest_s, 2),
        round(probes.landing.longest_s, 2),
        round(probes.health.longest_s, 2),
        round(hold_s, 2),
        round(probes.memory_mib),
        round(stop_s, 1),
        [
            *wrong("server_info", probes.info),
            *wrong("landing", probes.landing),
            *wrong("healthz", probes.health),
        ],
    )


def main() -> int:
    """Run what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument(
        "--seconds", type=float, default=float(os.environ.get("SECONDS") or SECONDS)
    )
    parser.add_argument("--flood", default=os.environ.get("FLOOD", ""), help="only this one")
    parser.add_argument("--keep", type=Path, help="where logs and stacks are kept")
    chosen = parser.parse_args()
    if chosen.flood and chosen.flood not in FLOODS:
        parser.error(f"no such flood; there are: {', '.join(FLOODS)}")
    names = [chosen.flood] if chosen.flood else sorted(FLOODS, key=lambda name: name != "quiet")
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # what this process does
    bounds, rows = Bounds(), []
    with tempfile.TemporaryDirectory(prefix="mnet-peer-soak-") as folder:
        scratch = chosen.keep or Path(folder)
        scratch.mkdir(parents=True, exist_ok=True)
        with stage(scratch) as made:
            if not chosen.json:
                print(_line("flood", *(n.rpartition("_")[0] for n in asdict(bounds))))
                print(_line("at most", *asdict(bounds).values()))
            for name in names:
                row = run(made, name, chosen.seconds / len(names))
                rows.append(row)
                if not chosen.json:
                    broken = row.broken(bounds)
                    values = [getattr(row, bound) for bound in asdict(bounds)]
                    print(_line(name, *values), "BROKEN" if broken else "ok", flush=True)
                    for what in broken:
                        print(f"    {what}", flush=True)
    if chosen.json:
        told = [{**asdict(row), "broken": row.broken(bounds)} for row in rows]
        print(json.dumps({"bounds": asdict(bounds), "floods": told}, indent=1))
    return int(any(row.broken(bounds) for row in rows))


def _line(name: str, *values: object) -> str:
    return f"{name:24}" + "".join(f"{value!s:>13}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
