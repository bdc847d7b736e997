"""A real server, a real runner, a real browser; no page may log an error or break the policy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browser.site import Site
from tests.support.installation import BASE_DIR, Installation, installed

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
# The first that is there. The shell is Chromium without its windows: a third of the work.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
SignIn = Callable[..., Page]
PATIENCE = 60_000  # milliseconds, for what must come: the machine may be busy

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": next(filter(None, map(shutil.which, BROWSERS)), None),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
        ],
    }


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, migrated: Installation) -> Iterator[Site]:
    """The installation that all browser tests share."""
    with installed(tmp_path_factory.mktemp("site") / "data", like=migrated) as place:
        yield Site(place)


@pytest.fixture(scope="session")
def model_server() -> Iterator[str]:
    """An OpenAI-compatible HTTP server in a process of its own; its base URL."""
    call = [
        sys.executable,
        "-m",
        "tests.support.servers.openai_server",
        "--port",
        "0",
        "--key",
        "sk-test",
    ]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, cwd=BASE_DIR) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        yield f"http://127.0.0.1:{port}/v1"
        server.terminate()


@pytest.fixture(scope="session")
def other_site(
    tmp_path_factory: pytest.TempPathFactory, migrated: Installation, model_server: str
) -> Iterator[Site]:
    """One that asks a model over HTTP, whose processes a test may kill, and with little in it."""
    with installed(tmp_path_factory.mktemp("other-site") / "data", like=migrated) as place:
        place.env |= {"OPENAI_BASE_URL": model_server, "OPENAI_API_KEY": "sk-test"}
        yield Site(place)


@pytest.fixture
def browse(browser: Browser) -> Iterator[SignIn]:
    """`browse(address)` opens it in a browser of its own; options go to the browser context."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_at(address: str, *, cookie: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        if cookie:
            whole_site = urljoin(address, "/")
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": whole_site}])
        page = context.new_page()
        page.on("console", lambda message: _note(complaints, message.type, message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def sign_in(browse: SignIn, site: Site) -> SignIn:
    """`sign_in("rita")` gives a page of that person's own browser, on the inbox or at `to`.

    `at` is another site; further options go to the browser context. How people sign in by the
    form is a test of its own.
    """

    def open_as(name: str, to: str = "/", *, at: Site = site, **options: Any) -> Page:
        return browse(f"{at.url}{to}", cookie=at.session_of(name), **options)

    return open_as


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind == "error" and not any(expected in text for expected in EXPECTED + EXPECTED_TOO):
        complaints.append(text)
