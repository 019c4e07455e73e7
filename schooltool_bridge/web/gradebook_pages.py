"""The gradebook of a section in the browser: students by items, entered by keyboard.

One plain form, so that everything works without a script; gradebook.js adds arrows, Enter and
Escape. The form carries what the page showed, so that nobody's work is overwritten unseen.
Items: gradebook_items_pages.py; spreadsheets: gradebook_upload_pages.py.
Source: RULES 1.5, R66, R75, R77.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mnet.language import _, ngettext
from peers.accounts import CLERK
from peers.web.carried_form import AGAIN
from peers.web.view import FormLimits, PageError, Reply, Route, Tab, View, page
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.gradebook import class_figures, entering, grid
from schooltool_bridge.gradebook.entering import CellKey, Problem, Saved, Typed, Unreadable
from schooltool_bridge.gradebook.grid import Grid
from schooltool_bridge.history.author import Author
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on.own_access import Bar
from schooltool_bridge.sign_on.person_sessions import PersonSession
from schooltool_bridge.web import filters

SECTION = "/admin/sections/<int:section_id>"
GRADEBOOK = SECTION + "/gradebook"
# Where a teacher has the same.
TEACHING = "/me/teaching"
CELL = "c."
# Twice the largest class by the longest list of items that anybody keeps.
MAX_CELLS = 20_000
MAX_SEEN_CHARS = 64 * MAX_CELLS
FORM = FormLimits(max_bytes=4 * 1024 * 1024, max_fields=MAX_CELLS + 20)
# More than these are not read one by one.
MAX_TOLD = 20


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a gradebook is open: at which address, who writes, what else its page shows."""

    path: str
    actor: str
    # A teacher's own pages have a bar of their own; none: the office's.
    person: PersonSession | None = None
    bar: Bar | None = None


class GradebookPages:
    """The page of students by items."""

    def __init__(self, parts: Parts) -> None:
        """Use the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the page's addresses."""
        return [
            Route(GRADEBOOK, self.show, CLERK),
            Route(GRADEBOOK, self.save, CLERK, ("POST",), form=FORM, again=self.again),
        ]

    def tabs(self) -> list[Tab]:
        """Return no entry of the navigation: a section leads here."""
        return []

    def show(self, view: View, section_id: int) -> Reply:
        """Show the gradebook."""
        return self.shown(Desk(_path(section_id), view.who), view.query, section_id)

    def save(self, view: View, section_id: int) -> Reply:
        """Write what was typed, and release a cell when that was asked for."""
        return self.saved(Desk(_path(section_id), view.who), view, section_id)

    def again(self, view: View, section_id: int) -> Reply:
        """Show the gradebook with what was typed; nothing is saved."""
        return self.shown_again(Desk(_path(section_id), view.who), view, section_id)

    def shown_again(self, desk: Desk, view: View, section_id: int) -> Reply:
        """Show what was typed at somebody's desk and could not be saved."""
        seen = view.text("seen", limit=MAX_SEEN_CHARS)
        message = _("Nothing was saved yet. What you typed is still here: look at it and save it.")
        typed = _typed(view.form, _shown(seen))
        status = 200 if view.ticked(AGAIN) else 403
        return self.shown(
            desk, _asked(view), section_id, typed=typed, seen=seen, done=message, status=status
        )

    def saved(self, desk: Desk, view: View, section_id: int) -> Reply:
        """Write what was typed at somebody's desk; the caller knows that they may."""
        seen = view.text("seen", limit=MAX_SEEN_CHARS)
        shown = _shown(seen)
        typed = _typed(view.form, shown)
        agreed = _agreed(view.text("above", limit=MAX_SEEN_CHARS))
        cell_key = _cell_key(view.text("release"))
        release = [(cell_key, shown.get(_cell_name(cell_key), ("", ""))[1])] if cell_key else []
        author = Author(desk.actor, view.now_unix_s)
        try:
            with self._parts.database.write() as connection:
                zone = self._parts.settings.zone
                saved = entering.save(connection, author, section_id, zone, typed, release, agreed)
        except Unreadable as problem:
            return self.shown(
                desk,
                _asked(view),
                section_id,
                problems=problem.problems,
                typed=typed,
                seen=seen,
                above=problem.above,
                status=400,
            )
        except (NotThere, Refused) as problem:
            raise PageError(str(problem), 404 if isinstance(problem, NotThere) else 400) from None
        if saved.conflicts:
            others = {p.cell_key for p in saved.conflicts} - {cell_key}
            conflicting = [t for t in typed if t.is_changed and (t.item_id, t.person_id) in others]
            return self.shown(
                desk,
                _asked(view),
                section_id,
                problems=saved.conflicts,
                typed=conflicting,
                done=_saved_text(saved),
            )
        back = desk.path + filters.query(**_asked(view))
        return Reply(status=303, location=back, note=_saved_text(saved))

    def shown(
        self,
        desk: Desk,
        asked: Mapping[str, str],
        section_id: int,
        *,
        problems: Sequence[Problem] = (),
        typed: Sequence[Typed] = (),
        seen: str = "",
        above: Mapping[CellKey, str] = entering.NOTHING_AGREED,
        done: str = "",
        status: int = 200,
    ) -> Reply:
        """Show the gradebook at somebody's desk; the caller knows that they may see it.

        `typed` stays in its cells, beside what the page had `seen`, or what is there now.
        """
        everybody = asked.get("mode") == "all"
        sheet_id = filters.row_id(asked.get("sheet", ""))
        found = self._grid(section_id, sheet_id, everybody=everybody)
        unsaved = {_cell_name((t.item_id, t.person_id)): t.text for t in typed if t.is_changed}
        if not everybody and not unsaved.keys() <= {cell.name for cell in found.cells}:
            # Whoever left meanwhile, or an item on another sheet: what was typed is shown.
            everybody, sheet_id = True, None
            found = self._grid(section_id, sheet_id, everybody=everybody)
        now = {cell.name: cell.text for cell in found.cells}
        before = {name: text for name, (text, _token) in _shown(seen).items()} if seen else now
        return page(
            "gradebook.html",
            status=status,
            grid=found,
            figures=class_figures.of_class(found.columns, found.rows),
            section=found.section,
            everybody=everybody,
            sheet_id=sheet_id,
            problems=problems[:MAX_TOLD],
            more_problems=max(0, len(problems) - MAX_TOLD),
            wrong={_cell_name(p.cell_key) for p in problems},
            typed=unsaved,
            unsaved={name: before.get(name, "") for name in unsaved if name in now},
            above=json.dumps({_cell_name(cell_key): text for cell_key, text in above.items()}),
            seen=seen or _seen(found),
            done=done,
            nothing_saved=status != 200,  # noqa: PLR2004 - HTTP's
            path=desk.path,
            person=desk.person,
            desk={"base": TEACHING, "person": desk.person, "bar": desk.bar}
            if desk.person
            else None,
            query=filters.query,
        )

    def _grid(self, section_id: int, sheet_id: int | None, *, everybody: bool) -> Grid:
        with self._parts.database.read() as connection:
            return grid.read(
                connection,
                section_id,
                self._parts.settings.zone,
                everybody=everybody,
                sheet_id=sheet_id,
            )


