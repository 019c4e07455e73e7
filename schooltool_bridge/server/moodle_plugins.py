"""The Moodle plugins that come with this server, packed as a Moodle takes them.

The same files give the same bytes, so that its SHA-256 tells whether a file is ours.
Source: RULES R93, R95.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "moodle_plugin"
# Of both of them, as of Moodle itself.
LICENCE = FOLDER / "COPYING.txt"
# By component: the folder in a Moodle, which is the zip's first one too.
SIS, SIGN_ON = "local_schooltool", "auth_mnet"
ROOTS = {SIS: "schooltool", SIGN_ON: "mnet"}
_VERSION = re.compile(r"^\$plugin->version = ([0-9]{10});$", re.MULTILINE)
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_FILE, _DIRECTORY = 0o100644 << 16, 0o040755 << 16 | 0x10


@dataclass(frozen=True, slots=True)
class Packed:
    """A plugin's zip."""

    component: str
    # As Moodle counts it, such as 2026113000.
    version: str
    data: bytes

    @property
    def name(self) -> str:
        """A file name that says what it is."""
        return f"{self.component}-{self.version}.zip"

    @property
    def sha256(self) -> str:
        """The digest of the bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


def pack(component: str) -> Packed:
    """Pack a plugin of ROOTS, as Moodle's page "Install plugins" wants it."""
    folder, root = FOLDER / component, ROOTS[component]
    found = _VERSION.search((folder / "version.php").read_text())
    if found is None:
        raise ValueError(f"{component} says no version")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        # Folders too: Moodle looks for that of the English texts among the zip's own entries.
        for path in (folder, *sorted(folder.rglob("*"))):
            name = "/".join((root, *path.relative_to(folder).parts))
            entry = zipfile.ZipInfo(name + "/" * path.is_dir(), _DATE)
            entry.external_attr = _DIRECTORY if path.is_dir() else _FILE
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, b"" if path.is_dir() else path.read_bytes())
        licence = zipfile.ZipInfo(f"{root}/{LICENCE.name}", _DATE)
        licence.external_attr, licence.compress_type = _FILE, zipfile.ZIP_DEFLATED
        packed.writestr(licence, LICENCE.read_bytes())
    return Packed(component, found[1], buffer.getvalue())
