"""What axe finds on a page: nothing, and nothing scrolls sideways."""

from __future__ import annotations

import functools
import json
import zlib
from typing import Any, Literal

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
Shape = tuple[int, Literal["light", "dark"]]
DESK, PHONE = 1280, 390
# Two shapes that share neither width nor colours; the pages take turns with the two pairs.
PAIRS: tuple[tuple[Shape, Shape], ...] = (
    ((DESK, "light"), (PHONE, "dark")),
    ((DESK, "dark"), (PHONE, "light")),
)


def check(page: Page, where: str, within: str = "html") -> None:
    """That part of the page, as it is, violates none of these; `where` is said if it does."""
    # Read and compiled once for a page: that takes longer than the rules do.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe().axe_script)
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = AxeResults(page.evaluate(f"axe.run('{within}', {json.dumps(options)})"))
    assert not found.response["violations"], f"{where}\n{found.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide, f"{where} scrolls sideways"


def check_all(page: Page, where: str, *, around: bool = False) -> None:
    """Nor has it on a desk and on a phone, once light and once dark; it stays as the last of them.

    Which of them is light goes by `where`. What stands around the content is the same on every
    page, and is seen in both shapes only if the call is for what is `around`.
    """
    for number, (width, scheme) in enumerate(PAIRS[zlib.crc32(where.encode()) % len(PAIRS)]):
        page.set_viewport_size({"width": width, "height": 900})
        # Without motion, colours are at once what they will be.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        check(page, f"{where} {scheme} {width}", "html" if around or number == 0 else "#main")


@functools.cache
def _axe() -> Any:
    return Axe()
