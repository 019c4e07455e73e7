"""The language of pages, mail and reports: gettext catalogues; days and numbers as it writes them.

English is the source: what a program says is written in it, and `mnet/languages/CODE.po` holds
each other language. Whoever makes something for people does it inside `speaking(...)`; outside
of that, as on the wire, in the log and in what is stored, everything is in English. No text of a
page stands here. Source: manual/languages.md.
"""

from __future__ import annotations

import functools
import gettext as catalogues
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babel.messages import Catalog

SOURCE = "en"
FOLDER = Path(__file__).parent / "languages"

_spoken: ContextVar[str] = ContextVar("language", default=SOURCE)


def _(message: str, **values: object) -> str:
    """Say a message in the language spoken here.

    It is a %-format always, as in templates: `%(name)s` for a value, `%%` for a percent sign.
    """
    return translated(message) % values


def ngettext(one: str, many: str, count: int, **values: object) -> str:
    """Say what depends on a number, which both forms may call `%(num)s`."""
    return translated_count(one, many, count) % {"num": count, **values}


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a message for the catalogues that is translated elsewhere, by `_` of this constant."""
    return message


def translated(message: str) -> str:
    """Return a message in the language spoken here, its values not filled in yet."""
    return _catalogue(_spoken.get()).gettext(message) if message else ""


def translated_count(one: str, many: str, count: int) -> str:
    """Return the form of a message that fits the number, its values not filled in yet."""
    return _catalogue(_spoken.get()).ngettext(one, many, count)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in this block in a language ("en", "de")."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def spoken() -> str:
    """Return the code of the language spoken here."""
    return _spoken.get()


def shipped() -> tuple[str, ...]:
    """Return the codes of all languages there are, English first."""
    return (SOURCE, *sorted(file.stem for file in FOLDER.glob("*.po")))


def day(value: date) -> str:
    """Write a day: 21 Nov 2026."""
    # Translators: how a day is written, in CLDR's letters; no-break spaces keep it on one line.
    return _dated(value, _("d MMM y"))


def moment(value: datetime) -> str:
    """Write a day and time of day: 21 Nov 2026, 09:14."""
    # Translators: how a day with its time is written, in CLDR's letters; also no-break spaces.
    return _dated(value, _("d MMM y, HH:mm"))


def day_in_its_year(value: date) -> str:
    """Write a day whose year stands beside it: 21 Nov."""
    # Translators: how a day without its year is written, in CLDR's letters; also no-break spaces.
    return _dated(value, _("d MMM"))


def plain(value: Decimal) -> str:
    """A decimal as programs write it: no needless zeros, no minus before nothing."""
    if not value:
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(text: str) -> str:
    """Write a plain decimal number (85.5) as the language does (85,5)."""
    return text.replace(".", decimal_mark())


def decimal_mark() -> str:
    """Return what stands between whole numbers and their parts."""
    # Translators: what stands between whole numbers and their parts: a point or a comma.
    return _(".")


def _dated(value: date, pattern: str) -> str:
    from babel.dates import parse_pattern  # noqa: PLC0415 - slow to load, and few commands need it

    return parse_pattern(pattern).apply(value, _spoken.get())


@functools.cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    if language == SOURCE:
        return catalogues.NullTranslations()
    from babel.messages import mofile  # noqa: PLC0415 - only another language needs it

    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue_of(language))
    compiled.seek(0)
    return catalogues.GNUTranslations(compiled)


def catalogue_of(language: str) -> Catalog:
    """Read the catalogue of a language from its file."""
    from babel.messages import pofile  # noqa: PLC0415 - only another language needs it

    with (FOLDER / f"{language}.po").open("rb") as file:
        return pofile.read_po(file, locale=language, abort_invalid=True)


def install(environment: Any) -> None:
    """Give a Jinja environment `_`, `ngettext` and `trans` blocks."""
    environment.install_gettext_callables(translated, translated_count, newstyle=True)
