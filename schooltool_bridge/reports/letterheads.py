"""The school's letterhead: written down anew with each change, the latest holds.

What was issued keeps the one that it was printed with. Changes work in the caller's transaction
with their entry in the audit trail. Source: RULES R70.
"""

from __future__ import annotations

from io import BytesIO

import sqlalchemy as sa
from PIL import Image, ImageOps
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from mnet.language import N_, _
from peers.changes import NotPossible
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports.paper import Letterhead
from schooltool_bridge.school.written import several_lines
from schooltool_bridge.school.years import OWN_ORDER
from schooltool_bridge.store.model_reports import letterhead

MAX_ADDRESS_CHARS, MAX_ADDRESS_LINES = 500, 6
MAX_SIGNATURES_CHARS, MAX_SIGNATURES = 300, 3
MAX_FILE_BYTES = 2 * 1024 * 1024
# Enough for 18 mm of height in print.
LOGO_PX = (640, 240)
# A picture of more is refused before it is decoded.
MAX_PIXELS = 20_000_000
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


def current(connection: Connection) -> Letterhead | None:
    """Return the letterhead; None while the school has none."""
    row = connection.execute(
        sa.select(letterhead).order_by(letterhead.c.id.desc()).limit(1)
    ).one_or_none()
    if row is None or not (row.address or row.signatures or row.logo):
        return None
    return Letterhead(tuple(row.address.splitlines()), tuple(row.signatures.splitlines()), row.logo)


def change(
    connection: Connection,
    author: Author,
    *,
    address: str | None = None,
    signatures: str | None = None,
    logo: bytes | None = None,
) -> bool:
    """Write down another letterhead, and tell whether it is one; None leaves a part as it was.

    Texts are in lines; `logo` is a picture's file, empty to take it away. Raises NotPossible.
    """
    one_at_a_time(connection, OWN_ORDER)
    before = current(connection) or Letterhead()
    after = Letterhead(
        before.address
        if address is None
        else _lines(address, _("The address"), MAX_ADDRESS_CHARS, MAX_ADDRESS_LINES),
        before.signatures
        if signatures is None
        else _lines(signatures, _("The signatures"), MAX_SIGNATURES_CHARS, MAX_SIGNATURES),
        before.logo if logo is None else drawn(logo) if logo else b"",
    )
    if after == before:
        return False
    connection.execute(
        sa.insert(letterhead).values(
            address="\n".join(after.address),
            signatures="\n".join(after.signatures),
            logo=after.logo,
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
        )
    )
    author.note(connection, N_("letterhead changed"), "letterhead", {})
    return True


def drawn(file: bytes) -> bytes:
    """Return our own PNG of a picture, on white, at most LOGO_PX; raises NotPossible."""
    if len(file) > MAX_FILE_BYTES:
        raise NotPossible(_("The logo's file is larger than 2 MB."))
    try:
        with Image.open(BytesIO(file), formats=FORMATS) as image:
            _check_size(image)
            seen = ImageOps.exif_transpose(image).convert("RGBA")
    except NotPossible:
        raise
    except Exception:  # noqa: BLE001 - whatever a decoder stumbles over
        raise NotPossible(_("The logo cannot be read; give a PNG, JPEG, GIF or WebP.")) from None
    seen.thumbnail(LOGO_PX)
    paper = Image.new("RGB", seen.size, "white")
    paper.paste(seen, mask=seen)
    out = BytesIO()
    paper.save(out, "PNG", optimize=True)
    return out.getvalue()


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise NotPossible(_("The logo has too many pixels; make it smaller."))


def _lines(text: str, what: str, limit: int, most: int) -> tuple[str, ...]:
    found = tuple(
        stripped
        for line in several_lines(text, what, limit=limit).splitlines()
        if (stripped := line.strip())
    )
    if len(found) > most:
        raise NotPossible(_("%(what)s: at most %(count)s lines.", what=what, count=most))
    return found
