"""Somebody at a keyboard and a phone: goes to things by Tab, and counts what they activate.

A click is whatever activates something: Enter or Space on a link, button or box, or in a field.
Typing, Tab and choosing in a list by its letters are no clicks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Locator, Page, ViewportSize

from tests.browser.looks import looks_right

PHONE: ViewportSize = {"width": 360, "height": 740}
MAX_STOPS = 200
Role = Literal["link", "button", "checkbox", "radio", "cell"]


@dataclass
class Hands:
    """A keyboard on a page as wide as a phone."""

    page: Page
    clicks: int = 0

    def press(self, role: Role, name: str, *, within: Locator | None = None) -> None:
        """Activate a link, button or box."""
        self.tab_to((within or self.page).get_by_role(role, name=name).first)
        if role in ("checkbox", "radio"):
            self.clicks += 1
            self.page.keyboard.press("Space")
        else:
            self.enter()

    def type(self, label: str, text: str, *, enter: bool = False, until: str = "**") -> None:
        """Fill in a field, with Enter behind it when that is to send the form."""
        self.tab_to(self.page.get_by_label(label, exact=True).first)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        if enter:
            self.enter(until)

    def choose(self, label: str, title: str) -> None:
        """Choose in a list by the letters of what stands there."""
        field = self.page.get_by_label(label, exact=True).first
        self.tab_to(field)
        self.page.keyboard.type(title)
        assert field.evaluate("(list) => list.selectedOptions[0].text").startswith(title)

    def tab_to(self, wanted: Locator) -> None:
        """Go on by Tab until something has the focus."""
        element = wanted.element_handle()
        assert element is not None
        for _stop in range(MAX_STOPS):
            if element.evaluate("(e) => e === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{self.page.url}: by keyboard nobody gets to {wanted}")

    def look(self) -> None:
        """See that the page is as every page must be, at a desk and by night too."""
        looks_right(self.page)
        self.page.set_viewport_size(PHONE)

    def enter(self, until: str = "**") -> None:
        """Press Enter on what has the focus, and go where that leads, at last to an address."""
        self.clicks += 1
        with self.page.expect_navigation(url=until):
            self.page.keyboard.press("Enter")
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{self.page.url} is {wide} px wide"
