"""What Python's library raises for a zip that is damaged, locked, cut or lies about itself.

Found by flipping bytes: it documents only the first of them. Source: requirements 1.6, house rules.
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
