"""A server as `mnet-peer` is, with a thread that says all the time that it got the interpreter.

Run as: python -m tests.soak.held FILE ARGUMENTS... where FILE gets when that was, on the clock that
all processes share, and FILE.stacks where all threads stood when it was kept waiting for long. Who
kept it waiting is found by `Look`, in another process: reading about it is not to be measured too.
"""

from __future__ import annotations

import faulthandler
import mmap
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

BEAT_S = 0.02
LONG_S = 0.1
_MOMENT = struct.Struct("=dq")
STACKS = ".stacks"
# Longer than anything that is looked for.
KEPT_S = 30.0


def beat(file: Path) -> None:
    """Say every `BEAT_S` that this thread ran; never returns."""
    file.write_bytes(_MOMENT.pack(time.monotonic(), threading.get_native_id()))
    with file.open("r+b") as opened, file.with_suffix(STACKS).open("w") as stacks:
        moments = mmap.mmap(opened.fileno(), _MOMENT.size)
        while True:
            faulthandler.dump_traceback_later(BEAT_S + LONG_S, file=stacks)
            time.sleep(BEAT_S)
            faulthandler.cancel_dump_traceback_later()
            _MOMENT.pack_into(moments, 0, time.monotonic(), threading.get_native_id())


@dataclass(frozen=True)
class _Thread:
    """What a thread did so far."""

    ran_s: float
    # Ready, but the machine was busy with others.
    queued_s: float


def _threads(pid: int) -> dict[int, _Thread]:
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError, ValueError):
            ran_ns, queued_ns = (task / "schedstat").read_text().split()[:2]
            found[int(task.name)] = _Thread(int(ran_ns) / 1e9, int(queued_ns) / 1e9)
    return found


@dataclass
class Look:
    """Looks at a server's beat from outside, and keeps the longest that one thread held it up.

    A hold is a time without a beat during nearly all of which one and the same thread was on a
    processor. A machine that is busy with others, and threads that take turns, are nobody's hold.
    """

    file: Path
    pid: int
    longest_s: float = 0.0
    _seen: deque[tuple[float, dict[int, _Thread]]] = field(default_factory=deque)

    def once(self) -> None:
        """Look once; raises OSError when the server is gone."""
        beat_s, own = _MOMENT.unpack(self.file.read_bytes())
        now_s, threads = time.monotonic(), _threads(self.pid)
        before = next((seen for at_s, seen in reversed(self._seen) if at_s <= beat_s), None)
        self._seen.append((now_s, threads))
        while self._seen[0][0] < now_s - KEPT_S:
            self._seen.popleft()
        if before is None or now_s - beat_s < BEAT_S + LONG_S:
            return
        nothing = _Thread(0.0, 0.0)
        queued_s = threads.get(own, nothing).queued_s - before.get(own, nothing).queued_s
        waited_s = now_s - beat_s - BEAT_S - max(queued_s, 0.0)
        ran_s = max(
            (
                thread.ran_s - before.get(task, nothing).ran_s
                for task, thread in threads.items()
                if task != own
            ),
            default=0.0,
        )
        if ran_s > 0.8 * waited_s:
            self.longest_s = max(self.longest_s, min(ran_s, waited_s))

    def begin(self) -> None:
        """Forget what was: what a start loads is nobody's hold."""
        self.longest_s = 0.0


@contextmanager
def looking(file: Path, pid: int) -> Iterator[Look]:
    """Look all the time while the block runs."""
    look, over = Look(file, pid), threading.Event()

    def repeat() -> None:
        while not over.wait(BEAT_S):
            with suppress(OSError, struct.error):  # not there yet, or no more
                look.once()

    thread = threading.Thread(target=repeat)
    thread.start()
    yield look
    over.set()
    thread.join()


def main() -> None:
    """Serve, and beat."""
    file = Path(sys.argv[1])
    threading.Thread(target=beat, args=(file,), name="beat", daemon=True).start()
    sys.argv = ["mnet-peer", *sys.argv[2:]]
    from schooltool_bridge.cli.main import main as command

    command(prog_name="mnet-peer")


if __name__ == "__main__":
    main()
