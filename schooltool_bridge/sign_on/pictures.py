"""People's pictures: a file from elsewhere is read, hostile as it may be, and drawn anew.

First what is pure (bytes in, bytes out), then what is kept of it. Who is asked for a picture, and
when, stands in landing_pictures.py. Source: RULES 1.7; PROTOCOL.md section 11.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
from dataclasses import dataclass
from io import BytesIO

import sqlalchemy as sa
from PIL import Image, ImageOps
from sqlalchemy.engine import Connection

from mnet.xmlrpc import Value
from schooltool_bridge.history import identity
from schooltool_bridge.store.model_access import person_picture

# A Moodle sends 100 px, some 10 kB; a Mahara whatever file its user chose. Counted before decoding.
MAX_BASE64_CHARS = 2 * 1024 * 1024
# 64 MB once decoded; a telephone's 12 megapixels are below.
MAX_PIXELS = 16_000_000
# A progressive JPEG is drawn anew for each scan; cameras and web sites write some ten.
MAX_SCANS = 100
_JPEG, _START_OF_SCAN = b"\xff\xd8", b"\xff\xda"
# What browsers show; every further format is one more decoder to be attacked by.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
OURS_PX = 192  # twice what our pages show, for fine screens
# A Moodle's sizes for a list and beside a name (its own f1 and f2).
LARGE_PX, SMALL_PX = 100, 35
JPEG_QUALITY = 90
VERSION_CHARS = 40  # as many as a SHA-1 has in hex

# Decoding takes much memory for a moment, so one picture at a time.
_one_at_a_time = threading.Lock()


class NoPicture(Exception):
    """What came is no picture that we read; the text says why, in none of the sender's words."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A person's picture here."""

    # The peer that it came from; None for none.
    peer_id: int | None
    version: str
    png: bytes
    fetched_unix_s: int


def from_base64(text: Value) -> bytes:
    """Return our own small PNG of a picture that came as base64 text; raises NoPicture."""
    if not isinstance(text, str) or not text:
        raise NoPicture("it is no text")
    if len(text) > MAX_BASE64_CHARS:
        raise NoPicture(f"its text is longer than {MAX_BASE64_CHARS} characters")
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NoPicture("its text is no base64") from None
    return drawn_anew(data)


def drawn_anew(data: bytes) -> bytes:
    """Return a square PNG of OURS_PX of a picture's first frame, upright; raises NoPicture.

    Nothing of the file is in it but its pixels: no place, no camera, no colour profile.
    """
    if data.startswith(_JPEG) and data.count(_START_OF_SCAN) > MAX_SCANS:
        raise NoPicture(f"it is drawn in more than {MAX_SCANS} scans")
    with _one_at_a_time:
        try:
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                _check_size(image)
                # A JPEG can be decoded at a part of its size.
                image.draft("RGB", (2 * OURS_PX, 2 * OURS_PX))
                upright = ImageOps.exif_transpose(image)
                square = ImageOps.fit(_in_colour(upright), (OURS_PX, OURS_PX))
        except NoPicture:
            raise
        except Exception as problem:  # noqa: BLE001 - whatever a decoder stumbles over
            raise NoPicture(f"it cannot be read ({type(problem).__name__})") from None
    square.info.clear()
    return _file(square, "PNG")


def as_jpegs(png: bytes) -> tuple[bytes, bytes]:
    """Return one of our own pictures as JPEGs of LARGE_PX and SMALL_PX, on white.

    The same picture gives the same bytes, so that their SHA-1 tells that it is unchanged.
    """
    with Image.open(BytesIO(png), formats=("PNG",)) as image:
        seen = image.convert("RGBA")
    paper = Image.new("RGB", seen.size, "white")
    paper.paste(seen, mask=seen)
    large, small = (
        _file(paper.resize((px, px), Image.Resampling.LANCZOS), "JPEG")
        for px in (LARGE_PX, SMALL_PX)
    )
    return large, small


def authorise_fields(stored: Stored) -> dict[str, Value]:
    """Return what user_authorise adds for a person with a picture.

    A Moodle since 2.0 goes by the time, one of 1.9 and a Mahara by the SHA-1 of f1.
    """
    large, _small = as_jpegs(stored.png)
    return {
        "picture": "1",
        "_mnet_userpicture_timemodified": str(stored.fetched_unix_s),
        "_mnet_userpicture_mimetype": "image/jpeg",
        "imagehash": hashlib.sha1(large, usedforsecurity=False).hexdigest(),
    }


def answered(stored: Stored) -> dict[str, Value]:
    """Return what fetch_user_image answers.

    JPEG for everybody: nothing in a call tells a Moodle's version; one of 1.9 keeps f1 as
    `f1.jpg` unread, later ones and a Mahara look at the bytes.
    """
    large, small = as_jpegs(stored.png)
    return {
        "f1": base64.b64encode(large).decode(),
        "f1_mimetype": "image/jpeg",
        "f2": base64.b64encode(small).decode(),
        "f2_mimetype": "image/jpeg",
    }


def version_of(profile: dict[str, Value]) -> str:
    """Return what a profile says of its picture, another for each picture; empty for none."""
    number = _plain(profile.get("picture", "1"))
    if number in ("", "0"):
        return ""
    for name in ("_mnet_userpicture_timemodified", "imagehash"):
        if version := _plain(profile.get(name)):
            return version
    return f"picture {number}"[:VERSION_CHARS] if "picture" in profile else ""


def initials(name: str) -> str:
    """Return what stands in place of a picture: the first letters of first and last name."""
    words = name.split()
    return "".join(word[0] for word in (*words[:1], *words[1:][-1:])).upper()


def shown(connection: Connection, person_id: int) -> Stored | None:
    """Return a person's picture; of somebody merged any that one of their rows has."""
    found = (of(connection, row) for row in identity.everybody(connection, person_id))
    return next((picture for picture in found if picture is not None), None)


