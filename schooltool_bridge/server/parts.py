"""What pages, checks and background work take of a process: no more than they need of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version

from keys.custody import Custody
from mnet.database import Database
from mnet.exchange import Site
from mnet.settings import AT_START, Settings
from peers.registry import Registry
from schooltool_bridge.store import stored_settings

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
    # As the file and the environment say; what was changed in a page wins.
    file_settings: Settings

    def settings_now(self) -> Settings:
        """Return the settings as they are now; what holds from the next start on is as it was."""
        with self.database.read() as connection:
            kept = stored_settings.stored(connection)
        begun = {name: getattr(self.settings, name) for name in AT_START}
        return replace(stored_settings.with_stored(self.file_settings, kept), **begun)
