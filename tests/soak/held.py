"""A server as `mnet-peer` is, with threads that say all the time that they got the interpreter.

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
# One thread among many may have no luck for long; these at once have none only if nobody has.
BEATS = 3
_MOMENT = struct.Struct("=dq")
STACKS = ".stacks"
# What has lasted so long is judged before it is over.
LASTS_S = 2.0
# Longer than anything that is looked for.
KEPT_S = 30.0


def start(file: Path) -> None:
    """Let threads say every `BEAT_S` that they ran, each in a place of its own in the file."""
    file.write_bytes(_MOMENT.pack(time.monotonic(), 0) * BEATS)
    for number in range(BEATS):
        threading.Thread(target=_beat, args=(file, number), name="beat", daemon=True).start()


def _beat(file: Path, number: int) -> None:
    is_first = number == 0  # there is one dump at a time
    with file.open("r+b") as opened, file.with_suffix(STACKS).open("a") as stacks:
        moments = mmap.mmap(opened.fileno(), BEATS * _MOMENT.size)
        while True:
            if is_first:
                faulthandler.dump_traceback_later(BEAT_S + LONG_S, file=stacks)
            time.sleep(BEAT_S)
            if is_first:
                faulthandler.cancel_dump_traceback_later()
            own = threading.get_native_id()
            _MOMENT.pack_into(moments, number * _MOMENT.size, time.monotonic(), own)


@dataclass(frozen=True)
class Thread:
    """What a thread did so far."""

    ran_s: float
    # Ready, but the machine was busy with others.
    queued_s: float


def _threads(pid: int) -> dict[int, Thread]:
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError, ValueError):
            ran_ns, queued_ns = (task / "schedstat").read_text().split()[:2]
            found[int(task.name)] = Thread(int(ran_ns) / 1e9, int(queued_ns) / 1e9)
    return found


def hold_s(
    before: dict[int, Thread], now: dict[int, Thread], own: set[int], waited_s: float
) -> float:
    """Return how long one thread held up the beating ones (`own`), which waited so long together.

    That they were only queued is nobody's hold. Pure.
    """
    nothing = Thread(0.0, 0.0)

    def since(task: int) -> Thread:
        then, first = now.get(task, nothing), before.get(task, nothing)
        return Thread(then.ran_s - first.ran_s, then.queued_s - first.queued_s)

    ran_s = max((since(task).ran_s for task in now if task not in own), default=0.0)
    if waited_s < LONG_S or ran_s <= 0.8 * waited_s:
        return 0.0
    return max(0.0, min(ran_s, waited_s - min(since(task).queued_s for task in own)))


@dataclass
class Look:
    """Looks at a server's beat from outside, and keeps the longest that one thread held it up.

    A hold is a time without a beat during nearly all of which one and the same thread was on a
    processor. A machine that is busy with others, and threads that take turns, are nobody's hold.
    """

    file: Path
    pid: int
    longest_s: float = 0.0
    _beat_s: float | None = None
    _seen: deque[tuple[float, dict[int, Thread]]] = field(default_factory=deque)

    def once(self) -> None:
        """Look once; raises OSError when the server is gone."""
        beats = list(_MOMENT.iter_unpack(self.file.read_bytes()))
        beat_s, own = max(at_s for at_s, _task in beats), {task for _at_s, task in beats}
        now_s, threads = time.monotonic(), _threads(self.pid)
        lasts = now_s - beat_s > LASTS_S
        if self._beat_s is not None and (beat_s > self._beat_s or lasts):
            # How long the beat's own thread was queued is known once it ran again.
            end_s = now_s if lasts else beat_s
            self._judge(self._beat_s, end_s - self._beat_s - BEAT_S, own, threads)
        self._beat_s = beat_s
        self._seen.append((now_s, threads))
        while self._seen[0][0] < now_s - KEPT_S:
            self._seen.popleft()

    def _judge(
        self, since_s: float, waited_s: float, own: set[int], threads: dict[int, Thread]
    ) -> None:
        before = next((seen for at_s, seen in reversed(self._seen) if at_s <= since_s), None)
        if before is not None:
            self.longest_s = max(self.longest_s, hold_s(before, threads, own, waited_s))

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
    start(file)
    sys.argv = ["mnet-peer", *sys.argv[2:]]
    from schooltool_bridge.cli.main import main as command

    command(prog_name="mnet-peer")


if __name__ == "__main__":
    main()
