"""What Python's library raises for a zip that is damaged, locked, cut or lies about itself.

Found by flipping bytes: it documents only the first of them. Source: R63; E62.
"""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib

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