def _asked(view: View) -> dict[str, str]:
    """Which part of the gradebook a form was filled in on."""
    return {name: view.text(name) for name in ("mode", "sheet")}


def section_path(view: View, section_id: int) -> str:
    """Return below which address a section's pages stand for whoever asks."""
    base = view.desk.base if view.desk else SECTION.rpartition("/")[0]
    return f"{base}/{section_id}"


def _path(section_id: int) -> str:
    return GRADEBOOK.replace("<int:section_id>", str(section_id))


def _seen(found: Grid) -> str:
    """What the page shows: text and token of each cell by its name."""
    shown = {cell.name: (cell.text, cell.token) for cell in found.cells}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _shown(seen: str) -> dict[str, tuple[str, str]]:
    """Read what the page had shown; raises PageError."""
    try:
        found = json.loads(seen or "{}")
        return {str(name): (str(text), str(token)) for name, (text, token) in found.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise PageError(_("The form could not be read; load the page anew.")) from None


def _agreed(above: str) -> dict[CellKey, str]:
    """Read which texts the page had asked about; raises PageError."""
    try:
        found = {
            _cell_key(str(name)): str(text) for name, text in json.loads(above or "{}").items()
        }
    except (ValueError, AttributeError, RecursionError):
        raise PageError(_("The form could not be read; load the page anew.")) from None
    return {cell_key: text for cell_key, text in found.items() if cell_key is not None}


def _typed(form: Mapping[str, list[str]], shown: Mapping[str, tuple[str, str]]) -> list[Typed]:
    return [
        Typed(*cell_key, text, *shown.get(_cell_name(cell_key), ("", "")))
        for cell_key, text in _cells(form)
    ]


def _cells(form: Mapping[str, list[str]]) -> Iterator[tuple[CellKey, str]]:
    for name, values in form.items():
        cell_key = _cell_key(name.removeprefix(CELL)) if name.startswith(CELL) else None
        if cell_key is not None:
            yield cell_key, values[-1]


def _cell_key(name: str) -> CellKey | None:
    item, _dot, person = name.partition(".")
    item_id, person_id = filters.row_id(item), filters.row_id(person)
    return None if item_id is None or person_id is None else (item_id, person_id)


def _cell_name(cell_key: CellKey) -> str:
    return f"{cell_key[0]}.{cell_key[1]}"


def _saved_text(saved: Saved) -> str:
    if not (saved.written or saved.released or saved.conflicts):
        return _("Nothing was changed.")
    count = ngettext("%(num)s grade is saved.", "%(num)s grades are saved.", saved.written)
    sentences = [count] if saved.written or not saved.released else []
    if saved.released:
        sentences.append(_("Released: what Moodle says counts again."))
    return " ".join(sentences)
