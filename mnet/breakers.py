"""Sites that are silent are left alone for a while: a breaker for each.

After some time-outs in a row a site is not asked; then one call tries, and what comes of it
decides. Pure but for a lock: the time is passed in. Source: PROTOCOL.md section 9 (slow work).
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field

# So many calls in a row that the site let time out open its breaker.
TIME_OUTS = 3
# How long nobody is asked then. Whoever clicks again in a minute finds it tried anew.
REST_S = 30.0
# Longer than any call, with its second attempt; a call that tries is forgotten after it.
TRIAL_S = 90.0
# A call that failed after so long kept a thread as a time-out does, however it failed.
SLOW_S = 5.0


@dataclass(slots=True)
class _Breaker:
    time_outs: int = 0
    # When it opened, and when the call began that tries since then.
    open_since_s: float | None = None
    trial_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Breakers:
    """Whom to leave alone; one for the whole process, used by many threads.

    Times are seconds of a clock that does not jump, each process's own.
    """

    _of: dict[Hashable, _Breaker] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rests(self, who: Hashable, now_s: float) -> bool:
        """Tell whether a site would not be asked now. Changes nothing."""
        with self._lock:
            return _rests(self._of.get(who), now_s)

    def begins(self, who: Hashable, now_s: float) -> bool:
        """Tell whether a site may be asked; whoever may says by `ended` what came of it."""
        with self._lock:
            breaker = self._of.get(who)
            if _rests(breaker, now_s):
                return False
            if breaker and breaker.open_since_s is not None:
                breaker.trial_since_s = now_s
            return True

    def ended(self, who: Hashable, now_s: float, *, timed_out: bool) -> None:
        """Note how a call ended: the site let it time out, or did anything else."""
        with self._lock:
            if not timed_out:
                self._of.pop(who, None)
                return
            breaker = self._of.setdefault(who, _Breaker())
            breaker.time_outs += 1
            breaker.trial_since_s = None
            if breaker.time_outs >= TIME_OUTS:
                breaker.open_since_s = now_s

    def forget(self, who: Hashable) -> None:
        """Have a site asked as if it never had been silent: a person wants to know."""
        with self._lock:
            self._of.pop(who, None)


def _rests(breaker: _Breaker | None, now_s: float) -> bool:
    if breaker is None or breaker.open_since_s is None:
        return False
    if now_s - breaker.open_since_s < REST_S:
        return True
    tries = breaker.trial_since_s
    return tries is not None and now_s - tries < TRIAL_S
