"""A PostgreSQL cluster of the tests' own, on a socket in a folder of its own, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self


class Cluster:
    """Runs while the block runs; `url(name)` makes a fresh database."""

    def __enter__(self) -> Self:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert programs, "PostgreSQL is not installed; make test installs it"
        self._bin = programs[-1]
        # Not under pytest's own folder: the server's user could not walk into that.
        self._folder = Path(tempfile.mkdtemp(prefix="mnet-peer-pg-"))
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-D", f"{self._folder}/data", "-A", "trust", "-U", "tester", "-N")
        options = f"-k {self._folder} -c listen_addresses= -c fsync=off"
        log = f"{self._folder}/log"
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-o", options, "-l", log, "-w", "start")
        return self

    def __exit__(self, *_exc: object) -> None:
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def url(self, name: str) -> str:
        self._run(
            "createdb",
            "-h",
            str(self._folder),
            "-U",
            "tester",
            "-E",
            "UTF8",
            "-T",
            "template0",
            name,
        )
        return f"postgresql+psycopg://tester@/{name}?host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if os.getuid() == 0:  # the server refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr + done.stdout
