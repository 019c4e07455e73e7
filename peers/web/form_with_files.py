"""Reading a form that files come with (multipart/form-data), in memory and within limits. Pure.

Werkzeug does the reading; how many bytes may come was checked before (wire.py).
"""

from __future__ import annotations

from io import BytesIO
from typing import IO

from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from mnet.language import _
from peers.web.view import UploadedFile

TYPE = "multipart/form-data"
# A browser sends a file's own name; what is longer is cut, since it is only ever shown.
MAX_FILE_NAME_CHARS = 100


def read(
    body: bytes, content_type: str, max_fields: int
) -> tuple[dict[str, list[str]], dict[str, UploadedFile]]:
    """Return a form's fields and files by their names; raises ValueError when it is none."""
    kind, options = parse_options_header(content_type)
    parser = FormDataParser(
        stream_factory=_in_memory,
        max_form_memory_size=len(body),
        max_form_parts=max_fields,
        silent=False,
    )
    try:
        _stream, form, sent = parser.parse(BytesIO(body), kind, len(body), options)
    except HTTPException:
        raise ValueError(_("The form is larger than this page takes.")) from None
    # A part without a name can be meant for no field; Werkzeug calls it None.
    files = {
        name: UploadedFile(_shown(part.filename or ""), part.stream.read())
        for name, part in sent.items()
        if isinstance(name, str)
    }
    return {name: form.getlist(name) for name in form if isinstance(name, str)}, files


def _shown(name: str) -> str:
    printable = "".join(c for c in name if c.isprintable())
    return printable.replace("\\", "/").rpartition("/")[2][:MAX_FILE_NAME_CHARS]


def _in_memory(
    total_content_length: int | None,  # noqa: ARG001 - the reader's own interface
    content_type: str | None,  # noqa: ARG001 - the same
    filename: str | None,  # noqa: ARG001 - the same
    content_length: int | None = None,  # noqa: ARG001 - the same
) -> IO[bytes]:
    return BytesIO()
