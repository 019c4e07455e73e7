"""Names as people look for them and put them in order: no capitals, accents or apostrophes. Pure.

`folded` is for texts, `FoldedColumn` the same for columns in SQL: SQLite calls `folded`
(mnet/engines.py), PostgreSQL has functions of its own for it. Not for identity: by which form ids
and user names are one is another question (RULES 1.4).
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from mnet.letters import nfkd

SQLITE_NAME = "folded"
MAX_WORDS, MAX_SEARCH_CHARS = 6, 100
# Letters with a stroke and the like, which Unicode takes for letters of their own.
_ONE = str.maketrans("øłđðıħŧ", "olddiht")
_TWO = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}
# O'Brien is looked for as obrien, whichever sign stands in it.
_APOSTROPHES = "'`\u00b4\u2018\u2019\u02bb\u02bc\u02b9"
_NO_APOSTROPHES = {ord(sign): None for sign in _APOSTROPHES}
# Accents of Latin, Greek and Cyrillic, once they stand alone; no vowels of other scripts.
_ACCENTS = re.compile("[\u0300-\u036f]+")


def folded(text: str) -> str:
    """Return a name in the form by which it is looked for and put in order."""
    if text.isascii():
        return text.lower().replace("'", "").replace("`", "")
    lower = nfkd(nfkd(text).lower())
    bare = _ACCENTS.sub("", lower.translate(_NO_APOSTROPHES)).translate(_ONE)
    for letter, letters in _TWO.items():
        bare = bare.replace(letter, letters)
    return bare


def words(search: str) -> list[str]:
    """Return what somebody looks for, word by word: "Nguyen, Henry" is two; the first few."""
    text = folded(search[:MAX_SEARCH_CHARS].replace("\0", ""))
    return [word for word in re.split(r"[\s,;]", text) if word][:MAX_WORDS]


class FoldedColumn(FunctionElement[str]):
    """A column of text in that form."""

    type = String()
    inherit_cache = True


@compiles(FoldedColumn, "sqlite")
def _in_sqlite(element: FoldedColumn, compiler: Any, **options: Any) -> str:
    return f"{SQLITE_NAME}({compiler.process(element.clauses, **options)})"


@compiles(FoldedColumn, "postgresql")
def _in_postgresql(element: FoldedColumn, compiler: Any, **options: Any) -> str:
    # ICU's lower knows every script, whatever locale the database was made with.
    column = compiler.process(element.clauses, **options)
    sql = f"""normalize(lower(normalize({column}, NFKD) COLLATE "und-x-icu"), NFKD)"""
    gone = _APOSTROPHES.replace("'", "''")
    sql = f"regexp_replace({sql}, '[\\u0300-\\u036f{gone}]', '', 'g')"
    letters = {chr(one): chr(other) for one, other in _ONE.items()}
    sql = f"translate({sql}, '{''.join(letters)}', '{''.join(letters.values())}')"
    for letter, letters_of in _TWO.items():
        sql = f"replace({sql}, '{letter}', '{letters_of}')"
    return sql
