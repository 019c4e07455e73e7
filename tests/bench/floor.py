"""What figures are set against: a signature and a decryption by RSA-2048, and statements counted."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.prepared import Prepared
from tests.helpers.postgres import Cluster

PAIRS = 100


def pair_s(key: RSAPrivateKey) -> float:
    """Seconds of the processor for a signature and a decryption."""
    wrapped = key.public_key().encrypt(b"x" * 16, PKCS1v15())
    began = time.process_time()
    for _number in range(PAIRS):
        key.sign(b"payload", PKCS1v15(), SHA1())
        key.decrypt(wrapped, PKCS1v15())
    return (time.process_time() - began) / PAIRS


class Statements:
    """Counts the statements that reach a store, by SQLAlchemy or straight by the driver."""

    def __init__(self, database: Database) -> None:
        self.count = 0
        sa.event.listen(database.engine, "before_cursor_execute", self._one_more)
        run = Prepared.run

        def counted(prepared: Prepared, connection: Connection, values: Mapping[str, Any]) -> Any:
            self.count += 1
            return run(prepared, connection, values)

        setattr(Prepared, "run", counted)  # noqa: B010 - for this process, which measures

    def _one_more(self, *_arguments: object) -> None:
        self.count += 1


def each_store(measure: Callable[[str, Path, str], None]) -> None:
    """Measure on the stores that the command line names, or on both; in folders of their own."""
    wanted = sys.argv[1:] or ["sqlite", "postgresql"]
    with tempfile.TemporaryDirectory() as folder:
        if "sqlite" in wanted:
            measure("SQLite", Path(folder) / "sqlite", "")
        if "postgresql" in wanted:
            with Cluster() as cluster:
                measure("PostgreSQL", Path(folder) / "postgresql", cluster.url("bench"))
