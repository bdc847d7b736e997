"""A real server, a real runner, a real browser; no page may log an error or break the policy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e.site import PASSWORD, Site
from tests.installation import Installation, own_database

# What a test asks for on purpose; anything else in the console fails it.
EXPECTED = ("status of 409", "status of 410", "status of 412", "status of 403", "status of 422")
EXPECTED_TOO = (
    "status of 404",
    "WebSocket connection",
    "ERR_CONNECTION",
    "ERR_INTERNET",
    "status of 503",
    "status of 502",
    "Error Code 502",
    "htmx:sendError",
    "htmx:afterRequest",
)
WATCH = """
window.addEventListener('securitypolicyviolation', e =>
  console.error('CSP violation: ' + e.violatedDirective + ' ' + e.blockedURI));
"""
SignIn = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": shutil.which("chromium"),
        "args": ["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
    }


@pytest.fixture(scope="session")
def site_database() -> Iterator[str]:
    """An empty database for the site: "" is SQLite in its data folder."""
    with own_database() as url:
        yield url


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, site_database: str) -> Iterator[Site]:
    """The installation that all browser tests share."""
    place = Installation(Path(tmp_path_factory.mktemp("site")), site_database)
    try:
        yield Site(place)
    finally:
        place.close()


@pytest.fixture
def sign_in(browser: Browser, site: Site) -> Iterator[SignIn]:
    """`sign_in("rita")` gives a page of that person's own browser, on the inbox.

    `at` is another site's address; further options go to the browser context.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_as(name: str, *, at: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("console", lambda message: _note(complaints, message.type, message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{at or site.url}/")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{at or site.url}/")
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert not complaints


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind == "error" and not any(expected in text for expected in EXPECTED + EXPECTED_TOO):
        complaints.append(text)
