"""What axe finds on a page: nothing, and nothing scrolls sideways."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any, Literal

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ABOUT_COLOURS = ["color-contrast", "link-in-text-block"]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = {"desk": 1280, "phone": 390}
SHAPES = tuple(itertools.product(WIDTHS, SCHEMES))


def check(page: Page, where: str, rules: list[str] = RULES, within: str = "html") -> None:
    """That part of the page, as it is, violates none of these; `where` is said if it does."""
    # Read and compiled once for a page: that takes longer than the rules do.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe().axe_script)
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found = AxeResults(page.evaluate(f"axe.run('{within}', {json.dumps(options)})"))
    assert not found.response["violations"], f"{where}\n{found.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide, f"{where} scrolls sideways"


def check_all(page: Page, where: str, *, around: bool = False) -> None:
    """Nor has it on a desk and on a phone, light and dark; it stays as the last of them.

    What stands around the content is the same on every page, and is seen in the first shape only,
    unless the call is for what is `around`.
    """
    for width, scheme in SHAPES:
        page.set_viewport_size({"width": WIDTHS[width], "height": 900})
        # Without motion, colours are at once what they will be.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        # In the other scheme nothing but the colours is another.
        rules = RULES if scheme == SCHEMES[0] else ABOUT_COLOURS
        within = "html" if around or (width, scheme) == SHAPES[0] else "#main"
        check(page, f"{where} {scheme} {width}", rules, within)


@functools.cache
def _axe() -> Any:
    return Axe()
