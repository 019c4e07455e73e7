"""A form that was refused, shown again on its own page with what was typed, and why.

The page is asked for anew, as whoever sent the form would get it: the one that the browser says
it came from, else the one at the form's own address. What was typed goes into its fields; what
the page itself carries along (hidden fields) is as it is now. Never passwords or files. Where no
page has the form any more, its fields stand in a plain one. Pure, but for asking for the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import html
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.routing.exceptions import RoutingException

from mnet.language import _
from peers.web import origin
from peers.web.carried_form import AGAIN, SECRET, TOKEN
from peers.web.view import Route
from peers.web.wire import FORM_TYPE, Raw, Sent, Waiting

Form = Mapping[str, list[str]]
Ask = Callable[[Route, Raw, Mapping[str, Any]], Sent | Waiting]
# What no tree of lxml can hold.
_NO_TEXT = dict.fromkeys({*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}, "\ufffd")
_BUTTONS = frozenset({"submit", "button", "image", "reset"})
_NEVER_FILLED = _BUTTONS | {"hidden", "file", "password"}


class Again:
    """Shows refused forms again."""

    def __init__(self, ask: Ask, routes: list[Route], wwwroot: str) -> None:
        """`ask` answers a request for one of `routes`, which may still grow."""
        self._ask = ask
        self._routes = routes
        self._wwwroot = wwwroot
        self._prefix = urlsplit(wwwroot).path.rstrip("/")
        self._map, self._known = Map(), -1

    def page(
        self,
        route: Route,
        raw: Raw,
        parts: Mapping[str, Any],
        form: Form,
        why: str,
        answer: bytes,
    ) -> bytes | None:
        """Return the page of a refused form, with `why` on top; None where none has it.

        `answer` is the page that was to be sent, which says itself what is wrong and has the form
        when `why` is empty.
        """
        if AGAIN in form or not (why or route.again is None):
            return None
        if not why:
            return filled(answer, _address(raw), form)
        if route.again is not None:
            if not _kind(raw).startswith(FORM_TYPE):
                return None
            anew = replace(raw, body=raw.body + f"&{AGAIN}=1".encode())
            shown = _page_of(self._ask(route, anew, parts))
            return on_top(shown, why) if shown else None
        for path in dict.fromkeys(self._candidates(raw)):
            body = self._page_at(raw, path)
            found = filled(body, _address(raw), form, why) if body else None
            if found is not None:
                return found
        return None

    def _candidates(self, raw: Raw) -> Iterator[str]:
        came_from = origin.within(raw.headers.get("referer", ""), self._wwwroot)
        if came_from is not None:
            yield came_from.partition("#")[0]
        yield _address(raw).removeprefix(self._prefix)

    def _page_at(self, raw: Raw, address: str) -> bytes | None:
        path, _mark, query = address.partition("?")
        path = unquote(path)
        try:
            number, parts = self._found(path)
        except (HTTPException, RoutingException):
            return None
        route = self._routes[number]
        # Whoever may see a page by their role may have it shown once more; of the others some
        # do something.
        if route.role is None and self._prefix + path != raw.path:
            return None
        asked = replace(raw, method="GET", path=self._prefix + path, query=query, body=b"")
        return _page_of(self._ask(route, asked, parts))

    def _found(self, path: str) -> tuple[int, Mapping[str, Any]]:
        if self._known != len(self._routes):
            gets = [(n, r) for n, r in enumerate(self._routes) if "GET" in r.methods]
            self._map = Map([Rule(r.rule, methods=["GET"], endpoint=n) for n, r in gets])
            self._known = len(self._routes)
        number, parts = self._map.bind("").match(path, "GET")
        assert isinstance(number, int)
        return number, parts


def filled(body: bytes, action: str, form: Form, why: str = "") -> bytes | None:
    """Fill what was typed into a page's form that goes to `action`; None when it has none such.

    `why` stands on top of the page, where it is not empty.
    """
    tree = _tree(body)
    sent = {name: texts for name, texts in form.items() if name != TOKEN and name not in SECRET}
    mine = [f for f in tree.iter("form") if _goes_to(f) == unquote(action)]
    best = max(mine, key=lambda f: _likeness(f, sent), default=None)
    if best is None or not _has_fields_for(best, sent):
        return None
    left = {name: [t.translate(_NO_TEXT) for t in texts] for name, texts in sent.items()}
    for control in _typed(best):
        _fill(control, left)
    for file in best.xpath(".//input[@type='file']"):
        file.addnext(_paragraph(_("Files are not kept: choose the file again."), "quiet"))
    return _written(tree, why)


def on_top(body: bytes, why: str) -> bytes:
    """Put a sentence on top of a page, as what is wrong."""
    return _written(_tree(body), why)


def _tree(body: bytes) -> html.HtmlElement:
    return html.document_fromstring(body, parser=html.HTMLParser(encoding="utf-8"))


def _written(tree: html.HtmlElement, why: str) -> bytes:
    main = tree.find(".//main")
    if why and main is not None:
        problem = _paragraph(why.translate(_NO_TEXT), "problem")
        problem.set("role", "alert")
        main.insert(0, problem)
    text: str = html.tostring(tree, encoding="unicode", doctype="<!doctype html>")
    return text.encode()


def _paragraph(text: str, kind: str) -> html.HtmlElement:
    made = html.Element("p")
    made.text = text
    made.set("class", kind)
    return made


def _goes_to(form: html.HtmlElement) -> str | None:
    is_post = (form.get("method") or "").lower() == "post"
    return unquote(form.get("action") or "") if is_post else None


def _likeness(form: html.HtmlElement, sent: Form) -> tuple[int, int]:
    """How much a form is the one that was sent: by its hidden fields and buttons, its names."""
    carried = [c for c in form.xpath(".//input | .//button") if _name(c) in sent]
    agree = sum(
        1 if c.get("value", "") in sent[_name(c)] else -1
        for c in carried
        if c.get("type") == "hidden"
    )
    pressed = any(
        c.get("value", "") in sent[_name(c)]
        for c in carried
        if c.tag == "button" or c.get("type") in _BUTTONS
    )
    names = {_name(c) for c in _typed(form)}
    return agree + pressed, len(names & sent.keys()) - len(names - sent.keys())


def _has_fields_for(form: html.HtmlElement, sent: Form) -> bool:
    """Tell whether nothing that somebody typed would be lost."""
    named = {_name(c) for c in form.xpath(".//input | .//textarea | .//select | .//button")}
    return any(_name(c) in sent for c in _typed(form)) or sent.keys() <= named


def _typed(form: html.HtmlElement) -> list[html.HtmlElement]:
    """The fields of a form that somebody fills in."""
    return [
        c
        for c in form.xpath(".//input | .//textarea | .//select")
        if _name(c)
        and _name(c) not in SECRET
        and c.get("disabled") is None
        and not (c.tag == "input" and c.get("type", "text").lower() in _NEVER_FILLED)
    ]


def _name(control: html.HtmlElement) -> str:
    return control.get("name") or ""


def _fill(control: html.HtmlElement, left: dict[str, list[str]]) -> None:
    """Fill one field; of several texts under one name each takes the next."""
    texts = left.get(_name(control), [])
    if control.tag == "select":
        options = list(control.iter("option"))
        values = [o.get("value", o.text or "") for o in options]
        if set(values) & set(texts):
            for option, value in zip(options, values, strict=True):
                _mark(option, "selected", is_so=value in texts)
    elif control.tag == "input" and control.get("type") in ("checkbox", "radio"):
        # A box that has to be ticked agrees to what the page says, which may be something else now.
        is_agreement = control.get("type") == "checkbox" and control.get("required") is not None
        is_so = control.get("value", "on") in texts and not is_agreement
        _mark(control, "checked", is_so=is_so)
    elif texts:
        text = texts.pop(0)
        if control.tag == "textarea":
            control.text = "\n" + text  # the first line's end is none of the text's
        else:
            control.set("value", text)


def _mark(control: html.HtmlElement, name: str, *, is_so: bool) -> None:
    if is_so:
        control.set(name, name)
    elif control.get(name) is not None:
        del control.attrib[name]


def _page_of(sent: Sent | Waiting) -> bytes | None:
    if isinstance(sent, Waiting) or sent.status != HTTPStatus.OK:
        return None
    is_page = any(n == "Content-Type" and v.startswith("text/html") for n, v in sent.headers)
    return sent.body if is_page else None


def _address(raw: Raw) -> str:
    return f"{raw.path}?{raw.query}" if raw.query else raw.path


def _kind(raw: Raw) -> str:
    return raw.headers.get("content-type", "").strip().lower()
