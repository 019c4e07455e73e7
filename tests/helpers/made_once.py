"""What takes long to make or to check, made once a process: RSA keys, passwords' hashes, SQL.

A site in memory would spend most of a test's time on them. What is dealt out is as real as any,
only not fresh; commands and servers, in processes of their own, make everything themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache

from keys import keypair, protect
from mnet import database
from peers import password_hashes


class Keys:
    """Deals out private keys; no two are the same from one `begin` to the next."""

    def __init__(self, make: Callable[[], RSAPrivateKey]) -> None:
        self._make = make
        self._made: list[RSAPrivateKey] = []
        self._dealt = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        self._dealt = 0

    def deal(self) -> RSAPrivateKey:
        with self._lock:
            if self._dealt == len(self._made):
                self._made.append(self._make())
            self._dealt += 1
            return self._made[self._dealt - 1]


@contextmanager
def made_once() -> Iterator[Keys]:
    """While the block runs, keys come from the dealer, and what was asked before is remembered."""
    keys = Keys(keypair.new_private_key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keypair, "new_private_key", keys.deal)
        for module, name in (
            (protect, "from_pem"), (password_hashes, "hashed"), (password_hashes, "fits")
        ):  # fmt: skip
            patch.setattr(module, name, cache(getattr(module, name)))
        for name in ("sqlite_engine", "postgres_engine"):
            patch.setattr(database, name, compiling_once(getattr(database, name)))
        yield keys


def compiling_once(make: Callable[[sa.URL], Engine]) -> Callable[[sa.URL], Engine]:
    """Let all engines of one kind share what they compiled, where each would compile its own.

    They share the dialect too, by which it is found again: that of the first one that connected.
    """
    compiled: LRUCache[Any, Any] = LRUCache(2000)
    known: list[Dialect] = []

    def made(url: sa.URL) -> Engine:
        engine = make(url)
        engine.update_execution_options(compiled_cache=compiled)
        if known:
            engine.dialect = known[0]
        else:
            event.listen(engine, "connect", lambda *_: known.append(engine.dialect), once=True)
        return engine

    return made
