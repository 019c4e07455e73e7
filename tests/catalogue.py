"""The catalogues of languages: `python -m tests.catalogue` brings them up to date with the source.

New messages come in empty, for somebody to translate; messages that are gone go. A test sees to
it that nothing is empty or out of date.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterable
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from mnet.language import FOLDER, SOURCE, shipped
from mnet.stored_sentences import FLAG

TOP = Path(__file__).parent.parent
SOURCES = ("mnet", "keys", "peers", "schooltool_bridge")
METHODS = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
# As language.install has it: a percent sign of a `trans` block is doubled, as in every message.
OPTIONS = {"**.html": {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}}
# Those of which sentences are stored or sent in English (mnet/stored_sentences.py).
KEPT: dict[str, None] = {"english": None, "E_": None}
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), **KEPT}
WIDTH = 100
_TOLD = re.compile(
    rb'"(Project-Id|Report-Msgid|POT-Creation|PO-Revision|Last-Translator|Language-Team|Generated-By)'
)


@functools.cache
def extracted() -> Catalog:
    """Every message that the source marks."""
    catalog = Catalog(charset="utf-8")
    for folder in SOURCES:
        found = extract_from_dir(
            TOP / folder,
            METHODS,
            OPTIONS,
            KEYWORDS,
            comment_tags=("Translators:",),
            strip_comment_tags=True,
        )
        for file, _line, message, comments, _context in sorted(found, key=lambda f: (f[0], f[1])):
            catalog.add(message, None, [(f"{folder}/{file}", 1)], auto_comments=comments)
        for _file, _line, message, *_rest in extract_from_dir(TOP / folder, METHODS[:1], {}, KEPT):
            catalog[message].flags.add(FLAG)
    return catalog


def stored(language: str) -> Catalog:
    """The catalogue as it lies in the source."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def untranslated(catalog: Catalog) -> list[str]:
    """The messages that have no translation, or not every form of it."""
    return [
        m.id if isinstance(m.id, str) else m.id[0]
        for m in catalog
        if m.id and not all(forms(m.string))
    ]


def forms(texts: str | Iterable[str] | None) -> list[str]:
    """A message's one form, or its singular and plurals."""
    return [texts or ""] if isinstance(texts, str) or texts is None else list(texts)


def updated(language: str) -> bytes:
    """The catalogue's file with exactly the messages of the source."""
    old, new = stored(language), Catalog(locale=language, charset="utf-8", fuzzy=False)
    for message in extracted():
        if message.id:
            known = old.get(message.id)
            new.add(
                message.id,
                known.string if known else None,
                message.locations,
                flags=message.flags - {"fuzzy"},
                auto_comments=message.auto_comments,
            )
    new.header_comment = f"# What mnet-peer says, in the language {language}."
    out = io.BytesIO()
    write_po(out, new, width=WIDTH, include_lineno=False, omit_header=False)
    # The header would tell when and by whom; the history of this file does.
    return b"".join(line for line in out.getvalue().splitlines(True) if not _TOLD.match(line))


if __name__ == "__main__":
    for code in shipped():
        if code != SOURCE:
            (FOLDER / f"{code}.po").write_bytes(updated(code))
            print(f"{code}: {len(untranslated(stored(code)))} messages without a translation")