def of(connection: Connection, person_id: int) -> Stored | None:
    """Return the picture of just this row of a person."""
    row = connection.execute(
        sa.select(person_picture).where(person_picture.c.person_id == person_id)
    ).first()
    return Stored(row.peer_id, row.version, row.png, row.fetched_unix_s) if row else None


def add(connection: Connection, person_id: int, picture: Stored) -> None:
    """Keep the picture of a person who has none here (any more)."""
    connection.execute(
        sa.insert(person_picture).values(
            person_id=person_id,
            peer_id=picture.peer_id,
            version=picture.version,
            png=picture.png,
            fetched_unix_s=picture.fetched_unix_s,
        )
    )


def forget(connection: Connection, person_id: int) -> None:
    """Delete a person's picture."""
    connection.execute(sa.delete(person_picture).where(person_picture.c.person_id == person_id))


def _check_size(image: Image.Image) -> None:
    """Look at what the file's head says, before anything is decoded; raises NoPicture."""
    if image.width * image.height > MAX_PIXELS:
        raise NoPicture(f"it has more than {MAX_PIXELS} pixels")


def _in_colour(image: Image.Image) -> Image.Image:
    """Return a picture as red, green, blue and opacity."""
    if image.mode.startswith("I"):
        # 16 bits of grey, which Pillow would cut off at 255 instead of scaling them down.
        image = image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    return image.convert("RGBA")


def _plain(value: Value) -> str:
    """Return a number or short word of a profile as text; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value).strip()
    return text if len(text) <= VERSION_CHARS and text.isprintable() else ""


def _file(image: Image.Image, kind: str) -> bytes:
    stream = BytesIO()
    options = {"quality": JPEG_QUALITY} if kind == "JPEG" else {"optimize": True}
    image.save(stream, kind, **options)
    return stream.getvalue()
