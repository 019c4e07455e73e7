"""Writing a OneRoster package: CSV files in a folder or a zip, whole or not at all.

Knows nothing of what stands in them. UTF-8 without a mark, CRLF, RFC 4180; a zip has its files at
the root. Source: RULES D.2.
"""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keys.protect import OWNER_ONLY
from mnet.refusal import Refusal

ZIP = ".zip"
_BREAKS = re.compile(r"[\r\n]+")


class OneRosterError(Refusal):
    """A package cannot be written or read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is being filled."""

    path: Path

    def write(self, file: str, header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
        """Write a file row by row; what a row does not say is empty. Returns the rows' number.

        Without rows there is no file.
        """
        count = 0
        target = self.path / file
        target.touch(mode=OWNER_ONLY)
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, header, restval="", lineterminator="\r\n")
            writer.writeheader()
            for row in rows:
                writer.writerow({name: _one_line(value) for name, value in row.items()})
                count += 1
        if not count:
            target.unlink()
        return count


def _one_line(value: str) -> str:
    """The format has no line breaks within a cell, quoted or not."""
    return _BREAKS.sub(" ", value) if "\n" in value or "\r" in value else value


@contextmanager
def package(target: Path) -> Iterator[Folder]:
    """Give a folder to fill; when the block ends it stands at `target`, as a zip if so named.

    Nothing is left behind when the block raises. Raises OneRosterError when something is there.
    """
    _must_be_free(target)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as made:
        folder = Path(made) / "whole"
        folder.mkdir(mode=0o700)
        yield Folder(folder)
        if target.suffix.lower() == ZIP:
            packed = Path(made) / "packed"
            _pack(folder, packed)
            _must_be_free(target)
            packed.rename(target)
        else:
            _must_be_free(target)
            folder.rename(target)


def _must_be_free(target: Path) -> None:
    if not target.parent.is_dir():
        raise OneRosterError(f"There is no folder {target.parent}; make it first.")
    if target.suffix.lower() == ZIP:
        if target.exists():
            raise OneRosterError(f"{target} exists already; choose another name or remove it.")
    elif target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OneRosterError(f"{target} exists already and is not empty; choose another name.")


def _pack(folder: Path, packed: Path) -> None:
    """Zip a folder's files, each gone as soon as it is packed."""
    packed.touch(mode=OWNER_ONLY)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
            file.unlink()
    shutil.rmtree(folder)
