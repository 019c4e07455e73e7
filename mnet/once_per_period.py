"""What may be done once in some time about each thing, whoever asks how often.

Knows nothing of what is done. The things are few (peers), so that each is remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable


class OncePerPeriod:
    """When something was last done about each thing; used by many threads."""

    def __init__(self, interval_s: float) -> None:
        """Begin with none; `interval_s` lies between two times for one thing."""
        self._interval_s = interval_s
        self._last_s: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def is_due(self, about: Hashable, now_s: float) -> bool:
        """Tell whether it is time again, and if so count it as done; a clock may be set back."""
        with self._lock:
            last_s = self._last_s.get(about)
            if last_s is not None and 0 <= now_s - last_s < self._interval_s:
                return False
            self._last_s[about] = now_s
            return True
