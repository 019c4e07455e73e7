"""How many requests and connections each may have when there is not room for all. Pure.

A connection counts as a call or a page from its first whole request on until the answer has left.
Pages and landings cannot take the share of calls; a connection that has sent no whole request
has no share, and the first to be closed is the oldest of the address that has most of them: a
school behind one address loses none as long as nobody opens connections to keep them.
Source: PROTOCOL.md section 3 (limits).
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from ipaddress import IPv6Address, ip_address
from typing import Literal, Protocol, TypeVar

# In all; each may hold a body in a temporary file, and a school has a handful of peers.
MAX_CONNECTIONS = 512
# While all of these have only just come: what they sent may not have been read yet.
MAX_JUST_COME = 768
PATIENCE_S = 1.0
# In the system's queue. Without room there, somebody who comes notices nothing, and tries again
# after a second or more.
BACKLOG = 1024
# Of the connections, at once under way. What is left is for those who have yet to say what they
# want: a monitor's question always finds one.
MAX_UNDER_WAY = 480
MAX_PAGES = 384
# Of the pages that wait for other sites, for one address: nearly twice what one site may have
# (mnet/slow_work.py), so that a school's other landings go on when one of its sites is silent.
MAX_SLOW_PAGES_EACH = 120
# A household's or a school's whole network; inside it an address is free to choose.
IPV6_PREFIX_BITS = 64

Kind = Literal["call", "page"]


class RequestShares:
    """Counts what is under way; used by one thread."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._under_way: Counter[Kind] = Counter()

    def take(self, kind: Kind) -> bool:
        """Count a request; False when those of its kind have their share."""
        if self._under_way.total() >= MAX_UNDER_WAY:
            return False
        if kind == "page" and self._under_way["page"] >= MAX_PAGES:
            return False
        self._under_way[kind] += 1
        return True

    def leave(self, kind: Kind) -> None:
        """Count one less."""
        self._under_way[kind] -= 1


class SlowPages:
    """Counts the pages that wait for other sites, by address; used by any thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way: defaultdict[str, set[object]] = defaultdict(set)
        self._lock = threading.Lock()

    def take(self, sender: str) -> Callable[[], None] | None:
        """Count one more; None when this address has its share.

        Returns what counts it out again, which may be called more than once.
        """
        group, page = address_group(sender), object()
        with self._lock:
            if len(self._under_way[group]) >= MAX_SLOW_PAGES_EACH:
                return None
            self._under_way[group].add(page)
        return partial(self._leave, group, page)

    def _leave(self, group: str, page: object) -> None:
        with self._lock:
            self._under_way[group].discard(page)
            if not self._under_way[group]:
                del self._under_way[group]


class Waiting(Protocol):
    """A connection on which no request is being answered."""

    @property
    def address(self) -> Hashable:
        """Where it comes from."""
        ...

    @property
    def has_asked(self) -> bool:
        """Whether it ever sent a whole request."""
        ...

    @property
    def since_s(self) -> float:
        """Since when it is quiet, or its request arrives."""
        ...


W = TypeVar("W", bound=Waiting)


def first_to_go(waiting: Iterable[W], now_s: float, patience_s: float) -> W | None:
    """Return which connection is closed to make room; None when none may be.

    Who came less than `patience_s` ago stays: its request may lie there unread.
    """
    found = list(waiting)
    never_asked = [one for one in found if not one.has_asked]
    silent = [one for one in never_asked if now_s - one.since_s >= patience_s]
    some = silent or [one for one in found if one.has_asked]
    if not some:
        return None
    count = Counter(one.address for one in some)
    return min(some, key=lambda one: (-count[one.address], one.since_s))


def address_group(sender: str) -> str:
    """Return what counts as one address: an IPv4 address, or an IPv6 network."""
    try:
        address = ip_address(sender)
    except ValueError:
        return sender
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(int(address) >> (128 - IPV6_PREFIX_BITS))
