"""A server as `mnet-peer` is, and beside it a thread that notices who holds the interpreter.

Run as: python -m tests.soak.held FILE ARGUMENTS... where FILE gets the longest hold in seconds,
from the moment that FILE.begin is there (what a start loads is nobody's hold), and FILE.stacks
where all threads stood when one held it long. A hold that has not ended by then cannot be written
here: `longest_s` tells of it.
"""

from __future__ import annotations

import faulthandler
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

LOOK_S = 0.02
LONG_S = 0.1
MAX_STACKS = 40


def _processor_s() -> dict[str, float]:
    """Each thread's time on a processor so far."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError, ValueError):
            found[task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def watch(file: Path) -> None:
    """Look all the time. Who was on a processor nearly all the while we waited held us up.

    (A machine that is busy with others, and many threads that take turns, are nobody's hold.)
    """
    while not file.with_suffix(".begin").exists():
        time.sleep(LOOK_S)
    held_s, stacks = 0.0, 0
    own = str(threading.get_native_id())
    with file.with_suffix(".stacks").open("w") as told:
        before, before_s = _processor_s(), time.monotonic()
        while True:
            if stacks < MAX_STACKS:
                faulthandler.dump_traceback_later(LOOK_S + LONG_S, file=told)
            time.sleep(LOOK_S)
            faulthandler.cancel_dump_traceback_later()
            now = _processor_s()
            took_s = time.monotonic() - before_s
            if took_s > LOOK_S + LONG_S:
                stacks += 1
                used_s = max(
                    (used - before.get(task, 0.0) for task, used in now.items() if task != own),
                    default=0.0,
                )
                if used_s > 0.8 * (took_s - LOOK_S):
                    held_s = max(held_s, min(used_s, took_s))
            file.write_text(f"{held_s:.3f}")
            before, before_s = now, time.monotonic()


def longest_s(file: Path) -> float:
    """Return the longest hold so far, one that has not ended included; for another process.

    The stacks are written without the interpreter, the rest is not.
    """
    stacks = file.with_suffix(".stacks")
    if not stacks.exists():
        return 0.0
    looked = file if file.exists() else file.with_suffix(".begin")
    looked_s, told_s = looked.stat().st_mtime, stacks.stat().st_mtime
    lasts_s = time.time() - looked_s if told_s > looked_s else 0.0
    return max(float(looked.read_text() or 0), lasts_s)


def main() -> None:
    """Serve, watched."""
    file = Path(sys.argv[1])
    threading.Thread(target=watch, args=(file,), name="watch", daemon=True).start()
    sys.argv = ["mnet-peer", *sys.argv[2:]]
    from schooltool_bridge.cli.main import main as command

    command(prog_name="mnet-peer")


if __name__ == "__main__":
    main()
