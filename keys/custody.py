"""The keyring of a running process: loaded from the store, renewed when it is time.

Source: PROTOCOL.md section 2 (rotation); RULES R20.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from keys import keypair, protect, rotation, store
from keys.keyring import Keyring
from mnet.database import Database

log = structlog.get_logger("keys")


class Custody:
    """Holds our keys; one for the whole process, used by many threads."""

    def __init__(
        self,
        database: Database,
        passphrase: bytes | None,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        """Read keys from `database`, lazily; `passphrase` unlocks them."""
        self._database = database
        self._passphrase = passphrase
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._revision: str | None = None
        self._keyring: Keyring | None = None

    def keyring(self) -> Keyring:
        """Return the keys as they are now; raises NoKey or CannotUnlock."""
        revision = self._database.revision()
        if revision == self._revision and self._keyring is not None:
            return self._keyring
        with self._database.read() as connection:
            stored = store.all_keys(connection)
        with self._lock:
            self._keyring = Keyring.load(stored, self._passphrase, self._random, self._keyring)
            self._revision = revision
            return self._keyring

    def rotate(self, wwwroot: str, name: str, days: int) -> Keyring:
        """Make a new key pair the current one; the old one goes to the archive."""
        self._install(wwwroot, name, days, None)
        return self.keyring()

    def _install(self, wwwroot: str, name: str, days: int, replaces: int | None) -> bool:
        # Made before the transaction: it takes a tenth of a second, and writers queue.
        pair = keypair.generate(wwwroot, name, int(self._clock()), days)
        private_key_pem = protect.to_pem(pair.private_key, self._passphrase)
        with self._database.write() as connection:
            is_done = store.install(
                connection,
                certificate_pem=pair.certificate_pem,
                private_key_pem=private_key_pem,
                fingerprint=pair.fingerprint,
                created_unix_s=pair.created_unix_s,
                not_after_unix_s=pair.not_after_unix_s,
                replaces=replaces,
            )
        if is_done:
            log.info("own key rotated", fingerprint=pair.fingerprint)
        return is_done

    def rotate_if_due(self, wwwroot: str, name: str, days: int) -> bool:
        """Renew the current key when it is time; tells whether it did.

        When another process renews it at the same moment, one of the two does.
        """
        current = self.keyring().current
        if not rotation.is_due(
            current.created_unix_s, current.not_after_unix_s, int(self._clock())
        ):
            return False
        return self._install(wwwroot, name, days, current.id)
