"""What every page must be: quiet in the console, accessible, usable on a phone, day and night."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

from playwright.sync_api import ConsoleMessage, Page, Request

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
SERIOUS = {"serious", "critical"}
PHONE, DESK = 360, 1200
# How often Tab is pressed at most on one page.
MAX_STOPS, STOPS_AT_ONCE = 150, 10


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: Page
    base: str
    problems: list[str] = field(default_factory=list)

    def goto(self, path: str) -> None:
        self.page.goto(self.base + path)

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.base)


def watched(page: Page, base: str) -> Watched:
    found = Watched(page, base)

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.problems.append(message.text)

    def failed(request: Request) -> None:
        # Given up by the browser itself, since the test went on to another page meanwhile.
        if request.failure != "net::ERR_ABORTED":
            found.problems.append(f"{request.url} {request.failure}")

    page.on("console", note)
    page.on("pageerror", lambda error: found.problems.append(str(error)))
    page.on("requestfailed", failed)
    page.on("dialog", lambda dialog: dialog.accept())
    return found


def looks_right(page: Page) -> None:
    """Check the page that is shown, at both widths, by day and by night, and by keyboard."""
    # At night only the colours are others.
    schemes: dict[Literal["light", "dark"], list[str]] = {"dark": ["color-contrast"], "light": []}
    for scheme, rules in schemes.items():
        for width in (PHONE, DESK):
            _at(page, width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (
                f"{page.url} is wider than {width} px"
            )
        found = axe(page, rules)
        assert not found, f"{page.url} ({scheme}): {found}"
    assert not unreached(page), f"{page.url}: by keyboard nobody gets to {unreached(page)}"


def axe(page: Page, rules: list[str]) -> list[str]:
    """Serious findings of axe-core, WCAG 2.1 AA contrast among them; by some rules, or all."""
    # In a world of its own, so that the page's own Content-Security-Policy stays as it is.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def unreached(page: Page) -> list[str]:
    """What Tab does not come to, or comes to without showing it."""
    page.evaluate(
        """() => {
            document.activeElement && document.activeElement.blur();
            const all = document.querySelectorAll(
                'a[href], button, input:not([type=hidden]), select, textarea, summary');
            window.wanted = [...all].filter((e) => {
                const radio = e.type === 'radio' && !e.checked;  // the arrows reach these
                return !radio && !e.disabled && e.checkVisibility();
            });
            window.met = new Set();
            window.dull = [];
            window.look = () => {
                const here = document.activeElement;
                window.met.add(here);
                if (here !== document.body && getComputedStyle(here).outlineStyle === 'none')
                    window.dull.push(here.outerHTML.slice(0, 120));
            };
            document.addEventListener('focusin', window.look);
        }"""
    )
    for _round in range(0, MAX_STOPS, STOPS_AT_ONCE):
        for _stop in range(STOPS_AT_ONCE):
            page.keyboard.press("Tab")
        if page.evaluate("window.wanted.every((e) => window.met.has(e))"):
            break
    page.evaluate("document.removeEventListener('focusin', window.look)")
    found: list[str] = page.evaluate(
        "[...window.dull, ...window.wanted.filter((e) => !window.met.has(e)).map((e) => e.outerHTML.slice(0, 120))]"
    )
    return found


def _at(page: Page, width: int, scheme: Literal["light", "dark"]) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)
