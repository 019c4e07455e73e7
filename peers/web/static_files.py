"""Style sheets, scripts and pictures of the pages: read once, each known by its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def read() -> dict[str, tuple[bytes, str]]:
    """Return each file's content and a short digest of it, by its name."""
    found = {}
    for file in sorted((Path(__file__).parent / "static").iterdir()):
        if file.suffix in TYPES:
            data = file.read_bytes()
            found[file.name] = (data, hashlib.sha256(data).hexdigest()[:12])
    return found
