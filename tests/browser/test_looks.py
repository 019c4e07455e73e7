"""The bench itself: what it has to find on a bad page, it finds."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.looks import looks_right, watched

HEAD = "<!doctype html><html lang='en'><title>x</title><main><h1>x</h1>"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("<p style='color: #bbb; background: #fff'>faint</p>", "color-contrast"),
        ("<input name='x'>", "label"),
        ("<img src='data:,'>", "image-alt"),
        ("<div style='width: 500px'>wide</div>", "wider than 360"),
        ("<a href='#x' tabindex='-1'>skipped</a>", "by keyboard nobody"),
        ("<button style='outline: none'>dull</button>", "by keyboard nobody"),
    ],
)
def test_a_bad_page_is_found_out(chromium: Browser, wrong: str, said: str) -> None:
    page = chromium.new_page()
    page.set_content(HEAD + wrong)
    with pytest.raises(AssertionError, match=said):
        looks_right(page)
    page.close()


def test_a_good_page_passes_and_errors_in_its_console_are_noted(chromium: Browser) -> None:
    page = chromium.new_page()
    opened = watched(page, "")
    page.set_content(HEAD + "<button>fine</button>")
    looks_right(page)
    assert opened.problems == []
    page.set_content(HEAD + "<script>nothing()</script><img alt='' src='http://127.0.0.1:1/'>")
    page.wait_for_load_state()
    assert any("nothing is not defined" in problem for problem in opened.problems)
    assert any("127.0.0.1:1" in problem for problem in opened.problems)
    page.close()
