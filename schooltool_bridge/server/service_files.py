"""The files by which a server becomes a service: a systemd unit, and nginx in front of it.

Their text is the one that the manual shows, with this site's own places in it. Each begins with a
line that holds a digest of the rest, so that what a person changed is known, and neither written
over nor removed unasked. Source: manual/operating.md.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mnet.refusal import Refusal
from mnet.settings import Settings

MANUAL = Path(__file__).parents[1] / "manual" / "operating.md"
UNIT, PROXY = "etc/systemd/system/mnet-peer.service", "etc/nginx/conf.d/mnet-peer.conf"
MARK = "# Written by mnet-peer service install. SHA-256 of what follows: "
# How the block in the manual begins of which a file is made.
_BEGINS = {UNIT: "[Unit]\n", PROXY: "server {\n"}
# What the manual has where a site has its own.
_USER, _HOME = "User=mnet-peer\n", "/srv/mnet-peer/data"
_PROGRAM = "/opt/mnet-peer/.venv/bin/mnet-peer"
_HOST, _PORT, _TLS_PORT = "sis.example.org", "8900", "listen 443 ssl"
_READABLE = 0o644
# In a path, systemd reads anything else in a way of its own.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@")


class NotWritten(Refusal):
    """A file of the service cannot be written or removed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A file as it is to be; its text begins with the line that marks it as ours."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a file: `written`, `unchanged`, `removed` or `not there`."""

    path: Path
    outcome: str
    # Where the one is that somebody had changed.
    kept: Path | None = None


def files(
    settings: Settings, *, user: str, program: Path, port: int, root: Path
) -> list[ServiceFile]:
    """Return the unit, and nginx's file where the site's address is one of https.

    `root` is the folder that stands for /. Raises NotWritten.
    """
    for what in (user, str(program), str(settings.home)):
        if not what or not set(what) <= _PLAIN:
            raise NotWritten(
                f"{what!r} has characters that a systemd unit reads otherwise; write the unit by "
                "hand (manual: Living on a server)."
            )
    wanted = {
        UNIT: {
            _USER: f"User={user}\n",
            _HOME: str(settings.home),
            _PROGRAM: str(program),
            _PORT: str(port),
        }
    }
    url = urlsplit(settings.wwwroot)
    if url.scheme == "https":
        tls = f"listen {url.port or 443} ssl"
        wanted[PROXY] = {_TLS_PORT: tls, _HOST: str(url.hostname), _PORT: str(port)}
    return [
        ServiceFile(root / path, _marked(_filled(_shown(path), own)))
        for path, own in wanted.items()
    ]


def places(root: Path) -> list[Path]:
    """Return where the files lie below the folder that stands for /."""
    return [root / UNIT, root / PROXY]


def install(wanted: Sequence[ServiceFile], *, replace: bool) -> list[Done]:
    """Write the files; one that somebody changed is refused, or kept beside with `replace`.

    Raises NotWritten, then nothing is written, or OSError.
    """
    _refuse_changed([file.path for file in wanted], wanted, replace=replace)
    return [_install(file) for file in wanted]


def remove(paths: Sequence[Path], *, replace: bool) -> list[Done]:
    """Remove the files; one that somebody changed is refused, or kept beside with `replace`.

    Raises NotWritten, then nothing is removed, or OSError.
    """
    _refuse_changed(paths, (), replace=replace)
    return [_remove(path) for path in paths]


def _shown(path: str) -> str:
    """Return the text that the manual shows of a file."""
    blocks = MANUAL.read_text("utf-8").split("```\n")[1::2]
    return next(block for block in blocks if block.startswith(_BEGINS[path]))


def _filled(text: str, own: dict[str, str]) -> str:
    # In two steps, so that nothing is looked for in what is a site's own.
    for number, shown in enumerate(own):
        assert shown in text, f"the manual shows no {shown!r} any more"
        text = text.replace(shown, f"\0{number}\0")
    for number, mine in enumerate(own.values()):
        text = text.replace(f"\0{number}\0", mine)
    return text


def _marked(text: str) -> str:
    return f"{MARK}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def _is_ours(text: str) -> bool:
    """Tell whether a file is as this program wrote it, at whatever time."""
    _first, _end, rest = text.partition("\n")
    return text == _marked(rest)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return None


def _changed(paths: Sequence[Path], wanted: Sequence[ServiceFile]) -> Iterator[Path]:
    as_wanted = {file.path: file.text for file in wanted}
    for path in paths:
        found = _read(path)
        if found is not None and found != as_wanted.get(path) and not _is_ours(found):
            yield path


def _refuse_changed(paths: Sequence[Path], wanted: Sequence[ServiceFile], *, replace: bool) -> None:
    changed = [str(path) for path in _changed(paths, wanted)]
    if changed and not replace:
        raise NotWritten(
            f"Somebody changed {' and '.join(changed)}, or wrote it by hand; nothing was done. "
            "--replace keeps what is there beside it, as .old."
        )


def _install(file: ServiceFile) -> Done:
    found = _read(file.path)
    if found == file.text:
        return Done(file.path, "unchanged")
    kept = None
    if found is not None and not _is_ours(found):
        kept = _put_aside(file.path)
    part = file.path.with_name(file.path.name + ".part")
    part.write_text(file.text, "utf-8")
    part.chmod(_READABLE)
    part.replace(file.path)
    return Done(file.path, "written", kept)


def _remove(path: Path) -> Done:
    found = _read(path)
    if found is None:
        return Done(path, "not there")
    if not _is_ours(found):
        return Done(path, "removed", _put_aside(path))
    path.unlink()
    return Done(path, "removed")


def _put_aside(path: Path) -> Path:
    """Rename a file to a name that nothing has yet, and return that."""
    number, aside = 1, path.with_name(f"{path.name}.old")
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{path.name}.old{number}")
    path.rename(aside)
    return aside
