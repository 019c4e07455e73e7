"""What pages, checks and background work take of a process: no more than they need of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from keys.custody import Custody
from mnet.database import Database
from mnet.exchange import Site
from mnet.settings import Settings
from peers.registry import Registry

VERSION = version("mnet-peer")


@dataclass(frozen=True, slots=True)
class Parts:
    """A site's settings and store, who it is to others, its peers and keys, and the time."""

    settings: Settings
    database: Database
    site: Site
    registry: Registry
    custody: Custody
    # Gives unix seconds.
    clock: Callable[[], float]
