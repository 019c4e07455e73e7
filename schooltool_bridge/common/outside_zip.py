"""Zips from outside: looked into within bounds, and never unpacked beyond what they claim.

A zip may lie about a part's size, and some ways of packing unpack a kilobyte into a gigabyte at
once. So only stored and deflated parts are read, in pieces, up to what the zip says they have.
Source: RULES R63, E62-E64.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from typing import IO

# What Python's library raises for a zip that is damaged, locked, cut or lies about itself; it
# documents only the first of them.
DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
# A zip's own list of parts is read at once: this much of it has some twenty thousand.
MAX_LIST_BYTES = 2**20
PIECE_BYTES = 2**16
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def opened(raw: IO[bytes]) -> zipfile.ZipFile:
    """Open a zip for reading; raises one of DAMAGED_ZIP."""
    return zipfile.ZipFile(_InShortReads(raw))


class Part(io.RawIOBase):
    """One part of a zip as a stream of bytes.

    Reading raises one of DAMAGED_ZIP when it is packed otherwise than all tools pack, longer than
    the zip says, or damaged.
    """

    def __init__(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        """Open it; raises one of DAMAGED_ZIP."""
        super().__init__()
        if entry.compress_type not in _PLAIN:
            raise zipfile.BadZipFile("it is neither stored nor deflated; zip it again")
        self._raw = archive.open(entry)

    def readable(self) -> bool:
        """Tell that it is for reading."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # its only use
        """Read the next bytes; no more than a piece is unpacked at once."""
        data = self._raw.read(min(len(buffer), PIECE_BYTES))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the zip."""
        self._raw.close()
        super().close()


def content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return a part whole; the caller has seen that `entry.file_size` is bearable.

    Raises one of DAMAGED_ZIP.
    """
    with io.BufferedReader(Part(archive, entry), PIECE_BYTES) as part:
        return part.read(entry.file_size)


class _InShortReads(io.RawIOBase):
    """A file of which no more is read at once than a list of parts may have."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        self._raw = raw

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def read(self, size: int = -1, /) -> bytes:
        if size > MAX_LIST_BYTES:
            raise zipfile.BadZipFile("its list of parts is too long")
        data = self._raw.read(size if size >= 0 else MAX_LIST_BYTES + 1)
        if len(data) > MAX_LIST_BYTES:
            raise zipfile.BadZipFile("its list of parts is too long")
        return data

    def close(self) -> None:
        self._raw.close()
        super().close()
