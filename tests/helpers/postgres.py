"""A PostgreSQL cluster of the tests' own, on a socket in a folder of its own, gone afterwards.

It need not outlive the machine, only its own crash: so it waits for no disk, but each commit is
handed to the system, which keeps it when the server is killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

OPTIONS = (
    "listen_addresses=", "fsync=off", "full_page_writes=off", "autovacuum=off",
    "dynamic_shared_memory_type=mmap",
)  # fmt: skip


class Cluster:
    """Runs while the block runs; `url(name)` makes a fresh database, `drop(name)` removes it."""

    def __enter__(self) -> Self:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert programs, "PostgreSQL is not installed; make test installs it"
        self._bin = programs[-1]
        # Not under pytest's own folder: the server's user could not walk into that.
        self._folder = Path(tempfile.mkdtemp(prefix="mnet-peer-pg-"))
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-D", f"{self._folder}/data", "-A", "trust", "-U", "tester", "-N")
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start the server, also once more."""
        options = " ".join([f"-k {self._folder}", *(f"-c {option}" for option in OPTIONS)])
        log = f"{self._folder}/log"
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-o", options, "-l", log, "-w", "start")
        self._maker = psycopg.connect(
            host=str(self._folder), user="tester", dbname="postgres", autocommit=True
        )

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._maker.close()
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "stop")

    def url(self, name: str, template: str = "template0") -> str:
        """Make a database, empty or a copy of another to which nobody is connected."""
        names = [sql.Identifier(n) for n in (name, template)]
        text = "CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE {}"
        self._maker.execute(sql.SQL(text).format(*names))
        return f"postgresql+psycopg://tester@/{name}?host={self._folder}"

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        text = sql.SQL("DROP DATABASE {} WITH (FORCE)")
        self._maker.execute(text.format(sql.Identifier(name)))

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if os.getuid() == 0:  # the server refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr + done.stdout
