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
AROUND = [["header.top"], [".side"], ["#keys"]]  # what every page has around its content


def check(page: Page, where: str, *, around: bool = True) -> None:
    """The page, as it is, violates none of these; `where` is said if it does.

    Without what stands `around` the content it takes less time.
    """
    # Read and compiled once for a page: that takes longer than the rules do.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe().axe_script)
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    parts = {"include": [["html"]], "exclude": [] if around else AROUND}
    found = AxeResults(page.evaluate(f"axe.run({json.dumps(parts)}, {json.dumps(options)})"))
    assert not found.response["violations"], f"{where}\n{found.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide, f"{where} scrolls sideways"


def check_all(page: Page, where: str, *, around: bool = False) -> None:
    """Nor has it on a desk and on a phone, once light and once dark; it stays as the last of them.

    Which of them is light goes by `where`. What stands around the content is the same on every
    page, and is seen only if the call is for that.
    """
    for width, scheme in PAIRS[zlib.crc32(where.encode()) % len(PAIRS)]:
        page.set_viewport_size({"width": width, "height": 900})
        # Without motion, colours are at once what they will be.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        check(page, f"{where} {scheme} {width}", around=around)


@functools.cache
def _axe() -> Any:
    return Axe()
