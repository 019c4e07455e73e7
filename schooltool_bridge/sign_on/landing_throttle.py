"""How many made-up tokens somebody may bring: each one costs the peer a question and us a row.

Leaky buckets in memory, one for each browser's address and one for each peer. Only tokens that
the peer did not know fill them, so that a class behind one address that lands well is never kept
waiting. Each process has its own. Source: RULES 1.7; PROTOCOL.md section 11.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mnet.connection_shares import address_group

# Two classes whose Moodle was too slow for all their tokens may click at once again. After that
# twelve a minute: a person who clicks on is let through, a program learns nothing.
ADDRESS_FAILURES, ADDRESS_LEAK_S = 60, 5.0
# So many from all addresses together; above what any school's mishaps bring, and a burden that a
# small Moodle bears.
PEER_FAILURES, PEER_LEAK_S = 300, 1.0
# Some hundred bytes each. Beyond it the one quiet for longest is forgotten.
MAX_ADDRESSES = 10_000
# Whoever landed well from an address within a week is not kept out by what others bring to the
# peer: else anybody with many addresses could close a school's way in.
WELL_KNOWN_S = 7 * 24 * 3600

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Buckets(Generic[K]):
    """Leaky buckets, as many as there are keys with something in them, up to a limit."""

    capacity: int
    # One failure leaks away in this time.
    leak_s: float
    # How full each was at what time; whatever changed last stands last.
    _levels: OrderedDict[K, tuple[float, float]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._levels)

    def is_full(self, key: K, now_s: float) -> bool:
        """Tell whether one more would run over."""
        return self._level(key, now_s) + 1 > self.capacity

    def pour(self, key: K, now_s: float) -> None:
        """Put one in."""
        self._set(key, min(self._level(key, now_s) + 1, self.capacity), now_s)

    def give_back(self, key: K, now_s: float) -> None:
        """Take one out."""
        self._set(key, self._level(key, now_s) - 1, now_s)

    def _level(self, key: K, now_s: float) -> float:
        level, since_s = self._levels.get(key, (0.0, now_s))
        return max(0.0, level - max(0.0, now_s - since_s) / self.leak_s)

    def _set(self, key: K, level: float, now_s: float) -> None:
        self._levels.pop(key, None)
        if level > 0:
            self._levels[key] = (level, now_s)
        while len(self._levels) > MAX_ADDRESSES:
            self._levels.popitem(last=False)


@dataclass(frozen=True, slots=True)
class LandingThrottle:
    """Decides who may have a token looked at; one for the whole process, used by many threads."""

    _addresses: Buckets[str] = field(
        default_factory=lambda: Buckets(ADDRESS_FAILURES, ADDRESS_LEAK_S)
    )
    _peers: Buckets[int] = field(default_factory=lambda: Buckets(PEER_FAILURES, PEER_LEAK_S))
    # When somebody landed well from an address.
    _well_known: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def may_ask(self, sender: str, peer_id: int, now_s: float) -> bool:
        """Tell whether a token that came from an address may be asked about."""
        group = address_group(sender)
        with self._lock:
            if self._addresses.is_full(group, now_s):
                return False
            is_known = now_s - self._well_known.get(group, -WELL_KNOWN_S) < WELL_KNOWN_S
            return is_known or not self._peers.is_full(peer_id, now_s)

    def failed(self, sender: str, peer_id: int, now_s: float) -> None:
        """Count a token that the peer did not know."""
        with self._lock:
            self._addresses.pour(address_group(sender), now_s)
            self._peers.pour(peer_id, now_s)

    def succeeded(self, sender: str, peer_id: int, now_s: float) -> None:
        """Give one back: the peer knew the token."""
        group = address_group(sender)
        with self._lock:
            self._addresses.give_back(group, now_s)
            self._peers.give_back(peer_id, now_s)
            self._well_known.pop(group, None)
            self._well_known[group] = now_s
            while len(self._well_known) > MAX_ADDRESSES:
                self._well_known.popitem(last=False)
